"""Comparisons from arguments to a result folder; a Python script stands in for the C program."""

import dataclasses
import hashlib
import json
import os
import shlex
import sys
import warnings

import jsonschema
import numpy as np
import pytest
import torch

from nb_compare.compare import Choices, compare_with_golden, compare_with_program
from nb_compare.evidence import sha256_of
from nb_compare.golden.format import GoldenCase, float_sha256, read_golden, write_arrays, write_json
from nb_compare.pictures import save_picture
from nb_compare.summary import Thresholds, summary_schema
from nb_core import (
    InputError,
    NbWarning,
    Profile,
    ProgramError,
    Roi,
    ShapeError,
    UnreadableError,
    flags_to_experiment,
)
from nb_core.formats.floats import read_floats
from nb_physics import make_plan, simulate

ARGUMENTS = shlex.split(
    "-cell 70 80 90 75 85 95 -default_F 100 -N 3 -distance 100 -pixel 0.5 -detpixels_f 24 "
    "-detpixels_s 20 -lambda 1 -oversample 1 -nointerpolate"
)
SHAPE = (20, 24)
COMMAND = ("nb", "compare", "--", *ARGUMENTS)
FILES = {
    "c.log",
    "c.png",
    "c_floatimage.bin",
    "checksums.txt",
    "commands.txt",
    "difference.png",
    "environment.json",
    "nb.log",
    "nb.png",
    "nb_floatimage.bin",
    "report.html",
    "summary.json",
}
FIGURES = {
    "max_I": 1.0,
    "max_at_m": [0.0, 0.0],
    "mean": 1.0,
    "rms": 1.0,
    "rmsd": 1.0,
    "sources": 1,
    "mosaic_domains": 1,
    "phi_steps": 1,
    "oversample": 1,
}
STAND_IN = """
import json, os, shutil, sys
home = os.path.dirname(os.path.abspath(sys.argv[0]))
found = [os.path.relpath(os.path.join(folder, name))
         for folder, _, names in os.walk(".") for name in names]
with open(os.path.join(home, "seen.json"), "w") as stream:
    json.dump({"files": sorted(found), "words": sys.argv[1:]}, stream)
print(open(os.path.join(home, "log")).read())
print("a remark", file=sys.stderr)
shutil.copy(os.path.join(home, "image"), "floatimage.bin")
"""


def simulated(*more, profile=None):
    """nb's image of the arguments, as float32."""
    return image_of([*ARGUMENTS, *more], profile)


def image_of(arguments, profile=None):
    with warnings.catch_warnings(action="ignore", category=NbWarning):
        plan = make_plan(flags_to_experiment(arguments, profile=profile))
        return simulate(plan).float().numpy()


@dataclasses.dataclass(frozen=True)
class StandIn:
    """A program that writes the image that it is handed."""

    path: os.PathLike

    def hand(self, image, log="(nothing)"):
        image.astype("<f4").tofile(self.path.parent / "image")
        (self.path.parent / "log").write_text(log)
        return self.path

    @property
    def seen(self):
        """What it found: files in its folder, and words on its command line."""
        return json.loads((self.path.parent / "seen.json").read_text())


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    """Drawing takes longer than all the rest."""

    def save(image, path, **more):
        path.write_bytes(b"a picture")

    monkeypatch.setattr("nb_compare.compare.save_picture", save)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "bin" / "nanoBragg"
    path.parent.mkdir()
    path.write_text(f"#!{sys.executable} -IS\n{STAND_IN}")
    path.chmod(0o755)
    return StandIn(path)


@pytest.fixture
def compare(folder, program):
    """Compares with a program that leaves this image."""

    def call(image, *more, choices=None, log="(nothing)", **extra):
        path = program.hand(image, log)
        words = [*ARGUMENTS, *more]
        return compare_with_program(path, words, choices or Choices(), folder / "out", **extra)

    return call


def files_of(comparison):
    return {path.name: path for path in comparison.folder.iterdir()}


def stored_summary(comparison):
    return json.loads((comparison.folder / "summary.json").read_text())


