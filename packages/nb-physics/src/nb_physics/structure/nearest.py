"""Every point of reciprocal space has the amplitude of the nearest reflection."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_physics.elementary import Arithmetic
from nb_physics.structure.grid import StructureGrid


def nearest(
    nearest_hkl: Float[Tensor, "3 *n"], grid: StructureGrid, arithmetic: Arithmetic
) -> Float[Tensor, "*n"]:
    """F_cell (electrons) at whole h, k, l; outside the list, and where it has gaps, default_F."""
    if grid.values.numel() == 1:
        return grid.values[0].expand(nearest_hkl.shape[1:])
    values: Float[Tensor, "*n"] = arithmetic.take(grid.values, grid_index(nearest_hkl, grid))
    return values


def nearest_entries(
    hkl: Float[Tensor, "3 *n"], nearest_hkl: Float[Tensor, "3 *n"], grid: StructureGrid
) -> tuple[Int[Tensor, "1 *n"], Float[Tensor, "1 *n"]]:
    """Which entry of the grid F_cell is, with the weight 1."""
    return grid_index(nearest_hkl, grid)[None], torch.ones_like(hkl[:1])


def grid_index(nearest_hkl: Float[Tensor, "3 *n"], grid: StructureGrid) -> Int[Tensor, "*n"]:
    """Where h, k, l stand in the grid; what lies outside the list falls on its rim."""
    h, k, l = (
        torch.minimum((nearest_hkl[i] - (grid.lowest[i] - 1)).clamp(min=0), grid.spans[i] - 1)
        for i in range(3)
    )
    return ((h * grid.spans[1] + k) * grid.spans[2] + l).long()
