"""The unit vectors of the laboratory, as the convention or the user sets them."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from nb_core import Experiment
from nb_core.configs.checks import Vector, vector_tensor
from nb_core.conventions import AXES
from nb_physics.vectors import cross, length, unit


@dataclass(frozen=True, eq=False)
class LabAxes:
    """Unit vectors in the lab frame, before the detector is rotated; each of shape (3,).

    beam: along the incident beam; fast, slow, normal: of the detector
    twotheta, spindle: rotation axes; polarization: E vector; vertical: beam x polarization
    normal_regenerated: whether the normal was made from fast x slow
    """

    beam: Float[Tensor, "3"]
    fast: Float[Tensor, "3"]
    slow: Float[Tensor, "3"]
    normal: Float[Tensor, "3"]
    twotheta: Float[Tensor, "3"]
    polarization: Float[Tensor, "3"]
    vertical: Float[Tensor, "3"]
    spindle: Float[Tensor, "3"]
    normal_regenerated: bool


def lab_axes(experiment: Experiment) -> LabAxes:
    """The axes of the experiment's convention, with the vectors that the user gave.

    A detector normal whose length is not exactly 1 is replaced by fast x slow, as in nanoBragg.
    """
    detector, beam = experiment.detector, experiment.beam
    axes = AXES[detector.detector_convention]

    def given(vector: Vector | None, convention: Vector) -> Tensor:
        return vector_tensor(convention if vector is None else vector)

    fast = unit(given(detector.fdet_vector, axes.fast))
    slow = unit(given(detector.sdet_vector, axes.slow))
    normal = given(detector.odet_vector, axes.normal)
    regenerated = bool(length(normal.detach()) != 1.0)
    along = unit(given(beam.beam_vector, axes.beam))
    polarization = unit(given(beam.polar_vector, axes.polarization))
    return LabAxes(
        beam=along,
        fast=fast,
        slow=slow,
        normal=unit(cross(fast, slow)) if regenerated else normal,
        twotheta=given(detector.twotheta_axis, axes.twotheta),
        polarization=polarization,
        vertical=unit(cross(along, polarization)),
        spindle=unit(given(experiment.crystal.spindle_axis, axes.spindle)),
        normal_regenerated=regenerated,
    )
