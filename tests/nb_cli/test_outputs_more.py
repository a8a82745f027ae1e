"""Outputs that share a name, clipping, automatic scales, and noise against its expectation."""

import io
import os
import shlex
from pathlib import Path

import numpy as np
import pytest

from nb_core.formats.floats import read_floats
from nb_core.formats.smv import read_smv
from nb_core.poisson import poisson_image

ROI = ("-roi", "2", "9", "4", "7")
WINDOW = (slice(4, 8), slice(2, 10))


@pytest.mark.parametrize("kind", ["-floatfile", "-intfile", "-pgmfile", "-noisefile", "--png"])
def test_no_overwrite_refuses_each_kind(refused, folder, tiny, kind):
    (folder / "a").write_bytes(b"old")
    before, after = (["--png", "a"], []) if kind == "--png" else ([], [kind, "a"])
    line = refused("simulate", "--no-overwrite", *before, "--", *tiny, *after)
    assert "a: exists" in line
    assert (folder / "a").read_bytes() == b"old"


def test_no_overwrite_looks_at_the_default_names_and_the_dump_too(refused, folder, tiny, inputs):
    (folder / "noiseimage.img").write_bytes(b"old")
    assert "noiseimage.img" in refused("simulate", "--no-overwrite", "--", *tiny)
    (folder / "F").write_bytes(b"old")
    more = ["-hkl", "six.hkl", "-dump", "F", "-floatfile", "a"]
    assert "F: exists" in refused("simulate", "--no-overwrite", "--", *tiny, *more)
    assert (folder / "F").read_bytes() == b"old"


@pytest.mark.parametrize("other", ["a", "./a"])
def test_two_outputs_of_one_name_are_refused(refused, tiny, other):
    line = refused("simulate", "--png", other, "--", *tiny, "-floatfile", "a")
    assert "two outputs" in line


def test_the_null_device_takes_any_number_of_outputs(simulated):
    simulated("-floatfile", "/dev/null", "-intfile", "/dev/null")
    assert os.listdir() == []


def test_without_scale_the_brightest_pixel_counts_55000_above_the_offset_of_40(simulated):
    simulated("-intfile", "i")
    assert read_smv("i").data.max() == 55040


def test_counts_beyond_16_bits_are_clipped(simulated):
    simulated("-intfile", "i", "-scale", "1e6")
    assert read_smv("i").data.max() == 65535


def test_without_a_seed_the_clock_gives_one_and_it_is_reported(nb, tiny, monkeypatch):
    at = tiny.index("-seed")
    monkeypatch.setattr("nb_physics.outputs.time.time", lambda: 4321.5)
    ran = nb("simulate", "--", *tiny[:at], *tiny[at + 2 :], "-noisefile", "a")
    assert ran.code == 0
    assert "seed 4321 (torch)" in ran.out


@pytest.mark.parametrize("rng", ["torch", "nanobragg"])
def test_noise_counts_what_is_expected(nb, tiny, rng):
    ran = nb("simulate", "--rng", rng, "--", *tiny, "-floatfile", "f", "-noisefile", "n")
    photons = read_floats("f").astype(float).sum()
    counted = read_smv("n").data.astype(float).sum() - 40 * 256
    assert abs(counted - photons) < 5 * np.sqrt(photons)
    assert f"{counted:.0f} photons counted + 40, 0 overloads, seed 1 ({rng})" in ran.out


def test_the_region_of_interest_has_the_values_of_the_whole_image(simulated):
    simulated("-floatfile", "whole")
    simulated(*ROI, "-floatfile", "part")
    assert np.array_equal(read_floats("whole")[WINDOW], read_floats("part")[WINDOW])


def test_the_noise_of_a_region_is_drawn_from_the_start_of_the_stream(nb, tiny):
    names = ("-floatfile", "f", "-noisefile", "n")
    assert nb("simulate", "--rng", "nanobragg", "--", *tiny, *ROI, *names).code == 0
    expected = poisson_image(read_floats("f")[WINDOW], 1) + 40
    assert np.array_equal(read_smv("n").data[WINDOW], expected)


@pytest.mark.parametrize("pixel", [("16", "0"), ("0", "16"), ("-1", "0")])
def test_a_pixel_off_the_detector_is_refused_and_nothing_written(refused, tiny, pixel):
    assert "-printout_pixel" in refused("simulate", "--", *tiny, "-printout_pixel", *pixel)


def test_a_dump_alone_names_no_image(simulated, inputs):
    before = set(os.listdir())
    simulated("-hkl", "six.hkl", "-dump", "F")
    four = {"floatimage.bin", "intimage.img", "image.pgm", "noiseimage.img"}
    assert set(os.listdir()) - before == four | {"F"}
    assert Path("F").read_bytes().startswith(b"-2 ") or b"\f" in Path("F").read_bytes()[:60]


def test_quiet_shows_no_bar_on_a_terminal(nb, tiny, monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", terminal)
    assert nb("simulate", "--quiet", "--", *tiny, "-floatfile", "a").code == 0
    assert terminal.getvalue() == ""


def test_the_spreads_are_those_of_the_image(nb, tiny):
    out = nb("simulate", "--", *tiny, "-floatfile", "a").out
    image = read_floats("a").astype(float)
    rms = np.sqrt((image**2).sum() / 255)
    rmsd = np.sqrt(((image - image.mean()) ** 2).sum() / 255)
    assert f"; mean {image.mean():g}, rms {rms:g}, rmsd {rmsd:g}\n" in out


def test_options_convert_to_toml_as_they_did_before_being_converted(nb, tiny):
    options = [*tiny, "-floatfile", "a", "-noisefile", "n", "-adc", "9", "-noprogress"]
    flags = nb("config", "convert", "--to", "flags", "--", *options).out
    again = nb("config", "convert", "--", *shlex.split(flags)).out
    assert again == nb("config", "convert", "--", *options).out


@pytest.mark.parametrize(
    ("profile", "option", "for_dials"),
    [
        ("reference", [], False),
        ("corrected", [], True),
        ("reference", ["--header", "dials"], True),
        ("corrected", ["--header", "nanobragg"], False),
    ],
)
def test_headers_are_for_dials_or_for_nanobragg(nb, folder, tiny, profile, option, for_dials):
    """By the profile, unless --header says; names of files that DIALS reads end in a number."""
    ran = nb("simulate", "--profile", profile, *option, "--", *tiny)
    assert ran.code == 0
    name = "intimage_0001.img" if for_dials else "intimage.img"
    assert sorted(path.name for path in folder.glob("int*")) == [name]
    keys = read_smv(name).keys
    assert ("BEAM_CENTER_CONVENTION" in keys) is for_dials
    assert ("ADC_OFFSET" in keys) is for_dials
