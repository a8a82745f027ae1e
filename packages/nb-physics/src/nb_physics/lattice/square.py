"""A parallelepiped of Na x Nb x Nc cells: a product of three gratings."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from nb_physics.elementary import sin_pi

CENTRE = 1e-12
"""An offset below which a grating is at its height, to rounding."""


def square(
    offset: Float[Tensor, "3 *n"],
    cells: Float[Tensor, "3"],
    reciprocal: Float[Tensor, "3 3"],
    fudge: Float[Tensor, ""],
) -> Float[Tensor, "*n"]:
    """The product of the three gratings; `reciprocal` and `fudge` have no part in it.

    One division serves all three.
    """
    (a, over_a), (b, over_b), (c, over_c) = gratings(offset, cells)
    return (a * b * c) / (over_a * over_b * over_c)


def gratings(
    offset: Float[Tensor, "3 *n"], cells: Float[Tensor, "3"]
) -> list[tuple[Float[Tensor, "*n"], Float[Tensor, "*n"]]]:
    """sin(pi N x) and sin(pi x) along a, b, c: their ratio is the amplitude of N slits.

    offset: distance from the nearest whole number, -1/2 to 1/2. At 0 they are N and 1, and so they
    are where the product of three would be too small for float32.
    """
    parts = []
    for axis in range(3):
        x, count = offset[axis], cells[axis]
        centre = x.abs() < CENTRE
        one = torch.ones_like(x)
        x = torch.where(centre, one * 0.5, x)
        numerator = torch.where(centre, count, sin_pi(count * x))
        parts.append((numerator, torch.where(centre, one, sin_pi(x))))
    return parts
