"""Friedel mates: the reflection -h -k -l of h k l, which has the same amplitude."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from nb_core.data import StructureFactors
from nb_core.formats.hkl import check_grid


def with_friedel_mates(factors: StructureFactors) -> StructureFactors:
    """The list with F(-h -k -l) = F(h k l) for every reflection whose mate it lacks.

    Where both are listed, each keeps its own amplitude (anomalous differences). A gradient of F
    goes on. Raises InputError where the grid, made symmetric about 0 0 0, would be too large.
    """
    reach = _reach(factors)
    shape = tuple(2 * most + 1 for most in reach)
    check_grid(factors.source or "structure_factors", tuple(-most for most in reach), shape)
    F, present = _centred(factors.F, factors, reach), _centred(factors.present, factors, reach)
    mates = present.flip(0, 1, 2)
    both = present | mates
    return dataclasses.replace(
        factors,
        F=torch.where(present, F, F.flip(0, 1, 2)),
        present=both,
        h_min=-reach[0],
        k_min=-reach[1],
        l_min=-reach[2],
        count=int(both.sum()),
        friedel=True,
    )


def lacks_friedel_mates(factors: StructureFactors) -> bool:
    """Whether all reflections lie on one side of a plane through 0 0 0, as of half a list.

    The planes are those at which h, k or l is 0; reflections on the plane count for neither side.
    """
    found = factors.present.nonzero()
    if not found.numel():
        return False
    lowest = torch.tensor([factors.h_min, factors.k_min, factors.l_min], device=found.device)
    indices = found + lowest
    least, most = indices.amin(dim=0), indices.amax(dim=0)
    one_sided = ((least >= 0) & (most > 0)) | ((most <= 0) & (least < 0))
    return bool(one_sided.any())


def _reach(factors: StructureFactors) -> tuple[int, int, int]:
    """The largest |h|, |k|, |l| of the grid."""
    lowest = (factors.h_min, factors.k_min, factors.l_min)
    ends = [(low, low + n - 1) for low, n in zip(lowest, factors.F.shape, strict=True)]
    h, k, l = (max(abs(low), abs(high)) for low, high in ends)
    return h, k, l


def _centred(grid: Tensor, factors: StructureFactors, reach: tuple[int, int, int]) -> Tensor:
    """The grid within one from -reach to reach along each index."""
    padding: list[int] = []
    lowest = (factors.h_min, factors.k_min, factors.l_min)
    for low, n, most in zip(lowest, grid.shape, reach, strict=True):
        padding = [low + most, most - (low + n - 1), *padding]
    return torch.nn.functional.pad(grid, padding)
