"""The X-ray beam: spectrum, divergence, polarization and dose."""

from __future__ import annotations

from dataclasses import dataclass

from nb_core.configs import checks
from nb_core.configs.base import Config
from nb_core.configs.checks import Scalar, Vector
from nb_core.data import SourceTable
from nb_core.errors import InputError
from nb_core.sweeps import MOST_STEPS

DEFAULT_FLUENCE = 125932015286227086360700780544.0
"""Photons/m^2: scattering by one electron then counts about one photon per steradian."""


@dataclass(frozen=True, eq=False, repr=False)
class BeamConfig(Config):
    """An X-ray beam. Continuous fields take a float or a tensor; nanoBragg resolves None.

    wavelength_A: Angstrom
    polarization_factor: Kahn's factor, -1 to 1; nopolar: no polarization correction at all
    flux: photons/s; with exposure (s) and beamsize_mm it sets the fluence, unless it is 0
    fluence: photons/m^2
    hdiv_range_mrad, hdiv_step_mrad, hdiv_steps: horizontal divergence; vdiv_*: vertical
    round_div: cut the corners off the divergence grid
    dispersion_percent, dispersion_steps: spectral width and number of wavelengths
    sources: point sources that replace divergence and dispersion
    beam_vector, polar_vector: with DetectorConvention.CUSTOM only
    direction, polarization_normal, polarization_fraction: with a Detector of panels only, in place
        of beam_vector, polar_vector and polarization_factor. The beam travels along `direction`;
        the normal is that of the plane of polarization; the fraction lies in that plane, so
        Kahn's factor is 2 fraction - 1 and 0.5 is unpolarised. Defaults: +z, +y, 0.5
    """

    wavelength_A: Scalar = 1.0
    polarization_factor: Scalar = 0.0
    nopolar: bool = False
    flux: Scalar = 0.0
    exposure: Scalar = 1.0
    beamsize_mm: Scalar = 0.1
    fluence: Scalar = DEFAULT_FLUENCE
    hdiv_range_mrad: Scalar | None = None
    hdiv_step_mrad: Scalar | None = None
    hdiv_steps: int | None = None
    vdiv_range_mrad: Scalar | None = None
    vdiv_step_mrad: Scalar | None = None
    vdiv_steps: int | None = None
    round_div: bool = True
    dispersion_percent: Scalar = 0.0
    dispersion_steps: int | None = None
    sources: SourceTable | None = None
    beam_vector: Vector | None = None
    polar_vector: Vector | None = None
    direction: Vector | None = None
    polarization_normal: Vector | None = None
    polarization_fraction: Scalar | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.length("wavelength_A", self.wavelength_A, "Angstrom")
        kahn = checks.number("polarization_factor", self.polarization_factor)
        if not -1 <= kahn <= 1:
            raise InputError("polarization_factor", kahn, "Kahn's factor lies between -1 and 1")
        checks.flag("nopolar", self.nopolar)
        self._check_dose()
        self._check_spread()
        checks.instance("sources", self.sources, SourceTable)
        checks.direction("beam_vector", self.beam_vector)
        checks.direction("polar_vector", self.polar_vector)
        checks.direction("direction", self.direction)
        checks.direction("polarization_normal", self.polarization_normal)
        if self.polarization_fraction is not None:
            fraction = checks.number("polarization_fraction", self.polarization_fraction)
            if not 0 <= fraction <= 1:
                remedy = "a share of the intensity lies between 0 and 1 (0.5 is unpolarised)"
                raise InputError("polarization_fraction", fraction, remedy)

    def _check_dose(self) -> None:
        flux = checks.not_negative("flux", self.flux, "photons/s")
        checks.not_negative("exposure", self.exposure, "s")
        size = checks.not_negative("beamsize_mm", self.beamsize_mm, "mm")
        checks.not_negative("fluence", self.fluence, "photons/m^2")
        if flux and not size:
            raise InputError("beamsize_mm", size, "a flux needs a beam size greater than 0 mm")

    def _check_spread(self) -> None:
        for name in ("hdiv_range_mrad", "hdiv_step_mrad", "vdiv_range_mrad", "vdiv_step_mrad"):
            checks.optional_number(name, getattr(self, name), "mrad")
        width = checks.number("dispersion_percent", self.dispersion_percent, "percent")
        if width >= 200:
            remedy = "reaches wavelengths of 0 and below; must be less than 200 percent"
            raise InputError("dispersion_percent", width, remedy)
        for name in ("hdiv_steps", "vdiv_steps", "dispersion_steps"):
            checks.optional_count(name, getattr(self, name), least=0, most=MOST_STEPS)
        checks.flag("round_div", self.round_div)
