"""What a suspect is, and what it may look at."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass
from typing import Any

from nb_compare.divergence.report import Cause
from nb_compare.divergence.rows import Row
from nb_core import Experiment, InputError, NbWarning
from nb_physics import Plan, make_plan
from nb_taps import PixelRecord


@dataclass(frozen=True)
class Suspect:
    """A cause, and a plan with which nb should agree with the log if it is the right one.

    plan: None where the cause cannot be tried out
    told_anyway: the cause says something worth knowing even where the trial fails
    """

    cause: Cause
    plan: Plan | None = None
    told_anyway: bool = False


@dataclass(frozen=True)
class Scene:
    """The rows of a comparison, the first that differs, and nb's record of the pixel."""

    rows: list[Row]
    first: Row
    record: PixelRecord

    @property
    def plan(self) -> Plan:
        return self.record.plan

    @property
    def experiment(self) -> Experiment:
        return self.plan.experiment

    def row(self, *names: str) -> Row | None:
        """The first row of one of these names that has both values, those that differ first."""
        found = [r for r in self.rows if r.quantity in names and _has_numbers(r)]
        return min(found, key=lambda row: not row.differs, default=None)

    def differs(self, *names: str) -> bool:
        """Whether some row of these names differs."""
        return any(row.differs for row in self.rows if row.quantity in names)

    def stage_differs(self, stage: str) -> bool:
        return any(row.differs for row in self.rows if row.stage == stage)


def changed_plan(experiment: Experiment, section: str, **fields: Any) -> Plan | None:
    """The plan of an experiment with fields of one section changed; None where that is refused."""
    try:
        if section:
            config = dataclasses.replace(getattr(experiment, section), **fields)
            fields = {section: config}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NbWarning)
            return make_plan(dataclasses.replace(experiment, **fields))
    except InputError:
        return None


def numbers(value: tuple[float, ...] | str | None) -> tuple[float, ...]:
    """A row's value where it is numbers."""
    assert isinstance(value, tuple)
    return value


def _has_numbers(row: Row) -> bool:
    return isinstance(row.c, tuple) and isinstance(row.nb, tuple) and bool(row.c and row.nb)
