"""Gaussian spots, without subsidiary maxima."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

WIDTH_SQUARED = 0.63
"""Of the scaled distance from a reflection: there the amplitude is 1/e of its height."""


def gauss(
    offset: Float[Tensor, "3 *n"],
    cells: Float[Tensor, "3"],
    reciprocal: Float[Tensor, "3 3"],
    fudge: Float[Tensor, ""],
) -> Float[Tensor, "*n"]:
    """Na Nb Nc exp(-fudge r^2 / 0.63), r: see `scaled_radius_squared`."""
    peak = cells[0] * cells[1] * cells[2]
    return peak * torch.exp(
        -(scaled_radius_squared(offset, cells, reciprocal) / WIDTH_SQUARED * fudge)
    )


def scaled_radius_squared(
    offset: Float[Tensor, "3 *n"], cells: Float[Tensor, "3"], reciprocal: Float[Tensor, "3 3"]
) -> Float[Tensor, "*n"]:
    """Squared distance (1/Angstrom) from the reflection, times (Na Nb Nc)^2.

    reciprocal: a*, b*, c* before phi and mosaic rotation, which leave the distance as it is
    """
    a_star, b_star, c_star = reciprocal
    x, y, z = (
        offset[0] * a_star[i] + offset[1] * b_star[i] + offset[2] * c_star[i] for i in range(3)
    )
    scale = cells[0] * cells[0] * cells[1] * cells[1] * cells[2] * cells[2]
    return (torch.square(x) + torch.square(y) + torch.square(z)) * scale
