"""One quantity of a pixel as two programs have it, and how far apart the two values are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from nb_core import STAGES
from nb_core.showing import Brief

LIMIT = 1.0
"""In units of the last printed digit: two programs that agree may round to either side of it."""


_SMALLEST = 1e-300
"""The worth of a digit of 0, and of a number too small for one."""


@dataclass(frozen=True)
class Printed:
    """Numbers as a program printed them.

    units: what one step of the last printed digit is worth, for each number
    """

    values: tuple[float, ...]
    units: tuple[float, ...]

    @classmethod
    def significant(cls, texts: Iterable[str], digits: int) -> Printed:
        """Printed with a number of significant digits (%g has 6)."""
        values = tuple(float(text) for text in texts)
        return cls(values, tuple(_last_digit(value, digits) for value in values))

    @classmethod
    def fixed(cls, texts: Iterable[str], decimals: int) -> Printed:
        """Printed with a number of decimals (%f has 6)."""
        values = tuple(float(text) for text in texts)
        return cls(values, tuple(10.0**-decimals for _ in values))

    @classmethod
    def whole(cls, texts: Iterable[str]) -> Printed:
        """Printed as whole numbers, which are never rounded."""
        return cls.fixed(texts, 3)


@dataclass(frozen=True, repr=False)
class Row(Brief):
    """One quantity: which stage computes it, and its two values.

    c, nb: numbers, or a text; None where one of them has no such quantity
    apart: largest distance, in units of the last digit that the C program printed
    note: what a reader must know of the value
    """

    stage: str
    quantity: str
    unit: str
    c: tuple[float, ...] | str | None
    nb: tuple[float, ...] | str | None
    apart: float
    note: str = ""

    @property
    def differs(self) -> bool:
        return self.apart > LIMIT


def compare_numbers(
    stage: str,
    quantity: str,
    unit: str,
    c: Printed,
    nb: Iterable[float],
    *,
    floor: float = 0.0,
    note: str = "",
) -> Row:
    """A row of numbers; `floor` is a difference that rounding alone can make."""
    ours = tuple(float(value) for value in nb)
    if len(ours) != len(c.values):
        return Row(stage, quantity, unit, c.values, ours, math.inf, note)
    apart = 0.0
    for theirs, mine, step in zip(c.values, ours, c.units, strict=True):
        difference = abs(theirs - mine)
        if not math.isfinite(difference):
            apart = math.inf if repr(theirs) != repr(mine) else apart
        elif difference > floor:
            apart = max(apart, (difference - floor) / step)
    return Row(stage, quantity, unit, c.values, ours, apart, note)


def compare_texts(stage: str, quantity: str, c: str, nb: str, note: str = "") -> Row:
    """A row of words, which agree or do not."""
    return Row(stage, quantity, "", c, nb, 0.0 if c == nb else math.inf, note)


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Rows as an experiment flows: by stage, and within one as they come.

    The convention, on which all build, is first; whether there is a list comes after what it gave.
    """

    def place(row: Row) -> tuple[int, bool]:
        if row.quantity in ("convention", "detector_convention"):
            return -1, False
        return STAGES.index(row.stage), row.quantity == "has_list"

    return sorted(rows, key=place)


def _last_digit(value: float, digits: int) -> float:
    if value == 0 or not math.isfinite(value):
        return _SMALLEST
    return max(10.0 ** (math.floor(math.log10(abs(value))) - digits + 1), _SMALLEST)
