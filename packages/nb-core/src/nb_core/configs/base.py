"""What all configs share: plain values, equality by value, and a text that a person can read."""

from __future__ import annotations

import dataclasses
import operator
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from nb_core.configs import checks
from nb_core.errors import InputError, did_you_mean

Kind = TypeVar("Kind", bound="Config")

_LARGEST = 64
"""Entries of the largest array that is taken for a field; a larger one is refused as it is."""


MOST_LISTED = 6
"""Parts of a tuple that a config's text has; of a longer one it has the first, and a count."""

_WHOLE_TYPES = ("int", "int | None", "tuple[int, int] | None", "Roi | None")
"""Fields of whole numbers, which are taken as floats too (32.0)."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Config:
    """Base of the configs.

    NumPy's numbers and arrays, tensors of whole numbers, and lists become Python's numbers and
    tuples, and 32.0 becomes 32 where a whole number belongs; other tensors stay, for they may carry
    a gradient. Configs are equal where their values are: a tensor and the same
    numbers are. Their text shows what differs from the defaults.
    """

    def __new__(cls: type[Kind], *values: Any, **named: Any) -> Kind:
        """Refuses a field that there is not; InputError."""
        known = [field.name for field in dataclasses.fields(cls)]
        for name, value in named.items():
            if name not in known:
                hint = did_you_mean(name, known)
                remedy = f"no such field; {hint}{cls.__name__} has: {', '.join(known)}"
                raise InputError(name, value, remedy)
        return object.__new__(cls)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            plain = plain_value(value)
            if field.type in _WHOLE_TYPES:
                plain = _with_whole_numbers(plain)
            if plain is not value:
                object.__setattr__(self, field.name, plain)

    def choose(self, field: str, kind: type[Any]) -> None:
        """Makes a member of an enumeration of its name or value."""
        object.__setattr__(self, field, checks.choice(field, getattr(self, field), kind))

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return comparable(self) == comparable(other)

    def __hash__(self) -> int:
        return hash(comparable(self))

    def __repr__(self) -> str:
        said = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not is_default(field, value):
                said.append(f"{field.name}={shown(value)}")
        return f"{type(self).__name__}({', '.join(said)})"


def plain_value(value: Any) -> Any:
    """A field's value without NumPy's types; the same object where there are none."""
    if isinstance(value, np.ndarray) and value.ndim and value.size <= _LARGEST:
        value = value.tolist()
    if _is_whole_tensor(value) and value.ndim and value.numel() <= _LARGEST:
        value = value.tolist()
    if isinstance(value, list):
        return tuple(_plain_number(part) for part in value)
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        parts = tuple(_plain_number(part) for part in value)
        return value if all(map(operator.is_, parts, value)) else parts
    return _plain_number(value)


def _with_whole_numbers(value: Any) -> Any:
    """The value with an int for each float that is whole."""
    if not isinstance(value, tuple):
        return int(value) if isinstance(value, float) and value.is_integer() else value
    parts = [_with_whole_numbers(_plain_number(part)) for part in value]
    return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)


def _plain_number(value: Any) -> Any:
    if _is_whole_tensor(value) and not value.ndim:
        return value.item()
    return value.item() if isinstance(value, np.generic | np.ndarray) and not value.ndim else value


def _is_whole_tensor(value: Any) -> bool:
    """Whether a tensor holds whole numbers, which carry no gradient."""
    if not isinstance(value, Tensor) or value.dtype is torch.bool:
        return False
    return not (value.is_floating_point() or value.is_complex())


def comparable(value: Any) -> Any:
    """What stands for a value in comparisons: tensors and arrays as the numbers they hold."""
    if isinstance(value, Config):
        fields = (comparable(getattr(value, field.name)) for field in dataclasses.fields(value))
        return (type(value), *fields)
    if isinstance(value, Tensor):
        value = value.item() if value.numel() == 1 else value.detach().cpu().tolist()
    elif isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return tuple(comparable(part) for part in value)
    return value


def shown(value: Any) -> str:
    """A value as a person would write it."""
    if isinstance(value, Tensor):
        numbers = shown(comparable(value))
        return f"tensor({numbers}{', requires_grad' if value.requires_grad else ''})"
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        listed = [shown(part) for part in value[:MOST_LISTED]]
        if len(value) > MOST_LISTED:
            listed.append(f"... {len(value) - MOST_LISTED} more")
        inner = ", ".join(listed)
        return f"({inner}{',' if len(value) == 1 else ''})"
    if isinstance(value, float):
        return f"{value:.12g}"
    name = getattr(value, "name", None)
    return (
        name
        if isinstance(name, str) and type(value).__module__.startswith("nb_core")
        else repr(value)
    )


def is_default(field: dataclasses.Field[Any], value: Any) -> bool:
    """Whether a field has the value that it has by default."""
    default = field.default
    if default is dataclasses.MISSING or (default is None) != (value is None):
        return False
    return bool(comparable(value) == comparable(default))


def all_of(field: str, values: Any, kind: type[Any]) -> tuple[Any, ...]:
    """A tuple of configs, of which one may stand alone; InputError for what is none."""
    if isinstance(values, kind):
        values = (values,)
    if not isinstance(values, tuple | list):
        raise InputError(field, values, f"expected a tuple of {kind.__name__}s")
    for value in values:
        if value is None:
            raise InputError(field, None, f"expected a {kind.__name__}")
        checks.instance(field, value, kind)
    return tuple(values)
