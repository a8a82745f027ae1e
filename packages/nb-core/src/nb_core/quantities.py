"""The vocabulary: every quantity that the simulation offers to a recorder.

A quantity has a name, a unit, what it is, and a grain: the axes that its values have.
`pixels` runs over the pixels of a tile, `sources` over sources, `steps` over phi x mosaic domains
(domain fastest); vectors have a leading axis of 3 (lab x, y, z).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """One entry of the vocabulary."""

    name: str
    unit: str
    grain: str
    meaning: str


_ALL = (
    Quantity("position", "m", "3 pixels", "sub-pixel centre, from the sample"),
    Quantity("airpath", "m", "pixels", "distance from the sample to the sub-pixel"),
    Quantity("diffracted", "1", "3 pixels", "unit vector towards the sub-pixel"),
    Quantity("omega", "sr", "pixels", "solid angle of the pixel, seen at the sub-pixel"),
    Quantity("capture", "1", "pixels", "share of the photons that the sensor layer absorbs"),
    Quantity("incident", "1", "3 sources", "unit vector along the incident beam"),
    Quantity("wavelength", "Angstrom", "sources", "wavelength of each source"),
    Quantity("q", "1/Angstrom", "3 pixels sources", "scattering vector, 1/d convention"),
    Quantity("stol", "1/Angstrom", "pixels sources", "sin(theta)/lambda"),
    Quantity("polarization", "1", "pixels sources", "Kahn polarization factor"),
    Quantity("cell_vectors", "Angstrom", "3 3 steps", "a, b, c (first axis) in the lab frame"),
    Quantity("hkl", "1", "3 pixels sources steps", "fractional Miller indices"),
    Quantity("hkl_nearest", "1", "3 pixels sources steps", "nearest reflection"),
    Quantity("F_latt", "1", "pixels sources steps", "lattice factor, up to its sign"),
    Quantity("F_cell", "electrons", "pixels sources steps", "structure factor amplitude"),
    Quantity("term", "electrons^2", "pixels sources steps", "F_cell^2 F_latt^2 of each step"),
    Quantity("intensity", "electrons^2", "pixels", "sum over layers, sub-pixels and steps"),
    Quantity("photons", "photons", "pixels", "value of the image"),
)

QUANTITIES: dict[str, Quantity] = {quantity.name: quantity for quantity in _ALL}
