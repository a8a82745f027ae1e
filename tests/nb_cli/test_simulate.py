"""What `nb simulate` reads and prints."""

import io
import sys

import numpy as np
import pytest

from nb_cli.progress import pixel_progress
from nb_core.formats.floats import read_floats

TOML = """
profile = "corrected"
[crystal]
cell_a = 50.0
default_F = 10.0
N_cells = [3, 3, 3]
phi_start_deg = 5.0
[detector]
fpixels = 12
spixels = 10
pixel_size_mm = 0.5
[sampling]
oversample = 2
"""


def test_it_prints_the_experiment_the_figures_and_the_files(nb, folder, flags):
    outcome = nb(f"simulate -- {flags} -misset random -misset_seed 4 -floatfile f.bin")
    image = read_floats(folder / "f.bin")
    slow, fast = np.unravel_index(image.argmax(), image.shape)
    assert "(random, seed 4)" in outcome.out
    assert "12 x 12 pixels (slow, fast) of 0.5 mm" in outcome.out
    assert f"max {image.max():g} photons at slow {slow}, fast {fast}" in outcome.out
    assert f"mean {image.mean(dtype=float):g}" in outcome.out
    assert "wrote f.bin: photons, raw float32" in outcome.out


@pytest.mark.parametrize("quiet", ["-q", "--quiet"])
def test_quiet_prints_nothing(nb, folder, flags, quiet):
    outcome = nb(f"simulate {quiet} -- {flags} -floatfile f.bin")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


def test_what_was_chosen_is_said(nb, folder, flags):
    outcome = nb(f"config show -- {flags.replace('-oversample 1', '')}")
    assert "chosen        oversample 1: three sub-pixels for each fringe" in outcome.out


def test_options_win_over_a_file(nb, folder):
    (folder / "x.toml").write_text(TOML)
    outcome = nb("simulate x.toml -- -phi 20 -detpixels_f 8 -floatfile f.bin")
    assert outcome.code == 0
    assert "from 20 deg" in outcome.out
    assert "10 x 8 pixels" in outcome.out
    assert read_floats(folder / "f.bin", (10, 8)).any()


@pytest.mark.parametrize(
    ("option", "profile"),
    [("", "corrected"), ("--profile reference", "reference"), ("--profile corrected", "corrected")],
)
def test_the_profile_is_the_options_else_the_files(nb, folder, option, profile):
    (folder / "x.toml").write_text(TOML)
    assert f"profile       {profile}: " in nb(f"config show {option} x.toml").out


def test_the_profile_is_reference_for_a_command_line_and_corrected_for_a_file(nb, folder, flags):
    assert "profile       reference: " in nb(f"config show -- {flags}").out
    (folder / "x.toml").write_text(TOML.replace('profile = "corrected"', ""))
    for more in ("", " -- -phi 3 -misset 1 2 3"):
        assert "profile       corrected: " in nb(f"config show x.toml{more}").out
    assert "profile       reference: " in nb("config show --profile reference x.toml").out


def test_float32_is_near_float64(nb, folder, flags):
    for dtype in ("float32", "float64"):
        assert nb(f"simulate --dtype {dtype} -- {flags} -floatfile {dtype}.bin").code == 0
    single, double = (read_floats(folder / f"{name}.bin") for name in ("float32", "float64"))
    assert np.abs(single - double).max() <= 2e-6 * double.max()
    assert (single != double).any()


@pytest.mark.parametrize("device", ["nonsense", "cuda:99"])
def test_a_device_that_is_not_there(nb, folder, flags, device):
    outcome = nb(f"simulate --device {device} -- {flags}")
    assert outcome.code == 2
    assert outcome.out == ""
    (line,) = outcome.errors
    assert line.startswith(f"nb: device: {device}: ")
    assert not list(folder.iterdir())


def test_the_device_may_be_named(nb, folder, flags):
    assert nb(f"simulate --device cpu -- {flags} -floatfile f.bin").code == 0


def test_unknown_flags_may_be_ignored(nb, folder, flags):
    line = f"-- {flags} -dispstep 3 -floatfile f.bin"
    assert nb(f"simulate {line}").code == 2
    outcome = nb(f"simulate --ignore-unknown-flags {line}")
    assert outcome.code == 0
    assert "nb: warning: '-dispstep' is not understood" in outcome.err


def test_warnings_are_lines_on_stderr(nb, folder, flags):
    outcome = nb(f"simulate -- {flags} -ORGX 3 -floatfile f.bin")
    assert outcome.code == 0
    (line,) = outcome.err.splitlines()
    assert line.startswith("nb: warning: orgx_px and orgy_px")


def test_no_bar_where_stderr_is_no_terminal(nb, folder, flags):
    assert nb(f"simulate -- {flags} -floatfile f.bin").err == ""


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("shown", [True, False])
def test_a_bar_on_a_terminal_unless_it_is_turned_off(monkeypatch, shown):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with pixel_progress("simulating", shown=shown) as move:
        move(5, 10)
        move(10, 10)
    assert ("100%" in terminal.getvalue()) == shown


@pytest.mark.parametrize(("option", "shown"), [("-noprogress", False), ("-progress", True)])
def test_the_bar_follows_the_options(nb, folder, flags, monkeypatch, option, shown):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert nb(f"simulate -- {flags} {option} -floatfile f.bin").code == 0
    assert ("100%" in terminal.getvalue()) == shown


class TestPartsOfExperiments:
    """--geometry and --crystal take a part of another experiment file."""

    @pytest.fixture(autouse=True)
    def files(self, folder):
        (folder / "a.toml").write_text(TOML)
        (folder / "b.toml").write_text(
            TOML.replace("cell_a = 50", "cell_a = 60")
            .replace("spixels = 10", "spixels = 7")
            .replace("[sampling]", "[beam]\nwavelength_A = 1.25\n[sampling]")
        )

    def config(self, nb, words):
        outcome = nb(f"config show {words}")
        assert outcome.code == 0, outcome.err
        return outcome.out

    def test_a_geometry(self, nb):
        shown = self.config(nb, "a.toml --geometry b.toml")
        assert "7 x 12 pixels" in shown
        assert "50 50 50 A" in shown
        assert "wavelength    1.25 A" in shown

    def test_a_crystal(self, nb):
        shown = self.config(nb, "a.toml --crystal b.toml")
        assert "10 x 12 pixels" in shown
        assert "60 60 60 A" in shown
        assert "wavelength    1 A" in shown

    def test_options_go_before_both(self, nb):
        shown = self.config(nb, "--geometry a.toml --crystal b.toml -- -lambda 2 -cell 70")
        assert "10 x 12 pixels" in shown
        assert "70 70 70 A" in shown
        assert "wavelength    2 A" in shown
        assert "corrected" in shown

    def test_a_geometry_alone_needs_a_crystal(self, refused, folder):
        (folder / "g.toml").write_text(TOML)
        assert "no such file" in refused("simulate a.toml --geometry none.toml")
        assert "no such file" in refused("simulate a.toml --crystal none.toml")
