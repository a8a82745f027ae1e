"""From summed intensity to photons per pixel, and the background."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

ELECTRON_RADIUS_SQUARED_M2 = 7.94079248018965e-30
"""Thomson scattering: square of the classical electron radius."""

AVOGADRO = 6.02214179e23
WATER_F = 2.57
"""Forward structure factor of water, electrons, as nanoBragg takes it."""
WATER_MOLAR_MASS = 18.0
"""g/mol"""


def water_intensity(water_size: Float[Tensor, ""], fluence: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """Photons per steradian from a cube of water, edge in metres, fluence in photons/m^2."""
    intensity = WATER_F * WATER_F * ELECTRON_RADIUS_SQUARED_M2 * fluence
    intensity = intensity * water_size * water_size * water_size
    return intensity * 1e6 * AVOGADRO / WATER_MOLAR_MASS


def photons(
    intensity: Float[Tensor, " pixels"],
    fluence: Float[Tensor, ""],
    steps: Float[Tensor, ""],
    *factors: Float[Tensor, " pixels"],
) -> Float[Tensor, " pixels"]:
    """r_e^2 fluence intensity / steps, times the factors not yet in the sum."""
    value = ELECTRON_RADIUS_SQUARED_M2 * fluence * intensity / steps
    for factor in factors:
        value = value * factor
    return value


def fluence_from_flux(
    flux: Float[Tensor, ""], exposure: Float[Tensor, ""], beamsize: Float[Tensor, ""]
) -> Float[Tensor, ""]:
    """photons/s, s and the edge of the beam in metres -> photons/m^2."""
    return flux * exposure / beamsize / beamsize
