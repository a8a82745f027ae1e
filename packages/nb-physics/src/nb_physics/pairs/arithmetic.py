"""Arithmetic on unevaluated sums hi + lo of two float32 tensors, |lo| <= ulp(hi) / 2.

By error-free transformations: T. J. Dekker, Numer. Math. 18 (1971) 224; J. R. Shewchuk, Discrete
Comput. Geom. 18 (1997) 305; Y. Hida, X. S. Li & D. H. Bailey, 15th IEEE Symp. Computer Arithmetic
(2001) 155. They rest on every sum and product being rounded to nearest by itself: nothing here may
be fused or compiled. Quotients and square roots are refined, and may be off by some units.
"""

from __future__ import annotations

import torch
from torch import Tensor

Two = tuple[Tensor, Tensor]
"""hi and lo, of one shape."""

_SPLITTER = 4097.0
"""2^12 + 1: cuts the 24 bits of a float32 in halves. Numbers above 8e34 overflow."""


def two_sum(a: Tensor, b: Tensor) -> Two:
    """a + b, and what rounding took from it, exactly (Knuth)."""
    total = a + b
    b_there = total - a
    return total, (a - (total - b_there)) + (b - b_there)


def quick_two_sum(a: Tensor, b: Tensor) -> Two:
    """As `two_sum`, where |a| >= |b| or a = 0 (Dekker)."""
    total = a + b
    return total, b - (total - a)


def _halves(a: Tensor) -> Two:
    """a as a sum of two numbers of 12 bits (Veltkamp)."""
    scaled = a * _SPLITTER
    upper = scaled - (scaled - a)
    return upper, a - upper


def two_product(a: Tensor, b: Tensor) -> Two:
    """a b, and what rounding took from it, exactly while it is no denormal number (Dekker)."""
    product = a * b
    a_upper, a_lower = _halves(a)
    b_upper, b_lower = _halves(b)
    error = a_upper * b_upper - product
    error = error + a_upper * b_lower
    error = error + a_lower * b_upper
    return product, error + a_lower * b_lower


def add(a: Two, b: Two) -> Two:
    """a + b, to 2^-45 of the result, even where its terms nearly cancel."""
    hi, lo = two_sum(a[0], b[0])
    lower, rest = two_sum(a[1], b[1])
    hi, lo = quick_two_sum(hi, lo + lower)
    return quick_two_sum(hi, lo + rest)


def add_one(a: Two, b: Tensor) -> Two:
    """a + b, b a single float32."""
    hi, lo = two_sum(a[0], b)
    return quick_two_sum(hi, lo + a[1])


def multiply(a: Two, b: Two) -> Two:
    """a b, to 2^-44."""
    hi, lo = two_product(a[0], b[0])
    return quick_two_sum(hi, lo + (a[0] * b[1] + a[1] * b[0]))


def multiply_one(a: Two, b: Tensor) -> Two:
    """a b, b a single float32."""
    hi, lo = two_product(a[0], b)
    return quick_two_sum(hi, lo + a[1] * b)


def negative(a: Two) -> Two:
    return -a[0], -a[1]


def divide(a: Two, b: Two) -> Two:
    """a / b, to 2^-43: long division, three digits of 22 bits or more each."""
    first = a[0] / b[0]
    rest = add(a, negative(multiply_one(b, first)))
    second = rest[0] / b[0]
    rest = add(rest, negative(multiply_one(b, second)))
    third = rest[0] / b[0]
    return add_one(quick_two_sum(first, second), third)


def square_root(a: Two) -> Two:
    """The root of a, to 2^-43: one step of Newton from that of `hi`."""
    root = torch.sqrt(a[0])
    safe = torch.where(root == 0, torch.ones_like(root), root)
    rest = add(a, negative(two_product(root, root)))
    return quick_two_sum(root, rest[0] / (safe * 2.0))


def upwards(a: Two) -> Tensor:
    """The next whole number, a float32: `lo` counts where `hi` is whole."""
    hi = torch.ceil(a[0])
    return torch.where(hi == a[0], hi + torch.ceil(a[1]), hi)


def summed(a: Two, axis: int) -> Two:
    """The sum over an axis: neighbours are added until one is left."""
    hi, lo = a
    size = hi.shape[axis]
    while size > 1:
        half = size // 2
        parts = [(t.narrow(axis, 0, half), t.narrow(axis, half, half)) for t in (hi, lo)]
        total = add((parts[0][0], parts[1][0]), (parts[0][1], parts[1][1]))
        odd = [t.narrow(axis, 2 * half, size - 2 * half) for t in (hi, lo)]
        hi, lo = (torch.cat([t, rest], axis) for t, rest in zip(total, odd, strict=True))
        size = hi.shape[axis]
    if size == 0:
        return hi.sum(axis), lo.sum(axis)
    return hi.select(axis, 0), lo.select(axis, 0)


def running_product(a: Two, axis: int) -> Two:
    """The products of the first 1, 2, 3, ... along an axis (Hillis & Steele, log2 n rounds)."""
    hi, lo = a
    size, shift = hi.shape[axis], 1
    while shift < size:
        left = [t.narrow(axis, 0, size - shift) for t in (hi, lo)]
        right = [t.narrow(axis, shift, size - shift) for t in (hi, lo)]
        product = multiply((left[0], left[1]), (right[0], right[1]))
        kept = [t.narrow(axis, 0, shift) for t in (hi, lo)]
        hi, lo = (torch.cat([t, new], axis) for t, new in zip(kept, product, strict=True))
        shift *= 2
    return hi, lo
