"""The polarization factor of Kahn et al."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from nb_physics.vectors import cross, unit


def field_axes(
    incident: Float[Tensor, "3 sources"], axis: Float[Tensor, "3"]
) -> tuple[Float[Tensor, "3 sources"], Float[Tensor, "3 sources"]]:
    """Unit vectors along the electric and the magnetic field of each beam.

    axis: E vector of a central beam
    """
    magnetic = unit(cross(axis[:, None].expand_as(incident), incident))
    return unit(cross(incident, magnetic)), magnetic


def kahn_factor(
    diffracted: Float[Tensor, "3 pixels"],
    incident: Float[Tensor, "3 sources"],
    electric: Float[Tensor, "3 sources"],
    magnetic: Float[Tensor, "3 sources"],
    polarization: Float[Tensor, ""],
) -> Float[Tensor, "pixels sources"]:
    """(1 + cos^2 2theta - K cos(2 psi) sin^2 2theta) / 2.

    Kahn, Fourme, Gadet, Janin, Dumas & Andre, J. Appl. Cryst. 15 (1982) 330. psi is the angle of
    the ray in the plane across the beam, from the E vector; `electric` and `magnetic` are those of
    `field_axes`, `polarization` is K. cos(2 psi) sin^2 2theta is the difference of the squared
    projections; where there is no projection psi is 0, as in nanoBragg.
    """
    x, y, z = diffracted[:, :, None]
    cosine = x * incident[0] + y * incident[1] + z * incident[2]
    along_e = x * electric[0] + y * electric[1] + z * electric[2]
    along_b = x * magnetic[0] + y * magnetic[1] + z * magnetic[2]
    cosine_squared = cosine * cosine
    squared_e, squared_b = along_e * along_e, along_b * along_b
    across = squared_e + squared_b
    difference = torch.where(across == 0, 1.0 - cosine_squared, squared_e - squared_b)
    return 0.5 * (1.0 + cosine_squared - polarization * difference)
