"""PGM images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nb_core.errors import InputError, OutputError
from nb_core.formats.pgm import read_pgm, write_pgm

PIXELS = np.array([[0, 32, 10], [35, 255, 7]], dtype=np.uint8)


@pytest.mark.parametrize(
    ("scale", "comment"), [(18054.6123, b"18054.6"), (0.3, b"0.3"), (1e6, b"1e+06")]
)
def test_the_bytes_are_the_programs(tmp_path, scale, comment):
    write_pgm(tmp_path / "out.pgm", PIXELS, scale)
    expected = b"P5\n3 2\n# pixels scaled by " + comment + b"\n255\n" + PIXELS.tobytes()
    assert (tmp_path / "out.pgm").read_bytes() == expected


@given(
    image=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6)),
    scale=st.integers(1, 99999),
)
def test_an_image_reads_back_as_written(tmp_path_factory, image, scale):
    path = tmp_path_factory.mktemp("pgm") / "out.pgm"
    write_pgm(path, image, float(scale))
    again = read_pgm(path)
    np.testing.assert_array_equal(again.data, image)
    assert again.data.dtype == np.uint8
    assert again.scale == scale
    assert again.source == str(path)


@pytest.mark.parametrize(
    "header",
    [b"P5 3 2 255\n", b"P5\n# by hand\n3 2\n255 ", b"P5\n3 # wide\n2\n# pixels scaled by x\n255\n"],
)
def test_other_programs_headers_are_read(tmp_path, header):
    (tmp_path / "in.pgm").write_bytes(header + PIXELS.tobytes() + b"\n")
    image = read_pgm(tmp_path / "in.pgm")
    np.testing.assert_array_equal(image.data, PIXELS)
    assert image.scale is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"P2\n1 1\n255\n7\n", "not a binary PGM"),
        (b"P5\n3 x\n255\n", "not a binary PGM"),
        (b"P5\n0 2\n255\n", "0 2 255: sizes"),
        (b"P5\n3 0\n255\n", "3 0 255: sizes"),
        (b"P5\n1 1\n65535\n..", "1 1 65535: sizes and at most 255"),
        (b"P5\n1 1\n0\n.", "1 1 0: sizes"),
        (b"P5\n3 2\n255\n.....", "2 x 3 pixels: 1 of them are missing"),
        (b"", "the file is empty"),
    ],
)
def test_a_bad_image_is_an_error(tmp_path, content, message):
    (tmp_path / "in.pgm").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_pgm(tmp_path / "in.pgm")


@pytest.mark.parametrize("image", [PIXELS.astype(np.uint16), PIXELS[0]])
def test_another_type_or_shape_is_not_written(tmp_path, image):
    with pytest.raises(InputError, match="a uint8 image is needed"):
        write_pgm(tmp_path / "out.pgm", image, 1.0)
    assert not (tmp_path / "out.pgm").exists()


def test_overwriting_can_be_refused(tmp_path):
    (tmp_path / "out.pgm").write_bytes(b"old")
    with pytest.raises(OutputError, match="exists already"):
        write_pgm(tmp_path / "out.pgm", PIXELS, 1.0, overwrite=False)
