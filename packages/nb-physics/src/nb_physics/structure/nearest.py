"""Every point of reciprocal space has the amplitude of the nearest reflection."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from nb_physics.structure.grid import StructureGrid


def nearest(nearest_hkl: Float[Tensor, "3 *n"], grid: StructureGrid) -> Float[Tensor, "*n"]:
    """F_cell (electrons) at whole h, k, l; outside the list, and where it has gaps, default_F."""
    if grid.values.numel() == 1:
        return grid.values[0].expand(nearest_hkl.shape[1:])
    h, k, l = (
        (nearest_hkl[i] - (grid.lowest[i] - 1)).clamp(0, grid.spans[i] - 1) for i in range(3)
    )
    index = (h * grid.spans[1] + k) * grid.spans[2] + l
    return grid.values.take(index.long())
