"""An ellipsoid: the transform of a sphere in units of Na, Nb, Nc cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from nb_physics.elementary import Arithmetic
from nb_physics.lattice.lattice_factor import Domain, LatticeFactor, Operations

SPHERE_IN_CUBE = 0.723601254558268
"""Square root of a sphere's share of its cube, so that spots keep the volume of square ones."""

_SERIES = (1.0, -1.0 / 10, 1.0 / 280, -1.0 / 15120, 1.0 / 1330560)


@dataclass(frozen=True, eq=False, repr=False)
class Round(LatticeFactor):
    """Na Nb Nc sinc3(pi r sqrt(fudge)), r^2 = sum of (N (h - h0))^2."""

    name: ClassVar[str] = "round"
    label: ClassVar[str] = "ellipsoid"
    summary: ClassVar[str] = "the transform of a sphere in units of Na, Nb, Nc cells"
    moves_with: ClassVar[frozenset[str]] = frozenset({"fudge"})
    takes_pairs: ClassVar[bool] = True
    eager_ns: ClassVar[float] = 52.0
    kernel_ns: ClassVar[float] = 2.3
    operations: ClassVar[Operations] = Operations(plain=27, sines=1, cosines=1)

    def amplitude(self, offset: Float[Tensor, "3 *n"], domain: Domain) -> Float[Tensor, "*n"]:
        cells = domain.cells
        h, k, l = offset[0] * cells[0], offset[1] * cells[1], offset[2] * cells[2]
        radius_squared = torch.square(h) + torch.square(k) + torch.square(l)
        peak = cells[0] * cells[1] * cells[2] * SPHERE_IN_CUBE
        return peak * sinc3(radius_squared * domain.fudge, domain.arithmetic)


def sinc3(r_squared: Float[Tensor, "*n"], arithmetic: Arithmetic) -> Float[Tensor, "*n"]:
    """3 (sin x / x - cos x) / x^2 with x = pi r: the transform of a sphere, 1 at 0, up to its sign.

    Below a limit that depends on the precision, its power series: no digits are lost, neither of
    the value nor of its gradient.
    """
    limit = 1e-3 if r_squared.dtype == torch.float64 else 0.1
    small = r_squared < limit
    r = torch.sqrt(torch.where(small, torch.ones_like(r_squared), r_squared))
    sine, cosine = arithmetic.sin_cos_pi(r)
    x = torch.pi * r
    direct = 3.0 * (sine / x - cosine) / torch.square(x)
    near = torch.pi**2 * torch.where(small, r_squared, torch.zeros_like(r_squared))
    series = torch.full_like(near, _SERIES[-1])
    for coefficient in reversed(_SERIES[:-1]):
        series = series * near + coefficient
    return torch.where(small, series, direct)