def test_images_that_agree(compare, program, folder, monkeypatch):
    monkeypatch.setattr("nb_compare.compare.save_picture", save_picture)
    image = simulated()
    found = compare(image, command=COMMAND)
    assert found.agree
    assert found.summary["reasons"] == []
    assert found.summary["metrics"]["same_float32"] == 1.0
    files = files_of(found)
    assert files.keys() == FILES
    assert found.folder.parent == folder / "out"
    assert os.listdir(folder / "out") == [found.folder.name]
    np.testing.assert_array_equal(read_floats(files["nb_floatimage.bin"], SHAPE), image)
    np.testing.assert_array_equal(read_floats(files["c_floatimage.bin"], SHAPE), image)
    for name in ("c.png", "nb.png", "difference.png"):
        assert files[name].read_bytes().startswith(b"\x89PNG")
    assert "The images agree" in files["report.html"].read_text()


def test_the_summary(compare, program, folder):
    (folder / "P1.hkl").write_text("0 0 0 10\n1 0 0 20\n0 1 0 30\n")
    image = simulated("-hkl", "P1.hkl")
    found = compare(image, "-hkl", "P1.hkl", command=COMMAND)
    summary = stored_summary(found)
    jsonschema.validate(summary, summary_schema())
    assert summary == json.loads(json.dumps(found.summary))
    assert summary["shape"] == list(SHAPE)
    assert (summary["roi"], summary["resampled_from"]) == (None, None)
    assert summary["arguments"] == [*ARGUMENTS, "-hkl", "P1.hkl"]
    assert summary["inputs"] == [{"name": "P1.hkl", "sha256": sha256_of(folder / "P1.hkl")}]
    assert summary["reference"]["kind"] == "program"
    assert summary["reference"]["name"] == "nanoBragg"
    assert summary["reference"]["sha256"] == sha256_of(program.path)
    assert summary["reference"]["command"] == shlex.join(
        [str(program.path), *program.seen["words"]]
    )
    assert summary["environment"]["schema"] == "nb-environment/1"
    assert (summary["nb"]["device"], summary["nb"]["dtype"]) == ("cpu", "float64")


def test_the_engine_that_computed_the_image_is_recorded(compare, monkeypatch, folder):
    """In the summary, in environment.json and in the log: eager here, for building would cost more
    than it saves; and eager where kernels were asked for and could not be had.
    """
    monkeypatch.setenv("NB_CACHE_DIR", str(folder / "none"))
    monkeypatch.setattr("nb_physics.engine.make.sys.executable", "/none/python")
    for asked, why in (("auto", "building a kernel "), ("compiled", "no compiled kernels: /none")):
        found = compare(simulated(), choices=Choices(engine=asked))
        engine = stored_summary(found)["nb"]["engine"]
        assert (engine["name"], engine["kernels"]) == ("eager", [])
        assert engine["reason"].startswith(why)
        files = files_of(found)
        environment = json.loads(files["environment.json"].read_text())
        assert environment["engine"] == engine == stored_summary(found)["environment"]["engine"]
        assert environment["torch"]["version"] == torch.__version__
        assert f"engine eager: {engine['reason']}" in files["nb.log"].read_text()
        jsonschema.validate(stored_summary(found), summary_schema())


def test_the_evidence(compare, program, folder):
    (folder / "P1.hkl").write_text("0 0 0 10\n1 0 0 20\n")
    found = compare(simulated("-hkl", "P1.hkl"), "-hkl", "P1.hkl", command=COMMAND)
    files = files_of(found)
    commands = files["commands.txt"].read_text().splitlines()
    assert [shlex.split(line) for line in commands if not line.startswith("#")] == [
        list(COMMAND),
        [str(program.path), *program.seen["words"]],
    ]
    lines = files["checksums.txt"].read_text().splitlines()
    assert lines[0] == f"# input {sha256_of(folder / 'P1.hkl')}  P1.hkl"
    sums = dict(line.split("  ")[::-1] for line in lines[1:])
    assert sums == {name: sha256_of(files[name]) for name in FILES - {"checksums.txt"}}
    assert json.loads(files["environment.json"].read_text())["dtype"] == "float64"


