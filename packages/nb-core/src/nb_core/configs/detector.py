"""The detector: pixels, place, orientation and sensor."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nb_core.configs import checks
from nb_core.configs.base import Config
from nb_core.configs.checks import Scalar, Vector
from nb_core.conventions import DetectorConvention, DetectorPivot
from nb_core.errors import InputError
from nb_core.sweeps import MOST_STEPS


@dataclass(frozen=True, eq=False, repr=False)
class DetectorConfig(Config):
    """A flat (or curved) detector. Continuous fields take a float or a tensor.

    fpixels, spixels: pixels along the fast and the slow axis
    detsize_f_mm, detsize_s_mm: width where it is no whole number of pixels (moves the default
        beam centre); default pixels x pixel size
    distance_mm: along the beam; close_distance_mm: along the detector normal, wins over it
    beam_center_x_mm, beam_center_y_mm: direct beam, in the axes of the convention
    orgx_px, orgy_px: XDS origin; close_x_mm, close_y_mm: point nearest to the sample
    detector_rotx_deg, _roty_, _rotz_: rotations about lab x, then y, then z
    detector_twotheta_deg: then about the two-theta axis
    detector_pivot: None takes the convention's; another one counts in the corrected profile only,
        or with CUSTOM
    fdet_vector, sdet_vector, odet_vector, twotheta_axis, pix0_vector_m: with CUSTOM only
    curved_detector: every pixel at the same distance; point_pixel: no obliquity
    detector_abs_um: attenuation depth of the sensor (inf: none), detector_thick_um: its thickness,
        detector_thicksteps: layers
    """

    fpixels: int = 1024
    spixels: int = 1024
    pixel_size_mm: Scalar = 0.1
    detsize_f_mm: Scalar | None = None
    detsize_s_mm: Scalar | None = None
    distance_mm: Scalar = 100.0
    close_distance_mm: Scalar | None = None
    detector_convention: DetectorConvention = DetectorConvention.MOSFLM
    detector_pivot: DetectorPivot | None = None
    beam_center_x_mm: Scalar | None = None
    beam_center_y_mm: Scalar | None = None
    close_x_mm: Scalar | None = None
    close_y_mm: Scalar | None = None
    orgx_px: Scalar | None = None
    orgy_px: Scalar | None = None
    detector_rotx_deg: Scalar = 0.0
    detector_roty_deg: Scalar = 0.0
    detector_rotz_deg: Scalar = 0.0
    detector_twotheta_deg: Scalar = 0.0
    fdet_vector: Vector | None = None
    sdet_vector: Vector | None = None
    odet_vector: Vector | None = None
    twotheta_axis: Vector | None = None
    pix0_vector_m: Vector | None = None
    curved_detector: bool = False
    point_pixel: bool = False
    detector_abs_um: Scalar | None = None
    detector_thick_um: Scalar = 0.0
    detector_thicksteps: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.choose("detector_convention", DetectorConvention)
        if self.detector_pivot is not None:
            self.choose("detector_pivot", DetectorPivot)
        self._check_pixels()
        self._check_place()
        self._check_vectors()
        self._check_sensor()
        checks.flag("curved_detector", self.curved_detector)
        checks.flag("point_pixel", self.point_pixel)

    def _check_pixels(self) -> None:
        checks.count("fpixels", self.fpixels)
        checks.count("spixels", self.spixels)
        if self.fpixels * self.spixels >= 2**31:
            shape = f"{self.spixels} x {self.fpixels}"
            raise InputError("fpixels, spixels", shape, "an image has fewer than 2^31 pixels")
        pixel = checks.length("pixel_size_mm", self.pixel_size_mm, "mm")
        for name, pixels in (("detsize_f_mm", self.fpixels), ("detsize_s_mm", self.spixels)):
            size = getattr(self, name)
            if size is None:
                continue
            plain = checks.positive(name, size, "mm")
            if pixels_across(plain, pixel) != pixels:
                remedy = f"does not match {pixels} pixels of {pixel:g} mm; leave one of them out"
                raise InputError(name, plain, remedy)

    def _check_place(self) -> None:
        checks.length("distance_mm", self.distance_mm, "mm")
        if self.close_distance_mm is not None:
            checks.length("close_distance_mm", self.close_distance_mm, "mm")
        for name in ("beam_center_x_mm", "beam_center_y_mm", "close_x_mm", "close_y_mm"):
            if getattr(self, name) is not None:
                checks.coordinate(name, getattr(self, name), "mm")
        for name in ("orgx_px", "orgy_px"):
            checks.optional_number(name, getattr(self, name), "pixels")
        for axis in ("rotx", "roty", "rotz", "twotheta"):
            name = f"detector_{axis}_deg"
            checks.number(name, getattr(self, name), "degrees")

    def _check_vectors(self) -> None:
        custom = self.detector_convention is DetectorConvention.CUSTOM
        for name in ("fdet_vector", "sdet_vector", "odet_vector", "twotheta_axis"):
            require_custom(name, getattr(self, name), custom)
            checks.direction(name, getattr(self, name))
        require_custom("pix0_vector_m", self.pix0_vector_m, custom)
        if self.pix0_vector_m is not None:
            checks.coordinates("pix0_vector_m", self.pix0_vector_m, "m")

    def _check_sensor(self) -> None:
        depth = self.detector_abs_um
        if depth is not None and not (isinstance(depth, float) and depth == math.inf):
            checks.positive("detector_abs_um", depth, "micrometres (inf for no absorption)")
        checks.thickness("detector_thick_um", self.detector_thick_um, "micrometres")
        checks.optional_count(
            "detector_thicksteps", self.detector_thicksteps, least=0, most=MOST_STEPS
        )


def require_custom(field: str, value: object, custom: bool) -> None:
    """Refuses a vector that the chosen convention would overwrite."""
    if value is not None and not custom:
        remedy = "vectors are set by the convention; choose detector_convention CUSTOM to give them"
        raise InputError(field, value, remedy)


def pixels_across(size_mm: float, pixel_size_mm: float) -> int:
    """Pixels along a detector edge, rounded as nanoBragg does (half a pixel counts down).

    2**31, more than a detector may have, stands for all larger numbers.
    """
    pixel_m = pixel_size_mm / 1000.0
    pixels = size_mm / 1000.0 / pixel_m if pixel_m > 0 else math.inf
    return math.ceil(min(pixels - 0.5, 2.0**31))
