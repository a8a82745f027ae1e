"""Formulas of the simulation, as pure functions of tensors, for whoever needs one of them alone.

They are those that make the image; each is in the file of its stage. GAUSS_WIDTH_SQUARED and
TOPHAT_RADIUS_SQUARED say how wide the spots of these shapes are, in the square of the scaled
distance from a reflection.
"""

from nb_physics.frame import meets_the_beam
from nb_physics.geometry import (
    curved_positions,
    directions,
    flat_positions,
    rectangle_solid_angle,
    subpixel_coordinates,
)
from nb_physics.lattice.gauss import WIDTH_SQUARED as GAUSS_WIDTH_SQUARED
from nb_physics.lattice.tophat import RADIUS_SQUARED as TOPHAT_RADIUS_SQUARED
from nb_physics.scale import ELECTRON_RADIUS_SQUARED_M2
from nb_physics.scattering import scattering_vectors, sin_theta_over_lambda
from nb_physics.structure import Origin, StructureGrid, amplitude_origin
from nb_physics.structure.nearest import grid_index
from nb_physics.vectors import dot, length, unit

__all__ = [
    "ELECTRON_RADIUS_SQUARED_M2",
    "GAUSS_WIDTH_SQUARED",
    "Origin",
    "StructureGrid",
    "TOPHAT_RADIUS_SQUARED",
    "amplitude_origin",
    "curved_positions",
    "directions",
    "dot",
    "flat_positions",
    "grid_index",
    "length",
    "meets_the_beam",
    "rectangle_solid_angle",
    "scattering_vectors",
    "sin_theta_over_lambda",
    "subpixel_coordinates",
    "unit",
]
