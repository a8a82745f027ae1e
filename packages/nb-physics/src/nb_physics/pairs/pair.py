"""A tensor whose numbers are sums of two float32: what the functions of a tile take for float64.

The formulas are written once, for tensors; torch hands their operations to `__torch_dispatch__`,
which looks them up here. An operation that is not in the table is an error.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from nb_physics.pairs import arithmetic
from nb_physics.pairs.arithmetic import Two
from nb_physics.pairs.functions import constant, cosine, exponential, sine

_aten = torch.ops.aten


class PairOperationError(NotImplementedError):
    """torch asked for an operation that pairs of float32 do not have: a fault of nb."""


class Pair(Tensor):
    """hi + lo, |lo| <= ulp(hi) / 2: about 46 bits. Shape, dtype (float32) and device are `hi`'s.

    `to(dtype)` gives an ordinary tensor, even for float32. Pairs carry no gradient.
    """

    hi: Tensor
    lo: Tensor

    @staticmethod
    def __new__(cls, hi: Tensor, lo: Tensor) -> Pair:
        if hi.dtype != torch.float32 or lo.dtype != torch.float32 or hi.shape != lo.shape:
            raise PairOperationError(f"a pair of {hi.dtype} {hi.shape} and {lo.dtype} {lo.shape}")
        pair: Pair = Tensor._make_wrapper_subclass(cls, hi.shape, dtype=hi.dtype, device=hi.device)
        pair.hi, pair.lo = hi, lo
        return pair

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _BY_PART:
            return _by_part(func, args, kwargs)
        if func in _TABLE:
            return _TABLE[func](*args, **kwargs)
        result = func.decompose(*args, **kwargs)
        if result is NotImplemented:
            raise PairOperationError(f"{func} is not defined for pairs of float32")
        return result

    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        """An ordinary tensor, as `Tensor.to` makes it: the numbers rounded once."""
        dtype = next((a for a in (*args, *kwargs.values()) if isinstance(a, torch.dtype)), None)
        if dtype is None:
            raise PairOperationError("to() of a pair of float32 takes a dtype")
        return self.hi.to(*args, **kwargs) + self.lo.to(*args, **kwargs)

    def on_cpu(self) -> Tensor:
        """The same numbers in float64, on the CPU."""
        return self.hi.cpu().to(torch.float64) + self.lo.cpu().to(torch.float64)

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return f"Pair({self.hi!r}, {self.lo!r})"


def to_pair(value: Float[Tensor, "*n"], device: torch.device) -> Pair:
    """A float64 tensor as a pair on a device: 48 of its 53 bits."""
    value = value.detach()
    hi = value.to(torch.float32)
    lo = (value - hi.to(value.dtype)).to(torch.float32)
    return Pair(hi.to(device), lo.to(device))


def joined(value: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """A pair as an ordinary float32 tensor; any other tensor as it is."""
    return value.to(torch.float32) if isinstance(value, Pair) else value


def _by_part(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """An operation that only moves numbers: on `hi`, on `lo`, and joined again."""
    first, *rest = args
    if isinstance(first, list | tuple):
        pairs = [_two(part, _pair_among(first).hi) for part in first]
        return Pair(*(func([pair[i] for pair in pairs], *rest, **kwargs) for i in (0, 1)))
    hi, lo = func(first.hi, *rest, **kwargs), func(first.lo, *rest, **kwargs)
    if isinstance(hi, Tensor):
        return Pair(hi, lo)
    return [Pair(*parts) for parts in zip(hi, lo, strict=True)]


def _pair_among(values: Sequence[Any]) -> Pair:
    return next(value for value in values if isinstance(value, Pair))


def _two(value: Any, like: Tensor) -> Two:
    """The parts of an operand: a pair, an ordinary tensor or a number."""
    if isinstance(value, Pair):
        return value.hi, value.lo
    if isinstance(value, Tensor):
        return value.to(like.dtype), torch.zeros_like(value, dtype=like.dtype)
    return constant(float(value), like)


def _both(a: Any, b: Any) -> tuple[Two, Two]:
    like = _pair_among((a, b)).hi
    return _two(a, like), _two(b, like)


def _is_single(value: Any) -> bool:
    """Whether an operand is a float32 tensor, or a number that float32 holds."""
    if isinstance(value, Tensor):
        return not isinstance(value, Pair) and value.dtype == torch.float32
    return abs(value) < 1 << 24 and float(value).is_integer()


def _single(value: Any, like: Tensor) -> Tensor:
    return value if isinstance(value, Tensor) else like.new_full((), float(value))


def _add(a: Any, b: Any, *, alpha: int = 1) -> Pair:
    if alpha != 1:
        raise PairOperationError("a multiple in an addition is not defined for pairs of float32")
    for pair, other in ((a, b), (b, a)):
        if isinstance(pair, Pair) and _is_single(other):
            return Pair(*arithmetic.add_one(_two(pair, pair.hi), _single(other, pair.hi)))
    return Pair(*arithmetic.add(*_both(a, b)))


def _subtract(a: Any, b: Any, *, alpha: int = 1) -> Pair:
    return _add(a, -b, alpha=alpha)


def _multiply(a: Any, b: Any) -> Pair:
    for pair, other in ((a, b), (b, a)):
        if isinstance(pair, Pair) and _is_single(other):
            return Pair(*arithmetic.multiply_one(_two(pair, pair.hi), _single(other, pair.hi)))
    return Pair(*arithmetic.multiply(*_both(a, b)))


def _divide(a: Any, b: Any) -> Pair:
    return Pair(*arithmetic.divide(*_both(a, b)))


def _power(a: Pair, exponent: float | int) -> Pair:
    if exponent != 2:
        raise PairOperationError(f"the power {exponent} is not defined for pairs of float32")
    return _multiply(a, a)


def _where(condition: Tensor, a: Any, b: Any) -> Pair:
    (a_hi, a_lo), (b_hi, b_lo) = _both(a, b)
    return Pair(torch.where(condition, a_hi, b_hi), torch.where(condition, a_lo, b_lo))


def _unary(function: Callable[[Two], Two]) -> Callable[[Pair], Pair]:
    return lambda a: Pair(*function((a.hi, a.lo)))


def _comparison(test: Callable[[Tensor, int], Tensor]) -> Callable[[Any, Any], Tensor]:
    """By the sign of the difference, which is never rounded to 0."""

    def compare(a: Any, b: Any) -> Tensor:
        a, b = _both(a, b)
        return test(arithmetic.add(a, arithmetic.negative(b))[0], 0)

    return compare


def _minimum(a: Any, b: Any) -> Pair:
    return _where(_comparison(operator.lt)(a, b), a, b)


def _clamp(a: Pair, min: Any = None, max: Any = None) -> Pair:
    at_least = a if min is None else _where(_comparison(operator.lt)(a, min), min, a)
    return at_least if max is None else _minimum(at_least, max)


def _sum(a: Pair, axes: Sequence[int], keepdim: bool = False, *, dtype: Any = None) -> Pair:
    if len(axes) != 1 or keepdim or dtype not in (None, a.dtype):
        raise PairOperationError("pairs of float32 are summed over one axis")
    return Pair(*arithmetic.summed((a.hi, a.lo), axes[0] % a.dim()))


def _cumprod(a: Pair, axis: int, *, dtype: Any = None) -> Pair:
    return Pair(*arithmetic.running_product((a.hi, a.lo), axis % a.dim()))


def _filled(value: float | None) -> Callable[..., Pair]:
    """ones_like, zeros_like; full_like takes the value."""

    def fill(a: Pair, number: float | int = 0.0, **_: Any) -> Pair:
        hi, lo = constant(number if value is None else value, a.hi)
        return Pair(hi.expand(a.shape).clone(), lo.expand(a.shape).clone())

    return fill


def _copied(a: Pair, *, dtype: torch.dtype, **_: Any) -> Tensor:
    return a.to(dtype)


_BY_PART = {
    _aten.select.int,
    _aten.slice.Tensor,
    _aten.unsqueeze.default,
    _aten.squeeze.dim,
    _aten.expand.default,
    _aten.unbind.int,
    _aten.stack.default,
    _aten.cat.default,
    _aten.flip.default,
    _aten.gather.default,
    _aten.detach.default,
    _aten.alias.default,
    _aten.clone.default,
}

_TABLE: dict[Any, Callable[..., Any]] = {
    _aten.add.Tensor: _add,
    _aten.sub.Tensor: _subtract,
    _aten.rsub.Scalar: lambda a, b, alpha=1: _subtract(b, a, alpha=alpha),
    _aten.mul.Tensor: _multiply,
    _aten.div.Tensor: _divide,
    _aten.reciprocal.default: lambda a: _divide(1.0, a),
    _aten.pow.Tensor_Scalar: _power,
    _aten.neg.default: _unary(arithmetic.negative),
    _aten.sqrt.default: _unary(arithmetic.square_root),
    _aten.exp.default: _unary(exponential),
    _aten.sin.default: _unary(sine),
    _aten.cos.default: _unary(cosine),
    _aten.ceil.default: lambda a: arithmetic.upwards((a.hi, a.lo)),
    _aten.floor.default: lambda a: -arithmetic.upwards((-a.hi, -a.lo)),
    _aten.round.default: lambda a: arithmetic.upwards(_two(a - 0.5, a.hi)),
    _aten.abs.default: lambda a: _where(a.hi < 0, -a, a),
    _aten.where.self: _where,
    _aten.minimum.default: _minimum,
    _aten.clamp.default: _clamp,
    _aten.sum.dim_IntList: _sum,
    _aten.cumprod.default: _cumprod,
    _aten.ones_like.default: _filled(1.0),
    _aten.zeros_like.default: _filled(0.0),
    _aten.full_like.default: _filled(None),
    _aten._to_copy.default: _copied,
    _aten._local_scalar_dense.default: lambda a: float(a.hi) + float(a.lo),
    _aten.view.default: lambda a, shape: Pair(a.hi.reshape(shape), a.lo.reshape(shape)),
    _aten.eq.Scalar: _comparison(operator.eq),
    _aten.ne.Scalar: _comparison(operator.ne),
    _aten.gt.Scalar: _comparison(operator.gt),
    _aten.lt.Scalar: _comparison(operator.lt),
    _aten.ge.Tensor: _comparison(operator.ge),
    _aten.le.Tensor: _comparison(operator.le),
}
