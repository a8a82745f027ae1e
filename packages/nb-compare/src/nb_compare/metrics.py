"""Measures of how far two images agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nb_core import InputError


@dataclass(frozen=True)
class ImageDifference:
    """How an image differs from a reference, over all pixels.

    correlation: Pearson's; 1 for images that are the same, NaN where one of them is constant
    sum_ratio: sum of the image over that of the reference
    rmse: root mean square difference; max_difference: largest absolute one
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


def compare_images(image: np.ndarray, reference: np.ndarray) -> ImageDifference:
    """Compares two images of the same shape (slow, fast).

    Raises InputError for images of different or empty shape, and for values that are not finite.
    """
    if image.shape != reference.shape or image.ndim != 2 or not image.size:
        remedy = f"expected an image of the reference's shape, {reference.shape} (slow, fast)"
        raise InputError("image", image.shape, remedy)
    for name, values in (("image", image), ("reference", reference)):
        if not np.isfinite(values).all():
            raise InputError(name, "NaN or infinity", "only finite pixels can be compared")
    ours, theirs = image.astype(np.float64), reference.astype(np.float64)
    difference = np.abs(ours - theirs)
    row, column = divmod(int(difference.argmax()), difference.shape[1])
    largest = float(difference[row, column])
    return ImageDifference(
        correlation=_correlation(ours, theirs),
        sum_ratio=_ratio(float(ours.sum()), float(theirs.sum())),
        rmse=float(np.sqrt(np.square(difference).mean())),
        max_difference=largest,
        max_relative=_ratio(largest, float(theirs.max())) if largest else 0.0,
        worst=(row, column),
        same_float32=float((image.astype(np.float32) == reference.astype(np.float32)).mean()),
    )


def _correlation(ours: np.ndarray, theirs: np.ndarray) -> float:
    if np.array_equal(ours, theirs):
        return 1.0
    a, b = ours - ours.mean(), theirs - theirs.mean()
    scale = np.sqrt(np.square(a).sum() * np.square(b).sum())
    return float((a * b).sum() / scale) if scale > 0 else float("nan")


def _ratio(numerator: float, denominator: float) -> float:
    if denominator == 0:
        return 1.0 if numerator == 0 else float("inf")
    return numerator / denominator
