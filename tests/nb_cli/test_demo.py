"""nb demo: a first image, and the command that it suggests."""

import dataclasses
import os
import shlex

import numpy as np
import pytest
import torch

from nb_cli import demo_crystal
from nb_core import Experiment, NbWarning, StructureFactors
from nb_core.formats.floats import read_floats
from nb_core.formats.hkl import read_hkl

FILES = ["demo.bin", "demo.hkl", "demo.png", "demo.toml", "demo_0001.img"]


@pytest.fixture
def small(monkeypatch):
    """The demo's experiment with few pixels, steps and reflections."""
    whole = demo_crystal.demo_experiment
    few = StructureFactors(
        F=torch.full((9, 9, 5), 100.0, dtype=torch.float64),
        present=torch.ones((9, 9, 5), dtype=torch.bool),
        h_min=-4,
        k_min=-4,
        l_min=-2,
        count=405,
    )

    def shrunk():
        experiment = whole()
        crystal = dataclasses.replace(experiment.crystal, phi_steps=2, mosaic_domains=2)
        detector = dataclasses.replace(
            experiment.detector, fpixels=24, spixels=24, pixel_size_mm=1.0
        )
        return dataclasses.replace(
            experiment, crystal=crystal, detector=detector, structure_factors=few
        )

    monkeypatch.setattr(demo_crystal, "demo_experiment", shrunk)


def test_the_files_are_written_and_named(nb, small, folder):
    ran = nb("demo")
    assert (ran.code, ran.errors) == (0, [])
    assert sorted(os.listdir("nb-demo")) == FILES
    for name in FILES[:-1]:
        assert name in ran.out
    image = read_floats("nb-demo/demo.bin")
    assert image.shape == (24, 24)
    assert image.max() > 0
    assert (folder / "nb-demo" / "demo.png").read_bytes()[:4] == b"\x89PNG"
    assert read_hkl("nb-demo/demo.hkl").count == 405


@pytest.mark.parametrize("name", ["other", "a folder/with blanks"])
def test_the_next_command_works_as_printed(nb, small, name):
    ran = nb("demo", "--out-dir", name)
    assert sorted(os.listdir(name)) == FILES
    command = shlex.split(ran.out.splitlines()[-1])
    assert command[:2] == ["nb", "simulate"]
    again = nb(*command[1:])
    assert (again.code, again.errors) == (0, [])
    assert "from 30 deg" in again.out
    assert os.path.exists("turned.png")


def test_it_can_be_run_again(nb, small):
    nb("demo")
    first = read_floats("nb-demo/demo.bin")
    assert nb("demo", "--device", "cpu").code == 0
    assert np.array_equal(read_floats("nb-demo/demo.bin"), first)


def test_the_experiment_that_is_written_gives_the_image(nb, small):
    nb("demo")
    assert nb("simulate", "-q", "nb-demo/demo.toml", "--", "-floatfile", "a").code == 0
    assert np.array_equal(read_floats("a"), read_floats("nb-demo/demo.bin"))


def test_a_folder_that_cannot_be_made(refused, small, folder):
    (folder / "taken").write_bytes(b"old")
    assert "choose another folder" in refused("demo", "--out-dir", "taken")
    assert "choose another folder" in refused("demo", "--out-dir", "taken/below")


def test_a_device_that_is_not_there_leaves_nothing(refused, small):
    assert "it has: cpu" in refused("demo", "--device", "nonsense")


def test_the_amplitudes_have_the_symmetry_4_mmm():
    factors = demo_crystal.demo_amplitudes()
    for name in ("F", "present"):
        grid = getattr(factors, name).numpy()
        for axis in range(3):
            assert np.array_equal(grid, np.flip(grid, axis)), (name, axis)
        assert np.array_equal(grid, grid.transpose(1, 0, 2)), name
    assert (factors.h_min, factors.k_min, factors.l_min) == (-41, -41, -19)


def test_the_amplitudes_reach_to_their_resolution_without_the_direct_beam():
    factors = demo_crystal.demo_amplitudes()
    a, b, c = demo_crystal.CELL_A
    volume = 4 / 3 * np.pi / demo_crystal.SMALLEST_SPACING_A**3 * a * b * c
    assert factors.count == int(factors.present.sum())
    assert factors.count == pytest.approx(volume, rel=0.01)
    assert not factors.present[41, 41, 19]
    assert factors.F[~factors.present].abs().max() == 0
    assert not torch.equal(factors.F, demo_crystal.demo_amplitudes(seed=1).F)


def test_the_intensities_fall_off_as_wilson_says():
    factors = demo_crystal.demo_amplitudes()
    h, k, l = np.argwhere(factors.present.numpy()).T - np.array([[41], [41], [19]])
    a, b, c = demo_crystal.CELL_A
    s2 = (h / a) ** 2 + (k / b) ** 2 + (l / c) ** 2
    intensity = factors.F.numpy()[factors.present.numpy()] ** 2
    expected = 1000 * 6.7**2 * np.exp(-10 * s2)
    for low, high in ((0.0, 0.1), (0.1, 0.2), (0.2, 0.28)):
        shell = (s2 >= low) & (s2 < high)
        assert (intensity[shell] / expected[shell]).mean() == pytest.approx(1, abs=0.06)


@pytest.mark.filterwarnings(f"ignore::{NbWarning.__module__}.{NbWarning.__name__}")
def test_the_whole_experiment_is_possible():
    from nb_physics import make_plan

    experiment = demo_crystal.demo_experiment()
    assert isinstance(experiment, Experiment)
    assert make_plan(experiment).steps == 15 * 16
