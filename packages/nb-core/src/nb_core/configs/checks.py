"""Checks of config fields; each raises an InputError that names the field, value and remedy."""

from __future__ import annotations

import math
import os
from enum import Enum
from typing import Any, TypeVar

import torch
from torch import Tensor

from nb_core.errors import InputError

Scalar = int | float | Tensor
"""A continuous field: a number, or a tensor of one element that may carry a gradient."""

Vector = tuple[Scalar, Scalar, Scalar] | Tensor
"""Three continuous numbers, or a tensor of shape (3,)."""

Matrix = tuple[Vector, Vector, Vector] | Tensor
"""Three rows of three continuous numbers, or a tensor of shape (3, 3)."""

LEAST_LENGTH = 1e-18
"""No length is smaller, or greater than its inverse, in the unit of its field."""

MOST_DEGREES = 1e6
"""No angle is greater: what is left of a turn would be lost to rounding."""

Member = TypeVar("Member", bound=Enum)


def number(field: str, value: object, unit: str = "") -> float:
    """The plain value of a scalar field; refuses anything but one finite real number."""
    wanted = f"expected one finite number{' in ' + unit if unit else ''}"
    if isinstance(value, Tensor):
        if value.numel() != 1 or value.dtype is torch.bool or value.is_complex():
            found = f"{value.dtype} of the shape {tuple(value.shape)}"
            raise InputError(field, found, f"{wanted}, got a tensor")
        plain = float(value.detach())
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(field, _quoted(value), wanted)
    else:
        plain = _to_float(value)
    if not math.isfinite(plain):
        raise InputError(field, plain, wanted)
    return plain


def positive(field: str, value: object, unit: str) -> float:
    """The plain value of a scalar field; InputError for anything but one finite number above 0."""
    plain = number(field, value, unit)
    if plain <= 0:
        raise InputError(field, plain, f"must be greater than 0 {unit}".rstrip())
    return plain


def length(field: str, value: object, unit: str) -> float:
    """A length that can be squared, divided and multiplied without leaving the numbers."""
    plain = positive(field, value, unit)
    if not LEAST_LENGTH <= plain <= 1.0 / LEAST_LENGTH:
        limits = f"{LEAST_LENGTH:g} to {1.0 / LEAST_LENGTH:g} {unit}"
        raise InputError(field, plain, f"must be from {limits}")
    return plain


def coordinate(field: str, value: object, unit: str) -> float:
    """A length along an axis, of either sign, that can be squared as `length` can."""
    plain = number(field, value, unit)
    if abs(plain) > 1.0 / LEAST_LENGTH:
        most = 1.0 / LEAST_LENGTH
        raise InputError(field, plain, f"must be from {-most:g} to {most:g} {unit}")
    return plain


def angle(field: str, value: object) -> float:
    """Degrees, of either sign."""
    plain = number(field, value, "degrees")
    if abs(plain) > MOST_DEGREES:
        limits = f"{-MOST_DEGREES:g} to {MOST_DEGREES:g} degrees"
        raise InputError(field, plain, f"must be from {limits}")
    return plain


def thickness(field: str, value: object, unit: str) -> float:
    """A length of 0 or more that can be squared."""
    not_negative(field, value, unit)
    return coordinate(field, value, unit)


def not_negative(field: str, value: object, unit: str) -> float:
    plain = number(field, value, unit)
    if plain < 0:
        raise InputError(field, plain, f"must be 0 {unit} or more".replace("  ", " "))
    return plain


def optional_number(field: str, value: object, unit: str = "") -> None:
    if value is not None:
        number(field, value, unit)


