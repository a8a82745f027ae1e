"""What nb_physics brings through the hooks that plugins use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nb_core import Experiment, Shape, hookimpl
from nb_core.showing import Rows
from nb_physics.lattice import Gauss, Round, Square, TopHat

if TYPE_CHECKING:
    from nb_physics.tile_engine import TileEngine


@hookimpl
def nb_register_shapes() -> list[type[Shape]]:
    return [Square, Round, Gauss, TopHat]


@hookimpl
def nb_register_engines() -> list[TileEngine]:
    from nb_physics.engine.compiled import CompiledEngine
    from nb_physics.walk import EagerEngine

    return [EagerEngine(), CompiledEngine()]


@hookimpl
def nb_describe_experiment(experiment: Experiment) -> Rows:
    from nb_physics.summary import experiment_rows

    return experiment_rows(experiment)
