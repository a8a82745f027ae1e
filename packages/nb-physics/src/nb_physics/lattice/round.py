"""An ellipsoid: the transform of a sphere in units of Na, Nb, Nc cells."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from nb_physics.elementary import sin_cos_pi

SPHERE_IN_CUBE = 0.723601254558268
"""Square root of a sphere's share of its cube, so that spots keep the volume of square ones."""

_SERIES = (1.0, -1.0 / 10, 1.0 / 280, -1.0 / 15120, 1.0 / 1330560)


def round_(
    offset: Float[Tensor, "3 *n"],
    cells: Float[Tensor, "3"],
    reciprocal: Float[Tensor, "3 3"],
    fudge: Float[Tensor, ""],
) -> Float[Tensor, "*n"]:
    """Na Nb Nc sinc3(pi r sqrt(fudge)), r^2 = sum of (N (h - h0))^2; `reciprocal` is not used."""
    h, k, l = offset[0] * cells[0], offset[1] * cells[1], offset[2] * cells[2]
    radius_squared = torch.square(h) + torch.square(k) + torch.square(l)
    peak = cells[0] * cells[1] * cells[2] * SPHERE_IN_CUBE
    return peak * sinc3(radius_squared * fudge)


def sinc3(r_squared: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """3 (sin x / x - cos x) / x^2 with x = pi r: the transform of a sphere, 1 at 0, up to its sign.

    Below a limit that depends on the precision, its power series: no digits are lost, neither of
    the value nor of its gradient.
    """
    limit = 1e-3 if r_squared.dtype == torch.float64 else 0.1
    small = r_squared < limit
    r = torch.sqrt(torch.where(small, torch.ones_like(r_squared), r_squared))
    sine, cosine = sin_cos_pi(r)
    x = torch.pi * r
    direct = 3.0 * (sine / x - cosine) / torch.square(x)
    near = torch.pi**2 * torch.where(small, r_squared, torch.zeros_like(r_squared))
    series = torch.full_like(near, _SERIES[-1])
    for coefficient in reversed(_SERIES[:-1]):
        series = series * near + coefficient
    return torch.where(small, series, direct)
