"""The figures of an image: maximum, mean and spread, as nanoBragg prints them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from nb_physics.tiles import PixelSelection


@dataclass(frozen=True)
class Figures:
    """Photons per pixel over the rendered pixels.

    slow, fast: the first pixel that has the maximum
    rms: root mean square; rmsd: root mean square deviation; both over n - 1, rmsd with the pixels
        that a mask leaves out counted as 0
    """

    maximum: float
    slow: int
    fast: int
    mean: float
    rms: float
    rmsd: float


def image_figures(image: Float32[np.ndarray, "slow fast"], selection: PixelSelection) -> Figures:
    """The figures of an image's region of interest, in double precision."""
    inside = roi_part(image, selection)
    total = float(inside.sum(dtype=np.float64))
    squares = float(np.square(inside).sum(dtype=np.float64))
    mean = total / max(selection.count, 1)
    deviations = float(np.square(inside.astype(np.float64) - mean).sum())
    row, column = divmod(int(inside.argmax()), inside.shape[1])
    return Figures(
        maximum=float(inside[row, column]),
        slow=row + selection.ymin,
        fast=column + selection.xmin,
        mean=mean,
        rms=float(np.sqrt(squares / max(selection.count - 1, 1))),
        rmsd=float(np.sqrt(deviations / max(inside.size - 1, 1))),
    )


def roi_part(image: np.ndarray, selection: PixelSelection) -> np.ndarray:
    """The region of interest of an image, as a view."""
    rows = slice(selection.ymin, selection.ymin + selection.height)
    return image[rows, selection.xmin : selection.xmin + selection.width]
