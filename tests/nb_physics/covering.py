"""Rows of choices of which every two stand together somewhere."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

Choice = tuple[str, str]
"""An axis and one of its values."""


def covering_rows(
    axes: Mapping[str, Sequence[str]], apart: Sequence[tuple[Choice, Choice]] = ()
) -> list[dict[str, str]]:
    """Rows (a value for each axis) in which all pairs of values occur, those in `apart` excepted.

    Greedy: each row begins with the first pair that is missing, and takes on every other axis the
    value that brings most missing pairs, the first of equals. So the first rows bring most.
    """
    never = {frozenset(pair) for pair in apart}
    choices = [(axis, value) for axis, values in axes.items() for value in values]
    pairs = (frozenset(p) for p in itertools.combinations(choices, 2) if p[0][0] != p[1][0])
    missing = {pair: None for pair in pairs if pair not in never}
    rows = []
    while missing:
        row = dict(sorted(next(iter(missing)), key=lambda choice: list(axes).index(choice[0])))
        for axis, values in axes.items():
            if axis not in row:
                row[axis] = _best([(axis, value) for value in values], row, missing, never)
        for pair in itertools.combinations(row.items(), 2):
            missing.pop(frozenset(pair), None)
        rows.append({axis: row[axis] for axis in axes})
    return rows


def _best(
    choices: Sequence[Choice],
    row: Mapping[str, str],
    missing: Mapping[frozenset[Choice], None],
    never: set[frozenset[Choice]],
) -> str:
    """The value that brings most missing pairs with those of the row."""
    found = {
        value: [frozenset({(axis, value), other}) for other in row.items()]
        for axis, value in choices
    }
    found = {value: pairs for value, pairs in found.items() if never.isdisjoint(pairs)}
    return max(found, key=lambda value: sum(pair in missing for pair in found[value]))