def test_one_changed_pixel_is_found(compare):
    image = simulated()
    image[13, 7] += 2 * image.max()
    found = compare(image)
    assert not found.agree
    assert stored_summary(found)["verdict"] == "differ"
    metrics = found.summary["metrics"]
    assert metrics["worst"] == [13, 7]
    assert metrics["same_float32"] == pytest.approx(1 - 1 / 480, abs=1e-12)
    # Of a pixel p + 2 m the difference is 2 m, to the rounding of float32 (6e-8).
    largest = float(image[13, 7]) - float(simulated()[13, 7])
    assert metrics["max_difference"] == pytest.approx(largest, rel=1e-6)
    assert metrics["sum_ratio"] < 1
    assert len(found.summary["reasons"]) == 2


def test_the_pictures(compare, monkeypatch):
    drawn = {}

    def save(image, path, **more):
        drawn[path.name] = (image, more)
        path.write_bytes(b"a picture")

    monkeypatch.setattr("nb_compare.compare.save_picture", save)
    image = simulated() * 2
    compare(image, choices=Choices(percentile=90.0))
    assert drawn.keys() == {"c.png", "nb.png", "difference.png"}
    np.testing.assert_array_equal(drawn["c.png"][0], image)
    np.testing.assert_array_equal(drawn["nb.png"][0], simulated())
    np.testing.assert_array_equal(drawn["difference.png"][0], simulated() - image)
    assert drawn["difference.png"][1]["signed"] is True
    assert {more["percentile"] for _, more in drawn.values()} == {90.0}


def test_thresholds_decide(compare):
    image = simulated() * np.float32(1.0001)
    assert not compare(image).agree
    loose = Choices(Thresholds(sum_tolerance=1e-3))
    found = compare(image, choices=loose)
    assert found.agree
    assert found.summary["thresholds"] == {"correlation": 0.9999999, "sum_tolerance": 1e-3}


def test_a_stale_dump_changes_nothing(compare, program, folder):
    """Both programs would read it, were they to run here."""
    expected = compare(simulated()).summary["metrics"]
    (folder / "Fdump.bin").write_bytes(b"no dump at all")
    found = compare(simulated())
    assert program.seen["files"] == []
    assert found.summary["metrics"] == expected
    assert found.agree
    assert (folder / "Fdump.bin").read_bytes() == b"no dump at all"


def test_only_the_files_that_arguments_name_are_there(compare, program, folder):
    (folder / "sub").mkdir()
    for name in ("sub/P1.hkl", "other.hkl"):
        (folder / name).write_text("0 0 0 10\n1 0 0 20\n")
    (folder.parent / "A.mat").write_text("0.01 0 0\n0 0.012 0\n0 0 0.014\n")
    names = ("-hkl", "sub/P1.hkl", "-mat", "../A.mat", "-dump", "/none/dump.bin")
    found = compare(simulated(*names[:4]), *names)
    inputs = [entry["name"] for entry in found.summary["inputs"]]
    assert program.seen["files"] == sorted(inputs)
    assert "sub/P1.hkl" in inputs
    assert len(inputs) == 2
    assert found.agree


def test_both_get_the_same_arguments_but_for_names_of_files(compare, program, folder):
    (folder.parent / "P1.hkl").write_text("0 0 0 10\n1 0 0 20\n")
    found = compare(simulated("-hkl", "../P1.hkl"), "-hkl", "../P1.hkl", "-floatfile", "/tmp/f")
    ours = shlex.split(found.summary["nb"]["command"])
    assert ours[:3] == ["nb", "simulate", "--"]
    theirs = program.seen["words"]
    assert theirs == [*ours[3:], "-floatfile", "floatimage.bin"]
    assert theirs[: len(ARGUMENTS)] == ARGUMENTS
    assert [word for word in theirs if word.startswith("/")] == []


