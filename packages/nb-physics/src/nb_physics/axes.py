"""The unit vectors of the laboratory, as the convention or the user sets them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import Detector, DetectorConvention, Experiment, InputError, Profile
from nb_core.configs import Vector, vector_tensor
from nb_core.conventions import AXES
from nb_core.showing import Brief
from nb_physics.vectors import cross, dot, length, squarable, unit

_X, _Y, _Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)

PARALLEL = 1e-6
"""Sine of the angle between two axes below which they are taken as parallel."""


@dataclass(frozen=True, eq=False, repr=False)
class LabAxes(Brief):
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

    Reference: a detector normal whose length is not exactly 1 is replaced by fast x slow, and one
    that is not given stays the convention's, as in nanoBragg; the two-theta axis keeps its length.
    Corrected: the normal of a CUSTOM detector is fast x slow, on the side of the one given, else
    of the beam.
    Raises InputError where fast and slow are parallel, or the normal lies in their plane.
    """
    if isinstance(experiment.detector, Detector):
        return _axes_with_panels(experiment, experiment.detector)
    detector, beam = experiment.detector, experiment.beam
    reference = experiment.profile is Profile.REFERENCE
    axes = AXES[detector.detector_convention]

    def given(vector: Vector | None, convention: Vector) -> Tensor:
        return squarable(vector_tensor(convention if vector is None else vector))

    fast = unit(given(detector.fdet_vector, axes.fast))
    slow = unit(given(detector.sdet_vector, axes.slow))
    along = unit(given(beam.beam_vector, axes.beam))
    normal = given(detector.odet_vector, axes.normal)
    square = _square_to(fast, slow)
    regenerated = reference and bool(length(normal.detach()) != 1.0)
    if regenerated:
        normal = square
    elif not reference and detector.detector_convention is DetectorConvention.CUSTOM:
        normal = _on_the_side_of(along if detector.odet_vector is None else normal, square)
        if detector.odet_vector is not None:
            _refuse_in_plane(given(detector.odet_vector, axes.normal), square)
    twotheta = given(detector.twotheta_axis, axes.twotheta)
    polarization = unit(given(beam.polar_vector, axes.polarization))
    return LabAxes(
        beam=along,
        fast=fast,
        slow=slow,
        normal=normal,
        twotheta=twotheta if reference else unit(twotheta),
        polarization=polarization,
        vertical=unit(cross(along, polarization)),
        spindle=unit(given(experiment.crystal.spindle_axis, axes.spindle)),
        normal_regenerated=regenerated,
    )


def _axes_with_panels(experiment: Experiment, detector: Detector) -> LabAxes:
    """The axes of an experiment with panels; fast, slow and normal are those of the first panel."""
    beam, first = experiment.beam, detector.panels[0]

    def given(vector: Vector | None, default: Vector) -> Tensor:
        return unit(squarable(vector_tensor(default if vector is None else vector)))

    along, spindle = given(beam.direction, _Z), given(experiment.goniometer.axis, _X)
    plane_normal = given(beam.polarization_normal, _Y)
    electric = cross(plane_normal, along)
    if length(electric.detach()) < PARALLEL:
        if beam.polarization_normal is not None:
            remedy = "lies along the beam; the plane of polarization contains the beam"
            raise InputError("polarization_normal", _shown(plane_normal), remedy)
        electric = cross(given(None, _Z), along)
    fast, slow = given(first.fast_axis, _X), given(first.slow_axis, _Y)
    electric = unit(electric)
    return LabAxes(
        beam=along,
        fast=fast,
        slow=slow,
        normal=unit(cross(fast, slow)),
        twotheta=spindle,
        polarization=electric,
        vertical=unit(cross(along, electric)),
        spindle=spindle,
        normal_regenerated=False,
    )


def _square_to(fast: Float[Tensor, "3"], slow: Float[Tensor, "3"]) -> Float[Tensor, "3"]:
    """The unit vector along fast x slow."""
    product = cross(fast, slow)
    if length(product.detach()) < PARALLEL:
        shown = f"{_shown(fast)} and {_shown(slow)}"
        remedy = "the fast and the slow axis are parallel; a detector needs two directions"
        raise InputError("fdet_vector, sdet_vector", shown, remedy)
    return unit(product)


def _on_the_side_of(wanted: Float[Tensor, "3"], normal: Float[Tensor, "3"]) -> Float[Tensor, "3"]:
    return torch.where(dot(wanted, normal) < 0, -normal, normal)


def _refuse_in_plane(given: Float[Tensor, "3"], square: Float[Tensor, "3"]) -> None:
    if abs(dot(unit(given), square).detach()) < PARALLEL:
        remedy = (
            "lies in the plane of fdet_vector and sdet_vector, so it names no side; leave it out"
        )
        raise InputError("odet_vector", _shown(given), remedy)


def _shown(vector: Float[Tensor, "3"]) -> tuple[float, ...]:
    return tuple(float(f"{part:.6g}") for part in vector.detach().tolist())
