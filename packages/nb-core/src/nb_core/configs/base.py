"""What all configs share: plain values, equality by value, and a text that a person can read."""

from __future__ import annotations

import dataclasses
import operator
from typing import Any

import numpy as np
from torch import Tensor

from nb_core.configs import checks

_LARGEST = 64
"""Entries of the largest array that is taken for a field; a larger one is refused as it is."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Config:
    """Base of the configs.

    NumPy's numbers and arrays, and lists, become Python's numbers and tuples; tensors stay, for
    they may carry a gradient. Configs are equal where their values are: a tensor and the same
    numbers are. Their text shows what differs from the defaults.
    """

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            plain = plain_value(value)
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
            if not _is_default(field, value):
                said.append(f"{field.name}={shown(value)}")
        return f"{type(self).__name__}({', '.join(said)})"


def plain_value(value: Any) -> Any:
    """A field's value without NumPy's types; the same object where there are none."""
    if isinstance(value, np.ndarray) and value.ndim and value.size <= _LARGEST:
        value = value.tolist()
    if isinstance(value, list):
        return tuple(_plain_number(part) for part in value)
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        parts = tuple(_plain_number(part) for part in value)
        return value if all(map(operator.is_, parts, value)) else parts
    return _plain_number(value)


def _plain_number(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic | np.ndarray) and not value.ndim else value


def comparable(value: Any) -> Any:
    """What stands for a value in comparisons: tensors and arrays as the numbers they hold."""
    if isinstance(value, Config):
        return tuple(comparable(getattr(value, field.name)) for field in dataclasses.fields(value))
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
        inner = ", ".join(shown(part) for part in value)
        return f"({inner}{',' if len(value) == 1 else ''})"
    if isinstance(value, float):
        return f"{value:.12g}"
    name = getattr(value, "name", None)
    return (
        name
        if isinstance(name, str) and type(value).__module__.startswith("nb_core")
        else repr(value)
    )


def _is_default(field: dataclasses.Field[Any], value: Any) -> bool:
    default = field.default
    if default is dataclasses.MISSING or (default is None) != (value is None):
        return False
    return bool(comparable(value) == comparable(default))
