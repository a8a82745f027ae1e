"""exp, sin and cos of pairs of float32, by their power series near 0."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from nb_physics.pairs.arithmetic import Two, add, multiply, multiply_one, negative

_SQUARINGS = 8
_LEAST = -128.0
"""exp of less than this is 0 in float32."""


def split(value: float) -> tuple[float, float]:
    """A number as a sum of two float32 numbers."""
    hi = float(np.float32(value))
    return hi, float(np.float32(value - hi)) if math.isfinite(hi) else 0.0


def constant(value: float, like: Tensor) -> Two:
    """A number as a pair of tensors without axes, on the device of `like`."""
    hi, lo = split(value)
    return like.new_full((), hi), like.new_full((), lo)


def exponential(a: Two) -> Two:
    """exp(a), to 2^-35: that of a / 256, squared 8 times."""
    low = a[0] < _LEAST
    scale = 0.5**_SQUARINGS
    hi = torch.where(low, torch.full_like(a[0], _LEAST), a[0]) * scale
    lo = torch.where(low, torch.zeros_like(a[1]), a[1]) * scale
    value = _series((hi, lo), [1.0 / math.factorial(i) for i in range(14)])
    for _ in range(_SQUARINGS):
        value = multiply(value, value)
    return value


def sine(a: Two) -> Two:
    """sin(a), to 2^-42 of 1; a in radians, some turns at most."""
    return _sine_of_quarter(a, 0.0)


def cosine(a: Two) -> Two:
    """cos(a), to 2^-42 of 1; a in radians, some turns at most."""
    return _sine_of_quarter(a, 1.0)


def _sine_of_quarter(a: Two, ahead: float) -> Two:
    """sin(a + ahead pi / 2): by the series of sine or cosine, after the nearest quarter turns."""
    quarters = torch.round(a[0] * (2.0 / math.pi))
    turned = multiply_one(constant(math.pi / 2.0, a[0]), quarters)
    rest = add(a, negative(turned))
    square = multiply(rest, rest)
    signed = [(-1.0) ** i for i in range(9)]
    odd = _series(square, [sign / math.factorial(2 * i + 1) for i, sign in enumerate(signed)])
    odd = multiply(odd, rest)
    even = _series(square, [sign / math.factorial(2 * i) for i, sign in enumerate(signed)])
    number = quarters + ahead
    number = number - 4.0 * torch.floor(number * 0.25)
    crossed = (number == 1.0) | (number == 3.0)
    sign = torch.where(number >= 2.0, -torch.ones_like(number), torch.ones_like(number))
    return _chosen(crossed, even[0], odd[0]) * sign, _chosen(crossed, even[1], odd[1]) * sign


def _chosen(condition: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    return torch.where(condition, yes, no)


def _series(x: Two, coefficients: list[float]) -> Two:
    """The sum of coefficients[i] x^i."""
    value = constant(coefficients[-1], x[0])
    for coefficient in reversed(coefficients[:-1]):
        value = add(multiply(value, x), constant(coefficient, x[0]))
    return value
