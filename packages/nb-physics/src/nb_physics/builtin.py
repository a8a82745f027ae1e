"""What nb_physics brings through the hooks that plugins use."""

from __future__ import annotations

from nb_core import Shape, hookimpl
from nb_physics.lattice import Gauss, Round, Square, TopHat


@hookimpl
def nb_register_shapes() -> list[type[Shape]]:
    return [Square, Round, Gauss, TopHat]
