"""How objects show themselves: a text of a line or two, aligned rows, and HTML for notebooks."""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from nb_core.wording import aligned

__all__ = ["Brief", "Rows", "brief", "rows_to_html", "rows_to_text"]

Rows = list[tuple[str, str]]
"""What each line of an account is about, and what it says."""

MOST_NUMBERS = 4
"""Of a tensor that is shown with its numbers; of a larger one, only type and shape are."""

MOST_ENTRIES = 4
"""Of a tuple or list that is shown whole; of a longer one, the first do and a count."""

MOST_CHARACTERS = 80
"""Of a part; a longer one is cut, or stands as its name alone."""


class Brief:
    """Base of dataclasses (repr=False) whose text is short, whatever they hold.

    It has the fields that differ from their defaults; of an array, type and shape.
    """

    def __repr__(self) -> str:
        said = []
        for field in dataclasses.fields(self):  # type: ignore[arg-type]  # of dataclasses
            value = getattr(self, field.name)
            if field.repr and not _is_default(value, field.default):
                said.append(f"{field.name}={brief(value)}")
        return f"{type(self).__name__}({', '.join(said)})"


def _is_default(value: Any, default: Any) -> bool:
    """Whether they are the same; of what holds more than plain values, whether one object."""
    parts = value if isinstance(value, tuple) else (value,)
    if all(isinstance(part, str | int | float) for part in parts):
        return bool(value == default)
    return value is default


def brief(value: Any) -> str:
    """A value in one short line, without memory addresses; of a large array, type and shape."""
    if all(hasattr(value, name) for name in ("dtype", "shape", "tolist")):
        return _array(value)
    if isinstance(value, float):
        return f"{value + 0.0:.6g}"  # no -0
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, str):
        cut = value if len(value) <= MOST_CHARACTERS else f"{value[:MOST_CHARACTERS]}..."
        return repr(cut)
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        return _sequence(value)
    if callable(value) and hasattr(value, "__qualname__"):
        return str(value.__qualname__)
    text = repr(value)
    if len(text) > MOST_CHARACTERS or "\n" in text or " at 0x" in text:
        return f"{type(value).__name__}(...)"
    return text


def _array(values: Any) -> str:
    """Of NumPy's and torch's, neither of which is imported for it."""
    shape, dtype = tuple(values.shape), str(values.dtype).removeprefix("torch.")
    if math.prod(shape) > MOST_NUMBERS or dtype == "object":
        return f"{dtype} {shape}"
    numbers = [brief(number) for number in values.reshape(-1).tolist()]
    return f"[{', '.join(numbers)}]" if shape else numbers[0]


def _sequence(values: Sequence[Any]) -> str:
    parts = [brief(part) for part in values[:MOST_ENTRIES]]
    if len(values) > MOST_ENTRIES:
        parts.append(f"... {len(values) - MOST_ENTRIES} more")
    if sum(map(len, parts)) > MOST_CHARACTERS:
        parts = [f"{len(values)} of {type(values[0]).__name__}"]
    elif isinstance(values, tuple) and len(values) == 1:
        parts[0] += ","
    inner = ", ".join(parts)
    return f"[{inner}]" if isinstance(values, list) else f"({inner})"


def _mapping(values: Mapping[Any, Any]) -> str:
    names = [brief(name) for name in list(values)[:MOST_ENTRIES]]
    if len(values) <= MOST_ENTRIES:
        parts = [f"{n}: {brief(value)}" for n, value in zip(names, values.values(), strict=True)]
        if sum(map(len, parts)) <= MOST_CHARACTERS:
            return f"{{{', '.join(parts)}}}"
    more = f", ... {len(values) - len(names)} more" if len(values) > len(names) else ""
    return f"{{of {', '.join(names)}{more}}}"


def rows_to_text(rows: Rows) -> str:
    """Aligned lines, two spaces from the margin."""
    return "\n".join(f"  {line}" for line in aligned(rows))


def rows_to_html(rows: Rows) -> str:
    """A table for a notebook; what is special in HTML is escaped."""
    style = ' style="text-align: left; vertical-align: top"'
    cells = "".join(
        f"<tr><th{style}>{html.escape(name)}</th><td{style}>{html.escape(text)}</td></tr>"
        for name, text in rows
    )
    return f"<table>{cells}</table>"
