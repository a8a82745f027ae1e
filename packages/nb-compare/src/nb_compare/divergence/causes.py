"""Why a pixel differs: suspects are tried out, by changing nb until it agrees with the log."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from nb_compare.divergence.report import Cause
from nb_compare.divergence.rows import Row
from nb_compare.divergence.suspects_crystal import crystal_suspects
from nb_compare.divergence.suspects_detector import detector_suspects
from nb_compare.divergence.suspects_sums import profile_suspects, sum_suspects
from nb_compare.divergence.suspicion import Scene, Suspect
from nb_core import InputError
from nb_physics import Plan
from nb_taps import PixelRecord

MOST_CAUSES = 3


def find_causes(
    rows: list[Row], record: PixelRecord, rows_of: Callable[[Plan], list[Row]]
) -> tuple[Cause, ...]:
    """The causes that would explain the first difference; those that were proven, if any were.

    rows_of: what the comparison gives for a changed plan
    """
    first = next((row for row in rows if row.differs), None)
    if first is None:
        return ()
    scene = Scene(rows, first, record)
    proven: list[Cause] = []
    thinkable: list[Cause] = []
    for suspect in _suspects(scene):
        if suspect.plan is None:
            thinkable.append(suspect.cause)
        elif any(cause.text == suspect.cause.text for cause in proven):
            continue
        elif _agrees(rows_of, suspect.plan):
            proven.append(dataclasses.replace(suspect.cause, verified=True))
        elif suspect.told_anyway:
            thinkable.append(dataclasses.replace(suspect.cause, row_of_table=None))
        if len(proven) == MOST_CAUSES:
            break
    return tuple((proven or thinkable)[:MOST_CAUSES])


def _suspects(scene: Scene) -> Iterator[Suspect]:
    """The likely ones first: each stage knows its own."""
    yield from profile_suspects(scene)
    yield from crystal_suspects(scene)
    yield from detector_suspects(scene)
    yield from sum_suspects(scene)


def _agrees(rows_of: Callable[[Plan], list[Row]], plan: Plan) -> bool:
    try:
        return not any(row.differs for row in rows_of(plan))
    except InputError:
        return False
