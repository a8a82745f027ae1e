"""Images on other numbers of pixels: photons per area stay."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nb_compare.resample import resample_to
from nb_core import InputError

sides = st.integers(1, 40)


@given(sides, sides, sides, sides, st.floats(0.1, 1e6))
def test_a_constant_image_has_its_photons_per_area(slow, fast, new_slow, new_fast, value):
    found = resample_to(np.full((slow, fast), value), (new_slow, new_fast))
    assert found.shape == (new_slow, new_fast)
    expected = value * slow * fast / (new_slow * new_fast)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@given(sides, sides, sides, sides, st.integers(0, 99))
def test_the_sum_is_kept(slow, fast, new_slow, new_fast, seed):
    image = np.random.default_rng(seed).gamma(0.5, 10, (slow, fast)).astype(np.float32)
    found = resample_to(image, (new_slow, new_fast))
    assert found.dtype == np.float32
    assert found.sum(dtype=float) == pytest.approx(image.sum(dtype=float), rel=1e-5)
    assert found.min() >= 0


def test_the_same_shape_is_a_copy():
    image = np.random.default_rng(0).random((5, 7))
    found = resample_to(image, (5, 7))
    np.testing.assert_array_equal(found, image)
    found[0, 0] = 9
    assert image[0, 0] != 9


@pytest.mark.parametrize("shape", [(20, 60), (80, 15), (123, 77)])
def test_a_spot_stays_where_it_is(shape):
    slow, fast = np.mgrid[:40, :30]
    image = np.exp(-((slow - 25) ** 2 + (fast - 8) ** 2) / 18)
    found = resample_to(image, shape)
    rows, columns = np.indices(shape)
    centre = ((rows * found).sum() / found.sum(), (columns * found).sum() / found.sum())
    expected = (25.5 * shape[0] / 40 - 0.5, 8.5 * shape[1] / 30 - 0.5)
    assert centre == pytest.approx(expected, abs=0.15)


def test_fine_detail_is_averaged_and_not_skipped():
    image = np.zeros((64, 64))
    image[::4] = 4.0
    found = resample_to(image, (16, 16))
    np.testing.assert_allclose(found[4:-4, 4:-4], 16.0, rtol=0.05)


@pytest.mark.parametrize("shape", [(0, 5), (5, -1)])
def test_an_empty_shape_is_refused(shape):
    with pytest.raises(InputError, match="two positive numbers"):
        resample_to(np.ones((4, 4)), shape)


def test_what_is_not_finite_is_refused():
    with pytest.raises(InputError, match="finite"):
        resample_to(np.full((4, 4), np.nan), (2, 2))
