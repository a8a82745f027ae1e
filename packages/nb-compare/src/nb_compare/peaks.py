"""Where the spots of two images are, and how far they moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from nb_compare.metrics import check_images

THRESHOLD = 0.01
"""A peak stands above the median of the reference by this share of what its maximum does.

Two decades of brightness: the spots and the strongest fringes, but no background, which is the
median of most images.
"""

MOST_PEAKS = 500
SPACING = 3
"""Pixels: of peaks that are nearer to each other, slow and fast, only the brightest counts."""

REACH = 5.0
"""Pixels: peaks further apart are not the same."""

LISTED = 50

Place = tuple[float, float]
"""(slow, fast) in pixels; whole numbers are the centres of pixels."""


@dataclass(frozen=True)
class MatchedPeak:
    """A peak of both images: where it is in each, and how far apart that is, in pixels."""

    reference: Place
    image: Place
    displacement: float


@dataclass(frozen=True)
class PeakMatch:
    """The peaks of two images.

    reference, image: how many were found in each, at most MOST_PEAKS
    matched: pairs within REACH, each peak in one at most
    mean_displacement, max_displacement: of those, in pixels; None where nothing matched
    brightest: the pairs that are brightest in the reference, at most LISTED, brightest first
    """

    reference: int
    image: int
    matched: int
    mean_displacement: float | None
    max_displacement: float | None
    brightest: tuple[MatchedPeak, ...]


def match_peaks(
    image: Float[np.ndarray, "slow fast"], reference: Float[np.ndarray, "_ _"]
) -> PeakMatch:
    """Finds the peaks of both images above one level, which the reference sets, and pairs them.

    The nearest pair is taken first, then the nearest of those left, and so on. Where an image has
    more than MOST_PEAKS, the dimmest of those kept may lack a partner.
    Raises InputError as `compare_images` does.
    """
    check_images(image, reference)
    background = float(np.median(reference))
    level = background + THRESHOLD * (float(reference.max()) - background)
    theirs, ours = find_peaks(reference, level), find_peaks(image, level)
    pairs = sorted(_nearest_pairs(theirs, ours))
    matched = [
        MatchedPeak(_place(theirs[a]), _place(ours[b]), float(np.hypot(*(ours[b] - theirs[a]))))
        for a, b in pairs
    ]
    moved = [peak.displacement for peak in matched]
    return PeakMatch(
        reference=len(theirs),
        image=len(ours),
        matched=len(matched),
        mean_displacement=sum(moved) / len(moved) if moved else None,
        max_displacement=max(moved, default=None),
        brightest=tuple(matched[:LISTED]),
    )


def find_peaks(image: Float[np.ndarray, "slow fast"], level: float) -> Float[np.ndarray, "peaks 2"]:
    """Peaks above a level, brightest first: (slow, fast) in pixels, refined to parts of one.

    A peak is the brightest pixel within SPACING, then the centroid of the 3 x 3 pixels around it,
    above the dimmest of those. A constant image has none.
    """
    from skimage.feature import peak_local_max

    if image.max() <= level or image.min() == image.max():
        return np.empty((0, 2))
    found = peak_local_max(
        image,
        min_distance=SPACING,
        threshold_abs=level,
        exclude_border=False,
        num_peaks=MOST_PEAKS,
    )
    return _centroids(image, found)


def _centroids(image: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    steps = np.arange(-1, 2)
    rows, columns = peaks[:, :1] + steps, peaks[:, 1:] + steps
    row = rows.clip(0, image.shape[0] - 1)[:, :, None]
    column = columns.clip(0, image.shape[1] - 1)[:, None, :]
    window = image[row, column].astype(np.float64)
    window -= window.min(axis=(1, 2), keepdims=True)
    window *= (row == rows[:, :, None]) & (column == columns[:, None, :])
    total = window.sum(axis=(1, 2))
    total[total == 0] = 1.0
    slow = (window.sum(axis=2) * steps).sum(axis=1) / total
    fast = (window.sum(axis=1) * steps).sum(axis=1) / total
    return peaks + np.stack([slow, fast], axis=1)


def _nearest_pairs(theirs: np.ndarray, ours: np.ndarray) -> list[tuple[int, int]]:
    """Pairs (index in theirs, index in ours) within REACH, the nearest taken first."""
    apart = np.hypot(*(theirs[:, None, axis] - ours[None, :, axis] for axis in (0, 1)))
    a, b = np.nonzero(apart <= REACH)
    free_a, free_b = set(a.tolist()), set(b.tolist())
    pairs = []
    for index in np.argsort(apart[a, b], kind="stable").tolist():
        pair = int(a[index]), int(b[index])
        if pair[0] in free_a and pair[1] in free_b:
            pairs.append(pair)
            free_a.remove(pair[0])
            free_b.remove(pair[1])
    return pairs


def _place(peak: np.ndarray) -> Place:
    return float(peak[0]), float(peak[1])
