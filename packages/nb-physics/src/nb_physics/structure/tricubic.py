"""Cubic Lagrange interpolation between reflections, along h, k and l."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nb_physics.elementary import Arithmetic
from nb_physics.pairs import joined
from nb_physics.structure.grid import StructureGrid
from nb_physics.structure.nearest import nearest, nearest_entries


def tricubic(
    hkl: Float[Tensor, "3 *n"],
    nearest_hkl: Float[Tensor, "3 *n"],
    grid: StructureGrid,
    arithmetic: Arithmetic,
) -> Float[Tensor, "*n"]:
    """F_cell (electrons) at fractional h, k, l, from the 4 x 4 x 4 entries around it.

    Where not all 64 lie within the list's range, the nearest entry is taken (default_F outside).
    """
    if grid.values.numel() == 1:
        return nearest(nearest_hkl, grid, arithmetic)
    around = neighbours(hkl, grid)
    columns = [grid.values[m:] for m in range(4)]
    last = torch.tensor(grid.values.numel() - 4, device=around.corner.device)
    along_h, along_k, along_l = around.weights

    def row(i: int, j: int) -> Float[Tensor, "*n"]:
        start = around.corner + torch.minimum(entry_offset((i, j, 0), grid), last)
        return _weighted((arithmetic.take(column, start) for column in columns), along_l)

    planes = (_weighted((row(i, j) for j in range(4)), along_k) for i in range(4))
    total = _weighted(planes, along_h)
    return torch.where(around.inside, total, nearest(nearest_hkl, grid, arithmetic))


def _weighted(
    values: Iterator[Float[Tensor, "*n"]], weights: list[Float[Tensor, "*n"]]
) -> Float[Tensor, "*n"]:
    """The sum of values with their weights, each added as it comes, in one pass over memory."""
    total = next(values) * weights[0]
    for value, weight in zip(values, weights[1:], strict=True):
        total = torch.addcmul(total, value, weight)
    return total


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The 64 entries around each point.

    inside: whether all lie in the list's range; corner: where the first stands in the grid
    weights: of the 4 along h, of those along k, of those along l; an entry's is the product
    """

    inside: Bool[Tensor, "*n"]
    corner: Int[Tensor, "*n"]
    weights: list[list[Float[Tensor, "*n"]]]


def neighbours(hkl: Float[Tensor, "3 *n"], grid: StructureGrid) -> Neighbours:
    """The entries around fractional h, k, l; where not all are in range, corner is 0."""
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
    return Neighbours(inside, torch.where(inside, corner, torch.zeros_like(corner)), weights)


def entry_offset(place: tuple[int, int, int], grid: StructureGrid) -> Int[Tensor, ""]:
    """How far from the corner an entry stands in the grid; place: 0 to 3 along h, k, l."""
    i, j, m = place
    return ((i * grid.spans[1] + j) * grid.spans[2] + m).long()


def tricubic_entries(
    hkl: Float[Tensor, "3 *n"], nearest_hkl: Float[Tensor, "3 *n"], grid: StructureGrid
) -> tuple[Int[Tensor, "64 *n"], Float[Tensor, "64 *n"]]:
    """Which entries of the grid F_cell is made of, and their weights: what `tricubic` sums."""
    around = neighbours(hkl.detach(), grid)
    along_h, along_k, along_l = around.weights
    index, weight = nearest_entries(hkl, nearest_hkl, grid)
    indices, weights = [], []
    for number, (i, j, m) in enumerate(itertools.product(range(4), repeat=3)):
        alone = weight[0] if number == 0 else torch.zeros_like(weight[0])
        found = around.corner + entry_offset((i, j, m), grid)
        indices.append(torch.where(around.inside, found, index[0]))
        weights.append(torch.where(around.inside, along_h[i] * along_k[j] * along_l[m], alone))
    return torch.stack(indices), torch.stack(weights)


def surrounded(lower: Float[Tensor, "3 *n"], grid: StructureGrid) -> Bool[Tensor, "*n"]:
    """Whether floor - 1 to floor + 2 lie in the list's range along h, k and l."""
    inside = torch.ones_like(lower[0], dtype=torch.bool)
    for i in range(3):
        highest = grid.lowest[i] + grid.spans[i] - 3
        inside &= (lower[i] - 1 >= grid.lowest[i]) & (lower[i] + 2 <= highest)
    return inside


def _lagrange_weights(x: Float[Tensor, "*n"]) -> list[Float[Tensor, "*n"]]:
    """Weights of the points -1, 0, 1, 2 at x between 0 and 1."""
    before, after, beyond = x + 1, x - 1, x - 2
    left, right = before * x, after * beyond
    return [x * right / -6, before * right / 2, left * beyond / -2, left * after / 6]
