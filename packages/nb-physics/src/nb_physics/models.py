"""Crystal, Detector and Simulator: the simulation as objects."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Generic, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import (
    BeamConfig,
    CrystalConfig,
    DetectorConfig,
    Experiment,
    InputError,
    Profile,
    Recorder,
    did_you_mean,
)
from nb_core import Detector as Panels
from nb_core.configs import choice, positive
from nb_physics.arguments import expect
from nb_physics.axes import lab_axes
from nb_physics.devices import available_device, computing_device
from nb_physics.frame import DetectorFrame, place_detector
from nb_physics.loop import Progress
from nb_physics.orientation import UnitCell, unit_cell
from nb_physics.simulate import simulate

Config = TypeVar("Config", CrystalConfig, DetectorConfig)


class _Model(Generic[Config]):
    """A configuration, and the precision and device that its vectors are given in."""

    kind: ClassVar[type]

    def __init__(
        self,
        config: Config,
        *,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str = "cpu",
    ) -> None:
        expect("config", config, self.kind, f"expected a {self.kind.__name__}")
        self.config: Config = config
        self.device = computing_device(device, dtype)
        self.dtype = dtype

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.config!r}, dtype={self.dtype}, device={self.device})"


class Crystal(_Model[CrystalConfig]):
    """A crystal, with its cell vectors on a device."""

    kind = CrystalConfig

    def unit_cell(
        self, wavelength_A: float = 1.0, profile: Profile = Profile.CORRECTED
    ) -> UnitCell:
        """The oriented cell; the wavelength (Angstrom) counts with an A matrix only."""
        positive("wavelength_A", wavelength_A, "Angstrom")
        return unit_cell(self.config, wavelength_A, choice("profile", profile, Profile))

    @property
    def real_vectors(self) -> Float[Tensor, "3 3"]:
        """a, b, c in Angstrom (first axis: which vector) at phi = 0."""
        return self.unit_cell().real.to(self.device, self.dtype)

    @property
    def reciprocal_vectors(self) -> Float[Tensor, "3 3"]:
        """a*, b*, c* in 1/Angstrom (first axis: which vector) at phi = 0."""
        return self.unit_cell().reciprocal.to(self.device, self.dtype)


class Detector(_Model[DetectorConfig]):
    """A detector, with its place in the laboratory."""

    kind = DetectorConfig

    def frame(
        self, beam_config: BeamConfig | None = None, profile: Profile = Profile.CORRECTED
    ) -> DetectorFrame:
        """The placed detector; a beam matters where it brings a direction of its own."""
        experiment = Experiment(
            CrystalConfig(cell_a=1.0), self.config, beam_config or BeamConfig(), profile=profile
        )
        return place_detector(self.config, lab_axes(experiment), experiment.profile)

    @property
    def pix0_vector(self) -> Float[Tensor, "3"]:
        """The outer corner of the first pixel, metres."""
        return self.frame().origin.to(self.device, self.dtype)


class Simulator:
    """Simulates the image of a crystal on a detector, nanoBragg's or one of panels.

    more: fields of Experiment (sampling, background, structure_factors, roi, mask, profile)
    Raises InputError for any other.
    """

    def __init__(
        self,
        crystal: Crystal,
        detector: Detector | Panels,
        crystal_config: CrystalConfig | None = None,
        beam_config: BeamConfig | None = None,
        *,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str = "cpu",
        **more: Any,
    ) -> None:
        expect("crystal", crystal, Crystal, "expected a Crystal; Crystal(config) makes one")
        if not isinstance(detector, Panels):
            expect(
                "detector", detector, Detector, "expected a Detector; Detector(config) makes one"
            )
        known = [field.name for field in dataclasses.fields(Experiment)][3:]
        for name, value in more.items():
            if name not in known:
                remedy = f"{did_you_mean(name, known)}Simulator takes: {', '.join(known)}"
                raise InputError(name, value, remedy)
        self.experiment = Experiment(
            crystal_config or crystal.config,
            detector if isinstance(detector, Panels) else detector.config,
            beam_config or BeamConfig(),
            **more,
        )
        self.dtype = dtype
        self.device = available_device(device)

    def __repr__(self) -> str:
        where = f"dtype={self.dtype}, device={self.device}"
        return f"Simulator({self.experiment!r}, {where})"

    def run(
        self, *, recorder: Recorder | None = None, progress: Progress | None = None
    ) -> Float[Tensor, "*panel slow fast"]:
        """The image, photons per pixel, in the simulator's precision, as of `simulate`."""
        return simulate(
            self.experiment,
            device=self.device,
            dtype=self.dtype,
            recorder=recorder,
            progress=progress,
        )
