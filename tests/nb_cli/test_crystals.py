"""Several crystals on the command line."""

import json
import re

import jsonschema
import numpy as np
import pytest

from nb_core import read_toml
from nb_physics import crystal_experiment, simulate
from nb_taps import tap_schema

EXPERIMENT = """
[[crystal]]
cell_a = 70.0
cell_b = 80.0
cell_c = 90.0
default_F = 100.0
space_group = "P 21 21 21"

[[crystal]]
cell_a = 60.0
misset_deg = [10.0, 20.0, 30.0]
N_cells = [4, 5, 6]
default_F = 100.0
fraction = 0.25
phi_start_deg = 5.0
osc_range_deg = 1.0
phi_steps = 2

[detector]
fpixels = 12
spixels = 10
pixel_size_mm = 1.0
distance_mm = 60.0

[sampling]
oversample = 2
"""

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")


@pytest.fixture
def two(folder):
    (folder / "two.toml").write_text(EXPERIMENT)
    return read_toml(folder / "two.toml")


def test_show_has_a_line_for_each_crystal(nb, two):
    outcome = nb("config", "show", "two.toml")
    assert outcome.code == 0
    assert re.search(r"^  crystals +2, numbered from 0", outcome.out, re.MULTILINE)
    (line,) = re.findall(r"^  crystal 1 .*", outcome.out, re.MULTILINE)
    for part in (
        "cell 60 60 60 A",
        "misset 10 20 30 deg",
        "4 x 5 x 6 cells",
        "phi 5 to 6 deg in 2 steps",
        "fraction 0.25 of the illuminated volume",
        "oversample 2",
    ):
        assert part in line
    assert "space group P 21 21 21" in outcome.out
    assert "nothing is computed from it" in outcome.out
    assert "12 evaluations a pixel" in outcome.out  # 2 x 2 sub-pixels: 1 step, and 2


def test_show_does_not_list_a_hundred(nb, folder):
    more = "".join(f"[[crystal]]\ncell_a = {50 + n}.0\n" for n in range(100))
    (folder / "many.toml").write_text(more)
    out = nb("config", "show", "many.toml").out
    assert "... 92 more ..." in out
    assert "crystal 99 " in out
    assert "crystal 50 " not in out


def test_simulate_adds_them(nb, two, folder):
    outcome = nb("simulate", "two.toml", "--out", "image.f32", "--png", "image.png")
    assert (outcome.code, outcome.errors) == (0, [])
    image = np.fromfile(folder / "image.f32", np.float32).reshape(10, 12)
    assert np.array_equal(image, simulate(two).float().numpy())
    assert (folder / "image.png").stat().st_size > 1000


def test_convert_writes_toml_and_refuses_options(nb, two, folder):
    assert nb("config", "convert", "-o", "again.toml", "two.toml").code == 0
    assert read_toml(folder / "again.toml") == two
    for arguments, named in (
        (["config", "convert", "--to", "flags", "two.toml"], "no options for more"),
        (["config", "show", "two.toml", "--", "-N", "5"], "which of 2 crystals"),
        (["config", "show", "--profile", "reference", "two.toml"], "corrected"),
    ):
        outcome = nb(*arguments)
        assert outcome.code == 2
        assert named in outcome.err
        assert "Traceback" not in outcome.err


def test_trace_shows_one_of_them(nb, two, folder):
    for number in (0, 1):
        choice = ["--crystal-number", str(number)] if number else []
        outcome = nb(
            *("trace", "--pixel", "4", "5", "--lines", *choice, "--json"),
            *("--out-dir", "traced", "two.toml"),
        )
        assert (outcome.code, outcome.errors) == (0, [])
        value = simulate(crystal_experiment(two, number))[4, 5].item()
        assert f"{value:.12g} photons of crystal {number}" in outcome.out
        assert outcome.out.splitlines()[-2].startswith(f"crystal {number} of 2, 0 to 1")
        path = folder / "traced" / f"4-5-crystal-{number}-intensity.json"
        found = json.loads(path.read_text())
        jsonschema.validate(found, tap_schema())
        assert found["crystal"] == number
        values = {name: entry["value"] for name, entry in found["values"].items()}
        assert values["photons"] == value
        scaled = values["intensity"] * values["r_e_sqr"] * values["fluence"] / values["steps"]
        assert scaled == pytest.approx(value, rel=1e-14)  # a product of four


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--crystal-number", "2"], "numbered 0 to 1"),
        (["--crystal-number", "-1"], "numbered 0 to 1"),
        (["--taps", "noise"], "one of several crystals is traced"),
    ],
)
def test_what_trace_refuses(nb, two, options, named):
    outcome = nb("trace", "--pixel", "4", "5", *options, "two.toml")
    assert outcome.code == 2
    assert named in outcome.err
    assert "Traceback" not in outcome.err
