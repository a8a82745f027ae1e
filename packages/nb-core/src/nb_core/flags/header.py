"""Camera settings from the SMV headers that -img and -mask name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

from nb_core.conventions import DetectorConvention
from nb_core.errors import NbWarning
from nb_core.flags.parse import Settings
from nb_core.formats.smv import DIALS_MARK, SmvImage, read_smv

_KEYS: Mapping[str, tuple[str, ...]] = {
    "detector.pixel_size_mm": ("PIXEL_SIZE",),
    "detector.distance_mm": ("DISTANCE",),
    "detector.close_distance_mm": ("CLOSE_DISTANCE",),
    "beam.wavelength_A": ("WAVELENGTH",),
    "detector.beam_center_x_mm": ("BEAM_CENTER_X",),
    "detector.beam_center_y_mm": ("BEAM_CENTER_Y",),
    "detector.orgx_px": ("ORGX", "XDS_ORGX"),
    "detector.orgy_px": ("ORGY", "XDS_ORGY"),
    "crystal.phi_start_deg": ("PHI",),
    "crystal.osc_range_deg": ("OSC_RANGE",),
}


SIZES = 2
"""How many settings an image gives by its number of pixels alone."""

_CENTRES = {
    DetectorConvention.MOSFLM: ("MOSFLM_CENTER_X", "MOSFLM_CENTER_Y"),
    DetectorConvention.DENZO: ("DENZO_X_BEAM", "DENZO_Y_BEAM"),
    DetectorConvention.ADXV: ("ADXV_CENTER_X", "ADXV_CENTER_Y"),
    DetectorConvention.CUSTOM: ("DENZO_Y_BEAM", "DENZO_X_BEAM"),
}


def header_settings(
    settings: Settings, *, corrected: bool, convention: DetectorConvention
) -> Settings:
    """The settings of the mask's header, then of the image's; options override both.

    convention: at hand; a header for DIALS gives the beam centre of that convention, any other
        but BEAM_CENTER
    A mask counts BEAM_CENTER_Y from the far end of the slow axis, as the program does. TWOTHETA
    counts in the corrected profile only, for nanoBragg drops it. Warns (NbWarning) of an image
    whose header says nothing of the camera.
    """
    found: Settings = {}
    readers: tuple[tuple[str, Callable[[SmvImage], Settings]], ...] = (
        ("file.mask", _mask_camera),
        ("file.img", _camera),
    )
    for name, read in readers:
        if name in settings:
            image = read_smv(settings[name])
            camera = read(image)
            if image.keys.get(DIALS_MARK[0]) == DIALS_MARK[1]:
                _state_centre(camera, image, convention)
            elif name == "file.img" and len(camera) == SIZES and "TWOTHETA" not in image.keys:
                message = f"-img: {image.source}: only its number of pixels is used; its header"
                known = ", ".join(names[0] for names in _KEYS.values())
                warnings.warn(f"{message} has none of {known}", NbWarning, stacklevel=4)
            found.update(camera)
            twotheta = image.number("TWOTHETA")
            if corrected and twotheta is not None:
                found["detector.detector_twotheta_deg"] = twotheta
    return found


def _camera(image: SmvImage) -> Settings:
    spixels, fpixels = image.data.shape
    camera: Settings = {"size.fpixels": fpixels, "size.spixels": spixels}
    for key, names in _KEYS.items():
        for name in names:
            if (value := image.number(name)) is not None:
                camera[key] = value
    return camera


def _state_centre(camera: Settings, image: SmvImage, convention: DetectorConvention) -> None:
    """The beam centre as a header for DIALS states it for a convention.

    XDS and DIALS go by the origin (XDS_ORGX and _ORGY) alone.
    """
    for axis, name in zip("xy", _CENTRES.get(convention, (None, None)), strict=True):
        camera.pop(f"detector.beam_center_{axis}_mm", None)
        if name is not None and (value := image.number(name)) is not None:
            camera[f"detector.beam_center_{axis}_mm"] = value


def _mask_camera(image: SmvImage) -> Settings:
    camera = _camera(image)
    if "detector.beam_center_y_mm" in camera:
        pixel = camera.get("detector.pixel_size_mm", 0.1)
        size = pixel * camera["size.spixels"]
        camera["detector.beam_center_y_mm"] = size - camera["detector.beam_center_y_mm"]
    return camera
