"""What of a detector or a crystal may not mean what the user thinks, or cannot be simulated."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator

from jaxtyping import Float
from torch import Tensor

from nb_core import (
    DetectorConvention,
    DetectorPivot,
    Experiment,
    InputError,
    NbWarning,
    Profile,
    SlipWarning,
    lacks_friedel_mates,
)
from nb_core.configs import plain_number, vector_tensor
from nb_core.conventions import AXES
from nb_core.units import rad_to_deg
from nb_physics.axes import LabAxes
from nb_physics.frame import DetectorFrame, beam_centre, meets_the_beam
from nb_physics.vectors import cross, dot, length, unit

SKEW_DEG = 0.1
"""Axes that are further off a right angle than this are told of."""

THROUGH_SAMPLE = 1e-9
"""Close distance, in pixels, below which a detector's plane goes through the sample."""


EDGE_ON_REMEDY = "its plane goes through the sample, edge on; move or turn it"

Told = tuple[int | None, str]
"""A warning, with the row of docs/behaviour.md where it is a slip that the reference keeps."""


def check_geometry(experiment: Experiment, axes: LabAxes, frame: DetectorFrame) -> None:
    """Warns (NbWarning) of a detector that may not stand as the user thinks, and (SlipWarning) of
    nanoBragg's slips that place it.

    Raises InputError for a plane through the sample; in the reference profile that is a warning.
    """
    for messages in (_of_axes, _of_angles, _of_place):
        for row, message in messages(experiment, axes, frame):
            if row is None:
                warnings.warn(message, NbWarning, stacklevel=3)
            else:
                warnings.warn(f"{message} (behaviour.md, row {row})", SlipWarning, stacklevel=3)


def crystal_note(experiment: Experiment, axes: LabAxes) -> str | None:
    """Says that the crystal stands in other axes than by default, where it does."""
    usual = AXES[DetectorConvention.MOSFLM]
    same = all(
        bool((vector.detach() - vector_tensor(convention)).abs().max() < 1e-3)
        for vector, convention in ((axes.beam, usual.beam), (axes.spindle, usual.spindle))
    )
    if same:
        return None
    beam, spindle = (_direction(vector) for vector in (axes.beam, axes.spindle))
    convention = "lab" if experiment.panels else experiment.plane.detector_convention.value
    return (
        f"{convention} axes: beam along {beam}, spindle along {spindle}; "
        "cell, misset and matrix stand in them, so the crystal is turned against mosflm's"
    )


def friedel_note(experiment: Experiment) -> str | None:
    """Says that a list holds one half of the reflections only, where it does."""
    factors = experiment.structure_factors
    if factors is None or factors.friedel or not lacks_friedel_mates(factors):
        return None
    return (
        f"the list {factors.source or 'of structure factors'} holds no Friedel mates: those "
        "reflections have default_F; -friedel (friedel = true in TOML) adds them"
    )


def _of_axes(experiment: Experiment, axes: LabAxes, frame: DetectorFrame) -> Iterator[Told]:
    detector, reference = experiment.plane, experiment.profile is Profile.REFERENCE
    if detector.detector_convention is not DetectorConvention.CUSTOM:
        return
    skew = 90.0 - _angle_deg(axes.fast, axes.slow)
    if abs(skew) > SKEW_DEG:
        yield (
            None,
            f"fdet_vector and sdet_vector are {90.0 - skew:.4g} degrees apart, not 90: "
            "pixels are taken as squares all the same",
        )
    square = unit(cross(axes.fast, axes.slow))
    if detector.odet_vector is None:
        tilt = _angle_deg(axes.normal, square)
        if reference and tilt > SKEW_DEG:
            yield (
                23,
                f"no odet_vector is given, so the normal stays along {_direction(axes.normal)}, "
                f"{tilt:.4g} degrees from fdet_vector x sdet_vector; the corrected profile takes "
                "that product",
            )
    else:
        given = unit(vector_tensor(detector.odet_vector))
        yield from _of_the_normal(given, square, axes, reference=reference)
    yield from _of_other_vectors(experiment, axes)


def _of_the_normal(
    given: Float[Tensor, "3"], square: Float[Tensor, "3"], axes: LabAxes, *, reference: bool
) -> Iterator[Told]:
    if axes.normal_regenerated:
        flipped = bool(dot(given, axes.normal).detach() < 0)
        where = ", which lies on its other side; the corrected profile keeps the side"
        yield (
            9,
            "odet_vector is not exactly 1 long: replaced by fdet_vector x sdet_vector"
            f"{where if flipped else ''}",
        )
        return
    tilt = _angle_deg(given, square)
    tilt = min(tilt, 180.0 - tilt)
    if tilt > SKEW_DEG:
        taken = "it counts all the same" if reference else "that is taken, on the side given"
        told = f"odet_vector is {tilt:.4g} degrees off fdet_vector x sdet_vector: {taken}"
        yield (9 if reference else None, told)


