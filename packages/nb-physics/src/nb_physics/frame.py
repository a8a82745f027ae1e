"""Where the detector stands: its origin and axes after all rotations."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import DetectorConfig, DetectorConvention, DetectorPivot, Profile
from nb_core.configs.checks import Scalar, scalar_tensor, vector_tensor
from nb_core.conventions import PIVOTS
from nb_core.units import deg_to_rad, m_to_mm, mm_to_m
from nb_physics.axes import LabAxes
from nb_physics.vectors import dot, rotate_about, rotate_xyz


@dataclass(frozen=True, eq=False)
class DetectorFrame:
    """A detector in the laboratory. Lengths in metres, vectors of shape (3,).

    fast, slow, normal: unit vectors; origin: outer corner of the first pixel (pix0_vector)
    beam: unit vector along the beam
    distance: along the beam, close_distance: along the normal
    beam_fast, beam_slow: where the beam hits; close_fast, close_slow: point nearest the sample
    beam_center_x, beam_center_y: the direct beam as the convention states it
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


def beam_centre(detector: DetectorConfig) -> BeamCentre:
    """The beam centre by the rules of the convention, with its defaults.

    MOSFLM and DENZO give x along the slow axis; MOSFLM counts from half a pixel outside; ADXV
    counts y from the far end of the slow axis.
    """
    pixel = mm_to_m(scalar_tensor(detector.pixel_size_mm))
    size_fast = _size(detector.detsize_f_mm, pixel, detector.fpixels)
    size_slow = _size(detector.detsize_s_mm, pixel, detector.spixels)
    close_fast = _origin(detector.orgx_px, pixel, size_fast)
    close_slow = _origin(detector.orgy_px, pixel, size_slow)
    convention = detector.detector_convention
    if convention in (DetectorConvention.MOSFLM, DetectorConvention.DENZO):
        x = _given(detector.beam_center_x_mm, (size_slow + pixel) / 2.0)
        y = _given(detector.beam_center_y_mm, (size_fast + pixel) / 2.0)
        shift = 0.5 * pixel if convention is DetectorConvention.MOSFLM else 0.0 * pixel
        return BeamCentre(x, y, y + shift, x + shift, close_fast, close_slow)
    if convention is DetectorConvention.ADXV:
        x = _given(detector.beam_center_x_mm, (size_fast + pixel) / 2.0)
        y = _given(detector.beam_center_y_mm, (size_slow - pixel) / 2.0)
        return BeamCentre(x, y, x, size_slow - y, close_fast, close_slow)
    x = _given(detector.beam_center_x_mm, _given(detector.close_x_mm, close_fast))
    y = _given(detector.beam_center_y_mm, _given(detector.close_y_mm, close_slow))
    if convention is DetectorConvention.CUSTOM:
        return BeamCentre(x, y, x, y, x, y)
    return BeamCentre(x, y, x, y, close_fast, close_slow)


def place_detector(detector: DetectorConfig, axes: LabAxes, profile: Profile) -> DetectorFrame:
    """Places and rotates the detector: rotations about x, y, z, then the two-theta arm.

    A pivot on the beam keeps the beam centre at `distance` along the beam; a pivot on the sample
    turns the whole plane about the sample. In the corrected profile `pix0_vector_m` is the origin.
    """
    angles = torch.stack(
        [
            deg_to_rad(scalar_tensor(angle))
            for angle in (
                detector.detector_rotx_deg,
                detector.detector_roty_deg,
                detector.detector_rotz_deg,
            )
        ]
    )
    twotheta = deg_to_rad(scalar_tensor(detector.detector_twotheta_deg))

    def turned(v: Tensor) -> Tensor:
        return rotate_about(rotate_xyz(v, angles), axes.twotheta, twotheta)

    ratio = dot(axes.beam, rotate_xyz(axes.normal, angles))
    ratio = torch.where(ratio == 0, torch.full_like(ratio, torch.finfo(ratio.dtype).tiny), ratio)
    if detector.close_distance_mm is None:
        close_distance = torch.abs(ratio * mm_to_m(scalar_tensor(detector.distance_mm)))
    else:
        close_distance = mm_to_m(scalar_tensor(detector.close_distance_mm))
    centre = beam_centre(detector)
    fast, slow, normal = turned(axes.fast), turned(axes.slow), turned(axes.normal)
    pivot = effective_pivot(detector, profile)
    if detector.pix0_vector_m is not None and profile is Profile.CORRECTED:
        origin = vector_tensor(detector.pix0_vector_m)
    elif pivot is DetectorPivot.SAMPLE:
        flat = -centre.close_fast * axes.fast - centre.close_slow * axes.slow
        origin = turned(flat + close_distance * axes.normal)
    else:
        distance = close_distance / ratio
        origin = -centre.beam_fast * fast - centre.beam_slow * slow + distance * axes.beam
    return _frame(detector, axes, centre, ratio, fast, slow, normal, origin, pivot)


def _frame(
    detector: DetectorConfig,
    axes: LabAxes,
    centre: BeamCentre,
    ratio: Float[Tensor, ""],
    fast: Float[Tensor, "3"],
    slow: Float[Tensor, "3"],
    normal: Float[Tensor, "3"],
    origin: Float[Tensor, "3"],
    pivot: DetectorPivot,
) -> DetectorFrame:
    """Reads the distances and beam centres back off the placed detector.

    The distance follows from a ratio that knows the rotations but not two-theta, as in nanoBragg.
    """
    pixel = mm_to_m(scalar_tensor(detector.pixel_size_mm))
    close_distance = dot(origin, normal)
    distance = close_distance / ratio
    to_beam = distance * axes.beam - origin
    return DetectorFrame(
        fast=fast,
        slow=slow,
        normal=normal,
        origin=origin,
        beam=axes.beam,
        pixel_size=pixel,
        size_slow=_size(detector.detsize_s_mm, pixel, detector.spixels),
        distance=distance,
        close_distance=close_distance,
        beam_fast=dot(fast, to_beam),
        beam_slow=dot(slow, to_beam),
        close_fast=-dot(origin, fast),
        close_slow=-dot(origin, slow),
        beam_center_x=centre.x,
        beam_center_y=centre.y,
        pivot=pivot,
    )


def _size(size_mm: Scalar | None, pixel: Float[Tensor, ""], pixels: int) -> Float[Tensor, ""]:
    return pixel * pixels if size_mm is None else mm_to_m(scalar_tensor(size_mm))


def _origin(
    origin_px: Scalar | None, pixel: Float[Tensor, ""], size: Float[Tensor, ""]
) -> Float[Tensor, ""]:
    return size / 2.0 if origin_px is None else (scalar_tensor(origin_px) - 0.5) * pixel


def _given(value_mm: Scalar | None, default: Float[Tensor, ""]) -> Float[Tensor, ""]:
    return default if value_mm is None else mm_to_m(scalar_tensor(value_mm))
