"""Images in a notebook: the picture is a PNG whose darkest pixel is the brightest of the image."""

import base64
import re
import struct
import zlib

import numpy as np
import pytest

from nb_core import ImageData, PixelKind
from nb_core.notebook import LARGEST_SIDE, PNG_SIGNATURE, grey_png

Array = np.ndarray


def levels_of_png(data: bytes) -> Array:
    """The grey levels of a PNG, with all lengths and checksums checked."""
    assert data.startswith(PNG_SIGNATURE)
    chunks, rest = {}, data[len(PNG_SIGNATURE) :]
    while rest:
        (length,) = struct.unpack(">I", rest[:4])
        name, body = rest[4:8], rest[8 : 8 + length]
        assert struct.unpack(">I", rest[8 + length : 12 + length]) == (zlib.crc32(name + body),)
        chunks[name], rest = body, rest[12 + length :]
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    fast, slow, *form = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert form == [8, 0, 0, 0, 0]
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(slow, fast + 1)
    assert not lines[:, 0].any()
    return lines[:, 1:]


def picture(shown: str) -> Array:
    (data,) = re.findall(r'src="data:image/png;base64,([^"]*)"', shown)
    return levels_of_png(base64.b64decode(data))


def rows(shown: str) -> dict[str, str]:
    return dict(re.findall(r"<tr><th[^>]*>([^<]*)</th><td[^>]*>([^<]*)</td></tr>", shown))


def photons(*shape: int) -> Array:
    values = np.full(shape, 0.5, dtype=np.float32)
    values[..., 3, 5] = 1000.0
    return values


def test_a_png_holds_its_levels() -> None:
    levels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert np.array_equal(levels_of_png(grey_png(levels)), levels)


def test_spots_are_dark_on_white() -> None:
    shown = ImageData(photons(8, 16), PixelKind.PHOTONS)._repr_html_()
    levels = picture(shown)
    assert levels.shape == (8, 16)
    assert np.argwhere(levels == 0).tolist() == [[3, 5]]
    assert (np.delete(levels.ravel(), 3 * 16 + 5) > 200).all()
    assert 'width="256" height="128"' in shown


def test_the_scale_is_logarithmic() -> None:
    values = np.array([[1e-9, 0.1, 1.0, 10.0, 100.0]] * 20)
    values[1:] = 0.2  # the lower end of the scale is half the median
    levels = picture(ImageData(values, PixelKind.PHOTONS)._repr_html_())[0].astype(int)
    assert levels.tolist() == [255, 255, 170, 85, 0]


def test_the_figures_are_told() -> None:
    image = ImageData(photons(8, 16), PixelKind.PHOTONS, source="a.bin")
    assert rows(image._repr_html_()) == {
        "image": "a.bin",
        "size": "8 x 16 pixels (slow, fast), float32",
        "max": "1000 photons at slow 3, fast 5",
        "mean": f"{(1000 + 127 * 0.5) / 128:g} photons",
        "drawn": "dark spots, by the logarithm from 0.25 to 1e+03",
    }


def test_of_counts_the_pedestal_is_taken_off_and_gaps_are_left_out() -> None:
    counts = np.full((4, 4), 41, dtype=np.int32)
    counts[1, 2], counts[0, 0] = 140, -1
    shown = ImageData(counts, PixelKind.COUNTS, pedestal=40.0)._repr_html_()
    assert rows(shown)["max"] == "140 counts at slow 1, fast 2"
    assert rows(shown)["mean"] == f"{(140 + 14 * 41) / 15:g} counts"
    assert rows(shown)["left out"] == "1 pixel without a measurement"
    assert rows(shown)["pedestal"] == "40 counts"
    assert rows(shown)["drawn"].endswith("from 0.5 to 100")
    assert picture(shown)[0, 0] == 255


def test_numbers_that_are_none_are_left_out() -> None:
    values = photons(4, 8)
    values[0, 0], values[0, 1] = np.nan, np.inf
    shown = ImageData(values, PixelKind.PHOTONS)._repr_html_()
    assert rows(shown)["left out"] == "2 pixels without a measurement"
    assert rows(shown)["max"] == "1000 photons at slow 3, fast 5"


def test_grey_levels_are_drawn_as_they_are() -> None:
    levels = np.arange(16, dtype=np.uint8).reshape(4, 4)
    shown = ImageData(levels, PixelKind.GREY_LEVELS)._repr_html_()
    assert np.array_equal(picture(shown), levels)


def test_a_large_image_shows_the_brightest_of_each_block() -> None:
    values = np.ones((5 * LARGEST_SIDE // 2, 10), dtype=np.float32)
    values[7, 4] = 50.0
    levels = picture(ImageData(values, PixelKind.PHOTONS)._repr_html_())
    assert levels.shape == (-(-len(values) // 3), 4)
    assert np.argwhere(levels == 0).tolist() == [[2, 1]]


def test_panels_are_drawn_in_one_picture() -> None:
    values = np.ones((5, 4, 8), dtype=np.float32)
    values[4, 1, 2] = 9.0
    shown = ImageData(values, PixelKind.PHOTONS)._repr_html_()
    assert rows(shown)["max"] == "9 photons at panel 4, slow 1, fast 2"
    levels = picture(shown)
    assert levels.shape == (12, 16)
    assert np.argwhere(levels == 0).tolist() == [[5, 10]]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.zeros((3, 4), np.float32), ("drawn", "nothing lies above zero")),
        (np.full((3, 4), np.nan, np.float32), ("holds", "no photons that were measured")),
        (np.zeros((0, 4), np.float32), ("size", "0 x 4 pixels (slow, fast), float32")),
        (np.ones((3, 4), np.float32), ("drawn", "dark spots, by the logarithm from 0.5 to 1")),
    ],
    ids=["zero", "nan", "empty", "even"],
)
def test_an_image_that_shows_nothing_says_so(values: Array, told: tuple[str, str]) -> None:
    name, text = told
    assert rows(ImageData(values, PixelKind.PHOTONS)._repr_html_())[name] == text


def test_names_are_escaped() -> None:
    shown = ImageData(photons(4, 8), PixelKind.PHOTONS, source='<b>"&')._repr_html_()
    assert '<b>"&' not in shown
    assert shown.count("&lt;b&gt;&quot;&amp;") == 2
