"""The structure factor amplitude F_cell of reciprocal space: looked up, or interpolated."""

from nb_physics.structure.grid import StructureGrid, structure_grid
from nb_physics.structure.nearest import nearest
from nb_physics.structure.origin import Origin, amplitude_origin
from nb_physics.structure.tricubic import tricubic

__all__ = [
    "Origin",
    "StructureGrid",
    "amplitude_origin",
    "nearest",
    "structure_grid",
    "tricubic",
]
