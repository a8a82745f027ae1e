"""nb compare: exit codes and what is printed. A Python script stands in for the C program."""

import json
import os
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from nb_compare.golden.format import GoldenCase, float_sha256, write_arrays, write_json
from nb_compare.pictures import save_picture
from nb_core import NbWarning, Profile, flags_to_experiment
from nb_physics import make_plan, simulate

C_PROGRAM = os.environ.get("NB_C_BIN")
STAND_IN = """
import os, shutil, sys
home = os.path.dirname(os.path.abspath(sys.argv[0]))
print(open(os.path.join(home, "log")).read())
shutil.copy(os.path.join(home, "image"), "floatimage.bin")
"""
FIGURES = {
    "max_I": 1.0,
    "max_at_m": [0.0, 0.0],
    "mean": 1.0,
    "rms": 1.0,
    "rmsd": 1.0,
    "sources": 1,
    "mosaic_domains": 1,
    "phi_steps": 1,
    "oversample": 5,
}


def image_of(words, profile=None):
    """nb's image, as float32."""
    with warnings.catch_warnings(action="ignore", category=NbWarning):
        plan = make_plan(flags_to_experiment(words, profile=profile))
        return simulate(plan).float().numpy()


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No C program but that of the test; and drawing takes longer than all the rest."""

    def save(image, path, **more):
        path.write_bytes(b"a picture")

    monkeypatch.delenv("NB_C_BIN", raising=False)
    monkeypatch.setattr("nb_compare.compare.save_picture", save)


@pytest.fixture
def stand_in(tmp_path_factory):
    """Makes a program: one that leaves this image, or one of this text."""
    home = tmp_path_factory.mktemp("bin")

    def call(image, *, log="(nothing)", text=STAND_IN):
        path = home / "nanoBragg"
        path.write_text(f"#!{sys.executable} -IS\n{text}")
        path.chmod(0o755)
        np.asarray(image, "<f4").tofile(home / "image")
        (home / "log").write_text(log)
        return str(path)

    return call


@pytest.fixture
def compare(nb, stand_in, tiny):
    """Compares the small image with a program that leaves this one."""

    def call(image, *options, log="(nothing)", text=STAND_IN):
        program = stand_in(image, log=log, text=text)
        return nb("compare", "--c-bin", program, *options, "--", *tiny)

    return call


@pytest.fixture
def image(tiny):
    return image_of(tiny)


def folder_of(outcome):
    (path,) = re.findall(r"^wrote (.*)/report\.html$", outcome.out, re.MULTILINE)
    return Path(path)


def summary_of(outcome):
    return json.loads((folder_of(outcome) / "summary.json").read_text())


class TestVerdict:
    def test_they_agree(self, compare, image, folder):
        outcome = compare(image)
        assert (outcome.code, outcome.err) == (0, "")
        lines = outcome.out.splitlines()
        assert lines[-1] == "images agree"
        assert lines[0].split() == ["correlation", "1"]
        assert re.search(r"^same float32 +100 %$", outcome.out, re.MULTILINE)
        assert re.search(r"^seconds +C \S+ \(whole program\), nb ", outcome.out, re.MULTILINE)
        made = folder_of(outcome)
        assert made.parent == Path("nb-compare")
        assert (made / "report.html").is_file()
        assert os.listdir() == ["nb-compare"]

    def test_they_differ(self, compare, image):
        image[11, 6] += 2 * image.max()
        outcome = compare(image)
        assert (outcome.code, outcome.err) == (3, "")
        assert "at slow 11, fast 6" in outcome.out
        assert "differ: correlation " in outcome.out
        assert "differ: sum ratio " in outcome.out
        assert outcome.out.endswith("images differ\n")
        assert summary_of(outcome)["metrics"]["worst"] == [11, 6]

    def test_thresholds_decide(self, compare, image):
        scaled = image * np.float32(1.0001)
        assert compare(scaled).code == 3
        assert compare(scaled, "--sum-tolerance", "1e-3").code == 0
        scaled[3, 3] += 0.1 * image.max()
        assert compare(scaled, "--sum-tolerance", "1").code == 3
        assert compare(scaled, "--sum-tolerance", "1", "--threshold", "0.9").code == 0

    def test_a_region(self, compare, tiny):
        image = image_of([*tiny, "-roi", "2", "13", "3", "9"])
        image[15, 15] += 1e6
        outcome = compare(image, "--roi", "2", "13", "3", "9")
        assert outcome.code == 0
        assert summary_of(outcome)["roi"] == [2, 13, 3, 9]

    def test_other_options(self, compare, image, folder):
        options = ("--save-diff", "--outdir", "deep/results", "--dtype", "float32")
        outcome = compare(image, *options)
        made = folder_of(outcome)
        assert made.parent == Path("deep/results")
        assert (made / "difference.bin").stat().st_size == 4 * 256
        assert summary_of(outcome)["nb"]["dtype"] == "float32"
        commands = (made / "commands.txt").read_text()
        assert "nb compare --c-bin" in commands
        assert "--outdir deep/results" in commands

    def test_where_the_scale_of_the_pictures_ends(self, compare, image, monkeypatch):
        ends = []

        def save(image, path, *, percentile, **more):
            ends.append(percentile)
            path.write_bytes(b"a picture")

        monkeypatch.setattr("nb_compare.compare.save_picture", save)
        assert compare(image, "--png-scale", "90").code == 0
        assert ends == [90.0] * 3

    def test_shapes_that_differ(self, compare, image, folder):
        small = image.reshape(8, 2, 8, 2).sum(axis=(1, 3))
        outcome = compare(small, log="(8x8 pixels)")
        assert (outcome.code, outcome.out) == (4, "")
        (line,) = outcome.errors
        assert line.startswith("nb: shapes: nb has (16, 16), the reference (8, 8)")
        assert "--resample" in line
        assert not (folder / "nb-compare").exists()
        resampled = compare(small, "--resample", log="(8x8 pixels)")
        assert resampled.code in (0, 3)
        assert summary_of(resampled)["resampled_from"] == [16, 16]


class TestExperiments:
    def test_a_file(self, nb, stand_in, tiny, image, folder):
        (folder / "x.toml").write_text(nb("config", "convert", "--", *tiny).out)
        outcome = nb("compare", "--c-bin", stand_in(image), "x.toml")
        assert outcome.code == 0
        assert summary_of(outcome)["metrics"]["same_float32"] == 1

    @pytest.mark.parametrize("option", [(), ("--profile", "corrected")])
    def test_the_profile_is_the_options_else_the_files(
        self, nb, stand_in, tiny, folder, option, image
    ):
        text = nb("config", "convert", "--profile", "corrected", "--", *tiny).out
        (folder / "x.toml").write_text(text)
        corrected = image_of(tiny, Profile.CORRECTED)
        assert (corrected != image).any()
        outcome = nb("compare", "--c-bin", stand_in(corrected), *option, "x.toml")
        assert summary_of(outcome)["metrics"]["same_float32"] == 1
        outcome = nb("compare", "--c-bin", stand_in(image), "--profile", "reference", "x.toml")
        assert summary_of(outcome)["metrics"]["same_float32"] == 1

    def test_unknown_flags_may_be_ignored_with_one_warning(self, nb, stand_in, tiny, image):
        program = stand_in(image)
        words = ("--c-bin", program, "--", *tiny, "-nosuch", "3")
        assert nb("compare", *words).code == 2
        outcome = nb("compare", "--ignore-unknown-flags", *words)
        assert outcome.code == 0
        assert len([line for line in outcome.warnings if "'-nosuch'" in line]) == 1

    def test_a_stale_dump_changes_nothing(self, compare, image, folder):
        (folder / "Fdump.bin").write_bytes(b"no dump at all")
        assert compare(image).code == 0


class TestRefused:
    """Exit code 2, one line, and nothing written."""

    @pytest.fixture
    def bad(self, refused, stand_in, tiny, image):
        def call(*options, more=()):
            return refused("compare", "--c-bin", stand_in(image), *options, "--", *tiny, *more)

        return call

    @pytest.mark.parametrize("more", [("-nosuch", "3"), ("-lambda", "0"), ("-hkl", "none.hkl")])
    def test_flags(self, bad, more):
        assert more[0] in bad(more=more)

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("--threshold", "1.1"),
            ("--threshold", "nan"),
            ("--sum-tolerance", "-1"),
            ("--png-scale", "0"),
            ("--png-scale", "101"),
            ("--threshold", "x"),
            ("--dtype", "float16"),
        ],
    )
    def test_values(self, bad, option, value):
        line = bad(option, value)
        assert option in line
        assert value in line

    def test_a_device(self, bad):
        assert "nonsense" in bad("--device", "nonsense")

    @pytest.mark.parametrize("roi", ["100 120 0 5", "5 2 0 3"])
    def test_a_region_that_is_none(self, bad, roi):
        bad("--roi", *roi.split())

    def test_no_program(self, refused, tiny):
        line = refused("compare", "--", *tiny)
        assert "give --c-bin PATH, or set NB_C_BIN" in line

    def test_a_program_that_is_not_there(self, refused, tiny, monkeypatch):
        assert "none: no such file" in refused("compare", "--c-bin", "none", "--", *tiny)
        monkeypatch.setenv("NB_C_BIN", "none")
        assert refused("compare", "--", *tiny).startswith("nb: NB_C_BIN: none: no such file")

    def test_no_experiment(self, refused):
        assert "name an experiment file" in refused("compare")

    def test_a_folder_that_cannot_be_made(self, bad, folder):
        (folder / "taken").write_bytes(b"a file")
        assert "taken" in bad("--outdir", "taken")

    def test_no_golden_folder(self, refused, tiny):
        assert "no such folder" in refused("compare", "--golden", "none", "--", *tiny)


class TestPrograms:
    """What a program may do wrong; nothing is written."""

    def check(self, outcome, code, *words):
        assert (outcome.code, outcome.out) == (code, "")
        (line,) = outcome.errors
        for word in words:
            assert word in line
        assert os.listdir() == []

    def test_it_fails(self, compare):
        text = "import sys\nsys.stderr.write('no crystal\\nread the manual\\n')\nsys.exit(9)"
        outcome = compare([], text=text)
        self.check(outcome, 6, "exit code 9", "it said: no crystal | read the manual")

    def test_it_is_killed(self, compare):
        self.check(compare([], text="import os; os.abort()"), 6, "was ended by signal 6")

    def test_it_writes_no_image(self, compare):
        self.check(compare([], text="print('usage: ...')"), 6, "no float image", "usage: ...")

    def test_it_cannot_be_run(self, nb, tiny, tmp_path_factory):
        path = tmp_path_factory.mktemp("odd") / "program"
        path.write_bytes(b"\x00\x01 no program")
        path.chmod(0o755)
        outcome = nb("compare", "--c-bin", path, "--", *tiny)
        self.check(outcome, 6, "cannot be run: Exec format error")

    @pytest.mark.parametrize("count", [0, 255, 257])
    def test_its_image_has_another_size(self, compare, count):
        self.check(compare(np.ones(count)), 5, f"{count} pixels, where (16, 16)")

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_its_image_is_not_finite(self, compare, image, bad):
        image[3, 4] = bad
        self.check(compare(image), 5, "NaN or infinity")


class TestGolden:
    @pytest.fixture
    def recorded(self, tmp_path_factory, tiny, image):
        """A golden folder that has the small image."""
        golden = tmp_path_factory.mktemp("golden")
        sha256 = float_sha256(image)
        case = GoldenCase("small", tuple(tiny), (16, 16), sha256, FIGURES, {})
        write_json(golden / "cases.json", [case.to_json()])
        write_arrays(golden, "small", {"float": image})
        return golden

    def test_it_agrees(self, nb, tiny, recorded):
        outcome = nb("compare", "--golden", recorded, "--", *tiny)
        assert (outcome.code, outcome.err) == (0, "")
        assert re.search(r"^seconds +nb \S+ \(without its start\)$", outcome.out, re.MULTILINE)
        assert summary_of(outcome)["reference"]["name"] == f"small of {recorded}"

    def test_it_differs(self, nb, tiny, recorded):
        outcome = nb("compare", "--golden", recorded, "--", *tiny, "-phi", "5")
        assert outcome.code == 3
        assert outcome.out.endswith("images differ\n")

    def test_it_is_damaged(self, nb, tiny, recorded):
        (recorded / "small.npz").write_bytes(b"PK")
        outcome = nb("compare", "--golden", recorded, "--", *tiny)
        assert (outcome.code, outcome.out) == (5, "")
        (line,) = outcome.errors
        assert "small.npz" in line
        assert os.listdir() == []


@pytest.mark.skipif(not C_PROGRAM, reason="NB_C_BIN does not name the C program")
class TestTheProgram:
    def test_it_agrees(self, nb, tiny, monkeypatch):
        monkeypatch.setenv("NB_C_BIN", str(C_PROGRAM))
        monkeypatch.setattr("nb_compare.compare.save_picture", save_picture)
        outcome = nb("compare", "--", *tiny)
        assert (outcome.code, outcome.errors) == (0, [])
        assert outcome.out.endswith("images agree\n")
        made = folder_of(outcome)
        assert (made / "c.png").read_bytes().startswith(b"\x89PNG")
        assert "nanoBragg nanocrystal diffraction" in (made / "c.log").read_text()

    def test_files_and_regions(self, nb, tiny, inputs):
        (inputs / "sub").mkdir()
        (inputs / "six.hkl").rename(inputs / "sub" / "six.hkl")
        words = [*tiny, "-hkl", "sub/six.hkl", "-nointerpolate", "-mat", inputs / "tric.mat"]
        outcome = nb("compare", "--c-bin", C_PROGRAM, "--roi", "2", "13", "3", "9", "--", *words)
        assert (outcome.code, outcome.errors) == (0, [])
        assert summary_of(outcome)["shape"] == [7, 12]

    def test_it_refuses(self, nb, tiny, folder):
        """A size at which the program ends, or nb refuses first: never a traceback."""
        outcome = nb("compare", "--c-bin", C_PROGRAM, "--", *tiny, "-hkl", "none.hkl")
        assert outcome.code in (2, 6)
        assert len(outcome.errors) == 1
        assert os.listdir() == []
