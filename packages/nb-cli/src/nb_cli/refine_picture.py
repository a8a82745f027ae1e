"""The picture of a refinement: image, model and difference, whole and around bright spots."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from nb_compare.pictures import (
    COLOURS,
    SIGNED_COLOURS,
    block_side,
    largest_magnitudes,
    log_norm,
    reduce_blocks,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize

Extent = tuple[float, float, float, float]

LARGEST_PANEL = 600
"""Pixels of the longer side of each panel; a larger image shows the brightest of each block."""

DEVIATIONS = 5.0
"""Where the scale of the residuals ends, standard deviations of a pixel."""

WINDOW = 31
"""Pixels of a side of the windows around the brightest spots."""

WINDOWS_ACROSS = 3
"""Windows in a row, and rows of them."""


def draw_comparison(counts: np.ndarray, model: np.ndarray, usable: np.ndarray, title: str) -> bytes:
    """A PNG file: the image, the model on the same scale, and their difference.

    Below, where the image is larger, the same around its brightest spots, pixel by pixel. The
    difference is in standard deviations of a pixel, also where few photons are counted:
    2 sqrt(n + 3/8) has a variance of 1 (Anscombe, Biometrika 35, 1948).
    """
    from matplotlib.figure import Figure

    seen, expected = np.where(usable, counts, 0.0), np.where(usable, model, 0.0)
    deviation = _steadied(seen) - _steadied(expected)
    corners = brightest_windows(seen)
    rows = 2 if corners else 1
    figure = Figure(figsize=(17.0, 5.8 * rows), layout="constrained")
    axes = figure.subplots(rows, 3, squeeze=False)
    norm = log_norm(_brightest(seen))
    slow, fast = counts.shape
    extent = (-0.5, fast - 0.5, slow - 0.5, -0.5)
    side = block_side(counts.shape, LARGEST_PANEL)
    of_blocks = f", brightest of {side} x {side} pixels" if side > 1 else ""
    whole = (_brightest(seen), _brightest(expected), largest_magnitudes(deviation, LARGEST_PANEL))
    names = (f"image{of_blocks}", f"{title}{of_blocks}", "image - model, largest deviation")
    for place, values, name in zip(axes[0], whole, names, strict=True):
        place.set_title(name, fontsize=11)
        place.set_xlabel("fast (pixels)")
        _show(place, values, norm if place is not axes[0][2] else None, extent=extent)
    axes[0][0].set_ylabel("slow (pixels)")
    for place, values in zip(
        axes[-1] if corners else (), (seen, expected, deviation), strict=False
    ):
        mosaic = _mosaic(values, corners)
        _show(place, mosaic, norm if place is not axes[-1][2] else None)
        place.set_title(f"its {len(corners)} brightest spots, {WINDOW} x {WINDOW} pixels each")
        place.set_axis_off()
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=100)
    return content.getvalue()


def brightest_windows(image: np.ndarray) -> list[tuple[int, int]]:
    """The (slow, fast) corners of windows around the brightest spots, the brightest first.

    Windows do not overlap a brighter spot's middle. None of an image too small to hold them.
    """
    if min(image.shape) < WINDOWS_ACROSS * WINDOW:
        return []
    left, corners = image.copy(), []
    for _ in range(WINDOWS_ACROSS**2):
        peak = np.unravel_index(int(left.argmax()), left.shape)
        if left[peak] <= 0:
            break
        corner = [
            min(max(int(place) - WINDOW // 2, 0), size - WINDOW)
            for place, size in zip(peak, image.shape, strict=True)
        ]
        corners.append((corner[0], corner[1]))
        left[corner[0] : corner[0] + WINDOW, corner[1] : corner[1] + WINDOW] = 0.0
    return corners


def _mosaic(values: np.ndarray, corners: list[tuple[int, int]]) -> np.ndarray:
    """The windows side by side, parted by a line of NaN."""
    pitch = WINDOW + 1
    mosaic = np.full((WINDOWS_ACROSS * pitch - 1,) * 2, np.nan)
    for number, (slow, fast) in enumerate(corners):
        row, column = (part * pitch for part in divmod(number, WINDOWS_ACROSS))
        mosaic[row : row + WINDOW, column : column + WINDOW] = values[
            slow : slow + WINDOW, fast : fast + WINDOW
        ]
    return mosaic


def _show(
    place: Axes, values: np.ndarray, norm: Normalize | None, extent: Extent | None = None
) -> None:
    """Photons on a given scale, or without one deviations around 0, with a colour bar."""
    from matplotlib.colors import Normalize

    colours, label = (COLOURS, "photons") if norm else (SIGNED_COLOURS, "standard deviations")
    scale = norm or Normalize(-DEVIATIONS, DEVIATIONS)
    drawn = place.imshow(values, interpolation="nearest", norm=scale, cmap=colours, extent=extent)
    place.figure.colorbar(drawn, ax=place, label=label, fraction=0.046)


def _brightest(values: np.ndarray) -> np.ndarray:
    side = block_side(values.shape, LARGEST_PANEL)
    return reduce_blocks(values, (side, side), np.maximum)


def _steadied(photons: np.ndarray) -> np.ndarray:
    return 2.0 * np.sqrt(np.maximum(photons, 0.0) + 0.375)