def test_what_was_printed_is_kept(compare):
    found = compare(simulated(), "-stol", "x", log="nanoBragg says\nthis")
    files = files_of(found)
    assert files["c.log"].read_text() == "nanoBragg says\nthis\na remark\n"
    assert files["nb.log"].read_text().startswith("warning: -stol has no effect")


def test_what_nb_chose_is_kept(compare, folder, program):
    at = ARGUMENTS.index("-oversample")
    words = ARGUMENTS[:at] + ARGUMENTS[at + 2 :]
    found = compare_with_program(program.hand(image_of(words)), words, Choices(), folder / "out")
    assert found.agree
    assert "oversample 5: three sub-pixels" in files_of(found)["nb.log"].read_text()


class TestRegion:
    ROI = Roi(6, 20, 4, 17)

    def test_positions_are_those_of_the_whole_image(self, compare, program):
        whole = simulated()
        image = simulated("-roi", "6", "20", "4", "17")
        image[9, 11] += 2 * image.max()
        found = compare(image, choices=Choices(roi=self.ROI))
        summary = stored_summary(found)
        jsonschema.validate(summary, summary_schema())
        assert program.seen["words"][-7:-2] == ["-roi", "6", "20", "4", "17"]
        assert summary["roi"] == [6, 20, 4, 17]
        assert summary["shape"] == [14, 15]
        assert summary["metrics"]["worst"] == [9, 11]
        ours = read_floats(files_of(found)["nb_floatimage.bin"], SHAPE)
        np.testing.assert_array_equal(ours[4:18, 6:21], whole[4:18, 6:21])

    def test_peaks_are_those_of_the_whole_image(self, compare):
        whole = compare(simulated()).summary["peaks"]["brightest"]
        inner = next(peak["reference"] for peak in whole if peak["reference"][1] > 15)
        part = compare(simulated("-roi", "6", "20", "4", "17"), choices=Choices(roi=self.ROI))
        peaks = part.summary["peaks"]["brightest"]
        # The centre of mass is that of the same pixels, to the rounding of the sums.
        assert any(peak["reference"] == pytest.approx(inner, abs=1e-9) for peak in peaks)
        assert all(peak["reference"] == peak["image"] for peak in peaks)

    def test_what_is_outside_does_not_count(self, compare):
        image = simulated("-roi", "6", "20", "4", "17")
        image[0, 0] += 1
        assert compare(image, choices=Choices(roi=self.ROI)).agree

    def test_one_beyond_the_detector(self, compare, folder):
        with pytest.raises(InputError, match="-roi"):
            compare(simulated(), choices=Choices(roi=Roi(100, 120, 0, 5)))
        assert not (folder / "out").exists()


class TestShapes:
    LOG = "  detsize=0.005x0.006  pixel=0.001 meters (12x10 pixels)"

    def test_other_shapes_are_an_error(self, compare, folder):
        with pytest.raises(ShapeError, match=r"nb has \(20, 24\), the reference \(10, 12\)"):
            compare(np.ones((10, 12), np.float32), log=self.LOG)
        assert not (folder / "out").exists()

    def test_unless_nb_is_brought_to_the_references_shape(self, compare):
        image = simulated()
        small = image.reshape(10, 2, 12, 2).sum(axis=(1, 3))
        found = compare(small, log=self.LOG, choices=Choices(resample=True))
        summary = stored_summary(found)
        jsonschema.validate(summary, summary_schema())
        assert summary["shape"] == [10, 12]
        assert summary["resampled_from"] == [20, 24]
        # Resampling keeps the sum to the rounding of float32 pixels.
        assert summary["metrics"]["sum_ratio"] == pytest.approx(1, abs=1e-5)
        files = files_of(found)
        np.testing.assert_array_equal(read_floats(files["nb_floatimage.bin"], SHAPE), image)
        np.testing.assert_array_equal(read_floats(files["c_floatimage.bin"], (10, 12)), small)

    def test_images_of_one_shape_are_not_resampled(self, compare):
        found = compare(simulated(), choices=Choices(resample=True))
        assert found.summary["resampled_from"] is None
        assert found.summary["metrics"]["same_float32"] == 1.0


