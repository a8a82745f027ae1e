"""Peaks: spots of known places are found and paired."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nb_compare.peaks import LISTED, MOST_PEAKS, _nearest_pairs, find_peaks, match_peaks
from nb_core import InputError


def spots(places, shape=(60, 80), heights=None, width=1.5):
    """Gaussian spots at (slow, fast) places."""
    slow, fast = np.mgrid[: shape[0], : shape[1]]
    image = np.zeros(shape)
    for (s, f), height in zip(places, heights or [100.0] * len(places), strict=True):
        image += height * np.exp(-((slow - s) ** 2 + (fast - f) ** 2) / (2 * width**2))
    return image.astype(np.float32)


PLACES = [(10, 20), (30, 60), (45.3, 12.4), (20, 41)]
HEIGHTS = [40.0, 100.0, 70.0, 5.0]


def test_spots_are_found_where_they_are_brightest_first():
    found = find_peaks(spots(PLACES, heights=HEIGHTS), 1.0)
    expected = [PLACES[1], PLACES[2], PLACES[0], PLACES[3]]
    np.testing.assert_allclose(found, expected, atol=0.25)
    np.testing.assert_allclose(found[0], PLACES[1], atol=1e-3)


@given(st.floats(-0.45, 0.45), st.floats(-0.45, 0.45))
def test_a_small_shift_is_measured(slow, fast):
    reference = spots([(20, 30)], width=0.8)
    found = match_peaks(spots([(20 + slow, 30 + fast)], width=0.8), reference)
    assert (found.reference, found.image, found.matched) == (1, 1, 1)
    assert found.max_displacement == pytest.approx(np.hypot(slow, fast), abs=0.15)


def test_an_image_is_itself():
    image = spots(PLACES, heights=HEIGHTS)
    found = match_peaks(image, image)
    assert (found.reference, found.image, found.matched) == (4, 4, 4)
    assert (found.mean_displacement, found.max_displacement) == (0.0, 0.0)
    assert [peak.reference for peak in found.brightest] == [peak.image for peak in found.brightest]
    assert found.brightest[0].reference == pytest.approx((30, 60), abs=1e-3)


def test_mean_and_largest_displacement():
    moved = [(10, 23), (30, 60), (45.3, 13.4), (20, 41)]
    found = match_peaks(spots(moved, heights=HEIGHTS), spots(PLACES, heights=HEIGHTS))
    assert found.matched == 4
    assert found.max_displacement == pytest.approx(3.0, abs=1e-2)
    assert found.mean_displacement == pytest.approx(1.0, abs=1e-2)
    (first,) = [p for p in found.brightest if p.displacement > 2]
    assert first.reference == pytest.approx((10, 20), abs=1e-2)
    assert first.image == pytest.approx((10, 23), abs=1e-2)


@pytest.mark.parametrize(("by", "matched"), [(4.9, 1), (5.2, 0)])
def test_peaks_further_than_five_pixels_do_not_match(by, matched):
    found = match_peaks(spots([(20 + by, 30)]), spots([(20, 30)]))
    assert (found.reference, found.image, found.matched) == (1, 1, matched)
    if not matched:
        assert (found.mean_displacement, found.max_displacement, found.brightest) == (
            None,
            None,
            (),
        )


def test_a_peak_is_matched_once_and_by_the_nearest():
    reference = spots([(30, 30), (30, 34)], width=0.7)
    found = match_peaks(spots([(30, 33)], width=0.7), reference)
    assert (found.reference, found.image, found.matched) == (2, 1, 1)
    assert found.brightest[0].reference == pytest.approx((30, 34), abs=0.05)


@pytest.mark.parametrize(("height", "peaks"), [(0.9, 1), (1.2, 2)])
def test_the_level_is_a_hundredth_of_the_brightest_above_the_background(height, peaks):
    image = spots([(20, 20), (40, 60)], heights=[100.0, height]) + np.float32(50)
    assert match_peaks(image, image).reference == peaks


def test_the_level_is_the_references():
    reference = spots([(20, 30)])
    assert match_peaks(reference * np.float32(0.009), reference).image == 0
    assert match_peaks(reference * np.float32(0.011), reference).image == 1


@pytest.mark.parametrize("value", [0.0, 7.0])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (20, 20)])
def test_a_constant_image_has_no_peaks(value, shape):
    image = np.full(shape, value, np.float32)
    found = match_peaks(image, image)
    assert (found.reference, found.image, found.matched) == (0, 0, 0)
    assert found.mean_displacement is None


@pytest.mark.parametrize("place", [(0, 0), (0, 5), (59, 79), (30, 0)])
def test_a_peak_at_the_edge_is_found(place):
    image = np.zeros((60, 80), np.float32)
    image[place] = 1
    np.testing.assert_array_equal(find_peaks(image, 0.5), [place])


def test_equal_neighbours_are_one_peak_between_them():
    image = np.zeros((20, 20), np.float32)
    image[10, 10:12] = 8
    np.testing.assert_allclose(find_peaks(image, 1.0), [(10, 10.5)])


def test_no_more_than_the_brightest_five_hundred():
    heights = np.linspace(100, 10, 900).reshape(30, 30)
    image = np.zeros((240, 240), np.float32)
    image[4::8, 4::8] = heights
    found = match_peaks(image, image)
    assert found.matched == found.reference == MOST_PEAKS
    assert len(found.brightest) == LISTED
    assert found.brightest[-1].reference == (4 + 8 * 1, 4 + 8 * 19)
    assert found.brightest[0].reference == (4, 4)


def test_a_large_image_gives_no_more_peaks_to_pair(monkeypatch):
    """Pairing takes peaks x peaks: of tens of thousands in noise, only the brightest come to it."""
    handed = []

    def pairs(theirs, ours):
        handed.append((theirs.shape, ours.shape))
        return _nearest_pairs(theirs, ours)

    monkeypatch.setattr("nb_compare.peaks._nearest_pairs", pairs)
    rng = np.random.default_rng(1)
    image = rng.random((2048, 2048), dtype=np.float32)
    assert match_peaks(image, image).matched == MOST_PEAKS
    assert handed == [((MOST_PEAKS, 2), (MOST_PEAKS, 2))]


def test_other_shapes_are_refused():
    with pytest.raises(InputError, match="reference's shape"):
        match_peaks(np.ones((2, 2), np.float32), np.ones((3, 2), np.float32))
