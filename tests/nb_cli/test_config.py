"""nb config: show, convert, check and flags."""

import os
import re
import shlex
import tomllib

import numpy as np
import pytest

from nb_core.flags.table import GROUPS, OPTIONS
from nb_core.formats.floats import read_floats

RICH = [
    "-phi",
    "5",
    "-osc",
    "1",
    "-phisteps",
    "2",
    "-mosaic",
    "0.5",
    "-mosaic_domains",
    "3",
    "-dispersion",
    "1",
    "-dispsteps",
    "2",
]


def test_show_has_the_resolved_numbers_and_the_reasons(nb, tiny):
    ran = nb("config", "show", "--", *tiny[:-4], *RICH)
    assert (ran.code, ran.errors) == (0, [])
    rows = dict(line[2:].split("  ", 1) for line in ran.out.splitlines())
    rows = {name.strip(): text.strip() for name, text in rows.items()}
    assert rows["unit cell"].startswith("70 80 90 A  90 95 90 deg, volume 502082 A^3")
    assert rows["wavelength"] == "1 A"
    assert rows["phi"].startswith("from 5 deg: 2 steps over 1 deg, step 0.5 deg  (")
    assert rows["mosaic"].startswith("3 domains over 0.5 deg, seed ")
    assert rows["dispersion"].startswith("2 steps over 1 %")
    assert rows["sources"] == "2 (directions 1 x wavelengths 2)"
    assert rows["beam centre"] == "slow 4.5, fast 4.5 mm"
    assert rows["steps"] == f"{2 * 3 * 2 * 25} evaluations a pixel"
    assert "oversample 5: three sub-pixels for each fringe" in ran.out
    assert os.listdir() == []


def test_show_names_what_is_special(nb, tiny, inputs):
    more = [
        "-xds",
        "-curved_det",
        "-point_pixel",
        "-nopolar",
        "-oversample_omega",
        "-roi",
        "1",
        "4",
        "2",
        "5",
        "-water",
        "3",
    ]
    more += ["-detector_abs", "300", "-detector_thick", "100", "-hkl", str(inputs / "six.hkl")]
    more += [
        "-misset",
        "random",
        "-misset_seed",
        "7",
        "-round_xtal",
        "-dmin",
        "2",
        "-divergence",
        "1",
        "-divsteps",
        "3",
    ]
    out = nb("config", "show", "--profile", "corrected", "--", *tiny, *more).out
    for text in (
        "XDS; turns about the sample",
        "curved, point pixels",
        "polarization  none",
        "each with its own omega",
        "fast 1 to 4, slow 2 to 5",
        "cube of 3 um",
        "attenuation depth 300 um",
        "six.hkl; others 100",
        "(random, seed 7)",
        "ellipsoid",
        "2 A",
        "horizontal",
        "corrected: slips mended",
    ):
        assert text in out, text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("-polar", "0.9", "-nopolar"), "polarization_factor: nopolar takes the polarization away"),
        (("-detector_abs", "300"), "detector_abs_um: the sensor has no thickness"),
        (("-detector_thicksteps", "3"), "detector_thicksteps: the sensor has no thickness"),
    ],
)
def test_show_tells_what_does_not_change_photons(nb, tiny, options, told):
    shown = nb("config", "show", "--", *tiny, *options)
    assert re.search(rf"not used +{told}", shown.out), shown


def test_show_counts_the_pixels_of_a_mask(nb, tiny, inputs):
    flags = [*tiny[:11], "-mask", str(inputs / "mask.img")]
    out = nb("config", "show", "--", *flags).out
    assert "of 9900 pixels kept" in out


@pytest.mark.parametrize("form", ["toml", "flags"])
def test_convert_and_back_gives_the_same_image(nb, tiny, folder, form):
    options = [*tiny, *RICH, "-misset", "1", "2", "3", "-floatfile", "a"]
    ran = nb("config", "convert", "--to", form, "--", *options)
    assert (ran.code, ran.errors) == (0, [])
    assert nb("simulate", "-q", "--", *options).code == 0
    first = read_floats("a")
    os.remove("a")
    if form == "toml":
        (folder / "e.toml").write_text(ran.out)
        assert nb("simulate", "-q", "e.toml").code == 0
    else:
        assert nb("simulate", "-q", "--", *shlex.split(ran.out)).code == 0
    assert first.any()
    assert np.array_equal(read_floats("a"), first)


