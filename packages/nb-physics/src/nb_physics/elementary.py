"""Sine and cosine of multiples of pi, up to their sign: a lattice factor enters squared.

Within a compiled kernel they are polynomials after the nearest whole number is taken off: some 20
operations in registers. Elsewhere one call of torch's sine is faster than 20 passes over memory.
The polynomials are Chebyshev fits (mpmath) in t = r^2, 0 <= t <= 1/4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from nb_physics.pairs import joined

_SINE = {
    torch.float64: (
        3.141592653589793,
        -5.167712780049969,
        2.5501640398773007,
        -0.5992645293189447,
        0.0821458865731029,
        -0.007370430505916944,
        0.0004662998161898394,
        -2.1903497074626018e-05,
        7.697826768224191e-07,
    ),
    torch.float32: (
        3.1415926400772034,
        -5.167710076668315,
        2.550077386528912,
        -0.5982904112834275,
        0.07765591227601387,
    ),
}
"""sin(pi r) / r; errors 7e-19 and 1.4e-8."""

_COSINE = {
    torch.float64: (
        1.0,
        -4.934802200544676,
        4.058712126416497,
        -1.335262768843447,
        0.23533063012953284,
        -0.025806888737002202,
        0.0019295562724817132,
        -0.00010456655338748738,
        4.149564353942586e-06,
    ),
    torch.float32: (
        0.999999999779154,
        -4.934802136928946,
        4.058709154763134,
        -1.3352119493905503,
        0.2349370685950865,
        -0.024395932097550446,
    ),
}
"""cos(pi r); errors 4e-18 and 2.2e-10."""


@dataclass(frozen=True)
class Arithmetic:
    """How elementary functions are computed; a scene hands it to the formulas.

    polynomial: c0 + c1 t + c2 t^2 + ... of t and the coefficients; None: sines are torch's own
    take: values[index]
    """

    name: str
    polynomial: Callable[[Tensor, list[float]], Any] | None = field(repr=False)
    take: Callable[[Tensor, Tensor], Any] = field(repr=False)

    def sin_cos_pi(self, x: Float[Tensor, "*n"]) -> tuple[Float[Tensor, "*n"], Float[Tensor, "*n"]]:
        """sin(pi x) and cos(pi x), up to a sign that both share."""
        if self.polynomial is None:
            return torch.sin(torch.pi * x), torch.cos(torch.pi * x)
        rest = joined(x - torch.round(x))
        t = torch.square(rest)
        cosine: Float[Tensor, "*n"] = self.polynomial(t, list(_COSINE[x.dtype]))
        return rest * self.polynomial(t, list(_SINE[x.dtype])), cosine

    def sine_over(self, x: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
        """sin(pi x) / x for -1/2 <= x <= 1/2, by a polynomial: there is nothing special about 0."""
        compute = self.polynomial or horner
        value: Float[Tensor, "*n"] = compute(torch.square(x), list(_SINE[x.dtype]))
        return value


def select(values: Tensor, index: Tensor) -> Tensor:
    """values[index]; Apple's devices have no `take`, and elsewhere it takes twice as long."""
    return values.index_select(0, index.flatten()).reshape(index.shape)


def horner(t: Float[Tensor, "*n"], coefficients: list[float]) -> Float[Tensor, "*n"]:
    """c0 + c1 t + c2 t^2 + ... for two or more coefficients."""
    value = torch.full_like(t, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = value * t + coefficient
    return value


polynomial = torch.library.custom_op(
    "nb::polynomial",
    horner,
    mutates_args=(),
    schema="(Tensor t, float[] coefficients) -> Tensor",
)
"""`horner` as one operation, whose derivative is a polynomial too: to go back through each of its
steps would take all of them in memory. Whoever builds a kernel writes `horner` in its place.
"""


@polynomial.register_fake
def _shape(t: Float[Tensor, "*n"], coefficients: list[float]) -> Float[Tensor, "*n"]:
    return torch.empty_like(t)


def _keep(ctx: Any, inputs: tuple[Tensor, list[float]], output: Tensor) -> None:
    t, ctx.coefficients = inputs
    ctx.save_for_backward(t)


def _slope(ctx: Any, cotangent: Tensor) -> tuple[Tensor, None]:
    (t,) = ctx.saved_tensors
    falling = [power * c for power, c in enumerate(ctx.coefficients)][1:]
    return cotangent * polynomial(t, falling), None


polynomial.register_autograd(_slope, setup_context=_keep)


EAGER = Arithmetic("eager", None, select)
"""For torch, operation by operation."""

IN_KERNEL = Arithmetic("in a kernel", polynomial, torch.take)
"""For what is compiled."""

OF_PAIRS = Arithmetic("of pairs", horner, select)
"""For pairs of float32: no digit is lost on the way to a polynomial."""
