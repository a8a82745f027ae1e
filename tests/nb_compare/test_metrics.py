"""Measures of difference, against hand numbers and what must always hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nb_compare import compare_images
from nb_core import InputError

photons = st.floats(0.0, 1e6, width=32)
images = arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=photons)


def test_hand_numbers():
    reference = np.array([[1.0, 2.0], [3.0, 4.0]])
    image = np.array([[1.0, 2.0], [3.0, 6.0]])
    found = compare_images(image, reference)
    assert found.sum_ratio == pytest.approx(1.2)
    assert found.rmse == pytest.approx(1.0)
    assert found.max_difference == 2.0
    assert found.max_relative == 0.5
    assert found.worst == (1, 1)
    assert found.same_float32 == 0.75
    assert found.correlation == pytest.approx(np.corrcoef(image.ravel(), reference.ravel())[0, 1])


@given(images)
def test_an_image_is_itself(image):
    found = compare_images(image, image)
    assert (found.correlation, found.sum_ratio, found.rmse) == (1.0, 1.0, 0.0)
    assert (found.max_difference, found.max_relative, found.same_float32) == (0.0, 0.0, 1.0)


@given(images, st.floats(0.5, 2.0))
def test_a_scale_shows_in_the_ratio_and_not_in_the_correlation(image, scale):
    found = compare_images(image * scale, image)
    if image.sum() > 0:
        assert found.sum_ratio == pytest.approx(scale)
    if image.std() > 1e-3 * max(image.max(), 1e-3):
        assert found.correlation == pytest.approx(1.0)


@given(images)
def test_the_worst_pixel_is_found(image):
    moved = image.copy()
    moved[-1, 0] += 2e6
    found = compare_images(moved, image)
    assert found.worst == (image.shape[0] - 1, 0)
    assert found.max_difference == pytest.approx(2e6)


def test_a_difference_beyond_float32_is_the_same_pixel():
    image = np.array([[1.0 + 1e-12, 2.0]])
    assert compare_images(image, np.array([[1.0, 2.0]])).same_float32 == 1.0
    assert compare_images(image, np.array([[1.0, 2.0]])).max_difference > 0


def test_a_constant_image_has_no_correlation():
    assert np.isnan(compare_images(np.ones((2, 2)), np.array([[1.0, 2.0], [3.0, 4.0]])).correlation)


def test_an_empty_reference_has_no_ratio():
    zero = np.zeros((2, 2))
    found = compare_images(np.ones((2, 2)), zero)
    assert found.sum_ratio == np.inf
    assert found.max_relative == np.inf
    assert compare_images(zero, zero).sum_ratio == 1.0


@pytest.mark.parametrize("shape", [(2, 3), (4,), (0, 0)])
def test_other_shapes_are_refused(shape):
    reference = np.zeros((0, 0)) if shape == (0, 0) else np.zeros((2, 2))
    with pytest.raises(InputError, match="expected an image of the reference's shape"):
        compare_images(np.zeros(shape), reference)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(bad):
    image = np.ones((2, 2))
    broken = image.copy()
    broken[0, 1] = bad
    with pytest.raises(InputError, match=r"^image: NaN or infinity"):
        compare_images(broken, image)
    with pytest.raises(InputError, match=r"^reference: NaN or infinity"):
        compare_images(image, broken)
