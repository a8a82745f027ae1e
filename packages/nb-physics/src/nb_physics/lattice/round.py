"""An ellipsoid: the transform of a sphere in units of Na, Nb, Nc cells."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

SPHERE_IN_CUBE = 0.723601254558268
"""Square root of a sphere's share of its cube, so that spots keep the volume of square ones."""

_SERIES = (1.0, -1.0 / 10, 1.0 / 280, -1.0 / 15120, 1.0 / 1330560)


def round_(
    offset: Float[Tensor, "3 *n"],
    cells: Float[Tensor, "3"],
    reciprocal: Float[Tensor, "3 3"],
    fudge: Float[Tensor, ""],
) -> tuple[Float[Tensor, "*n"]]:
    """Na Nb Nc sinc3(pi r sqrt(fudge)), r^2 = sum of (N (h - h0))^2; `reciprocal` is not used."""
    h, k, l = offset[0] * cells[0], offset[1] * cells[1], offset[2] * cells[2]
    radius_squared = h * h + k * k + l * l
    peak = cells[0] * cells[1] * cells[2] * SPHERE_IN_CUBE
    return (peak * sinc3((torch.pi * torch.pi) * (radius_squared * fudge)),)


def sinc3(x_squared: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """3 (sin x / x - cos x) / x^2 of x^2: the transform of a sphere, 1 at 0.

    Below a limit that depends on the precision, its power series: no digits are lost, neither of
    the value nor of its gradient.
    """
    limit = 1e-2 if x_squared.dtype == torch.float64 else 1.0
    small = x_squared < limit
    x2 = torch.where(small, torch.ones_like(x_squared), x_squared)
    x = torch.sqrt(x2)
    direct = 3.0 * (torch.sin(x) / x - torch.cos(x)) / x2
    near = torch.where(small, x_squared, torch.zeros_like(x_squared))
    series = torch.full_like(near, _SERIES[-1])
    for coefficient in reversed(_SERIES[:-1]):
        series = series * near + coefficient
    return torch.where(small, series, direct)
