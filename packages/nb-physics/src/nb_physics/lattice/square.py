"""A parallelepiped of Na x Nb x Nc cells: a product of three gratings."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from nb_physics.elementary import sine_over, takes_polynomials
from nb_physics.pairs import joined

NEAR = {torch.float64: 1e-2, torch.float32: 1e-6}
"""N x below which a grating is its power series.

There the ratio of two sines would lose the digits of its second derivative; the series is cut off
at 1e-17 of its height. In float32, whose gradients are not for fits, only the centre is taken.
"""


def square(
    offset: Float[Tensor, "3 *n"],
    cells: Float[Tensor, "3"],
    reciprocal: Float[Tensor, "3 3"],
    fudge: Float[Tensor, ""],
) -> Float[Tensor, "*n"]:
    """The product of the three gratings; `reciprocal` and `fudge` have no part in it.

    One division serves all three, and their derivatives.
    """
    (a, over_a), (b, over_b), (c, over_c) = gratings(offset, cells)
    return (a * b * c) * torch.reciprocal(over_a * over_b * over_c)


def gratings(
    offset: Float[Tensor, "3 *n"], cells: Float[Tensor, "3"]
) -> list[tuple[Float[Tensor, "*n"], Float[Tensor, "*n"]]]:
    """sin(pi N x) and sin(pi x) along a, b, c: their ratio is the amplitude of N slits.

    offset: distance x from the nearest whole number, -1/2 to 1/2. Near 0 they are the ratio and 1,
    or both over x, so that the product of three is never too small for float32.
    """
    return [_grating(offset[axis], cells[axis]) for axis in range(3)]


def _grating(
    x: Float[Tensor, "*n"], count: Float[Tensor, ""]
) -> tuple[Float[Tensor, "*n"], Float[Tensor, "*n"]]:
    phase = count * x
    if takes_polynomials(phase):
        rest, single = joined(phase - torch.round(phase)), joined(x)
        near = phase.abs() < 0.5  # rest = N x: x cancels
        numerator = torch.where(near, count, rest) * sine_over(rest)
        return numerator, torch.where(near, 1.0, single) * sine_over(single)
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
