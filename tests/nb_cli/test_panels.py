"""Detectors of panels on the command line."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from nb_core import read_toml
from nb_physics import simulate

EXPERIMENT = """
[crystal]
cell_a = 70.0
cell_b = 80.0
cell_c = 90.0
misset_deg = [10.0, 20.0, 30.0]
N_cells = [5, 5, 5]
default_F = 100.0

[sampling]
oversample = 2

[beam]
wavelength_A = 1.2
direction = [0.0, 0.0, 1.0]
polarization_normal = [0.0, 1.0, 0.0]
polarization_fraction = 0.99

[goniometer]
axis = [1.0, 0.0, 0.0]

[[panel]]
name = "top"
origin_mm = [-6.0, -13.0, 60.0]
fast_axis = [1.0, 0.0, 0.0]
slow_axis = [0.0, 1.0, 0.2]
pixel_size_mm = 1.0
shape = [11, 12]
gain = 2.0

[[panel]]
name = "bottom"
origin_mm = [-6.0, 1.0, 60.0]
fast_axis = [1.0, 0.0, 0.0]
slow_axis = [0.0, 1.0, -0.2]
pixel_size_mm = 1.0
shape = [11, 12]
group = "low"

[[group]]
name = "low"
shift_mm = [0.0, 2.0, 0.0]
"""

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")


@pytest.fixture
def experiment(folder):
    path = Path(folder) / "panels.toml"
    path.write_text(EXPERIMENT, encoding="utf-8")
    return "panels.toml"


def test_photons_are_written_panel_after_panel(nb, folder, experiment):
    outcome = nb("simulate", experiment, "--engine", "eager")
    assert (outcome.code, outcome.errors) == (0, []), outcome
    image = np.fromfile(folder / "floatimage.bin", "<f4").reshape(2, 11, 12)
    expected = simulate(read_toml(folder / experiment), engine="eager").float().numpy()
    assert np.array_equal(image, expected)
    assert "2 panels of 11 x 12 pixels (slow, fast) of 1 mm" in outcome.out
    assert "0 top: origin -6 -13 60 mm" in outcome.out
    assert "1 bottom: origin -6 3 60 mm" in outcome.out
    assert "group low     1 panel shift 0 2 0 mm" in outcome.out
    assert "not used      gain of panels: photons are simulated, and do not depend on it" in (
        outcome.out
    )
    panel, slow, fast = np.unravel_index(int(image.argmax()), image.shape)
    assert f"max {image.max():g} photons at panel {panel}, slow {slow}, fast {fast}" in outcome.out
    assert [path.name for path in folder.iterdir() if path.suffix == ".img"] == []


@pytest.mark.parametrize("option", ["-intfile", "-noisefile", "-pgmfile"])
def test_a_format_of_one_plane_is_refused(nb, folder, experiment, option):
    outcome = nb(
        "simulate", experiment, "--", option, "image.img" if "pgm" not in option else "i.pgm"
    )
    assert outcome.code == 2
    assert option in outcome.err
    assert "holds one plane, and there are 2 panels" in outcome.err
    assert sorted(path.name for path in folder.iterdir()) == [experiment]


def test_photons_are_written_in_any_format_that_holds_them(nb, folder, experiment):
    nb("simulate", experiment, "-q", "--engine", "eager", "--out", "p.f32")
    nb("simulate", experiment, "-q", "--engine", "eager")
    assert (folder / "p.f32").read_bytes() == (folder / "floatimage.bin").read_bytes()
    outcome = nb("simulate", experiment, "--out", "p.img")
    assert outcome.code == 2
    assert "SMV cannot hold the photons of 2 panels" in outcome.err


def test_panels_are_drawn_where_they_stand(nb, folder, experiment):
    outcome = nb("simulate", experiment, "--engine", "eager", "--png", "p.svg")
    assert (outcome.code, outcome.errors) == (0, []), outcome
    assert (folder / "p.svg").stat().st_size > 10_000
    nb("simulate", experiment, "--engine", "eager", "-q", "--", "-floatfile", "f.bin")
    outcome = nb("view", "f.bin", experiment, "--png", "v.png")
    assert (outcome.code, outcome.errors) == (0, []), outcome
    assert "f.bin: 2 x 11 x 12 pixels (panel, slow, fast)" in outcome.out
    outcome = nb("view", "f.bin", experiment, "--linear")
    assert outcome.code == 2
    assert "not for pictures of several panels" in outcome.err


def test_a_pixel_of_a_panel_is_traced(nb, folder, experiment):
    nb("simulate", experiment, "--engine", "eager", "-q")
    image = np.fromfile(folder / "floatimage.bin", "<f4").reshape(2, 11, 12)
    outcome = nb("trace", "--pixel", "1", "5", "6", "--json", "--out-dir", "o", experiment)
    assert (outcome.code, outcome.errors) == (0, []), outcome
    photons = float(re.search(r"pixel panel 1, slow 5, fast 6: (\S+) photons", outcome.out)[1])
    assert np.float32(photons) == image[1, 5, 6]
    assert json.loads((folder / "o" / "1-5-6-omega.json").read_text())["pixel"] == [1, 5, 6]
    again = nb("trace", "--panel-pixel", "1", "5", "6", "--json", "--out-dir", "p", experiment)
    assert again.code == 0
    assert nb("trace", "diff", "o", "p").code == 0


@pytest.mark.parametrize(
    ("pixel", "told"),
    [
        (("5", "6"), "three whole numbers"),
        (("2", "5", "6"), "numbered 0 to 1"),
        (("1", "11", "6"), "the panels have (11, 12) pixels"),
        (("-1", "1", "6"), "numbered 0 to 1"),
    ],
)
def test_a_pixel_that_there_is_not(nb, experiment, pixel, told):
    outcome = nb("trace", "--pixel", *pixel, experiment)
    assert outcome.code == 2
    assert told in outcome.err
    assert outcome.errors[-1].startswith("nb: --pixel: ")


def test_a_rectangle_that_there_is_not(nb, experiment):
    for bounds, told in (("0 3 0 3", "three whole numbers"), ("3 0 0 3", "holds no pixel")):
        outcome = nb("trace", "--roi", *bounds.split(), experiment)
        assert (outcome.code, outcome.errors[-1].startswith("nb: --roi: ")) == (2, True), outcome
        assert told in outcome.err


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("gain = 2.0", "trusted_range = [0, 9]\ngain = 2.0", "gain and trusted_range of panels: "),
        (
            "gain = 2.0",
            "sensor = {thickness_um = 0.0, attenuation_um = 50.0}",
            "sensor of top: it has no thickness (thickness_um = 0), so every photon counts",
        ),
        (
            "shape = [11, 12]",
            "shape = [11, 12]\nsensor = {thickness_um = 300.0, attenuation_um = inf}",
            "sensor of top and 1 more: it absorbs nothing (attenuation_um = inf)",
        ),
        (
            "[beam]",
            "[beam]\nnopolar = true",
            "polarization_fraction and polarization_normal: nopolar takes the polarization away",
        ),
    ],
)
def test_what_does_not_change_photons_is_told(nb, folder, experiment, before, after, told):
    (folder / experiment).write_text(EXPERIMENT.replace(before, after), encoding="utf-8")
    shown = nb("config", "show", experiment)
    assert f"not used      {told}" in shown.out, shown


def test_a_sensor_that_counts_is_not_told_of(nb, folder, experiment):
    sensor = "sensor = {thickness_um = 300.0, attenuation_um = 50.0}"
    text = EXPERIMENT.replace("gain = 2.0", sensor)
    (folder / experiment).write_text(text, encoding="utf-8")
    assert "not used" not in nb("config", "show", experiment).out


def test_one_panel_is_one_in_words(nb, folder, experiment):
    alone = EXPERIMENT.partition('[[panel]]\nname = "bottom"')[0]
    (folder / experiment).write_text(alone, encoding="utf-8")
    assert "1 panel of 11 x 12 pixels" in nb("config", "show", experiment).out
    outcome = nb("simulate", experiment, "--", "-intfile", "image.img")
    assert "holds nanoBragg's own plane, not a panel" in outcome.err
    outcome = nb("config", "convert", "--to", "flags", experiment)
    assert (outcome.code, "detector: 1 panel: " in outcome.err) == (2, True), outcome


def test_the_noise_of_panels_is_refused(nb, experiment):
    outcome = nb("trace", "--pixel", "1", "5", "6", "--taps", "noise", experiment)
    assert outcome.code == 2
    assert "panels have none" in outcome.err


def test_config_shows_and_checks_panels(nb, experiment):
    shown = nb("config", "show", experiment)
    assert shown.code == 0
    assert "turns about 1 0 0" in shown.out
    assert "Kahn factor 0.98" in shown.out
    checked = nb("config", "check", experiment)
    assert checked.out.startswith(f"ok: {float(2 * 11 * 12 * 4):.3g} evaluations")


def test_an_option_of_one_plane_is_refused(nb, experiment):
    outcome = nb("simulate", experiment, "--", "-distance", "50")
    assert outcome.code == 2
    assert "-distance" in outcome.err
    assert "[[panel]]" in outcome.err


def test_the_reference_profile_is_refused(nb, experiment):
    outcome = nb("simulate", experiment, "--profile", "reference")
    assert outcome.code == 2
    assert "nanoBragg has one plane" in outcome.err


def test_pixels_that_are_printed_are_those_of_each_panel(nb, experiment):
    outcome = nb(
        "simulate", experiment, "-q", "--engine", "eager", "--", "-printout_pixel", "6", "5"
    )
    assert (outcome.code, outcome.errors) == (0, []), outcome
    found = re.findall(r"(top|bottom), pixel fast 6 slow 5: (\S+) photons", outcome.out)
    assert [name for name, _ in found] == ["top", "bottom"]
    assert all(math.isfinite(float(photons)) for _, photons in found)


def test_moves_of_panels_are_refined(nb, folder, experiment):
    path = folder / experiment
    nb(
        "simulate",
        experiment,
        "-q",
        "--engine",
        "eager",
        "--",
        "-floatfile",
        "f.bin",
        "-fluence",
        "1e27",
    )
    start = path.read_text().replace("shift_mm = [0.0, 2.0, 0.0]", "shift_mm = [0.0, 2.02, 0.0]")
    (folder / "start.toml").write_text(start, encoding="utf-8")
    options = ("--parameters", "detector", "--all-pixels", "--engine", "eager")
    outcome = nb("refine", "start.toml", "f.bin", *options, "--", "-fluence", "1e27")
    assert outcome.code == 0, outcome
    values = dict(
        re.findall(r"^(low_shift_\w+|low_tilt_\w+) +\S+ +(\S+)", outcome.out, re.MULTILINE)
    )
    assert len(values) == 6
    assert float(values["low_shift_across"]) == pytest.approx(2.0, abs=2e-3)
    (refined,) = folder.glob("nb-refine/*/refined.toml")
    assert read_toml(refined).detector.groups[0].shift_mm[1] == pytest.approx(2.0, abs=2e-3)


def test_distance_is_not_refined_with_panels(nb, folder, experiment):
    nb("simulate", experiment, "-q", "--engine", "eager", "--", "-floatfile", "f.bin")
    for parameter in ("distance", "beam_centre"):
        outcome = nb("refine", experiment, "f.bin", "--parameters", parameter)
        assert outcome.code == 2
        assert "refine `detector` to move panels" in outcome.err
