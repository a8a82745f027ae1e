"""The map of blocks, against a loop over the pixels of each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nb_compare import compare_images
from nb_compare.blocks import block_map, reduce_blocks
from nb_core import InputError

shapes = st.tuples(st.integers(1, 70), st.integers(1, 70))
images = arrays(np.float32, shapes, elements=st.floats(0, 1e3, width=32), fill=st.just(2.0))


@given(images, st.data(), st.integers(1, 40))
def test_every_block_has_its_largest_difference(reference, data, blocks):
    image = reference.copy()
    for _ in range(3):
        place = tuple(data.draw(st.integers(0, side - 1)) for side in image.shape)
        image[place] += data.draw(st.sampled_from([-10, 10]))
    found = block_map(image, reference, blocks)
    slow, fast = found.size
    rows, columns = found.max_relative.shape
    assert rows <= blocks
    assert columns <= blocks
    assert (rows - 1) * slow < image.shape[0] <= rows * slow
    assert (columns - 1) * fast < image.shape[1] <= columns * fast
    apart = np.abs(image.astype(float) - reference.astype(float)) / max(
        float(reference.max()), 1e-300
    )
    for row in range(rows):
        for column in range(columns):
            part = apart[row * slow : (row + 1) * slow, column * fast : (column + 1) * fast]
            if reference.max() > 0:
                assert found.max_relative[row, column] == pytest.approx(part.max(), rel=1e-12)


@given(images)
def test_the_largest_block_is_the_largest_difference(reference):
    image = reference[::-1].copy()
    found = block_map(image, reference).max_relative.max()
    assert found == pytest.approx(compare_images(image, reference).max_relative, rel=1e-12)


@pytest.mark.parametrize(
    ("shape", "size", "blocks"),
    [
        ((64, 32), (2, 1), (32, 32)),
        ((5, 100), (1, 4), (5, 25)),
        ((1, 1), (1, 1), (1, 1)),
        ((33, 4096), (2, 128), (17, 32)),
    ],
)
def test_shapes(shape, size, blocks):
    image = np.ones(shape, np.float32)
    found = block_map(image, image)
    assert (found.size, found.max_relative.shape) == (size, blocks)
    assert not found.max_relative.any()


def test_a_reference_of_zeros():
    zero = np.zeros((4, 4), np.float32)
    image = zero.copy()
    image[3, 0] = 1
    found = block_map(image, zero, blocks=2).max_relative
    np.testing.assert_array_equal(found, [[0, 0], [np.inf, 0]])


def test_the_inputs_are_left_as_they_were():
    image, reference = np.ones((4, 4)), np.zeros((4, 4))
    block_map(image, reference, 2)
    assert image.all()
    assert not reference.any()


def test_a_block_is_reduced_by_any_operation():
    values = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(reduce_blocks(values, (2, 3), np.add), [[18, 10], [27, 11]])


def test_other_shapes_are_refused():
    with pytest.raises(InputError, match="reference's shape"):
        block_map(np.ones((2, 2), np.float32), np.ones((3, 2), np.float32))
