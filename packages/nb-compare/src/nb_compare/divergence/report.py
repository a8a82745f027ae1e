"""The outcome: every quantity that both programs have, the first that differs, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nb_compare.divergence.rows import Row
from nb_core.showing import Brief
from nb_core.wording import aligned

MOST_ROWS = 60


@dataclass(frozen=True)
class Cause:
    """A reason that would explain the difference.

    row: the line of docs/behaviour.md that tells of it, where there is one
    verified: whether nb, changed accordingly, agrees with all that the C program printed
    row_of_table: a quantity that the program does not print, but that follows from what it does
    """

    text: str
    row: int | None = None
    verified: bool = False
    row_of_table: Row | None = None

    def __str__(self) -> str:
        where = f" (behaviour {self.row})" if self.row is not None else ""
        proof = "; with this change nb agrees with all that C printed" if self.verified else ""
        return f"{self.text}{where}{proof}"


@dataclass(frozen=True, repr=False)
class Divergence(Brief):
    """What differs of a pixel (slow, fast), in the order in which the quantities are computed."""

    pixel: tuple[int, int]
    rows: tuple[Row, ...]
    causes: tuple[Cause, ...]

    @property
    def first(self) -> Row | None:
        """The first row that differs."""
        return next((row for row in self.rows if row.differs), None)

    @property
    def verdict(self) -> str:
        """The last line of the report."""
        row = self.first
        return "no divergence" if row is None else f"first divergence: {row.stage} {row.quantity}"

    def text(self, *, every_row: bool = False) -> str:
        """The table with the first difference marked, the causes, and the verdict."""
        slow, fast = self.pixel
        lines = [f"pixel slow {slow}, fast {fast}", *_table(self._shown(every_row))]
        first = self.first
        if first is not None:
            lines += ["", f"{first.quantity}: C has {_value(first.c)}, nb has {_value(first.nb)}"]
            lines += [f"cause: {cause}" for cause in self.causes]
        return "\n".join([*lines, "", self.verdict])

    def _shown(self, every_row: bool) -> list[tuple[str, Row]]:
        """The rows to print, marked; of a long trace what leads to the first difference."""
        first = self.first
        marked = [(">" if row is first else "*" if row.differs else "", row) for row in self.rows]
        if every_row or len(marked) <= MOST_ROWS:
            return marked
        at = len(marked) if first is None else self.rows.index(first)
        return marked[max(0, at - MOST_ROWS // 2) : at + MOST_ROWS // 2]


def _table(rows: list[tuple[str, Row]]) -> list[str]:
    """Aligned columns; `>` marks the first difference, `*` the others."""
    cells = [("", "stage", "quantity", "unit", "C", "nb", "apart", "")]
    for mark, row in rows:
        cells.append(
            (
                mark,
                row.stage,
                row.quantity,
                row.unit,
                _value(row.c),
                _value(row.nb),
                _apart(row.apart),
                row.note,
            )
        )
    return aligned(cells)


def _value(value: tuple[float, ...] | str | None) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else " ".join(f"{number + 0.0:.9g}" for number in value)


def _apart(apart: float) -> str:
    """In units of the last printed digit."""
    return "differs" if math.isinf(apart) else f"{apart:.2g}"
