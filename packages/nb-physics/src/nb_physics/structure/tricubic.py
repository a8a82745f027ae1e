"""Cubic Lagrange interpolation between reflections, along h, k and l."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nb_physics.pairs import joined
from nb_physics.structure.grid import StructureGrid, entries
from nb_physics.structure.nearest import nearest

_DENOMINATORS = (-6.0, 2.0, -2.0, 6.0)


def tricubic(
    hkl: Float[Tensor, "3 *n"], nearest_hkl: Float[Tensor, "3 *n"], grid: StructureGrid
) -> Float[Tensor, "*n"]:
    """F_cell (electrons) at fractional h, k, l, from the 4 x 4 x 4 entries around it.

    Where not all 64 lie within the list's range, the nearest entry is taken (default_F outside).
    """
    lower = torch.floor(hkl.detach())
    inside = surrounded(lower, grid)
    spans, lowest = grid.spans, grid.lowest
    first = [
        torch.where(inside, lower[i] - lowest[i], torch.ones_like(lower[i])).clamp(min=0)
        for i in range(3)
    ]
    between = [joined(hkl[i] - lower[i]) for i in range(3)]
    weights = [_lagrange_weights(x) for x in between]
    corner = ((first[0] * spans[1] + first[1]) * spans[2] + first[2]).long()
    corner = torch.where(inside, corner, torch.zeros_like(corner))
    last = torch.tensor(grid.values.numel() - 1, device=corner.device)
    total = torch.zeros_like(lower[0])
    for i in range(4):
        plane = torch.zeros_like(total)
        for j in range(4):
            row = torch.zeros_like(total)
            for m in range(4):
                offset = torch.minimum(((i * spans[1] + j) * spans[2] + m).long(), last)
                row = row + weights[2][m] * entries(grid.values, corner + offset)
            plane = plane + weights[1][j] * row
        total = total + weights[0][i] * plane
    return torch.where(inside, total, nearest(nearest_hkl, grid))


def surrounded(lower: Float[Tensor, "3 *n"], grid: StructureGrid) -> Bool[Tensor, "*n"]:
    """Whether floor - 1 to floor + 2 lie in the list's range along h, k and l."""
    inside = torch.ones_like(lower[0], dtype=torch.bool)
    for i in range(3):
        highest = grid.lowest[i] + grid.spans[i] - 3
        inside &= (lower[i] - 1 >= grid.lowest[i]) & (lower[i] + 2 <= highest)
    return inside


def _lagrange_weights(x: Float[Tensor, "*n"]) -> list[Float[Tensor, "*n"]]:
    """Weights of the points -1, 0, 1, 2 at x between 0 and 1."""
    nodes = (-1.0, 0.0, 1.0, 2.0)
    weights = []
    for own, denominator in zip(nodes, _DENOMINATORS, strict=True):
        a, b, c = (x - node for node in nodes if node != own)
        weights.append(a * b * c / denominator)
    return weights