def test_the_difference_may_be_saved(compare):
    image = simulated()
    image[3, 5] += 1
    found = compare(image, choices=Choices(save_difference=True))
    files = files_of(found)
    assert files.keys() == FILES | {"difference.bin"}
    difference = read_floats(files["difference.bin"], SHAPE)
    np.testing.assert_array_equal(difference, simulated() - image)
    assert difference[3, 5] == pytest.approx(-1, abs=1e-3)
    assert "difference.bin" in files["checksums.txt"].read_text()


def test_the_profile_is_nbs_alone(compare):
    """The corrected profile weighs each sub-pixel, which shows in some pixel's last digits."""
    more = ("-oversample", "2", "-distance", "20")
    image = simulated(*more, profile=Profile.CORRECTED)
    assert compare(image, *more).summary["metrics"]["same_float32"] < 1
    corrected = compare(image, *more, choices=Choices(profile=Profile.CORRECTED))
    assert corrected.summary["metrics"]["same_float32"] == 1


def test_the_precision_is_nbs(compare):
    found = compare(simulated(), choices=Choices(dtype="float32"))
    assert found.summary["nb"]["dtype"] == "float32"
    assert json.loads(files_of(found)["environment.json"].read_text())["dtype"] == "float32"
    assert found.summary["metrics"]["same_float32"] < 1


def test_unknown_flags_may_be_ignored(compare, program, folder):
    image = simulated()
    with pytest.raises(InputError, match="-nosuch"):
        compare(image, "-nosuch", "3")
    assert not (program.path.parent / "seen.json").exists()
    found = compare(image, "-nosuch", "3", choices=Choices(ignore_unknown=True))
    assert found.agree
    assert program.seen["words"][-4:-2] == ["-nosuch", "3"]
    assert "'-nosuch' is not understood" in files_of(found)["nb.log"].read_text()


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.ones((20, 23), np.float32), "460 pixels"),
        (np.full(SHAPE, np.nan, np.float32), "NaN"),
        (np.full(SHAPE, np.inf, np.float32), "infinity"),
    ],
)
def test_an_image_that_is_none(compare, folder, image, words):
    with pytest.raises(UnreadableError, match=words):
        compare(image)
    assert not (folder / "out").exists()


def test_a_program_that_fails_leaves_no_folder(folder, tmp_path):
    path = tmp_path / "nanoBragg"
    path.write_text(f"#!{sys.executable} -IS\nimport sys; sys.exit('no crystal')")
    path.chmod(0o755)
    with pytest.raises(ProgramError, match="no crystal"):
        compare_with_program(path, ARGUMENTS, Choices(), folder / "out")
    assert list(folder.iterdir()) == []


def test_an_interruption_leaves_no_folder(compare, folder):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(simulated(), progress=stop)
    assert list(folder.iterdir()) == []


def test_an_interruption_while_writing_leaves_no_folder(compare, folder, monkeypatch):
    def stop(*arguments, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr("nb_compare.compare.write_report", stop)
    with pytest.raises(KeyboardInterrupt):
        compare(simulated())
    assert list((folder / "out").iterdir()) == []


def test_photons_beyond_float32(compare, folder):
    with pytest.raises(InputError, match="exceeds float32"):
        compare(simulated(), "-fluence", "1e80")
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("fields", "option"),
    [
        ({"percentile": 0.0}, "--png-scale"),
        ({"percentile": 100.1}, "--png-scale"),
        ({"percentile": float("nan")}, "--png-scale"),
        ({"thresholds": Thresholds(correlation=1.1)}, "--threshold"),
        ({"thresholds": Thresholds(correlation=-1.1)}, "--threshold"),
        ({"thresholds": Thresholds(correlation=float("nan"))}, "--threshold"),
        ({"thresholds": Thresholds(sum_tolerance=-1e-9)}, "--sum-tolerance"),
        ({"thresholds": Thresholds(sum_tolerance=float("nan"))}, "--sum-tolerance"),
    ],
)
def test_choices_that_make_no_sense(fields, option):
    with pytest.raises(InputError) as caught:
        Choices(**fields)
    assert caught.value.field == option


