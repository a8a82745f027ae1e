"""From photons to the whole numbers of image files. Outside the region of interest all are 0."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32, Float64, UInt8, UInt16

from nb_physics.figures import Figures, roi_part, row_bands
from nb_physics.tiles import PixelSelection

SMV_MAXIMUM = 65535.0
AUTOMATIC_MAXIMUM = 55000.0
"""What the brightest pixel becomes where no scale is given."""


def integer_scale(scale: float | None, figures: Figures) -> float:
    """The factor of the integer image: as given, else one that makes the maximum 55000."""
    if scale is not None and scale > 0:
        return scale
    return AUTOMATIC_MAXIMUM / figures.maximum if figures.maximum > 0 else 1.0


def picture_scale(scale: float | None, integer: float, figures: Figures) -> float:
    """The factor of the 8-bit picture: as given, else one that makes 5 rmsd 250."""
    if scale is not None and scale > 0:
        return scale
    return 250.0 / (5.0 * figures.rmsd) if figures.rmsd > 0 else integer


def integer_image(
    image: Float32[np.ndarray, "slow fast"],
    selection: PixelSelection,
    scale: float,
    adc_offset: float,
) -> UInt16[np.ndarray, "slow fast"]:
    """Photons x scale + offset, rounded (in float32, as nanoBragg does) and clipped to 16 bits."""

    def rounded(photons: np.ndarray) -> np.ndarray:
        scaled = (photons.astype(np.float64) * scale + adc_offset).clip(0.0, SMV_MAXIMUM)
        return np.floor((scaled + 0.5).astype(np.float32))

    return _converted(roi_part(image, selection), rounded, np.uint16, image.shape, selection)


def noise_counts(
    counts: Float64[np.ndarray, "rows columns"], adc_offset: float
) -> tuple[UInt16[np.ndarray, "rows columns"], int]:
    """Counted photons + offset, truncated to 16 bits; and how many overflowed."""
    overloads = int((counts > SMV_MAXIMUM - adc_offset).sum())
    digital = np.trunc((counts + adc_offset).clip(0.0, SMV_MAXIMUM))
    return digital.astype(np.uint16), overloads


def picture(
    image: Float32[np.ndarray, "slow fast"], selection: PixelSelection, scale: float
) -> UInt8[np.ndarray, "slow fast"]:
    """Photons x scale, truncated and clipped to 8 bits."""

    def truncated(photons: np.ndarray) -> np.ndarray:
        return np.trunc((photons.astype(np.float64) * scale).clip(0.0, 255.0))

    return _converted(roi_part(image, selection), truncated, np.uint8, image.shape, selection)


def _converted(
    inside: np.ndarray,
    convert: Callable[[np.ndarray], np.ndarray],
    dtype: type[np.unsignedinteger],
    shape: tuple[int, ...],
    selection: PixelSelection,
) -> np.ndarray:
    """The region's values converted, a band of rows at a time, and placed in the whole image."""
    whole = np.zeros(shape, dtype=dtype)
    target = roi_part(whole, selection)
    for band in row_bands(inside):
        target[band] = convert(inside[band])
    return whole
