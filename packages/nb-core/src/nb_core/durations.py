"""A time in words, as messages say it."""

from __future__ import annotations

_UNITS = (("years", 31_557_600), ("days", 86_400), ("h", 3600), ("min", 60), ("s", 1))
_SEVERAL = 10
"""So many of a unit need no smaller one beside them."""


def duration(seconds: float) -> str:
    """As a person says it, to a tenth or better: 0.4 s, 40 s, 3 min 20 s, 12 min, 2 h 5 min."""
    if seconds < 0.95:
        return f"{max(seconds, 0.0):.1f} s".replace(".0", "")
    for number, (unit, length) in enumerate(_UNITS):
        finer, smaller = _UNITS[min(number + 1, len(_UNITS) - 1)]
        parts = round(seconds / smaller)
        count, rest = divmod(parts, length // smaller)
        if count >= _SEVERAL:
            return _counted(round(seconds / length), unit)
        if count:
            shown = f" {_counted(rest, finer)}" if rest else ""
            return f"{_counted(count, unit)}{shown}"
    return "1 s"


def _counted(count: int, unit: str) -> str:
    number = f"{count:.3g}" if count >= 1e6 else f"{count}"
    return f"{number} {unit[:-1] if count == 1 and unit in ('years', 'days') else unit}"