def test_choices_at_their_bounds():
    for percentile in (1e-3, 100.0):
        Choices(percentile=percentile)
    for limits in (Thresholds(1.0, 0.0), Thresholds(-1.0, 0.0)):
        Choices(limits)


class TestGolden:
    """A golden folder of two cases, whose images are nb's own."""

    HKL = ("-hkl", "P1.hkl")

    @pytest.fixture
    def recorded(self, tmp_path, folder):
        """Records the images of these lists of further arguments."""
        golden = tmp_path / "golden"
        (golden / "inputs").mkdir(parents=True)
        (golden / "inputs" / "P1.hkl").write_text("0 0 0 10\n1 0 0 20\n0 1 0 30\n")

        def call(**cases):
            entries = []
            for name, more in cases.items():
                os.chdir(golden / "inputs")
                image = simulated(*more)
                os.chdir(folder)
                arguments = (*ARGUMENTS, *more)
                sha256 = float_sha256(image)
                case = GoldenCase(name, arguments, SHAPE, sha256, FIGURES, {})
                write_arrays(golden, name, {"float": image})
                entries.append(case.to_json())
            write_json(golden / "cases.json", entries)
            return read_golden(golden)

        return call

    def check(self, golden, *more, **choices):
        words = [*ARGUMENTS, *more]
        return compare_with_golden(golden, words, Choices(**choices), golden.folder.parent / "out")

    def test_the_case_with_the_arguments_is_taken(self, recorded, folder):
        golden = recorded(plain=(), listed=self.HKL)
        (folder / "P1.hkl").write_text("0 0 0 999\n")
        found = self.check(golden, *self.HKL)
        assert found.agree
        assert files_of(found).keys() == FILES
        summary = stored_summary(found)
        jsonschema.validate(summary, summary_schema())
        reference = summary["reference"]
        assert reference["kind"] == "golden"
        assert reference["name"] == f"listed of {golden.folder}"
        assert reference["sha256"] == golden.cases["listed"].float_sha256
        assert reference["seconds"] is None
        (entry,) = summary["inputs"]
        content = (golden.folder / "inputs" / "P1.hkl").read_bytes()
        assert entry == {"name": "P1.hkl", "sha256": hashlib.sha256(content).hexdigest()}

    def test_the_only_case_is_taken(self, recorded):
        found = self.check(recorded(plain=()), "-phi", "0")
        assert found.agree
        assert found.summary["reference"]["name"].startswith("plain of ")

    def test_another_image_differs(self, recorded):
        assert not self.check(recorded(plain=()), "-phi", "4").agree

    def test_no_case_has_the_arguments(self, recorded, tmp_path):
        with pytest.raises(InputError, match="none of its 2 cases"):
            self.check(recorded(plain=(), listed=self.HKL), "-phi", "4")
        assert not (tmp_path / "out").exists()

    def test_a_region_of_it(self, recorded):
        """The recorded image has the whole detector, and only a part is compared."""
        found = self.check(recorded(plain=()), roi=Roi(6, 20, 4, 17))
        assert found.agree
        assert found.summary["shape"] == [14, 15]

    def test_an_image_that_is_damaged(self, recorded, tmp_path):
        golden = recorded(plain=())
        (golden.folder / "plain.npz").write_bytes(b"PK damaged")
        with pytest.raises(UnreadableError, match=r"plain\.npz"):
            self.check(golden)
        assert not (tmp_path / "out").exists()

    def test_its_provenance_stands_for_the_log(self, recorded):
        golden = recorded(plain=())
        provenance = {"schema": "nb-golden/1", "program": {"name": "nanoBragg"}}
        write_json(golden.folder / "provenance.json", provenance)
        found = self.check(read_golden(golden.folder))
        assert json.loads(files_of(found)["c.log"].read_text()) == provenance
