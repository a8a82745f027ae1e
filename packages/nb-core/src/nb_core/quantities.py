"""The vocabulary: every quantity that the simulation offers to a recorder.

A quantity has a name, a unit, the stage that computes it, what it is, and a grain: the axes that
its values have.
`pixels` runs over the pixels of a tile, `sources` over sources, `steps` over phi x mosaic domains
(domain fastest); vectors have a leading axis of 3 (lab x, y, z).
"""

from __future__ import annotations

from dataclasses import dataclass

STAGES = (
    "sources",
    "geometry",
    "orientation",
    "scattering",
    "miller",
    "lattice",
    "structure",
    "polarization",
    "accumulate",
    "scale",
    "noise",
)
"""The stages of the simulation, in the order in which an experiment flows through them."""


@dataclass(frozen=True)
class Quantity:
    """One entry of the vocabulary; `stage` is one of STAGES."""

    name: str
    unit: str
    grain: str
    stage: str
    meaning: str


_STEPS = "pixels sources steps"

_ALL = (
    Quantity("position", "m", "3 pixels", "geometry", "sub-pixel centre, from the sample"),
    Quantity("airpath", "m", "pixels", "geometry", "distance from the sample to the sub-pixel"),
    Quantity("diffracted", "1", "3 pixels", "geometry", "unit vector towards the sub-pixel"),
    Quantity("omega", "sr", "pixels", "geometry", "solid angle of the pixel, at the sub-pixel"),
    Quantity("capture", "1", "pixels", "geometry", "share of photons the sensor layer absorbs"),
    Quantity("incident", "1", "3 sources", "sources", "unit vector along the incident beam"),
    Quantity("wavelength", "Angstrom", "sources", "sources", "wavelength of each source"),
    Quantity("q", "1/Angstrom", "3 pixels sources", "scattering", "scattering vector, |q| = 1/d"),
    Quantity("stol", "1/Angstrom", "pixels sources", "scattering", "sin(theta)/lambda"),
    Quantity(
        "within_dmin", "1", "pixels sources", "scattering", "0 beyond dmin, else 1; given a dmin"
    ),
    Quantity("polarization", "1", "pixels sources", "polarization", "Kahn polarization factor"),
    Quantity("cell_vectors", "Angstrom", "3 3 steps", "orientation", "a, b, c (first axis), lab"),
    Quantity("hkl", "1", f"3 {_STEPS}", "miller", "fractional Miller indices"),
    Quantity("hkl_nearest", "1", f"3 {_STEPS}", "miller", "nearest reflection"),
    Quantity("F_latt_a", "1", _STEPS, "lattice", "grating of Na cells, up to its sign; square"),
    Quantity("F_latt_b", "1", _STEPS, "lattice", "grating of Nb cells, up to its sign; square"),
    Quantity("F_latt_c", "1", _STEPS, "lattice", "grating of Nc cells, up to its sign; square"),
    Quantity("F_latt", "1", _STEPS, "lattice", "lattice factor, up to its sign"),
    Quantity("F_cell", "electrons", _STEPS, "structure", "structure factor amplitude"),
    Quantity(
        "F_cell_origin",
        "1",
        _STEPS,
        "structure",
        "where F_cell is from: 0 outside the list, 1 a gap of it, 2 listed, 3 interpolated",
    ),
    Quantity("term", "electrons^2", _STEPS, "accumulate", "F_cell^2 F_latt^2 of each step"),
    Quantity(
        "weight",
        "1",
        "pixels sources",
        "accumulate",
        "what multiplies a term (corrected), or the sum after each term (-oversample_*)",
    ),
    Quantity("running_sum", "electrons^2", "pixels", "accumulate", "sum after this block of steps"),
    Quantity("intensity", "electrons^2", "pixels", "accumulate", "sum over all, before scaling"),
    Quantity("capture_used", "1", "pixels", "scale", "capture that multiplies the sum (reference)"),
    Quantity(
        "polarization_used", "1", "pixels", "scale", "Kahn factor that multiplies it (reference)"
    ),
    Quantity("omega_used", "sr", "pixels", "scale", "solid angle that multiplies it (reference)"),
    Quantity("background_photons", "photons", "pixels", "scale", "share of other backgrounds"),
    Quantity("water_photons", "photons", "pixels", "scale", "share of the water in the photons"),
    Quantity("photons", "photons", "pixels", "scale", "value of the image"),
)

QUANTITIES: dict[str, Quantity] = {quantity.name: quantity for quantity in _ALL}
"""Every quantity that the simulation offers to a recorder, by its name."""
