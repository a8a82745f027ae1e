"""How far apart pixels are in steps of float32: units in the last place (ULP)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

from nb_compare.metrics import check_images

_HIGHEST = np.array([0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024])
"""The highest distance of each bin but the last, which has no end."""


@dataclass(frozen=True)
class UlpBin:
    """The pixels whose distance is from `lowest` to `highest` ULP, both included.

    highest: None for the last bin, which has no end
    """

    lowest: int
    highest: int | None
    pixels: int


def ulp_distances(
    image: Float[np.ndarray, "slow fast"], reference: Float[np.ndarray, "_ _"]
) -> Int64[np.ndarray, "slow fast"]:
    """How many float32 numbers each pixel is away from the reference's; 0 for the same number.

    Values are rounded to float32 first. +0 and -0 are the same number.
    Raises InputError as `compare_images` does.
    """
    check_images(image, reference)
    distance = _position(image)
    distance -= _position(reference)
    return np.abs(distance, out=distance)


def ulp_histogram(
    image: Float[np.ndarray, "slow fast"], reference: Float[np.ndarray, "_ _"]
) -> tuple[UlpBin, ...]:
    """Pixels by distance: 0, 1, 2, 3-4, 5-8, ..., 513-1024 and more than 1024 ULP.

    Raises InputError as `compare_images` does.
    """
    places = np.searchsorted(_HIGHEST, ulp_distances(image, reference).ravel())
    counts = np.bincount(places, minlength=len(_HIGHEST) + 1).tolist()
    ends: list[int | None] = [*_HIGHEST.tolist(), None]
    starts = [0, *(_HIGHEST + 1).tolist()]
    return tuple(UlpBin(*found) for found in zip(starts, ends, counts, strict=True))


def _position(values: np.ndarray) -> np.ndarray:
    """The place of each number among all float32 numbers in order; 0 for both zeros."""
    bits = values.astype(np.float32).view(np.int32).astype(np.int64)
    return np.where(bits < 0, np.iinfo(np.int32).min - bits, bits)
