"""nb view: an image file to a picture."""

import os
import re

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from nb_cli import picture
from nb_cli.scenes import image_scene
from nb_core import read_image
from nb_core.formats.floats import write_floats

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def rings(monkeypatch):
    """Whether rings were drawn: a list with the levels of each contour call."""
    drawn = []
    real = Axes.contour

    def contour(self, *arguments, **more):
        drawn.append(more["levels"])
        return real(self, *arguments, **more)

    monkeypatch.setattr(Axes, "contour", contour)
    return drawn


@pytest.fixture
def view(nb, folder):
    """Draws, and checks the line and the picture."""

    def call(*arguments, png):
        ran = nb("view", *arguments)
        assert (ran.code, ran.errors, ran.warnings) == (0, [], [])
        assert ran.out.splitlines()[-1] == f"wrote {png}"
        assert (folder / png).read_bytes()[:8] == PNG
        return ran.out

    return call


def floats(shape, name="a.bin"):
    image = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)
    write_floats(name, image)


def smv(name="s.img", **changes):
    """A 4 x 4 image with a camera in its header."""
    keys = {"PIXEL_SIZE": 1, "DISTANCE": 10, "WAVELENGTH": 1, "DENZO_X_BEAM": 1, "DENZO_Y_BEAM": 2}
    keys |= changes
    camera = "".join(f"{key}={value};\n" for key, value in keys.items() if value is not None)
    text = f"{{\nHEADER_BYTES=512;\nBYTE_ORDER=little_endian;\nSIZE1=4;\nSIZE2=4;\n{camera}}}\f"
    with open(name, "wb") as handle:
        handle.write(text.ljust(512).encode() + np.arange(16, dtype="<u2").tobytes())


def test_a_square_float_image(view, rings):
    floats((8, 8))
    out = view("a.bin", png="a.png")
    assert "a.bin: 8 x 8 pixels (slow, fast), max 63, mean 31.5 photons" in out
    assert rings == []
    assert sorted(os.listdir()) == ["a.bin", "a.png"]


def test_a_float_image_with_its_shape(view, refused):
    floats((4, 9))
    assert "a.bin: 4 x 9 pixels" in view("a.bin", "--shape", 4, 9, png="a.png")
    assert "has 24" in refused("view", "a.bin", "--shape", 4, 6)


def test_an_image_that_is_not_square_needs_its_shape(refused):
    floats((4, 8))
    assert "not square" in refused("view", "a.bin")


@pytest.mark.parametrize("shape", [(-8, -8), (0, 8), ("x", 8)])
def test_impossible_shapes(refused, shape):
    floats((8, 8))
    assert "--shape" in refused("view", "a.bin", "--shape", *shape)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers(refused, value):
    image = np.ones((4, 4), np.float32)
    image[1, 2] = value
    write_floats("a.bin", image)
    assert "pixel slow 1 fast 2" in refused("view", "a.bin")


@pytest.mark.parametrize("value", [0, -1, 1e-30, 3e38])
def test_any_finite_value_is_drawn(view, value):
    write_floats("a.bin", np.full((4, 4), value, np.float32))
    view("a.bin", png="a.png")


@pytest.mark.parametrize("form", ["toml", "flags"])
def test_rings_come_from_an_experiment(nb, view, folder, tiny, rings, form):
    (folder / "e.toml").write_text(nb("config", "convert", "--", *tiny).out)
    floats((16, 16))
    experiment = ["e.toml"] if form == "toml" else ["--", *tiny]
    view("a.bin", *experiment, png="a.png")
    assert len(rings) == 1
    assert rings[0]


def test_profile_and_unknown_options_as_in_simulate(nb, tiny):
    floats((16, 16))
    options = ("--profile", "corrected", "--ignore-unknown-flags")
    ran = nb("view", *options, "a.bin", "--", *tiny, "-nosuch")
    assert ran.code == 0
    assert "-nosuch" in ran.warnings[0]


