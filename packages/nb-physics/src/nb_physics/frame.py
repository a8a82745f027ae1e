"""Where the detector stands: its origin and axes after all rotations."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import DetectorConfig, DetectorConvention, DetectorPivot, InputError, Profile
from nb_core.configs import Scalar, scalar_tensor, vector_tensor
from nb_core.conventions import PIVOTS, beam_point_to_centre, centre_to_beam_point
from nb_core.showing import Brief
from nb_core.units import deg_to_rad, m_to_mm, mm_to_m
from nb_physics.axes import LabAxes
from nb_physics.vectors import dot, rotate_about, rotate_xyz

EDGE_ON = 1e-10
"""Cosine of normal and beam below which a plane is taken as parallel to the beam."""

OWN_CENTRE = (DetectorConvention.MOSFLM, DetectorConvention.DENZO, DetectorConvention.ADXV)
"""The conventions whose beam centre does not come from the point nearest the sample."""


@dataclass(frozen=True, eq=False, repr=False)
class DetectorFrame(Brief):
    """A detector in the laboratory. Lengths in metres, vectors of shape (3,).

    fast, slow, normal: unit vectors; origin: outer corner of the first pixel (pix0_vector)
    beam: unit vector along the beam
    distance: along the beam, close_distance: along the normal
    beam_fast, beam_slow: where the beam hits; close_fast, close_slow: point nearest the sample
    beam_center_x, beam_center_y: the direct beam as the convention states it
    pivot: what stayed in place; behind: whether the sample sees the back of the axes as given,
        so that the normal was turned round
    """

    fast: Float[Tensor, "3"]
    slow: Float[Tensor, "3"]
    normal: Float[Tensor, "3"]
    origin: Float[Tensor, "3"]
    beam: Float[Tensor, "3"]
    pixel_size: Float[Tensor, ""]
    size_slow: Float[Tensor, ""]
    distance: Float[Tensor, ""]
    close_distance: Float[Tensor, ""]
    beam_fast: Float[Tensor, ""]
    beam_slow: Float[Tensor, ""]
    close_fast: Float[Tensor, ""]
    close_slow: Float[Tensor, ""]
    beam_center_x: Float[Tensor, ""]
    beam_center_y: Float[Tensor, ""]
    pivot: DetectorPivot
    behind: bool

    @property
    def dials_origin_mm(self) -> tuple[float, float, float]:
        """The origin in the axes that DIALS uses by default, millimetres."""
        x, y, z = (float(m_to_mm(part)) for part in self.origin.detach())
        return z, y, -x


@dataclass(frozen=True, eq=False)
class BeamCentre:
    """Detector coordinates (metres) of the direct beam and of the point nearest the sample."""

    x: Float[Tensor, ""]
    y: Float[Tensor, ""]
    beam_fast: Float[Tensor, ""]
    beam_slow: Float[Tensor, ""]
    close_fast: Float[Tensor, ""]
    close_slow: Float[Tensor, ""]


def effective_pivot(detector: DetectorConfig, profile: Profile) -> DetectorPivot:
    """What the detector turns about: in the reference profile the convention overrides it."""
    convention = PIVOTS[detector.detector_convention]
    if detector.detector_pivot is None:
        return convention
    custom = detector.detector_convention is DetectorConvention.CUSTOM
    return detector.detector_pivot if custom or profile is Profile.CORRECTED else convention


def beam_centre(detector: DetectorConfig, profile: Profile) -> BeamCentre:
    """The beam centre by the rules of the convention, with its defaults.

    XDS, DIALS and CUSTOM take one that is not given from the point nearest the sample; MOSFLM,
    DENZO and ADXV do so in the corrected profile, where `orgx_px`, `orgy_px` name that point.
    """
    pixel = mm_to_m(scalar_tensor(detector.pixel_size_mm))
    size_fast = _size(detector.detsize_f_mm, pixel, detector.fpixels)
    size_slow = _size(detector.detsize_s_mm, pixel, detector.spixels)
    close_fast = _origin(detector.orgx_px, pixel, size_fast)
    close_slow = _origin(detector.orgy_px, pixel, size_slow)
    convention = detector.detector_convention
    if convention in (DetectorConvention.MOSFLM, DetectorConvention.DENZO):
        default = (size_slow + pixel) / 2.0, (size_fast + pixel) / 2.0
    elif convention is DetectorConvention.ADXV:
        default = (size_fast + pixel) / 2.0, (size_slow - pixel) / 2.0
    else:
        close_x = _given(detector.close_x_mm, close_fast)
        default = close_x, _given(detector.close_y_mm, close_slow)
    if profile is Profile.CORRECTED and convention in OWN_CENTRE:
        fast, slow = centre_to_beam_point(convention, *default, pixel, size_slow)
        if (detector.orgx_px, detector.orgy_px) != (None, None):
            fast = fast if detector.orgx_px is None else close_fast
            slow = slow if detector.orgy_px is None else close_slow
            default = beam_point_to_centre(convention, fast, slow, pixel, size_slow)
    x = _given(detector.beam_center_x_mm, default[0])
    y = _given(detector.beam_center_y_mm, default[1])
    fast, slow = centre_to_beam_point(convention, x, y, pixel, size_slow)
    if convention is DetectorConvention.CUSTOM:
        close_fast, close_slow = x, y
    return BeamCentre(x, y, fast, slow, close_fast, close_slow)


def place_detector(detector: DetectorConfig, axes: LabAxes, profile: Profile) -> DetectorFrame:
    """Places and rotates the detector: rotations about x, y, z, then the two-theta arm.

    A pivot on the beam keeps the beam centre at `distance` along the beam; a pivot on the sample
    turns the whole plane about the sample. In the corrected profile `pix0_vector_m` is the origin.
    The normal of the placed detector looks away from the sample.
    Raises InputError for a plane that is parallel to the beam and shall be hit by it.
    """
    angles = torch.stack(
        [
            _angle(angle, profile)
            for angle in (
                detector.detector_rotx_deg,
                detector.detector_roty_deg,
                detector.detector_rotz_deg,
            )
        ]
    )
    twotheta = _angle(detector.detector_twotheta_deg, profile)

    def turned(v: Tensor) -> Tensor:
        return rotate_about(rotate_xyz(v, angles), axes.twotheta, twotheta)

    pivot = effective_pivot(detector, profile)
    nanobraggs = profile is Profile.REFERENCE or pivot is DetectorPivot.SAMPLE
    facing = rotate_xyz(axes.normal, angles) if nanobraggs else turned(axes.normal)
    ratio = _ratio(axes, facing, pivot, profile)
    if detector.close_distance_mm is None:
        close_distance = torch.abs(ratio * mm_to_m(scalar_tensor(detector.distance_mm)))
    else:
        close_distance = mm_to_m(scalar_tensor(detector.close_distance_mm))
    centre = beam_centre(detector, profile)
    fast, slow, normal = turned(axes.fast), turned(axes.slow), turned(axes.normal)
    distance = None
    if detector.pix0_vector_m is not None and profile is Profile.CORRECTED:
        origin = vector_tensor(detector.pix0_vector_m)
        ratio = dot(axes.beam, normal)
    elif pivot is DetectorPivot.SAMPLE:
        flat = -centre.close_fast * axes.fast - centre.close_slow * axes.slow
        origin = turned(flat + close_distance * axes.normal)
        ratio = ratio if profile is Profile.REFERENCE else dot(axes.beam, normal)
    else:
        _refuse_infinity(detector, ratio)
        distance = close_distance / ratio
        origin = -centre.beam_fast * fast - centre.beam_slow * slow + distance * axes.beam
    placed = _Placed(fast, slow, normal, origin, ratio, distance)
    return _frame(detector, axes, centre, placed, pivot, profile)


@dataclass(frozen=True, eq=False)
class _Placed:
    """A detector after all rotations, its normal not yet turned away from the sample.

    ratio: cosine of normal and beam; distance: along the beam, where the beam centre was kept
    """

    fast: Float[Tensor, "3"]
    slow: Float[Tensor, "3"]
    normal: Float[Tensor, "3"]
    origin: Float[Tensor, "3"]
    ratio: Float[Tensor, ""]
    distance: Float[Tensor, ""] | None


def _angle(angle_deg: Scalar, profile: Profile) -> Float[Tensor, ""]:
    """Radians; corrected: less than one turn, so that no digit of a large angle is lost."""
    degrees = scalar_tensor(angle_deg)
    return deg_to_rad(degrees if profile is Profile.REFERENCE else torch.fmod(degrees, 360.0))


def _ratio(
    axes: LabAxes, turned: Float[Tensor, "3"], pivot: DetectorPivot, profile: Profile
) -> Float[Tensor, ""]:
    """Close distance over distance: the cosine of the beam and the turned normal.

    Reference: with its sign, so that a beam centre moves upstream once the detector is turned by
    more than a right angle. Corrected: the beam centre stays on the side of the sample where it is.
    """
    ratio = dot(axes.beam, turned)
    ratio = torch.where(ratio == 0, torch.full_like(ratio, torch.finfo(ratio.dtype).tiny), ratio)
    if profile is Profile.REFERENCE or pivot is DetectorPivot.SAMPLE:
        return ratio
    return torch.where(dot(axes.beam, axes.normal) < 0, -torch.abs(ratio), torch.abs(ratio))


def meets_the_beam(beam: Float[Tensor, "3"], normal: Float[Tensor, "3"]) -> bool:
    """Whether a plane with this normal meets the beam; one that is parallel never does."""
    return not _is_parallel(dot(beam, normal))


def _is_parallel(cosine: Float[Tensor, ""]) -> bool:
    return abs(float(cosine.detach())) < EDGE_ON


def _refuse_infinity(detector: DetectorConfig, ratio: Float[Tensor, ""]) -> None:
    if detector.close_distance_mm is not None and _is_parallel(ratio):
        remedy = (
            "the detector's plane is parallel to the beam, which never meets it; "
            "turn about the sample (-pivot sample), or give distance_mm in its place"
        )
        raise InputError("close_distance_mm", detector.close_distance_mm, remedy)


def _frame(
    detector: DetectorConfig,
    axes: LabAxes,
    centre: BeamCentre,
    placed: _Placed,
    pivot: DetectorPivot,
    profile: Profile,
) -> DetectorFrame:
    """Reads the distances and beam centres back off the placed detector.

    Reference: the distance follows from a ratio that knows the rotations but not two-theta, as in
    nanoBragg, and the beam centre from that. Corrected: where the beam meets the plane.
    Where the beam never meets the plane, the point nearest the sample stands in for its centre.
    """
    pixel = mm_to_m(scalar_tensor(detector.pixel_size_mm))
    fast, slow, origin = placed.fast, placed.slow, placed.origin
    along_normal = dot(origin, placed.normal)
    behind = bool(along_normal.detach() < 0)
    close_distance = -along_normal if behind else along_normal
    close_fast, close_slow = -dot(origin, fast), -dot(origin, slow)
    kept = detector.pix0_vector_m is None and pivot is DetectorPivot.BEAM
    signed = profile is Profile.REFERENCE or not kept
    distance = _distance(placed, along_normal if signed else close_distance, close_distance)
    meets = placed.distance is not None or not _is_parallel(placed.ratio)
    to_beam = distance * axes.beam - origin if meets else -origin
    beam_fast, beam_slow = dot(fast, to_beam), dot(slow, to_beam)
    return DetectorFrame(
        fast=fast,
        slow=slow,
        normal=-placed.normal if behind else placed.normal,
        origin=origin,
        beam=axes.beam,
        pixel_size=pixel,
        size_slow=_size(detector.detsize_s_mm, pixel, detector.spixels),
        distance=distance,
        close_distance=close_distance,
        beam_fast=beam_fast,
        beam_slow=beam_slow,
        close_fast=close_fast,
        close_slow=close_slow,
        beam_center_x=centre.x,
        beam_center_y=centre.y,
        pivot=pivot,
        behind=behind,
    )


def _distance(
    placed: _Placed, along_normal: Float[Tensor, ""], close_distance: Float[Tensor, ""]
) -> Float[Tensor, ""]:
    """Along the beam; where that never meets the plane, as given, else the nearest distance."""
    if not _is_parallel(placed.ratio):
        return along_normal / placed.ratio
    return close_distance if placed.distance is None else placed.distance


def _size(size_mm: Scalar | None, pixel: Float[Tensor, ""], pixels: int) -> Float[Tensor, ""]:
    return pixel * pixels if size_mm is None else mm_to_m(scalar_tensor(size_mm))


def _origin(
    origin_px: Scalar | None, pixel: Float[Tensor, ""], size: Float[Tensor, ""]
) -> Float[Tensor, ""]:
    return size / 2.0 if origin_px is None else (scalar_tensor(origin_px) - 0.5) * pixel


def _given(value_mm: Scalar | None, default: Float[Tensor, ""]) -> Float[Tensor, ""]:
    return default if value_mm is None else mm_to_m(scalar_tensor(value_mm))