def test_convert_is_to_toml_unless_asked(nb, tiny):
    default = nb("config", "convert", "--", *tiny).out
    assert default == nb("config", "convert", "--to", "toml", "--", *tiny).out
    assert "[crystal]" in default


def test_convert_quotes_names_with_blanks(nb, tiny):
    out = nb("config", "convert", "--to", "flags", "--", *tiny, "-floatfile", "my image").out
    assert "my image" in shlex.split(out)


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ("", "100 mm along the beam, 100 nearest"),
        ("-twotheta 20", "100 mm along the beam (nanoBragg: 93.9693), 93.9693 nearest"),
        ("-xds -twotheta 20", "106.418 mm along the beam (nanoBragg: 100), 100 nearest"),
        ("-detector_roty 20", "100 mm along the beam, 93.9693 nearest"),
        ("-twotheta 90", "mm nearest; the beam runs along the detector's plane"),
    ],
)
def test_the_distance_along_the_beam_is_where_the_beam_meets_the_plane(nb, tiny, more, shown):
    """With a two-theta it is not the one that nanoBragg prints."""
    out = nb("config", "show", "--", *tiny, *more.split()).out
    (line,) = [line for line in out.splitlines() if line.startswith("  distance ")]
    assert line.endswith(shown)


@pytest.mark.parametrize(
    ("option", "profile"),
    [
        ((), "reference"),
        (("--profile", "reference"), "reference"),
        (("--profile", "corrected"), "corrected"),
    ],
)
def test_convert_writes_the_profile_and_the_file_keeps_it(nb, tiny, folder, option, profile):
    """Always, so that a command line's experiment stays nanoBragg's; options keep it, too."""
    out = nb("config", "convert", *option, "--", *tiny).out
    assert tomllib.loads(out)["profile"] == profile
    (folder / "e.toml").write_text(out)
    for more in ((), ("--", "-phi", "10")):
        again = nb("config", "convert", "e.toml", *more).out
        assert tomllib.loads(again)["profile"] == profile
        other = nb("config", "convert", "--profile", "corrected", "e.toml", *more).out
        assert tomllib.loads(other)["profile"] == "corrected"


def test_check_says_ok_and_how_much_work_it_is(nb, tiny):
    ran = nb("config", "check", "--", *tiny)
    assert ran.code == 0
    assert ran.out.startswith(f"ok: {16 * 16 * 25:.3g} evaluations")


@pytest.mark.parametrize("name", ["show", "convert", "check"])
def test_an_experiment_that_cannot_be_is_refused(refused, tiny, name):
    assert "nb: -distance" in refused("config", name, "--", *tiny, "-distance", "0")
    assert "nothing given" in refused("config", name)
    assert "-nosuch" in refused("config", name, "--", *tiny, "-nosuch")


@pytest.mark.parametrize("name", ["show", "convert", "check"])
def test_unknown_options_can_be_left_out(nb, tiny, name):
    ran = nb("config", name, "--ignore-unknown-flags", "--", *tiny, "-nosuch")
    assert ran.code == 0
    assert any("-nosuch" in line for line in ran.warnings)


def test_check_refuses_a_region_off_the_detector(refused, tiny):
    refused("config", "check", "--", *tiny, "-roi", "16", "20", "0", "3")


def test_flags_lists_every_option_with_its_help(nb):
    out = nb("config", "flags").out
    lines = out.splitlines()
    for option in OPTIONS:
        where = next(n for n, line in enumerate(lines) if option.name in line.strip().split(", "))
        for name in option.names:
            assert name in lines[where].strip().split(", ")
        assert lines[where + 1].strip() == option.help
    for title in GROUPS:
        assert f"{title}:" in lines


@pytest.mark.parametrize("option", ["--output", "-o"])
def test_convert_writes_to_a_file_and_names_files_from_there(nb, tiny, inputs, option):
    (inputs / "deep").mkdir()
    line = ["config", "convert", option, "deep/e.toml", "--", *tiny, "-hkl", "six.hkl"]
    ran = nb(*line, "-nointerpolate")
    assert (ran.code, ran.out, ran.errors) == (0, "", [])
    (inputs / "deep" / "six.hkl").write_bytes((inputs / "six.hkl").read_bytes())
    assert nb("config", "check", "deep/e.toml").code == 0
    assert nb("config", "convert", option, "none/e.toml", "--", *tiny).code == 2
