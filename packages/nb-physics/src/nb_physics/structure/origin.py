"""Where a structure factor amplitude is from: the list, a gap in it, or beyond it."""

from __future__ import annotations

from enum import IntEnum

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_physics.elementary import select
from nb_physics.structure.grid import StructureGrid
from nb_physics.structure.nearest import grid_index
from nb_physics.structure.tricubic import surrounded


class Origin(IntEnum):
    """OUTSIDE the list's range and GAP within it give default_F."""

    OUTSIDE = 0
    GAP = 1
    LISTED = 2
    INTERPOLATED = 3


def amplitude_origin(
    hkl: Float[Tensor, "3 *n"],
    nearest_hkl: Float[Tensor, "3 *n"],
    grid: StructureGrid,
    *,
    interpolate: bool,
) -> Int[Tensor, "*n"]:
    """The Origin of each F_cell, by the index that the look-up itself uses."""
    index = grid_index(nearest_hkl, grid)
    spans = [int(span) for span in grid.spans]
    l = index % spans[2]
    k = torch.div(index, spans[2], rounding_mode="floor") % spans[1]
    h = torch.div(index, spans[1] * spans[2], rounding_mode="floor")
    rim = torch.zeros_like(index, dtype=torch.bool)
    for place, span in zip((h, k, l), spans, strict=True):
        rim |= (place == 0) | (place == span - 1)
    found = torch.where(select(grid.listed, index), int(Origin.LISTED), int(Origin.GAP))
    found = torch.where(rim, int(Origin.OUTSIDE), found)
    if interpolate:
        inside = surrounded(torch.floor(hkl.detach()), grid)
        found = torch.where(inside, int(Origin.INTERPOLATED), found)
    return found
