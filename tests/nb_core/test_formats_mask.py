"""Masks."""

import numpy as np
import pytest

from nb_core.data import Mask
from nb_core.errors import InputError, OutputError
from nb_core.formats.mask import read_mask, write_mask
from nb_core.formats.smv import SmvHeader

HEADER = SmvHeader(3, 2, 0.1, *[1.0] * 10, (1.0, 2.0, 3.0), *[4.0] * 7)


def _image(order, code):
    text = f"{{\nHEADER_BYTES=512;\nBYTE_ORDER={order};\nSIZE1=3;\nSIZE2=2;\nDISTANCE=90;\n}}\f"
    return text.ljust(512).encode() + np.array([0, 1, 256, 65535, 0, 7], dtype=code).tobytes()


@pytest.mark.parametrize(("order", "code"), [("little_endian", "<u2"), ("big_endian", ">u2")])
def test_zero_skips_a_pixel_in_either_byte_order_17(tmp_path, order, code):
    path = tmp_path / "mask.img"
    path.write_bytes(_image(order, code))
    mask, image = read_mask(path)
    assert mask.values.tolist() == [[False, True, True], [True, False, True]]
    assert mask.values.dtype == np.bool_
    assert mask.source == str(path)
    assert image.number("DISTANCE") == 90.0
    assert image.data[0, 2] == 256


def test_a_mask_reads_back_as_written(tmp_path):
    values = np.array([[False, True, False], [True, True, False]])
    write_mask(tmp_path / "mask.img", HEADER, Mask(values))
    mask, image = read_mask(tmp_path / "mask.img")
    np.testing.assert_array_equal(mask.values, values)
    assert image.data.max() == 1
    assert image.number("PIXEL_SIZE") == 0.1


def test_overwriting_can_be_refused(tmp_path):
    (tmp_path / "mask.img").write_bytes(b"old")
    with pytest.raises(OutputError, match="exists already"):
        write_mask(tmp_path / "mask.img", HEADER, Mask(np.ones((2, 3), bool)), overwrite=False)


def test_a_mask_that_is_no_image_is_an_error(tmp_path):
    (tmp_path / "mask.img").write_bytes(b"1 1 0 1")
    with pytest.raises(InputError, match="not an SMV file"):
        read_mask(tmp_path / "mask.img")
