"""The background keeps the contract of all backgrounds, and is what its table says."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from nb_background_radial import RadialTable
from nb_core import (
    BackgroundConfig,
    InputError,
    experiment_to_flags,
    flags_to_experiment,
    read_toml,
    write_toml,
)
from nb_physics import make_plan, simulate
from nb_physics.testing import BackgroundContract


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "air.txt"
    path.write_text("# sin(theta)/lambda  photons/sr\n0.0 4e6\n0.1 2e6\n0.4 1e6\n")
    return path


TABLE = str(Path(__file__).with_name("air.txt"))


class TestContract(BackgroundContract):
    background = RadialTable(file=TABLE, scale=2.5)


LINE = ["-cell", "5", "-N", "1", "-lambda", "1", "-distance", "60", "-nopolar", "-pixel", "2"]
SIZE = ["-detpixels", "21", "-oversample", "1", "-default_F", "1e-9", "-point_pixel"]


def experiment(table, *more):
    words = [*LINE, *SIZE, "-background", f"radial:file={table}", *more]
    return flags_to_experiment(words, profile="corrected")


def test_the_image_is_the_table_at_each_pixels_angle(table):
    """Round the beam, times the solid angle 4 / R^2 mm^2; linear between the table's lines."""
    plan = make_plan(experiment(table))
    image, frame = simulate(plan), plan.frame
    for slow in range(0, 21, 4):
        for fast in range(0, 21, 5):
            across = (fast + 0.5) * frame.fast + (slow + 0.5) * frame.slow
            x, y, z = ((frame.origin + 0.002 * across) * 1000).tolist()  # x along the beam
            radius = math.hypot(x, y, z)
            stol = math.sin(math.atan2(math.hypot(y, z), x) / 2)
            expected = np.interp(stol, [0.0, 0.1, 0.4], [4e6, 2e6, 1e6]) * 4.0 / radius**2
            # The table is looked up at 1024 points, 3.9e-4 apart: between two of them the corner at
            # 0.1 is cut, by a quarter of that times the change of slope, 8e-4 of the value.
            assert image[slow, fast].item() == pytest.approx(expected, rel=8e-4)


def test_nothing_beyond_the_table(table):
    table.write_text("0 1e6\n0.05 1e6\n")
    image = simulate(experiment(table))
    assert image[10, 10] > 0
    assert image[0, 0] < 1e-9 * image[10, 10]


def test_scale_and_files(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = table.name
    once, twice = (simulate(experiment(f"{table},scale={n}")) for n in (1, 2))
    torch.testing.assert_close(twice, 2 * once, rtol=1e-14, atol=1e-20)
    whole = experiment(table)
    write_toml(tmp_path / "a.toml", whole)
    text = (tmp_path / "a.toml").read_text()
    assert 'file = "air.txt"' in text  # seen from the folder of the TOML file
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert torch.equal(simulate(read_toml(tmp_path / "a.toml")), once)
    assert f"radial:file={table}" in experiment_to_flags(whole)


def test_the_reference_profile_has_none(table):
    whole = dataclasses.replace(
        flags_to_experiment([*LINE, *SIZE]),
        background=BackgroundConfig(terms=(RadialTable(file=str(table)),)),
    )
    with pytest.raises(InputError, match="radial: nanoBragg has water only"):
        simulate(whole)


BAD = {
    "": "expected two columns",
    "1 2 3\n4 5 6\n": "expected two columns",
    "0 1\n": "expected two columns",
    "0 1\n0.2 1\n0.1 1\n": "must rise from line to line",
    "-1 1\n1 1\n": "from 0 or more",
    "0 1\n1 nan\n": "must rise",
    "0 1\n1 -2\n": "photons per steradian must be 0 or more",
    "a b\n": "could not convert",
}


@pytest.mark.filterwarnings("ignore:loadtxt")
@pytest.mark.parametrize("text", BAD)
def test_a_bad_table_is_refused(table, text):
    table.write_text(text)
    with pytest.raises(InputError, match=rf"radial\.file: .*{BAD[text]}"):
        simulate(experiment(table))


def test_no_table_is_refused():
    words = [*LINE, *SIZE, "-background", "radial:scale=3"]
    with pytest.raises(InputError, match=r"radial\.file: \(not given\)"):
        simulate(flags_to_experiment(words, profile="corrected"))


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"radial\.file: .*none\.txt"):
        simulate(experiment(tmp_path / "none.txt"))
