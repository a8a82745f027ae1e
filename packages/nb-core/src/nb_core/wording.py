"""Numbers and tables in words."""

from __future__ import annotations

from collections.abc import Container, Sequence

__all__ = ["aligned", "counted"]


def counted(number: int, noun: str) -> str:
    """A number of things, one or several: 1 panel, 2 panels."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def aligned(rows: Sequence[Sequence[str]], *, right: Container[int] = ()) -> list[str]:
    """The lines of a table of text, with two blanks between columns and none at the ends of lines.

    right: numbers of the columns that are flush right; the others are flush left
    A row may have fewer cells than others: its last one runs on into the columns that it lacks,
    and makes its own no wider.
    """
    columns = max((len(row) for row in rows), default=0)
    widths = [0] * columns
    for row in rows:
        counting = row if len(row) == columns else row[:-1]
        for column, cell in enumerate(counting):
            widths[column] = max(widths[column], len(cell))
    return [
        "  ".join(
            cell.rjust(widths[column]) if column in right else cell.ljust(widths[column])
            for column, cell in enumerate(row)
        ).rstrip()
        for row in rows
    ]
