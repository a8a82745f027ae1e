"""The structure factor amplitude F_cell of reciprocal space: looked up, or interpolated."""

from nb_physics.structure.grid import StructureGrid, structure_grid
from nb_physics.structure.nearest import nearest, nearest_entries
from nb_physics.structure.origin import Origin, amplitude_origin
from nb_physics.structure.tricubic import tricubic, tricubic_entries

__all__ = [
    "Origin",
    "StructureGrid",
    "amplitude_origin",
    "nearest",
    "nearest_entries",
    "structure_grid",
    "tricubic",
    "tricubic_entries",
]
