"""Camera settings from the SMV headers that -img and -mask name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nb_core.flags.parse import Settings
from nb_core.formats.smv import SmvImage, read_smv

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


def header_settings(settings: Settings, *, corrected: bool) -> Settings:
    """The settings of the mask's header, then of the image's; options override both.

    A mask counts BEAM_CENTER_Y from the far end of the slow axis, as the program does. TWOTHETA
    counts in the corrected profile only, for nanoBragg drops it.
    """
    found: Settings = {}
    readers: tuple[tuple[str, Callable[[SmvImage], Settings]], ...] = (
        ("file.mask", _mask_camera),
        ("file.img", _camera),
    )
    for name, read in readers:
        if name in settings:
            image = read_smv(settings[name])
            found.update(read(image))
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


def _mask_camera(image: SmvImage) -> Settings:
    camera = _camera(image)
    if "detector.beam_center_y_mm" in camera:
        pixel = camera.get("detector.pixel_size_mm", 0.1)
        size = pixel * camera["size.spixels"]
        camera["detector.beam_center_y_mm"] = size - camera["detector.beam_center_y_mm"]
    return camera
