"""How nb view and --png draw: scale, limits, region, colours, pedestal, format and words."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from nb_cli.picture import picture_format
from nb_cli.refine_picture import WINDOW, brightest_windows
from nb_cli.scenes import image_scene, plan_details
from nb_core import InputError, flags_to_experiment, read_image
from nb_core.formats.floats import write_floats
from nb_physics import make_plan

BEGINNINGS = {
    "a.png": b"\x89PNG",
    "a.PNG": b"\x89PNG",
    "a.jpg": b"\xff\xd8\xff",
    "a.jpeg": b"\xff\xd8\xff",
    "a.pdf": b"%PDF",
    "a.svg": b"<?xml",
}


@pytest.fixture
def drawn(monkeypatch):
    """What imshow was given: a list of the values and the other arguments of each call."""
    calls = []
    real = Axes.imshow

    def imshow(self, values, **more):
        calls.append((np.ma.asarray(values), more))
        return real(self, values, **more)

    monkeypatch.setattr(Axes, "imshow", imshow)
    return calls


@pytest.fixture
def counts(folder):
    """Writes a 4 x 6 SMV image of 40 to 63 counts, with more lines of a header."""

    def write(*lines, kind="<u2", values=None, name="s.img"):
        data = np.arange(40, 64) if values is None else values
        keys = "".join(f"{line};\n" for line in lines)
        head = "{\nHEADER_BYTES=512;\nBYTE_ORDER=little_endian;\nSIZE1=6;\nSIZE2=4;\n" + keys + "}"
        (folder / name).write_bytes(head.ljust(512).encode() + data.astype(kind).tobytes())

    return write


@pytest.mark.parametrize("name", BEGINNINGS)
def test_the_ending_decides_the_format(nb, folder, counts, name):
    counts()
    ran = nb("view", "s.img", "--png", name)
    assert ran.code == 0, ran
    assert (folder / name).read_bytes().startswith(BEGINNINGS[name])


@pytest.mark.parametrize("name", ["a.cbf", "a.dat", "a.img", "a.tif"])
def test_an_ending_of_no_picture_is_refused_before_any_work(refused, folder, counts, tiny, name):
    counts()
    assert "written as .png, .jpg, .pdf or .svg" in refused("view", "s.img", "--png", name)
    assert f"--png: {name}" in refused("simulate", "--png", name, "--", *tiny)
    assert not (folder / name).exists()
    with pytest.raises(InputError):
        picture_format(name)


@pytest.mark.parametrize(
    ("lines", "options", "pedestal"),
    [
        ([], [], 0),
        (["ADC_OFFSET=10"], [], 10),
        (["IMAGE_PEDESTAL=20"], [], 20),
        (["BEAMLINE=fake"], [], 40),
        (["BEAMLINE=fake"], ["--pedestal", 5], 5),
        (["ADC_OFFSET=10"], ["--pedestal", 0], 0),
    ],
)
def test_the_pedestal_is_taken_off(nb, drawn, counts, lines, options, pedestal):
    counts(*lines)
    ran = nb("view", "s.img", *options)
    values, _ = drawn[0]
    assert values.tolist() == (np.arange(40, 64).reshape(4, 6) - pedestal).tolist()
    assert (f"without a pedestal of {pedestal:g} counts" in ran.out) == (pedestal != 0)


def test_a_pedestal_is_not_supposed_where_pixels_lie_below_it(counts):
    counts("BEAMLINE=fake", values=np.arange(24))
    assert image_scene(read_image("s.img"), "").pedestal == 0


def test_of_an_experiment_the_offset_is_the_pedestal(nb, drawn, simulated, tiny):
    simulated("-noisefile", "n.img", "-adc", "100")
    assert nb("view", "n.img", "--", *tiny, "-adc", "100").code == 0
    assert drawn[0][0].min() < 40


def test_a_region_is_cut_out(nb, drawn, counts):
    counts()
    assert nb("view", "s.img", "--roi", 1, 2, 3, 99).code == 0
    values, more = drawn[0]
    assert values.tolist() == [[59, 60]]
    assert more["extent"] == (0.5, 2.5, 3.5, 2.5)


@pytest.mark.parametrize(
    ("options", "limits", "logarithmic"),
    [
        (["--linear"], (0, None), False),
        (["--linear", "--vmin", -5, "--vmax", 50], (-5, 50), False),
        (["--vmin", 2, "--vmax", 50], (2, 50), True),
        (["--vmin", 1000], (1000, 1e6), True),
        (["--vmax", 1e-3], (1e-6, 1e-3), True),
    ],
)
def test_scale_and_limits(nb, drawn, counts, options, limits, logarithmic):
    counts()
    assert nb("view", "s.img", *options).code == 0
    norm = drawn[0][1]["norm"]
    assert isinstance(norm, LogNorm) == logarithmic
    assert norm.vmin == pytest.approx(limits[0])
    assert limits[1] is None or norm.vmax == pytest.approx(limits[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--vmin", 3, "--vmax", 2], "less than --vmax"),
        (["--vmin", 0], "begins above 0; add --linear"),
        (["--vmin", "nan"], "expected a finite number"),
        (["--pedestal", "inf"], "expected a finite number"),
        (["--roi", 6, 9, 0, 3], "within 6 x 4 pixels"),
        (["--roi", 3, 2, 0, 3], "within 6 x 4 pixels"),
        (["--colours", "nosuch"], "no colour map"),
    ],
)
def test_what_cannot_be_drawn_is_refused(refused, folder, counts, options, message):
    counts()
    assert message in refused("view", "s.img", *options)
    assert not (folder / "s.png").exists()


@pytest.mark.parametrize(
    ("options", "colours"),
    [([], "inferno"), (["--white"], "gray_r"), (["--colours", "viridis"], "viridis")],
)
def test_colours(nb, drawn, counts, options, colours):
    counts()
    assert nb("view", "s.img", *options).code == 0
    assert drawn[0][1]["cmap"].name == colours


def test_pixels_without_a_measurement_have_a_colour_of_their_own(nb, drawn, counts):
    values = np.arange(24)
    values[[0, 5]] = -1
    counts("TYPE=signed_long", kind="<i4", values=values)
    assert nb("view", "s.img").code == 0
    assert drawn[0][0].mask.flatten().nonzero()[0].tolist() == [0, 5]


def test_a_pgm_picture_is_drawn(nb, simulated):
    simulated("-pgmfile", "p.pgm")
    assert "grey levels" in nb("view", "p.pgm").out


def test_a_title_says_cell_rotation_distance_and_wavelength():
    flags = "-cell 70 80 90 90 95 90 -default_F 1 -lambda 0.9795 -distance 150 -phi 10 -osc 0.5"
    details = plan_details(make_plan(flags_to_experiment(flags.split())))
    parts = ["cell 70 80 90 Å 90 95 90°", "phi 10° to 10.5°", "distance 150 mm"]
    assert details == ", ".join([*parts, "wavelength 0.9795 Å"])


def test_the_brightest_spots_get_windows_of_their_own():
    image = np.zeros((200, 220))
    image[100, 50], image[100, 53], image[2, 218] = 9.0, 8.0, 7.0
    half = WINDOW // 2
    assert brightest_windows(image) == [(100 - half, 50 - half), (0, 220 - WINDOW)]
    assert brightest_windows(image[:50]) == []


def test_a_raw_image_of_an_experiment_names_it(nb, drawn, tiny):
    write_floats("f.bin", np.ones((16, 16)))
    assert nb("view", "f.bin", "--", *tiny).code == 0
    assert drawn[0][0].shape == (16, 16)


def test_an_empty_name_of_a_picture_is_refused(refused, tiny, folder, counts):
    counts()
    assert '--png: "": a picture is written as' in refused("view", "s.img", "--png", "")
    assert '--png: "": a picture is written as' in refused("simulate", "--png", "", "--", *tiny)


def test_limits_and_regions_that_cannot_be_are_told_of(nb, refused, folder, counts):
    counts()
    assert "--vmax: -5.0: a logarithmic" in refused("view", "s.img", "--vmax", "-5")
    ran = nb("view", "s.img", "--roi", "-5", "1000", "0", "3")
    assert ran.code == 0
    assert "--roi -5 1000 0 3 is cut to the 6 x 4 pixels" in ran.err
