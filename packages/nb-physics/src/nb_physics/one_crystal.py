"""A crystal by itself, as a plan with no other: what looks at crystals one by one takes it."""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Callable

import torch
from torch import Tensor

from nb_core import Experiment
from nb_physics.crystals import crystal_experiment
from nb_physics.loop import Progress
from nb_physics.plan import Plan, make_plan


def plan_of_crystal(experiment: Experiment | Plan, crystal: int) -> Plan:
    """The plan of one crystal, with its fraction; its own plan where there is one only.

    crystal: its number, from 0
    The background goes with the first: photons of these plans add up to those of all crystals, bit
    for bit where they are added in order. Raises InputError for a crystal that there is not.
    """
    plan = experiment if isinstance(experiment, Plan) else make_plan(experiment)
    own = crystal_experiment(plan.experiment, crystal)
    if not plan.experiment.more_crystals:
        return plan
    alone = dataclasses.replace(plan, experiment=own, crystals=(plan.crystals[crystal],))
    if not crystal:
        return alone
    none = torch.zeros_like(plan.background)
    return dataclasses.replace(alone, background=none, backgrounds=())


def added(
    plan: Plan, one: Callable[[Plan, Progress], Tensor], progress: Progress | None = None
) -> Tensor:
    """The sum of what `one` gives of the plan of each crystal, in order.

    one: is given a progress to tell, too, of its own pixels
    """
    return added_by_number(
        len(plan.crystals), lambda number, told: one(plan_of_crystal(plan, number), told), progress
    )


def added_by_number(
    count: int, one: Callable[[int, Progress], Tensor], progress: Progress | None = None
) -> Tensor:
    """The sum of what `one` gives of each number, in order; otherwise as `added`."""
    parts = []
    for number in range(count):

        def counted(done: int, total: int, before: int = number) -> None:
            if progress is not None:
                progress(before * total + done, count * total)

        parts.append(one(number, counted))
    return functools.reduce(operator.add, parts)
