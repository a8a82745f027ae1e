"""Camera settings from the SMV headers that -img and -mask name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

from nb_core.conventions import (
    DetectorConvention,
    beam_point_to_centre,
    centre_to_beam_point,
)
from nb_core.errors import NbWarning, SlipWarning
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


_CENTRE = ("detector.beam_center_x_mm", "detector.beam_center_y_mm")
_ORIGIN = ("detector.orgx_px", "detector.orgy_px")

_STATED: tuple[tuple[DetectorConvention, str, str], ...] = (
    (DetectorConvention.DENZO, "DENZO_X_BEAM", "DENZO_Y_BEAM"),
    (DetectorConvention.ADXV, "ADXV_CENTER_X", "ADXV_CENTER_Y"),
    (DetectorConvention.MOSFLM, "MOSFLM_CENTER_X", "MOSFLM_CENTER_Y"),
)
"""The keys that name a beam centre with the program it is meant for."""

_SAME_PX = 0.25
"""Beam centres that are closer, in pixels, are one: headers have few digits. MOSFLM's and DENZO's
are half a pixel apart."""

_CENTRES = {convention: names for convention, *names in _STATED}
_CENTRES[DetectorConvention.CUSTOM] = ["DENZO_Y_BEAM", "DENZO_X_BEAM"]
"""The keys of a header for DIALS that hold a convention's beam centre."""

_NOT_READ = {
    "TWOTHETA": ("detector.detector_twotheta_deg", "turns the detector"),
    "OSC_START": ("crystal.phi_start_deg", "begins the rotation there"),
}
"""Keys that nanoBragg writes and does not read. PHI says the same as OSC_START, and wins."""

SIZES = 2
"""How many settings an image gives by its number of pixels alone."""


