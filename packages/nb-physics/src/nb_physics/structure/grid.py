"""Structure factors laid out for look-up."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nb_core import StructureFactors
from nb_core.showing import Brief
from nb_physics.uses import FIXED, SINGLE


@dataclass(frozen=True, eq=False, repr=False)
class StructureGrid(Brief):
    """A list of amplitudes on a dense grid, with a rim of default_F all around.

    values: electrons, flattened from shape (h, k, l); spans: the grid's size with its rim
    lowest: the indices of the first entry, inside the rim (whole numbers as floats, as h, k, l are)
    listed: which entries the list has; the others hold default_F
    """

    values: Float[Tensor, " entries"] = field(metadata=SINGLE)
    listed: Bool[Tensor, " entries"]
    spans: Float[Tensor, "3"] = field(metadata=SINGLE | FIXED)
    lowest: Float[Tensor, "3"] = field(metadata=SINGLE | FIXED)


def structure_grid(factors: StructureFactors | None, default_F: Float[Tensor, ""]) -> StructureGrid:
    """The grid of a list; with no list, a grid that holds default_F only."""
    if factors is None:
        nothing, ones = torch.zeros(1, dtype=torch.bool), torch.ones(3, dtype=torch.float64)
        return StructureGrid(default_F.reshape(1), nothing, ones, ones)
    default = default_F.to(factors.F)
    filled = torch.where(factors.present, factors.F, default)
    h, k, l = filled.shape
    rimmed = default.expand(h + 2, k + 2, l + 2).clone()
    rimmed[1:-1, 1:-1, 1:-1] = filled
    listed = torch.zeros_like(rimmed, dtype=torch.bool)
    listed[1:-1, 1:-1, 1:-1] = factors.present
    lowest = torch.tensor([factors.h_min, factors.k_min, factors.l_min], dtype=torch.float64)
    spans = torch.tensor(rimmed.shape, dtype=torch.float64)
    return StructureGrid(rimmed.reshape(-1), listed.reshape(-1), spans, lowest)