def count(field: str, value: object, least: int = 1, most: int = 2**31 - 1) -> None:
    """Refuses what is not a whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(field, _quoted(value), "expected a whole number")
    if not least <= value <= most:
        raise InputError(field, value, f"must be a whole number from {least} to {most}")


def optional_count(field: str, value: object, least: int = 1, most: int = 2**31 - 1) -> None:
    if value is not None:
        count(field, value, least, most)


def vector(field: str, value: object) -> tuple[float, float, float]:
    """The plain components of a vector; refuses other shapes, NaN and infinities."""
    if isinstance(value, Tensor) and value.shape != (3,):
        raise InputError(field, tuple(value.shape), "expected three numbers")
    parts = value.detach() if isinstance(value, Tensor) else sequence(field, value, 3, "numbers")
    x, y, z = (number(field, part) for part in parts)
    return x, y, z


def coordinates(field: str, value: object, unit: str) -> None:
    """Three lengths along axes: see `coordinate`."""
    for part in vector(field, value):
        coordinate(field, part, unit)


def angles(field: str, value: object) -> None:
    """Three angles: see `angle`."""
    for part in vector(field, value):
        angle(field, part)


def matrix(field: str, value: object) -> list[tuple[float, float, float]]:
    """The plain rows of a matrix; refuses other shapes, NaN and infinities."""
    if isinstance(value, Tensor) and value.shape != (3, 3):
        raise InputError(field, tuple(value.shape), "expected three rows of three numbers")
    rows = list(value) if isinstance(value, Tensor) else sequence(field, value, 3, "rows")
    return [vector(field, row) for row in rows]


def sequence(field: str, value: object, length: int, what: str) -> list[Any]:
    """The parts of a tuple or list that must have `length` of them."""
    if not isinstance(value, tuple | list) or len(value) != length:
        raise InputError(field, _quoted(value), f"expected {length} {what}")
    return list(value)


def direction(field: str, value: object) -> None:
    """Refuses a direction of no length; None is left to the convention."""
    if value is not None and vector(field, value) == (0.0, 0.0, 0.0):
        raise InputError(field, (0, 0, 0), "a direction needs a length; give a non-zero vector")


def text(field: str, value: object) -> str:
    """A name to be shown; refuses one with control characters, such as a line break."""
    if not isinstance(value, str):
        raise InputError(field, value, "expected a text")
    if not value.isprintable():
        remedy = "has a control character or a line break; give a name that can be printed"
        raise InputError(field, repr(value), remedy)
    return value


def choice(field: str, value: object, kind: type[Member]) -> Member:
    """A member of the enumeration `kind`, given as itself or by its name or value in any case."""
    if isinstance(value, kind):
        return value
    if isinstance(value, str):
        for member in kind:
            if value.strip().lower() in (member.name.lower(), str(member.value).lower()):
                return member
    names = ", ".join(str(member.value) for member in kind)
    raise InputError(field, value, f"expected a {kind.__name__}, one of: {names}")


def instance(field: str, value: object, kind: type) -> None:
    """Refuses what is neither None nor a `kind`."""
    if value is not None and not isinstance(value, kind):
        raise InputError(field, _quoted(value), f"expected a {kind.__name__}")


def filename(field: str, value: object) -> str:
    """The name of a file, given as text; refuses an empty one."""
    if not isinstance(value, str | os.PathLike):
        raise InputError(field, _quoted(value), "expected the name of a file")
    name = os.fspath(value)
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise InputError(field, repr(name), "is not the name of a file; give one")
    return name


def flag(field: str, value: object) -> None:
    if not isinstance(value, bool):
        raise InputError(field, _quoted(value), "expected true or false")


def _quoted(value: object) -> object:
    """A value for an error; a text in quotes, so that "70" is not taken for the number."""
    return repr(value) if isinstance(value, str) else value


def _to_float(value: int | float) -> float:
    """A number as a float; a whole number beyond its range becomes infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def scalar_tensor(value: Scalar, device: torch.device | str | None = None) -> Tensor:
    """A scalar field as a float64 tensor of no dimensions, with its gradient kept."""
    return torch.as_tensor(value, dtype=torch.float64, device=device).reshape(())


def plain_number(value: Scalar) -> float:
    """A scalar field as a number, whose gradient is not looked at."""
    return value.detach().item() if isinstance(value, Tensor) else float(value)


def matrix_tensor(value: Matrix) -> Tensor:
    """A matrix field as a float64 tensor of shape (3, 3), with its gradient kept."""
    if isinstance(value, Tensor):
        return value.to(dtype=torch.float64)
    return torch.stack([vector_tensor(row) for row in value])


def vector_tensor(value: Vector, device: torch.device | str | None = None) -> Tensor:
    """A vector field as a float64 tensor of shape (3,), with its gradient kept."""
    if isinstance(value, Tensor):
        return value.to(dtype=torch.float64, device=device)
    return torch.stack([scalar_tensor(part, device) for part in value])