def header_settings(
    settings: Settings, *, corrected: bool, convention: DetectorConvention
) -> Settings:
    """The settings of the mask's header, then of the image's; options override both.

    convention: at hand; a header for DIALS gives the beam centre of that convention, any other
        but BEAM_CENTER
    A mask counts BEAM_CENTER_Y from the far end of the slow axis, as the program does. TWOTHETA,
    and OSC_START where there is no PHI, count in the corrected profile only, for nanoBragg drops
    them. So does a beam centre that the
    header states for DENZO, ADXV or MOSFLM by name: nanoBragg reads BEAM_CENTER only, as that of
    the convention in force. Warns (NbWarning) where the two differ, and of an image whose header
    says nothing of the camera.
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
            elif not all(key in settings for key in _CENTRE):
                if name == "file.img" and "detector.detector_convention" not in settings:
                    _warn_of_unnamed_centre(image, camera, settings[name], convention)
                camera |= _stated_centre(image, camera, settings[name], convention, corrected)
            if name == "file.img":
                _warn_of_empty_header(image, camera)
            found.update(camera)
            found.update(_not_read(image, settings, corrected))
    return found


def _not_read(image: SmvImage, settings: Settings, corrected: bool) -> Settings:
    """What nanoBragg does not read; warns (SlipWarning) where the reference profile drops it."""
    found: Settings = {}
    for name, (key, effect) in _NOT_READ.items():
        value = image.number(name)
        if value is None or (name == "OSC_START" and image.number("PHI") is not None):
            continue
        if corrected:
            found[key] = value
        elif value and key not in settings:
            message = f"{image.source}: {name} {value:g} of the header is not used; the"
            mended = f"{message} corrected profile {effect} (behaviour.md, row 17)"
            warnings.warn(mended, SlipWarning, stacklevel=5)
    return found


def _camera(image: SmvImage) -> Settings:
    spixels, fpixels = image.data.shape
    camera: Settings = {"size.fpixels": fpixels, "size.spixels": spixels}
    for key, names in _KEYS.items():
        for name in names:
            if (value := image.number(name)) is not None:
                camera[key] = value
    return camera


def _warn_of_empty_header(image: SmvImage, camera: Settings) -> None:
    """Warns where a header says nothing of the camera."""
    if len(camera) == SIZES and not any(name in image.keys for name in _NOT_READ):
        known = ", ".join(names[0] for names in _KEYS.values())
        message = f"-img: {image.source}: only its number of pixels is used; its header"
        warnings.warn(f"{message} has none of {known}", NbWarning, stacklevel=5)


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
        camera["detector.beam_center_y_mm"] = _size(camera) - camera["detector.beam_center_y_mm"]
    return camera


def _pixel(camera: Settings) -> float:
    return float(camera.get("detector.pixel_size_mm", 0.1))


def _size(camera: Settings) -> float:
    """The width along slow, mm."""
    return float(_pixel(camera) * camera["size.spixels"])


def _stated_centre(
    image: SmvImage,
    camera: Settings,
    path: str,
    convention: DetectorConvention,
    corrected: bool,
) -> Settings:
    """What of the camera a centre stated by name replaces in the corrected profile.

    Warns where it is another one than BEAM_CENTER read by the convention.
    """
    pixel, size = _pixel(camera), _size(camera)
    stated = _stated_point(image, pixel, size)
    if stated is None:
        return {}
    keys, (fast, slow) = stated
    if convention in (DetectorConvention.XDS, DetectorConvention.DIALS):
        given = any(key in camera for key in _ORIGIN)
        origin = (fast / pixel + 0.5, slow / pixel + 0.5)
        return {} if given or not corrected else dict(zip(_ORIGIN, origin, strict=True))
    if not all(key in camera for key in _CENTRE):
        return {}
    x, y = (camera[key] for key in _CENTRE)
    read = centre_to_beam_point(convention, x, y, pixel, size)
    if max(abs(read[0] - fast), abs(read[1] - slow)) < _SAME_PX * pixel:
        return {}
    kept = "" if corrected else " in the corrected profile only (behaviour.md, row 26)"
    taken = f"the second counts{kept}"
    warnings.warn(
        f"{path}: BEAM_CENTER, read as {convention.value}'s, is fast {read[0]:.6g} slow "
        f"{read[1]:.6g} mm, but {keys} say fast {fast:.6g} slow {slow:.6g} mm; {taken}",
        NbWarning,
        stacklevel=4,
    )
    centre = beam_point_to_centre(convention, fast, slow, pixel, size)
    return dict(zip(_CENTRE, centre, strict=True)) if corrected else {}


def _warn_of_unnamed_centre(
    image: SmvImage, camera: Settings, path: str, convention: DetectorConvention
) -> None:
    """Warns where nothing says whose BEAM_CENTER it is, and ADXV's would be elsewhere."""
    named = any(image.number(key) is not None for _, *keys in _STATED for key in keys)
    own = (DetectorConvention.MOSFLM, DetectorConvention.DENZO)
    if named or convention not in own or not all(key in camera for key in _CENTRE):
        return
    pixel, size = _pixel(camera), _size(camera)
    x, y = (camera[key] for key in _CENTRE)
    fast, slow = centre_to_beam_point(convention, x, y, pixel, size)
    other = centre_to_beam_point(DetectorConvention.ADXV, x, y, pixel, size)
    if max(abs(other[0] - fast), abs(other[1] - slow)) > pixel:
        wanted = beam_point_to_centre(convention, *other, pixel, size)
        warnings.warn(
            f"{path}: BEAM_CENTER {x:g} {y:g} is taken as {convention.value}'s: fast {fast:.6g} "
            f"slow {slow:.6g} mm; if it is ADXV's, as of most cameras, give "
            f"-Xbeam {wanted[0]:.6g} -Ybeam {wanted[1]:.6g}",
            NbWarning,
            stacklevel=4,
        )


def _stated_point(
    image: SmvImage, pixel: float, size: float
) -> tuple[str, tuple[float, float]] | None:
    """The keys, and the (fast, slow) in mm, of the first beam centre stated by name.

    None in a header that nanoBragg wrote of a detector at two-theta: its centres leave that out.
    """
    tilted = bool(image.number("TWOTHETA")) and image.number("MOSFLM_CENTER_X") is not None
    for convention, *names in _STATED:
        x, y = (image.number(name) for name in names)
        if x is not None and y is not None and not tilted:
            return " and ".join(names), centre_to_beam_point(convention, x, y, pixel, size)
    return None