def test_an_experiment_of_another_size_is_refused(refused, tiny):
    floats((8, 8))
    smv()
    refused("view", "a.bin", "--", *tiny)
    assert "(16, 16) pixels" in refused("view", "s.img", "--", *tiny)


def test_a_simulated_smv_image_has_rings(simulated, view, rings):
    simulated("-intfile", "i.img")
    assert "counts" in view("i.img", png="i.png")
    assert len(rings) == 1


def test_rings_of_a_header_are_those_of_the_experiment(simulated, view, rings, tiny):
    simulated("-intfile", "i.img")
    view("i.img", png="i.png")
    view("i.img", "--", *tiny, png="i.png")
    assert rings[0] == pytest.approx(rings[1], rel=0.02)


def test_a_header_without_the_beam_centre_gives_no_rings(view, inputs, rings):
    out = view(inputs / "header.img", "--png", "h.png", png="h.png")
    assert "120 x 100 pixels (slow, fast)" in out
    assert rings == []


@pytest.mark.parametrize(
    "changes", [{"TWOTHETA": 5}, {"PIXEL_SIZE": 0}, {"DISTANCE": -1}, {"WAVELENGTH": 0}]
)
def test_an_impossible_or_tilted_camera_gives_no_rings(view, rings, changes):
    smv()
    view("s.img", png="s.png")
    assert len(rings) == 1
    smv(**changes)
    view("s.img", png="s.png")
    assert len(rings) == 1


def test_the_spacing_of_a_header_is_that_of_bragg(folder):
    smv()
    scene = image_scene(read_image("s.img"), "title")
    assert scene.beam == (0.5, 1.5)
    radius = np.hypot(3 - 0.5, 0 - 1.5)
    assert scene.spacing[3, 0] == pytest.approx(1 / (2 * np.sin(np.arctan(radius / 10) / 2)))


def test_the_name_of_the_picture(view):
    floats((8, 8), "my.image.bin")
    view("my.image.bin", png="my.image.png")
    view("my.image.bin", "--png", "other", png="other")


def test_no_overwrite(refused, view, folder):
    floats((8, 8))
    (folder / "a.png").write_bytes(b"old")
    assert "a.png: exists" in refused("view", "a.bin", "--no-overwrite")
    view("a.bin", "--no-overwrite", "--png", "b.png", png="b.png")
    view("a.bin", png="a.png")


def test_ring_spacings_are_round_and_within_the_detector():
    spacing = np.geomspace(1.5, 80, 400).reshape(20, 20)
    found = picture.ring_spacings(spacing)
    assert found == sorted(found, reverse=True)
    assert len(found) == 4
    assert all(1.5 < d < 80 and re.fullmatch(r"\d+(\.\d)?", f"{d:g}") for d in found)


def test_the_scale_of_an_image_of_zeros_and_of_others():
    norm = picture._log_norm(np.zeros((4, 4)))
    assert not isinstance(norm, LogNorm)
    norm = picture._log_norm(np.array([[0.0, *[1e-9] * 200, 100.0]]))
    assert isinstance(norm, LogNorm)
    assert (norm.vmin, norm.vmax) == (1e-3, 100.0)


def test_of_a_large_image_the_brightest_pixel_of_each_block_is_drawn(monkeypatch):
    monkeypatch.setattr(picture, "LARGEST_SIDE", 4)
    image = np.arange(8 * 6, dtype=float).reshape(8, 6)
    small = picture._brightest(image)
    assert small.shape == (4, 3)
    assert small[0, 0] == image[1, 1]
    assert small.max() == image.max()
    assert np.array_equal(picture._brightest(image[:4, :4]), image[:4, :4])


def test_an_image_of_one_row_is_drawn_without_rings(view, rings, tiny):
    floats((1, 16))
    flags = [*tiny, "-detpixels_s", "1"]
    view("a.bin", "--", *flags, png="a.png")
    assert rings == []