def _of_other_vectors(experiment: Experiment, axes: LabAxes) -> Iterator[Told]:
    detector, beam = experiment.plane, experiment.beam
    size = float(length(axes.twotheta).detach())
    if abs(size - 1.0) > 1e-6 and plain_number(detector.detector_twotheta_deg) != 0:
        yield (
            24,
            f"twotheta_axis is {size:.6g} long and turns as it is, which distorts the detector; "
            "the corrected profile makes it 1 long",
        )
    along = abs(float(dot(axes.beam, axes.polarization).detach())) > 1.0 - 1e-6
    if along and plain_number(beam.polarization_factor) != 0 and not beam.nopolar:
        yield None, "polar_vector lies along the beam: the direction of polarization is undefined"


def _of_angles(experiment: Experiment, axes: LabAxes, frame: DetectorFrame) -> Iterator[Told]:
    detector = experiment.plane
    for axis in ("rotx", "roty", "rotz", "twotheta"):
        degrees = plain_number(getattr(detector, f"detector_{axis}_deg"))
        if abs(degrees) > 360.0:
            turned = math.fmod(degrees, 360.0)
            told = f"detector_{axis}_deg {degrees:g} is more than one turn: as {turned:g} degrees"
            yield None, told


def _of_place(experiment: Experiment, axes: LabAxes, frame: DetectorFrame) -> Iterator[Told]:
    reference = experiment.profile is Profile.REFERENCE
    close_px = float((frame.close_distance / frame.pixel_size).detach())
    if close_px < THROUGH_SAMPLE:
        if not reference:
            raise InputError("detector", f"{close_px:.3g} pixels away", EDGE_ON_REMEDY)
        yield None, "the detector's plane goes through the sample: all pixels are seen edge on"
    elif frame.behind and not _origin_alone(experiment):
        yield (
            None,
            "the sample sees the back of the detector: its normal is turned round, "
            "where nanoBragg writes negative photons",
        )
    if not meets_the_beam(axes.beam, frame.normal) and frame.pivot is DetectorPivot.SAMPLE:
        yield (
            None,
            "the beam never meets the detector's plane: the point nearest the sample stands for "
            "distance and beam centre in headers",
        )
    moved = _moved_upstream(experiment, axes, frame)
    if moved is not None:
        yield moved


def _origin_alone(experiment: Experiment) -> bool:
    """Whether the origin says where the detector stands, and nothing which side it shows."""
    detector = experiment.plane
    given = detector.pix0_vector_m is not None and experiment.profile is Profile.CORRECTED
    return given and detector.odet_vector is None


def _moved_upstream(experiment: Experiment, axes: LabAxes, frame: DetectorFrame) -> Told | None:
    """What to say of a detector no part of which is downstream of the sample."""
    detector = experiment.plane
    if experiment.profile is Profile.REFERENCE and frame.pivot is DetectorPivot.BEAM:
        centre = beam_centre(detector, experiment.profile)
        hit = frame.origin + centre.beam_fast * frame.fast + centre.beam_slow * frame.slow
        if dot(hit, axes.beam) < 0 <= dot(axes.beam, axes.normal):
            return (
                47,
                "the detector is turned by more than a right angle about the beam, so it moves "
                "upstream of the sample; the corrected profile keeps its beam centre in place",
            )
    edges = [(fast, slow) for fast in (0, detector.fpixels) for slow in (0, detector.spixels)]
    corners = [
        frame.origin + frame.pixel_size * (fast * frame.fast + slow * frame.slow)
        for fast, slow in edges
    ]
    if all(bool(dot(corner, axes.beam).detach() < 0) for corner in corners):
        return None, "the detector stands upstream of the sample: it sees what is scattered back"
    return None


def _angle_deg(v: Float[Tensor, "3"], w: Float[Tensor, "3"]) -> float:
    """The angle between two unit vectors, 0 to 180 degrees."""
    return rad_to_deg(math.atan2(float(length(cross(v, w)).detach()), float(dot(v, w).detach())))


def _direction(vector: Float[Tensor, "3"]) -> str:
    return "(" + " ".join(f"{part + 0.0:.4g}" for part in vector.detach().tolist()) + ")"
