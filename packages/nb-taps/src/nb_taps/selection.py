"""Which pixels are looked at: single ones, or all of a rectangle."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from nb_core import InputError, Roi
from nb_physics import Plan, select_pixels

MOST_PIXELS = 100_000
"""Recording more would fill memory with numbers that nobody reads."""


def split_rendered(
    plan: Plan, pixels: Sequence[tuple[int, int]]
) -> list[tuple[Plan, list[tuple[int, int]]]]:
    """The pixels (slow, fast) that the image renders, with its plan; the others, with one that
    renders them: without region of interest and mask. Raises InputError for one off the detector.
    """
    detector = plan.experiment.plane
    shape = (detector.spixels, detector.fpixels)
    for slow, fast in pixels:
        if not (0 <= slow < shape[0] and 0 <= fast < shape[1]):
            raise InputError("pixel", (slow, fast), f"the detector has {shape} pixels (slow, fast)")
    unique = list(dict.fromkeys(pixels))
    selection = select_pixels(plan.experiment)
    inside = [pixel for pixel in unique if selection.number(*pixel) is not None]
    outside = [pixel for pixel in unique if selection.number(*pixel) is None]
    whole = dataclasses.replace(plan.experiment, roi=None, mask=None)
    parts = [(plan, inside), (dataclasses.replace(plan, experiment=whole), outside)]
    return [(part, chosen) for part, chosen in parts if chosen]


def roi_pixels(roi: Roi) -> list[tuple[int, int]]:
    """All pixels (slow, fast) of a rectangle, bounds inclusive; InputError for none or too many."""
    if roi.xmin > roi.xmax or roi.ymin > roi.ymax:
        raise InputError("roi", tuple(roi), "holds no pixel: give xmin xmax ymin ymax")
    count = (roi.xmax - roi.xmin + 1) * (roi.ymax - roi.ymin + 1)
    if count > MOST_PIXELS:
        raise InputError("roi", tuple(roi), f"{count} pixels; look at {MOST_PIXELS} at most")
    rows, columns = range(roi.ymin, roi.ymax + 1), range(roi.xmin, roi.xmax + 1)
    return [(slow, fast) for slow in rows for fast in columns]
