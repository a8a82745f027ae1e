"""The figures of an image: maximum, mean and spread, as nanoBragg prints them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float32
from torch import Tensor

from nb_physics.tiles import PixelSelection

Image = TypeVar("Image", np.ndarray, Tensor)


@dataclass(frozen=True)
class Figures:
    """Photons per pixel over the rendered pixels.

    slow, fast: the first pixel that has the maximum; panel: its panel, where there are several
    rms: root mean square; rmsd: root mean square deviation; both over n - 1, rmsd with the pixels
        that a mask leaves out counted as 0
    """

    maximum: float
    slow: int
    fast: int
    mean: float
    rms: float
    rmsd: float
    panel: int | None = None

    def __str__(self) -> str:
        """The figures of an image, one line."""
        panel = "" if self.panel is None else f"panel {self.panel}, "
        return (
            f"max {self.maximum:g} photons at {panel}slow {self.slow}, fast {self.fast}; "
            f"mean {self.mean:g}, rms {self.rms:g}, rmsd {self.rmsd:g}"
        )


def image_figures(image: Float32[np.ndarray, "slow fast"], selection: PixelSelection) -> Figures:
    """The figures of an image's region of interest, in double precision."""
    return dataclasses.replace(panel_figures(image[None], [selection]), panel=None)


def panel_figures(
    image: Float32[np.ndarray, "panel slow fast"], selections: Sequence[PixelSelection]
) -> Figures:
    """The figures of an image of several panels, over the pixels that are rendered of each."""
    count = sum(selection.count for selection in selections)
    parts = [roi_part(panel, one) for panel, one in zip(image, selections, strict=True)]
    bands = [part[band] for part in parts for band in row_bands(part)]
    total = sum(float(band.sum(dtype=np.float64)) for band in bands)
    squares = sum(float(np.square(band, dtype=np.float64).sum()) for band in bands)
    mean = total / max(count, 1)
    deviations = sum(float(np.square(band.astype(np.float64) - mean).sum()) for band in bands)
    brightest = int(np.argmax([part.max() for part in parts]))
    own, selection = parts[brightest], selections[brightest]
    row, column = divmod(int(own.argmax()), own.shape[1])
    return Figures(
        maximum=float(own[row, column]),
        slow=row + selection.ymin,
        fast=column + selection.xmin,
        mean=mean,
        rms=float(np.sqrt(squares / max(count - 1, 1))),
        rmsd=float(np.sqrt(deviations / max(sum(part.size for part in parts) - 1, 1))),
        panel=brightest,
    )


def row_bands(image: np.ndarray, pixels: int = 1 << 20) -> list[slice]:
    """Bands of rows of about `pixels` each, so that what is computed of an image stays small."""
    rows = max(1, pixels // max(image.shape[1], 1))
    return [slice(start, start + rows) for start in range(0, image.shape[0], rows)]


def roi_part(image: Image, selection: PixelSelection) -> Image:
    """The region of interest of an image, as a view."""
    rows = slice(selection.ymin, selection.ymin + selection.height)
    return image[rows, selection.xmin : selection.xmin + selection.width]
