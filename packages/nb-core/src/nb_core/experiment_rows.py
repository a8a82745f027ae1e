"""An experiment in words: what its plan comes to with nb_physics installed, else its configs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from nb_core.configs.base import Config, shown
from nb_core.errors import NbError
from nb_core.plugins import make_manager
from nb_core.showing import Rows

if TYPE_CHECKING:
    from nb_core.configs.experiment import Experiment


def rows_of(experiment: Experiment) -> Rows:
    """What a package answers to nb_describe_experiment, else `config_rows`.

    An experiment that cannot be simulated has its configs, and the reason.
    """
    try:
        manager = make_manager(external=False)
        rows: Rows | None = manager.hook.nb_describe_experiment(experiment=experiment)
    except NbError as error:
        return [*config_rows(experiment), ("no image", str(error))]
    return config_rows(experiment) if rows is None else rows


def config_rows(experiment: Experiment) -> Rows:
    """A line for each part that an experiment has: its fields that differ from the defaults."""
    rows = []
    for field in dataclasses.fields(experiment):
        value = getattr(experiment, field.name)
        if value is None or value == ():
            continue
        text = shown(value)
        if isinstance(value, Config):
            text = text.removeprefix(f"{type(value).__name__}(").removesuffix(")") or "defaults"
        rows.append((field.name, text))
    return rows
