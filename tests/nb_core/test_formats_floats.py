"""Raw float images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from nb_core.errors import InputError, OutputError
from nb_core.formats.floats import read_floats, write_floats


def test_the_bytes_are_little_endian_float32_in_rows(tmp_path):
    write_floats(tmp_path / "out.bin", np.array([[1.0, 2.0], [0.5, -1.0]]))
    content = (tmp_path / "out.bin").read_bytes()
    assert content == b"\0\0\x80\x3f\0\0\0\x40\0\0\0\x3f\0\0\x80\xbf"


def test_a_transposed_image_is_written_in_its_own_rows(tmp_path):
    image = np.arange(6, dtype=np.float32).reshape(2, 3).T
    write_floats(tmp_path / "out.bin", image)
    np.testing.assert_array_equal(read_floats(tmp_path / "out.bin", (3, 2)), image)


@given(image=hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6)))
def test_an_image_reads_back_as_written(tmp_path_factory, image):
    path = tmp_path_factory.mktemp("floats") / "out.bin"
    write_floats(path, image)
    again = read_floats(path, image.shape)
    assert again.dtype == np.float32
    np.testing.assert_array_equal(again, image)


def test_without_a_shape_an_image_is_square(tmp_path):
    write_floats(tmp_path / "out.bin", np.arange(9.0))
    assert read_floats(tmp_path / "out.bin").tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


@pytest.mark.parametrize(
    ("size", "shape", "message"),
    [
        (24, None, "6 pixels: not square: say its shape"),
        (23, None, "23 bytes: not a multiple of 4"),
        (23, (2, 3), "23 bytes: not a multiple of 4"),
        (24, (2, 2), r"6 pixels: a shape \(slow, fast\) of \(2, 2\) has 4"),
        (0, None, "the file is empty"),
    ],
)
def test_a_wrong_size_is_an_error(tmp_path, size, shape, message):
    (tmp_path / "out.bin").write_bytes(bytes(size))
    with pytest.raises(InputError, match=message):
        read_floats(tmp_path / "out.bin", shape)


def test_overwriting_can_be_refused(tmp_path):
    (tmp_path / "out.bin").write_bytes(b"old")
    with pytest.raises(OutputError, match="exists already"):
        write_floats(tmp_path / "out.bin", np.zeros((1, 1)), overwrite=False)


def test_a_text_is_no_raw_image(tmp_path):
    path = tmp_path / "a.mat"
    path.write_text("0.0142 0 0\n0 0.0125 0\n0 0 0.0111\n   ")
    with pytest.raises(InputError, match="the content is text; a raw float32 image is read here"):
        read_floats(path)
    path.write_bytes(b"AAAA" * 4)
    assert read_floats(path).shape == (2, 2)
