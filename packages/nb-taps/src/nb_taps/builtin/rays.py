"""Taps on the rays from each source by way of the sample to each sub-pixel."""

from __future__ import annotations

from collections.abc import Mapping

from nb_taps.record import PixelRecord
from nb_taps.tap import Field, Tap, Value

_RAY = ("subpixel", "source")


class ScatteringTap(Tap):
    """The scattering vectors."""

    name = "scattering"
    summary = "incident beam, wavelength, scattering vector q and sin(theta)/lambda"
    quantities = ("incident", "wavelength", "q", "stol", "within_dmin")
    fields = (
        Field("incident", "1", ("source", "xyz"), "unit vector along the incident beam"),
        Field("wavelength", "Angstrom", ("source",), "wavelength of each source"),
        Field("q", "1/Angstrom", (*_RAY, "xyz"), "scattering vector, |q| = 1/d"),
        Field("stol", "1/Angstrom", _RAY, "sin(theta)/lambda"),
        Field("within_dmin", "1", _RAY, "0 beyond dmin, else 1; null without dmin"),
    )

    def read(self, record: PixelRecord) -> Mapping[str, Value]:
        return {name: record.array(name) for name in self.quantities}


class PolarizationTap(Tap):
    """The Kahn factor: nanoBragg multiplies a pixel by its first one."""

    name = "polarization"
    summary = "Kahn polarization factor of each sub-pixel and source, and the one that is used"
    quantities = ("polarization", "polarization_used")
    fields = (
        Field("polarization", "1", _RAY, "Kahn factor; null where none is computed"),
        Field("used", "1", (), "what multiplies the sum; null where each term has its own"),
        Field("kahn_factor", "1", (), "degree of polarization of the beam"),
        Field("nopolar", "1", (), "whether polarization is switched off"),
    )

    def read(self, record: PixelRecord) -> Mapping[str, Value]:
        return {
            "polarization": record.array("polarization"),
            "used": record.number("polarization_used"),
            "kahn_factor": record.plan.polarization,
            "nopolar": record.plan.experiment.beam.nopolar,
        }
