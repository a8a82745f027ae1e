"""Distances in steps of float32, against numpy's own next number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nb_compare.ulp import ulp_distances, ulp_histogram
from nb_core import InputError

numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
images = arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 4)), elements=numbers)


def one(value):
    return np.array([[value]], np.float32)


def distance(a, b):
    return int(ulp_distances(one(a), one(b))[0, 0])


@pytest.mark.parametrize("start", [1.0, -1.0, 0.0, 1e-45, -1e-45, 65535.996, 1.1754944e-38])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_each_next_number_is_one_further(start, steps):
    value = np.float32(start)
    for _ in range(steps):
        value = np.nextafter(value, np.float32(np.inf))
    assert distance(value, start) == steps
    assert distance(start, value) == steps


def test_both_zeros_are_the_same_number():
    assert distance(0.0, -0.0) == 0
    assert distance(-1e-45, 1e-45) == 2


def test_the_furthest_numbers_do_not_overflow():
    largest = np.finfo(np.float32).max
    assert distance(largest, -largest) == 2 * 0x7F7FFFFF


@given(numbers, numbers, numbers)
def test_distances_add_up(a, b, c):
    low, middle, high = sorted((a, b, c))
    assert distance(low, high) == distance(low, middle) + distance(middle, high)
    assert (distance(a, b) == 0) == (a == b)


@given(images)
def test_an_image_is_itself(image):
    found = ulp_distances(image, image)
    assert found.dtype == np.int64
    assert found.shape == image.shape
    assert not found.any()


def test_the_bins_and_where_their_edges_lie():
    edges = [0, 1, 2, 3, 4, 5, 8, 9, 16, 512, 513, 1024, 1025, 10_000_000]
    reference = np.ones((2, 7), np.float32)
    image = (reference.view(np.int32) + np.array(edges, np.int32).reshape(2, 7)).view(np.float32)
    found = ulp_histogram(image, reference)
    assert [(part.lowest, part.highest) for part in found] == [
        *[(0, 0), (1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, 32), (33, 64), (65, 128)],
        *[(129, 256), (257, 512), (513, 1024), (1025, None)],
    ]
    assert [part.pixels for part in found] == [1, 1, 1, 2, 2, 2, 0, 0, 0, 0, 1, 2, 2]


@given(images, st.randoms())
def test_every_pixel_is_counted_once(image, random):
    other = image.copy()
    other[0, 0] = np.float32(random.uniform(-1e3, 1e3))
    assert sum(part.pixels for part in ulp_histogram(image, other)) == image.size


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(InputError, match="reference's shape"):
        ulp_distances(np.ones((2, 2), np.float32), np.ones((2, 3), np.float32))
    with pytest.raises(InputError, match="NaN or infinity"):
        ulp_distances(one(np.nan), one(1))
