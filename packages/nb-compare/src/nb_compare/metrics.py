"""Measures of how far two images agree."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nb_core import InputError
from nb_core.showing import Brief


@dataclass(frozen=True, repr=False)
class ImageDifference(Brief):
    """How an image differs from a reference, over all pixels.

    correlation: Pearson's; 1 for images that are the same, NaN where one of them is constant
    sum_ratio: sum of the image over that of the reference
    mse: mean square difference; rmse: its root; max_difference: largest absolute one
    max_relative: that, over the maximum of the reference
    worst: the pixel (slow, fast) where it lies
    same_float32: share of pixels whose float32 values are identical
    """

    correlation: float
    sum_ratio: float
    rmse: float
    max_difference: float
    max_relative: float
    worst: tuple[int, int]
    same_float32: float
    mse: float


def compare_images(image: np.ndarray, reference: np.ndarray) -> ImageDifference:
    """Compares two images of the same shape (slow, fast), in float64.

    Raises InputError for images of different or empty shape, and for values that are not finite.
    """
    check_images(image, reference)
    ours, theirs = image.astype(np.float64), reference.astype(np.float64)
    difference = ours - theirs
    np.abs(difference, out=difference)
    row, column = divmod(int(difference.argmax()), difference.shape[1])
    largest = float(difference[row, column])
    sum_ratio = _ratio(float(ours.sum()), float(theirs.sum()))
    max_relative = _ratio(largest, float(theirs.max())) if largest else 0.0
    mse = float(np.square(difference, out=difference).mean())
    return ImageDifference(
        correlation=_correlation(ours, theirs, difference) if largest else 1.0,
        sum_ratio=sum_ratio,
        mse=mse,
        rmse=math.sqrt(mse),
        max_difference=largest,
        max_relative=max_relative,
        worst=(row, column),
        same_float32=_same_float32(image, reference),
    )


def check_images(image: np.ndarray, reference: np.ndarray) -> None:
    """Raises InputError for what cannot be compared pixel by pixel.

    That is: another shape than the reference's, no (slow, fast) image, NaN or infinity.
    """
    if image.shape != reference.shape or image.ndim != 2 or not image.size:
        remedy = f"expected an image of the reference's shape, {reference.shape} (slow, fast)"
        raise InputError("image", image.shape, remedy)
    for name, values in (("image", image), ("reference", reference)):
        if not np.isfinite(values).all():
            raise InputError(name, "NaN or infinity", "only finite pixels can be compared")


def _correlation(ours: np.ndarray, theirs: np.ndarray, spare: np.ndarray) -> float:
    """Pearson's, of images that differ; all three arrays are written over."""
    ours -= ours.mean()
    theirs -= theirs.mean()
    together = np.multiply(ours, theirs, out=spare).sum()
    scale = np.sqrt(np.square(ours, out=ours).sum() * np.square(theirs, out=theirs).sum())
    # Rounding may take it past 1.
    return max(-1.0, min(1.0, float(together / scale))) if scale > 0 else float("nan")


def _same_float32(image: np.ndarray, reference: np.ndarray) -> float:
    ours, theirs = (values.astype(np.float32, copy=False) for values in (image, reference))
    return float((ours == theirs).mean())


def _ratio(numerator: float, denominator: float) -> float:
    if denominator == 0:
        return 1.0 if numerator == 0 else float("inf")
    return numerator / denominator
