"""From rays and wavelengths to scattering vectors."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from nb_physics.vectors import length


def scattering_vectors(
    diffracted: Float[Tensor, "3 pixels"],
    incident: Float[Tensor, "3 sources"],
    wavelength: Float[Tensor, " sources"],
) -> Float[Tensor, "3 pixels sources"]:
    """q = (diffracted - incident) / wavelength, in 1/Angstrom; |q| = 1/d."""
    return (diffracted[:, :, None] - incident[:, None, :]) / wavelength


def sin_theta_over_lambda(
    q: Float[Tensor, "3 pixels sources"],
) -> Float[Tensor, "pixels sources"]:
    """Half the length of the scattering vector, 1/Angstrom."""
    return 0.5 * length(q)


def within_dmin(
    stol: Float[Tensor, "pixels sources"], dmin_A: Float[Tensor, ""]
) -> Float[Tensor, "pixels sources"]:
    """1 where the spacing 0.5/stol is at least dmin, else 0; the direct beam is kept."""
    beyond = (stol > 0) & (dmin_A * stol > 0.5)
    return (~beyond).to(stol.dtype)
