"""The lattice factor F_latt: one class per crystal shape, each in a file of its own."""

from nb_physics.lattice.gauss import Gauss
from nb_physics.lattice.lattice_factor import (
    Domain,
    LatticeFactor,
    Operations,
    lattice_factor,
    try_shape,
)
from nb_physics.lattice.round import Round
from nb_physics.lattice.square import Square
from nb_physics.lattice.tophat import TopHat

__all__ = [
    "Domain",
    "Gauss",
    "LatticeFactor",
    "Operations",
    "Round",
    "Square",
    "TopHat",
    "lattice_factor",
    "try_shape",
]
