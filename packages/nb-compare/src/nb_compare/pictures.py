"""Images and differences as PNG pictures, and the scales and sizes that drawings use."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from nb_compare.blocks import reduce_blocks
from nb_core import InputError
from nb_core.formats import AnyPath, atomic_write

if TYPE_CHECKING:
    from matplotlib.colors import Normalize

__all__ = [
    "COLOURS",
    "SIGNED_COLOURS",
    "averaged",
    "block_side",
    "largest_magnitudes",
    "log_norm",
    "reduce_blocks",
    "save_picture",
    "signed_norm",
]

COLOURS = "inferno"
"""The colour map of images."""
SIGNED_COLOURS = "RdBu_r"
"""The colour map of differences, white at 0."""
LARGEST_SIDE = 2000
"""Pixels of the longer side of a drawing; larger images are reduced to it."""

PERCENTILE = 99.5
"""Where the scale of a saved picture ends: this percentage of the pixels is below."""

_DPI = 130


def save_picture(
    values: Float[np.ndarray, "slow fast"],
    path: AnyPath,
    *,
    percentile: float = PERCENTILE,
    unit: str = "photons",
    title: str = "",
    signed: bool = False,
    overwrite: bool = True,
) -> None:
    """Draws an image into a PNG file: on a logarithmic scale, or a signed difference around 0.

    percentile: where the scale ends, more than 0 and at most 100; brighter pixels have its colour
    unit: of the colour bar
    signed: a difference, from blue over white to red on a scale that is linear near 0 and
        logarithmic further out, and ends at the percentile of the magnitudes
    Images larger than LARGEST_SIDE show averages, differences the largest magnitude of a block.
    Raises InputError for a percentile that is none, OutputError as atomic_write does.
    """
    if not 0 < percentile <= 100:
        raise InputError("percentile", percentile, "expected more than 0 and at most 100")
    if signed:
        shown = largest_magnitudes(values, LARGEST_SIDE)
        norm, colours = signed_norm(shown, percentile), SIGNED_COLOURS
    else:
        shown = averaged(values, LARGEST_SIDE)
        norm, colours = log_norm(shown, percentile), COLOURS
    content = _draw(shown, block_side(values.shape, LARGEST_SIDE), norm, colours, unit, title)
    with atomic_write(path, overwrite) as handle:
        handle.write(content)


def log_norm(values: np.ndarray, percentile: float = 99.95) -> Normalize:
    """A logarithmic scale over what is worth seeing: five decades below the brightest at most.

    percentile: of the values, where the scale ends; images too small for it end at their maximum
    """
    from matplotlib.colors import LogNorm, Normalize

    bright = _end_of_scale(values, percentile)
    positive = values[values > 0]
    if bright <= 0 or not positive.size:
        return Normalize(0, 1)
    dim = max(float(np.percentile(positive, 1)), bright * 1e-5)
    return LogNorm(min(dim, bright / 10), bright, clip=True)


def signed_norm(values: np.ndarray, percentile: float = PERCENTILE) -> Normalize:
    """A scale that is the same on both sides of 0: linear in its inner thousandth.

    percentile: of the magnitudes, where the scale ends, as in `log_norm`
    """
    from matplotlib.colors import Normalize, SymLogNorm

    end = _end_of_scale(np.abs(values), percentile)
    if end < np.finfo(np.float32).tiny:
        return Normalize(-1, 1)
    return SymLogNorm(linthresh=end * 1e-3, vmin=-end, vmax=end, base=10, clip=True)


def block_side(shape: tuple[int, ...], largest_side: int) -> int:
    """Pixels of a side of the square blocks that bring a shape to at most `largest_side`."""
    return -(-max(shape) // largest_side)


def averaged(values: np.ndarray, largest_side: int = LARGEST_SIDE) -> np.ndarray:
    """The image with at most `largest_side` pixels a side, by averages over square blocks."""
    side = block_side(values.shape, largest_side)
    if side == 1:
        return values
    sums = reduce_blocks(values.astype(np.float64, copy=False), (side, side), np.add)
    rows, columns = (np.diff(np.arange(0, n + side, side).clip(max=n)) for n in values.shape)
    return sums / np.outer(rows, columns)


def largest_magnitudes(values: np.ndarray, largest_side: int = LARGEST_SIDE) -> np.ndarray:
    """A difference with at most `largest_side` pixels a side: of each square block the value
    furthest from 0, with its sign, so that single pixels stay visible.
    """
    side = block_side(values.shape, largest_side)
    highest = reduce_blocks(values, (side, side), np.maximum)
    lowest = reduce_blocks(values, (side, side), np.minimum)
    return np.where(highest >= -lowest, highest, lowest)


def _end_of_scale(values: np.ndarray, percentile: float) -> float:
    """The percentile, or the maximum where less than half a pixel or only zeros lie above it."""
    enough = values.size * (100 - percentile) > 50
    end = float(np.percentile(values, percentile)) if enough else 0.0
    return end if end > 0 else float(values.max())


def _draw(
    shown: np.ndarray, side: int, norm: Normalize, colours: str, unit: str, title: str
) -> bytes:
    """A PNG file of an image whose pixels stand for blocks of `side` pixels a side."""
    from matplotlib.figure import Figure

    slow, fast = (size * side for size in shown.shape)
    width = 8.0 * min(1.6, max(0.6, fast / slow)) + 1.2
    figure = Figure(figsize=(width, 8.0), layout="constrained")
    axes = figure.add_subplot()
    extent = (-0.5, fast - 0.5, slow - 0.5, -0.5)
    picture = axes.imshow(shown, norm=norm, cmap=colours, extent=extent, interpolation="nearest")
    figure.colorbar(picture, ax=axes, label=unit, fraction=0.046, pad=0.02)
    axes.set_xlabel("fast (pixels)")
    axes.set_ylabel("slow (pixels)")
    axes.set_title(title, fontsize=10, parse_math=False)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=_DPI)
    return content.getvalue()
