"""A parallelepiped of Na x Nb x Nc cells: a product of three gratings."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def square(
    offset: Float[Tensor, "3 *n"],
    cells: Float[Tensor, "3"],
    reciprocal: Float[Tensor, "3 3"],
    fudge: Float[Tensor, ""],
) -> tuple[Float[Tensor, "*n"], ...]:
    """sincg(h, Na), sincg(k, Nb), sincg(l, Nc); `reciprocal` and `fudge` have no part in them."""
    return tuple(sincg(offset[axis], cells[axis]) for axis in range(3))


def sincg(offset: Float[Tensor, "*n"], cells: Float[Tensor, ""]) -> Float[Tensor, "*n"]:
    """sin(pi N x) / sin(pi x), N at x = 0: amplitude of a grating of N slits.

    offset: distance from the nearest whole number, -1/2 to 1/2
    """
    phase = torch.pi * offset
    centre = phase == 0
    safe = torch.where(centre, torch.ones_like(phase), phase)
    return torch.where(centre, cells, torch.sin(cells * safe) / torch.sin(safe))
