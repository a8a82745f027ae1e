"""nb first-divergence: what is printed and the exit code, from logs and from a stand-in program."""

import os
import sys
from contextlib import contextmanager

import numpy as np
import pytest

from nb_core import flags_to_experiment
from nb_taps import record_pixels, trace_lines

PIXEL = (5, 9)
STAND_IN = """
import os, shutil, sys
home = os.path.dirname(os.path.abspath(sys.argv[0]))
with open(os.path.join(home, "seen"), "a") as stream:
    print(*sys.argv[1:], file=stream)
if "-printout" in sys.argv:
    print(open(os.path.join(home, "log")).read())
shutil.copy(os.path.join(home, "image"), "floatimage.bin")
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No C program but that of the test."""
    monkeypatch.delenv("NB_C_BIN", raising=False)


@pytest.fixture
def c_log(folder, tiny):
    """Writes what an instrumented program would print of the pixel, with more arguments."""

    def write(*more, prefix="TRACE_C: "):
        (record,) = record_pixels(flags_to_experiment([*tiny, *more]), [PIXEL])
        text = "".join(f"{prefix}{line}\n" for line in trace_lines(record))
        (folder / "c.log").write_text(text)
        return text

    return write


@pytest.fixture
def image(simulated, folder):
    simulated("-floatfile", "image.bin")
    values = np.fromfile(folder / "image.bin", "<f4").reshape(16, 16)
    (folder / "image.bin").unlink()
    return values


@pytest.fixture
def diverge(nb, tiny):
    def call(*options):
        return nb("first-divergence", *options, "--", *tiny)

    return call


ASKED = ("--pixel", "5", "9", "--c-log", "c.log")


def test_no_divergence(diverge, c_log):
    c_log()
    outcome = diverge(*ASKED)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[-1] == "no divergence"


def test_another_structure_factor(diverge, c_log):
    c_log("-default_F", "7")
    outcome = diverge(*ASKED)
    assert outcome.code == 3
    assert outcome.out.splitlines()[-1] == "first divergence: structure F_cell"
    assert len([line for line in outcome.out.splitlines() if line.startswith(">")]) == 1


def test_another_wavelength_is_earlier(diverge, c_log):
    c_log("-lambda", "1.01", "-default_F", "7")
    assert diverge(*ASKED).out.splitlines()[-1].startswith("first divergence: scattering ")


def test_all_rows_of_a_long_trace(diverge, c_log):
    c_log("-phi", "3", "-osc", "1", "-phisteps", "20")
    short = diverge(*ASKED).out.splitlines()
    whole = diverge(*ASKED, "--all-rows").out.splitlines()
    assert len(whole) > len(short)
    assert whole[-1] == short[-1]


def test_device_and_precision(diverge, c_log):
    c_log()
    assert diverge(*ASKED, "--device", "cpu", "--dtype", "float64").code == 0
    # float32 carries 7 digits of the 15 that are printed.
    assert diverge(*ASKED, "--dtype", "float32").code == 3


def test_the_program_is_run_for_the_worst_pixel(diverge, image, c_log, stand_in):
    """With no pixel given it renders first, and prints the pixel that differs most then."""
    image[PIXEL] += 1000
    program = stand_in(image, c_log("-default_F", "7"))
    outcome = diverge("--c-bin", str(program))
    assert outcome.code == 3
    assert outcome.out.splitlines()[0] == "pixel that differs most: slow 5, fast 9"
    first, second = (program.parent / "seen").read_text().splitlines()
    assert "-printout" not in first
    assert "-printout -printout_pixel 9 5 -roi 9 9 5 5" in second


def test_it_says_how_far_it_is(diverge, image, c_log, stand_in, monkeypatch):
    """Both images, the C program and the causes can each take a while."""
    image[PIXEL] += 1000
    program, labels, moved = stand_in(image, c_log()), [], []

    @contextmanager
    def progress(label):
        labels.append(label)
        yield lambda done, total: moved.append((done, total))

    monkeypatch.setattr("nb_cli.progress.pixel_progress", progress)
    assert diverge("--c-bin", str(program)).code == 0
    assert labels == ["comparing the images", "running the C program", "looking for the cause"]
    assert moved[-1] == (256, 256)


def test_the_program_of_the_environment(diverge, image, c_log, stand_in, monkeypatch):
    program = stand_in(image, c_log())
    monkeypatch.setenv("NB_C_BIN", str(program))
    assert diverge("--pixel", "5", "9").code == 0
    assert len((program.parent / "seen").read_text().splitlines()) == 1


@pytest.fixture
def stand_in(tmp_path_factory):
    def make(image, log):
        path = tmp_path_factory.mktemp("bin") / "nanoBragg"
        path.write_text(f"#!{sys.executable} -IS\n{STAND_IN}")
        path.chmod(0o755)
        image.astype("<f4").tofile(path.parent / "image")
        (path.parent / "log").write_text(log)
        return path

    return make


class TestRefused:
    """Nothing is written in any case."""

    def fails(self, outcome, code, *words):
        assert outcome.code == code, outcome
        (line,) = outcome.errors
        assert line.startswith("nb: ")
        for word in words:
            assert word in line

    def test_a_log_that_is_missing(self, diverge):
        self.fails(diverge(*ASKED), 2, "--c-log", "c.log")

    def test_a_log_of_something_else(self, diverge, folder):
        (folder / "c.log").write_text("lorem ipsum\n")
        self.fails(diverge(*ASKED), 5, "c.log")
        assert os.listdir() == ["c.log"]

    def test_a_trace_whose_pixel_is_not_named(self, diverge, c_log):
        c_log()
        self.fails(diverge("--c-log", "c.log"), 2, "--pixel", "does not say")

    @pytest.mark.parametrize("pixel", [("16", "0"), ("0", "-1")])
    def test_a_pixel_off_the_detector(self, diverge, c_log, pixel):
        c_log()
        self.fails(diverge("--pixel", *pixel, "--c-log", "c.log"), 2, "pixel", "(16, 16)")

    def test_no_program(self, diverge):
        self.fails(diverge("--pixel", "5", "9"), 2, "--c-bin")

    def test_a_program_that_fails(self, diverge, stand_in, image):
        program = stand_in(image, "")
        program.write_text(f"#!{sys.executable} -IS\nimport sys; sys.exit('no crystal')")
        self.fails(diverge("--pixel", "5", "9", "--c-bin", str(program)), 6, "no crystal")

    def test_a_device_that_is_none(self, diverge, c_log):
        c_log()
        self.fails(diverge(*ASKED, "--device", "nonsense"), 2, "device", "nonsense")
