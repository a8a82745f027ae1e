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
) -> Float[Tensor, "*n"]:
    """sincg(h, Na) sincg(k, Nb) sincg(l, Nc); `reciprocal` and `fudge` have no part in it."""
    product = sincg(offset[0], cells[0])
    return product * sincg(offset[1], cells[1]) * sincg(offset[2], cells[2])


def sincg(offset: Float[Tensor, "*n"], cells: Float[Tensor, ""]) -> Float[Tensor, "*n"]:
    """sin(pi N x) / sin(pi x), N at x = 0: amplitude of a grating of N slits.

    offset: distance from the nearest whole number, -1/2 to 1/2
    """
    phase = torch.pi * offset
    centre = phase == 0
    safe = torch.where(centre, torch.ones_like(phase), phase)
    return torch.where(centre, cells, torch.sin(cells * safe) / torch.sin(safe))
