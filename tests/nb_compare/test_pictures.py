"""Pictures: what scale they have, what of an image they show, and how they are written."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, SymLogNorm
from PIL import Image

from nb_compare import pictures
from nb_compare.pictures import (
    averaged,
    block_side,
    largest_magnitudes,
    log_norm,
    save_picture,
    signed_norm,
)
from nb_core import InputError, OutputError


@pytest.fixture
def drawn(monkeypatch):
    """What was drawn: (values, the options of imshow) of each picture."""
    calls = []
    real = Axes.imshow

    def imshow(self, values, **options):
        calls.append((values, options))
        return real(self, values, **options)

    monkeypatch.setattr(Axes, "imshow", imshow)
    return calls


def test_an_image(tmp_path, drawn):
    image = np.random.default_rng(0).gamma(0.3, 10, (30, 50)).astype(np.float32)
    save_picture(image, tmp_path / "a.png", title="$a_b$ <c>", unit="counts")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.format == "PNG"
    ((values, options),) = drawn
    np.testing.assert_array_equal(values, image)
    assert isinstance(options["norm"], LogNorm)
    assert options["norm"].vmax == pytest.approx(np.percentile(image, 99.5))
    assert options["extent"] == (-0.5, 49.5, 29.5, -0.5)


def test_a_difference_is_symmetric(tmp_path, drawn):
    values = np.random.default_rng(0).normal(3, 2, (30, 50))
    save_picture(values, tmp_path / "d.png", signed=True, percentile=90.0)
    ((shown, options),) = drawn
    np.testing.assert_array_equal(shown, values)
    norm = options["norm"]
    assert isinstance(norm, SymLogNorm)
    assert norm.vmax == pytest.approx(np.percentile(np.abs(values), 90))
    assert norm.vmin == -norm.vmax
    assert norm(0.0) == pytest.approx(0.5)


def test_red_is_more_and_blue_is_less(tmp_path):
    values = np.array([[1.0, -1.0]])
    save_picture(values, tmp_path / "d.png", signed=True)
    with Image.open(tmp_path / "d.png") as opened:
        picture = np.asarray(opened.convert("RGB")).astype(int)
    row = picture[picture.shape[0] // 2]
    red = np.flatnonzero(row[:, 0] - row[:, 2] > 60)
    blue = np.flatnonzero(row[:, 2] - row[:, 0] > 20)
    assert red.min() < blue.min()


@pytest.mark.parametrize("value", [0.0, -1.0, 1e-40, 3e38])
@pytest.mark.parametrize("signed", [True, False])
def test_any_finite_value_is_drawn(tmp_path, value, signed):
    save_picture(np.full((4, 4), value, np.float32), tmp_path / "a.png", signed=signed)
    assert (tmp_path / "a.png").stat().st_size > 1000


@pytest.mark.parametrize("percentile", [0.0, -1.0, 100.1, float("nan")])
def test_impossible_percentiles(tmp_path, percentile):
    with pytest.raises(InputError, match="at most 100"):
        save_picture(np.ones((2, 2)), tmp_path / "a.png", percentile=percentile)
    assert not list(tmp_path.iterdir())


def test_no_overwrite_and_no_folder(tmp_path):
    (tmp_path / "a.png").write_bytes(b"old")
    with pytest.raises(OutputError, match="exists"):
        save_picture(np.ones((2, 2)), tmp_path / "a.png", overwrite=False)
    assert (tmp_path / "a.png").read_bytes() == b"old"
    with pytest.raises(OutputError, match="folder"):
        save_picture(np.ones((2, 2)), tmp_path / "no" / "a.png")


@pytest.mark.parametrize(("percentile", "end"), [(100.0, 999.0), (50.0, 499.5), (99.95, 999.0)])
def test_the_scale_ends_at_the_percentile(percentile, end):
    values = np.arange(1000.0).reshape(20, 50)
    assert log_norm(values, percentile).vmax == pytest.approx(end)
    assert signed_norm(-values, percentile).vmax == pytest.approx(end)


def test_a_few_spots_do_not_vanish_below_the_percentile():
    values = np.zeros((100, 100))
    values[5, 5] = 7.0
    assert log_norm(values).vmax == 7.0
    assert signed_norm(-values).vmin == -7.0


def test_a_large_image_is_drawn_smaller(tmp_path, drawn, monkeypatch):
    monkeypatch.setattr(pictures, "LARGEST_SIDE", 10)
    values = np.ones((25, 8))
    values[24, 7] = -50.0
    save_picture(values, tmp_path / "d.png", signed=True)
    save_picture(np.abs(values), tmp_path / "a.png")
    (difference, options), (image, _) = drawn
    assert difference.shape == image.shape == (9, 3)
    assert difference[8, 2] == -50.0
    assert image[8, 2] == pytest.approx((50 + 1) / 2)
    assert options["extent"] == (-0.5, 8.5, 26.5, -0.5)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 30))
def test_reduced_images_are_small_and_keep_what_counts(slow, fast, largest):
    values = np.random.default_rng(slow * 61 + fast).normal(size=(slow, fast))
    side = block_side(values.shape, largest)
    for reduced in (averaged(values, largest), largest_magnitudes(values, largest)):
        assert max(reduced.shape) <= largest
        assert reduced.shape == tuple(-(-n // side) for n in values.shape)
    found = largest_magnitudes(values, largest)
    assert np.isin(found, values).all()
    assert np.abs(found).max() == np.abs(values).max()
    last = values[(slow - 1) // side * side :, (fast - 1) // side * side :]
    assert averaged(values, largest)[-1, -1] == pytest.approx(last.mean())
    assert abs(found[-1, -1]) == np.abs(last).max()


def test_the_picture_is_the_same_each_time(tmp_path):
    image = np.arange(12.0).reshape(3, 4)
    for name in ("a.png", "b.png"):
        save_picture(image, tmp_path / name)
    first, second = (io.BytesIO((tmp_path / name).read_bytes()) for name in ("a.png", "b.png"))
    assert first.getvalue() == second.getvalue()
