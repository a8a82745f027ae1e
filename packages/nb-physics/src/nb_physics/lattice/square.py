"""A parallelepiped of Na x Nb x Nc cells: a product of three gratings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from nb_physics.elementary import Arithmetic
from nb_physics.lattice.lattice_factor import Domain, LatticeFactor, Operations
from nb_physics.pairs import joined

NEAR = {torch.float64: 1e-2, torch.float32: 1e-6}
"""N x below which a grating is its power series.

There the ratio of two sines would lose the digits of its second derivative; the series is cut off
at 1e-17 of its height. In float32, whose gradients are not for fits, only the centre is taken.
"""


@dataclass(frozen=True, eq=False, repr=False)
class Square(LatticeFactor):
    """The product of three gratings.

    One division serves all three, and their derivatives.
    """

    name: ClassVar[str] = "square"
    label: ClassVar[str] = "parallelepiped"
    summary: ClassVar[str] = "Na x Nb x Nc cells: the product of three gratings"
    moves_with: ClassVar[frozenset[str]] = frozenset()
    takes_pairs: ClassVar[bool] = True
    eager_ns: ClassVar[float] = 62.0
    kernel_ns: ClassVar[float] = 2.0
    operations: ClassVar[Operations] = Operations(plain=17, sines=6)

    def amplitude(self, offset: Float[Tensor, "3 *n"], domain: Domain) -> Float[Tensor, "*n"]:
        (a, over_a), (b, over_b), (c, over_c) = self._gratings(offset, domain)
        return (a * b * c) * torch.reciprocal(over_a * over_b * over_c)

    def factors(
        self, offset: Float[Tensor, "3 *n"], domain: Domain
    ) -> dict[str, Float[Tensor, "*n"]]:
        """The gratings along a, b and c."""
        a, b, c = (numerator / over for numerator, over in self._gratings(offset, domain))
        return {"F_latt_a": a, "F_latt_b": b, "F_latt_c": c}

    def _gratings(
        self, offset: Float[Tensor, "3 *n"], domain: Domain
    ) -> list[tuple[Float[Tensor, "*n"], Float[Tensor, "*n"]]]:
        return [grating(offset[i], domain.cells[i], domain.arithmetic) for i in range(3)]


def grating(
    x: Float[Tensor, "*n"], count: Float[Tensor, ""], arithmetic: Arithmetic
) -> tuple[Float[Tensor, "*n"], Float[Tensor, "*n"]]:
    """sin(pi N x) and sin(pi x), up to their signs: their ratio is the amplitude of N slits.

    x: distance from the nearest whole number, -1/2 to 1/2; count: N
    Near 0 they are the ratio and 1, or both over x, so that the product of three is never too small
    for float32.
    """
    phase = count * x
    if arithmetic.polynomial is not None:
        rest, single = joined(phase - torch.round(phase)), joined(x)
        near = phase.abs() < 0.5  # rest = N x: x cancels
        numerator = torch.where(near, count, rest) * arithmetic.sine_over(rest)
        return numerator, torch.where(near, 1.0, single) * arithmetic.sine_over(single)
    near = phase.abs() < NEAR[x.dtype]
    series = grating_series(torch.where(near, phase, 0.0), count)
    numerator = torch.where(near, series, torch.sin(torch.pi * phase))
    return numerator, torch.where(near, 1.0, torch.sin(torch.pi * x))


def grating_series(phase: Float[Tensor, "*n"], count: Float[Tensor, ""]) -> Float[Tensor, "*n"]:
    """sin(pi N x) / sin(pi x) to the sixth power of the phase N x."""
    w, u = torch.square(torch.pi * phase), 1.0 / (count * count)
    second = (1.0 - u) / 6.0
    fourth = second * (3.0 - 7.0 * u) / 60.0
    sixth = second * (3.0 + u * (31.0 * u - 18.0)) / 2520.0
    return count + count * w * (w * (fourth - w * sixth) - second)
