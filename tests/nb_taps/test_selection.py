"""The pixels of a rectangle."""

import pytest

from nb_core import InputError, Roi
from nb_taps.selection import MOST_PIXELS, roi_pixels


def test_both_bounds_belong_to_the_rectangle_and_rows_come_first():
    found = roi_pixels(Roi(xmin=3, xmax=5, ymin=1, ymax=2))
    assert found == [(1, 3), (1, 4), (1, 5), (2, 3), (2, 4), (2, 5)]
    assert roi_pixels(Roi(7, 7, 0, 0)) == [(0, 7)]


def test_too_many_pixels_are_refused():
    assert len(roi_pixels(Roi(1, MOST_PIXELS // 100, 0, 99))) == MOST_PIXELS
    with pytest.raises(InputError, match=f"roi: .*: {MOST_PIXELS + 1} pixels; look at"):
        roi_pixels(Roi(0, MOST_PIXELS, 0, 0))
