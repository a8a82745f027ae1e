"""Recording, with a program that answers as nanoBragg does, and with nanoBragg itself."""

import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from nb_compare.golden import judge_case, read_cases, read_golden, record_golden
from nb_core import InputError, NbWarning, OutputError, ProgramError, UnreadableError

C_PROGRAM = os.environ.get("NB_C_BIN")
RECORDED = Path(__file__).parents[1] / "golden"
SHAPE = (6, 8)
FLAGS = "-cell 70 80 90 75 85 95 -N 3 -default_F 20 -distance 100 -pixel 0.5 -lambda 1"
FLAGS += " -detpixels_f 8 -detpixels_s 6 -oversample 5 -seed 3"

STAND_IN = '''#!{python}
"""Writes the files beside it under the names it is given, and prints what is in log.txt."""
import json, os, shutil, sys
from pathlib import Path
home, words = Path(__file__).parent, sys.argv[1:]
with (home / "calls.jsonl").open("a") as calls:
    calls.write(json.dumps([words, sorted(os.listdir())]) + "\\n")
for option in ("-intfile", "-noisefile", "-pgmfile", "-floatfile"):
    if option in words and (home / option).exists():
        shutil.copy(home / option, words[words.index(option) + 1])
print((home / "log.txt").read_text(), end="")
if "-printout_pixel" in words:
    fast, slow = words[words.index("-printout_pixel") + 1 :][:2]
    print((home / "pixel.txt").read_text().format(fast=fast, slow=slow), end="")
if (home / "fail.txt").exists():
    print("no such crystal", file=sys.stderr)
    sys.exit(9)
'''
LOG = """nanoBragg stand-in 1-1-26
  created a total of 7 sources:
  distance=0.1 detsize=0.004x0.003  pixel=0.0005 meters (8x6 pixels)
  2 sources
  3 mosaic domains over mosaic spread of 0.5 degrees
  4 phi steps from 0 to 1 degrees
  5x5 pixel oversample steps
max_I = 47  at 0.00225 0.00325
mean= 23.5 rms= 2.7e+01 rmsd= 14
"""
PIXEL = """   {fast}    {slow} : stol = 1e+08 or 0.01
at 0.1 0.2 0.3
Z: 1 2 3

"""
IMAGE = np.arange(48, dtype="<f4").reshape(SHAPE)
COUNTS = np.arange(48, dtype="<u2").reshape(SHAPE)
HEADER = b"{ one header }".ljust(512)
PICTURE = b"P5\n8 6\n# pixels scaled by 1\n255\n" + bytes(48)


@pytest.fixture
def program(tmp_path):
    """The stand-in, in a folder of its own."""
    home = tmp_path / "program"
    home.mkdir()
    path = home / "nanoBragg"
    path.write_text(STAND_IN.format(python=sys.executable))
    path.chmod(0o755)
    (home / "log.txt").write_text(LOG)
    (home / "pixel.txt").write_text(PIXEL)
    (home / "-floatfile").write_bytes(IMAGE.tobytes())
    (home / "-intfile").write_bytes(HEADER + COUNTS.tobytes())
    (home / "-noisefile").write_bytes(HEADER + (COUNTS + 1).tobytes())
    (home / "-pgmfile").write_bytes(PICTURE)
    return path


@pytest.fixture
def home(tmp_path):
    """A folder for cases.toml and its inputs; what is recorded appears in it."""
    folder = tmp_path / "home"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "few.hkl").write_text("0 0 0 50\n1 0 0 60\n")
    return folder


def write_cases(home: Path, *cases: tuple[str, str, str]) -> Path:
    """cases.toml, of (name, args, further lines)."""
    path = home / "cases.toml"
    tables = [f'[[case]]\nname = "{name}"\nargs = "{args}"\n{more}\n' for name, args, more in cases]
    path.write_text("\n".join(tables))
    return path


def record(home: Path, program: Path, *cases: tuple[str, str, str], **more):
    command = ["nb", "golden", "record", "cases.toml", "out"]
    return record_golden(write_cases(home, *cases), home / "out", program, command=command, **more)


def calls(program: Path) -> list[list[list[str]]]:
    """Each run of the program: its words, and the files that it found."""
    path = program.parent / "calls.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def left(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir())


def test_what_the_program_writes_and_prints_is_kept(home, program):
    options = f"{FLAGS} -hkl data/few.hkl -intfile i.img -noisefile n.img -pgmfile p.pgm"
    record(home, program, ("still", FLAGS, ""), ("files", options, ""))
    golden = read_golden(home / "out")
    assert list(golden.cases) == ["still", "files"]
    case = golden.cases["files"]
    assert case.arguments == tuple(options.replace("data/", "").split())
    assert case.shape == SHAPE
    assert case.figures == {
        "max_I": 47.0,
        "max_at_m": [0.00225, 0.00325],
        "mean": 23.5,
        "rms": 27.0,
        "rmsd": 14.0,
        "sources": 2,
        "mosaic_domains": 3,
        "phi_steps": 4,
        "oversample": 5,
    }
    arrays = golden.arrays("files", ("int", "noise", "pgm"))
    np.testing.assert_array_equal(arrays["float"], IMAGE)
    np.testing.assert_array_equal(arrays["int"], COUNTS)
    np.testing.assert_array_equal(arrays["noise"], COUNTS + 1)
    for key, content in (("int_header", HEADER), ("noise_header", HEADER), ("pgm", PICTURE)):
        assert arrays[key].tobytes() == content
    assert set(golden.arrays("still")) == {"float"}
    assert (home / "out" / "inputs" / "few.hkl").read_text() == "0 0 0 50\n1 0 0 60\n"


def test_it_runs_in_a_fresh_folder_with_the_recorded_options(home, program):
    record(home, program, ("a", FLAGS, ""), ("b", f"{FLAGS} -hkl data/few.hkl", ""))
    floats = ["-floatfile", "floatimage.bin"]
    assert calls(program) == [
        [[*FLAGS.split(), *floats], []],
        [[*FLAGS.split(), "-hkl", "few.hkl", *floats], ["few.hkl"]],
    ]


def test_pixels_are_printed_by_runs_of_their_own(home, program):
    record(home, program, ("a", FLAGS, "printout = [[1, 7], [5, 0]]"))
    golden = read_golden(home / "out")
    assert golden.cases["a"].printout == {
        (1, 7): ("7    1 : stol = 1e+08 or 0.01", "at 0.1 0.2 0.3", "Z: 1 2 3"),
        (5, 0): ("0    5 : stol = 1e+08 or 0.01", "at 0.1 0.2 0.3", "Z: 1 2 3"),
    }
    printing = [words[-6:-2] for words, _ in calls(program)]
    assert printing[1:] == [
        ["-printout", "-printout_pixel", "7", "1"],
        ["-printout", "-printout_pixel", "0", "5"],
    ]
    assert "-printout" not in printing[0]


def test_the_folder_says_how_it_was_made(home, program):
    made = record(home, program, ("a", f"{FLAGS} -hkl data/few.hkl", ""))
    out = home / "out"
    assert json.loads((out / "provenance.json").read_text()) == made
    assert made["schema"] == "nb-golden/1"
    assert made["cases"] == 1
    assert made["program"]["name"] == "nanoBragg"
    assert made["program"]["banner"] == "nanoBragg stand-in 1-1-26"
    assert made["program"]["sha256"] == sha256(program)
    assert made["recorded_with"] == {"nb": "0.1.0"}
    assert made["environment"]["schema"] == "nb-environment/1"
    last = (out / "commands.txt").read_text().splitlines()[-1]
    assert last == "nb golden record cases.toml out"
    lines = [line.split() for line in (out / "checksums.txt").read_text().splitlines()]
    assert lines[:2] == [
        ["#", "input", sha256(home / "cases.toml"), "cases.toml"],
        ["#", "input", sha256(home / "data" / "few.hkl"), "inputs/few.hkl"],
    ]
    names = ("cases.json", "commands.txt", "environment.json", "inputs/few.hkl", "provenance.json")
    assert lines[2:] == [[sha256(out / name), name] for name in ("a.npz", *names)]


def test_progress_is_told_case_by_case(home, program):
    told = []
    cases = [(name, FLAGS, "") for name in "abc"]
    record(home, program, *cases, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_what_nb_warns_of_names_the_case(home, program):
    with pytest.warns(NbWarning, match="case a: -stol has no effect"):
        record(home, program, ("a", f"{FLAGS} -stol data/few.hkl", ""))
    assert left(home / "out" / "inputs") == ["few.hkl"]


REFUSED = {
    "unknown": (f"{FLAGS} -sed 3", "", "case b: args: -sed: unknown option"),
    "value": (f"{FLAGS} -distance far", "", "case b: args: -distance: far: "),
    "crystal": ("-N 5", "", "case b: args: -cell: .not given.: give -cell"),
    "plan": (f"{FLAGS} -misset 0 0", "", "case b: args: -misset"),
    "file": (f"{FLAGS} -hkl few.hkl", "", "case b: args: .*few.hkl: no such file"),
    "clock": (
        f"{FLAGS.replace('-seed 3', '')} -noisefile n.img",
        "",
        r"case b: args: -noisefile: n\.img: give -seed",
    ),
    "random": (
        f"{FLAGS.replace('-seed 3', '')} -misset random",
        "",
        "case b: args: -misset: random: give -misset_seed",
    ),
    "folder": (f"{FLAGS} -intfile data/i.img", "", r"case b: args: data/i\.img: name outputs"),
    "pixel": (FLAGS, "printout = [[6, 0]]", r"case b: printout: \[6, 0\]: not rendered"),
    "region": (f"{FLAGS} -roi 0 3 0 3", "printout = [[0, 4]]", "case b: printout: .*not rendered"),
    "key": (FLAGS, "printot = []", "case b: printot: .*unknown key"),
}


@pytest.mark.parametrize(("options", "more", "message"), REFUSED.values(), ids=REFUSED)
def test_a_case_that_is_refused_stops_all_before_anything_runs(
    home, program, options, more, message
):
    with pytest.raises(InputError, match=message):
        record(home, program, ("a", FLAGS, ""), ("b", options, more))
    assert calls(program) == []
    assert left(home) == ["cases.toml", "data"]


def test_two_files_of_one_name_must_be_the_same(home, program):
    (home / "more").mkdir()
    other = home / "more" / "few.hkl"
    other.write_text("0 0 0 70\n")
    cases = [(name, f"{FLAGS} -hkl {name}/few.hkl", "") for name in ("data", "more")]
    with pytest.raises(InputError, match=r"case more: args: .*data/few\.hkl; rename one of them"):
        record(home, program, *cases)
    other.write_text("0 0 0 50\n1 0 0 60\n")
    record(home, program, *cases)
    assert left(home / "out" / "inputs") == ["few.hkl"]


def test_files_elsewhere_come_along_too(home, program, tmp_path):
    (tmp_path / "other.hkl").write_text("0 0 0 70\n")
    cases = [
        ("up", f"{FLAGS} -hkl ../other.hkl", ""),
        ("abs", f"{FLAGS} -hkl {tmp_path}/other.hkl", ""),
    ]
    record(home, program, *cases)
    golden = read_golden(home / "out")
    assert [case.arguments[-1] for case in golden.cases.values()] == ["other.hkl"] * 2
    assert left(home / "out" / "inputs") == ["other.hkl"]


def test_a_folder_that_exists_is_not_touched(home, program):
    (home / "out").mkdir()
    with pytest.raises(OutputError, match="exists already; name a new folder"):
        record(home, program, ("a", FLAGS, ""))
    assert calls(program) == []
    assert left(home / "out") == []


def test_a_folder_that_appears_meanwhile_is_not_touched(home, program):
    with pytest.raises(OutputError, match="has appeared meanwhile"):
        record(home, program, ("a", FLAGS, ""), progress=lambda *_: (home / "out").mkdir())
    assert left(home) == ["cases.toml", "data", "out"]


def test_the_folder_above_must_exist(home, program):
    path = write_cases(home, ("a", FLAGS, ""))
    with pytest.raises(OutputError, match="no folder can be made there: No such file"):
        record_golden(path, home / "none" / "out", program, command=["nb"])


def test_a_program_that_fails_names_the_case(home, program):
    (program.parent / "fail.txt").touch()
    with pytest.raises(ProgramError, match=r"case a: ended with exit code 9; .*no such crystal"):
        record(home, program, ("a", FLAGS, ""))
    assert left(home) == ["cases.toml", "data"]


FAULTS = {
    "no figures": ("log.txt", LOG.replace("mean=", "average="), "log: does not print mean"),
    "no number": ("log.txt", LOG.replace("rmsd= 14", "rmsd= -nan"), "log: prints rmsd as '-nan'"),
    "no word": ("log.txt", LOG.replace("rmsd= 14", "rmsd= none"), "log: prints rmsd as 'none'"),
    "nothing": ("log.txt", "", "log: does not print max_I; is this nanoBragg"),
    "no pixel": ("pixel.txt", "", "log: does not print the pixel fast 7, slow 1"),
    "short": ("-floatfile", "1234", r"floatimage\.bin: 1 pixels"),
    "no float": ("-floatfile", None, "wrote no float image"),
    "no int": ("-intfile", None, "int: the program wrote no such image"),
    "short int": ("-intfile", "{", "int: 1 bytes hold no header"),
}


@pytest.mark.parametrize(("file", "text", "message"), FAULTS.values(), ids=FAULTS)
def test_what_makes_no_sense_is_refused(home, program, file, text, message):
    path = program.parent / file
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises((UnreadableError, ProgramError), match=f"case a: .*{message}"):
        record(home, program, ("a", f"{FLAGS} -intfile i.img", "printout = [[1, 7]]"))
    assert left(home) == ["cases.toml", "data"]


def test_pixels_that_are_not_finite_are_refused(home, program):
    image = IMAGE.copy()
    image[2, 3] = np.inf
    (program.parent / "-floatfile").write_bytes(image.tobytes())
    with pytest.raises(UnreadableError, match=r"case a: .*floatimage\.bin: .*NaN or infinity"):
        record(home, program, ("a", FLAGS, ""))


def test_an_interruption_leaves_nothing(home, program):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record(home, program, ("a", FLAGS, ""), ("b", FLAGS, ""), progress=stop)
    assert len(calls(program)) == 1
    assert left(home) == ["cases.toml", "data"]


@pytest.mark.skipif(not C_PROGRAM, reason="NB_C_BIN does not name the C program")
def test_the_program_itself_is_recorded_as_before(home):
    chosen = ("xtal_cubic", "det_nonsquare", "hkl_interpolate", "out_roi_noise")
    (home / "inputs").symlink_to(RECORDED / "inputs")
    cases = []
    for request in read_cases(RECORDED / "cases.toml"):
        if request.name in chosen:
            pixels = [list(pixel) for pixel in request.printout]
            cases.append((request.name, " ".join(request.arguments), f"printout = {pixels}"))
    record(home, Path(C_PROGRAM).resolve(), *cases)
    ours, theirs = read_golden(home / "out"), read_golden(RECORDED)
    assert set(ours.cases) == set(chosen)
    for name in chosen:
        case, before = ours.cases[name], theirs.cases[name]
        assert (case.arguments, case.shape) == (before.arguments, before.shape)
        assert {key: len(lines) for key, lines in case.printout.items()} == {
            key: len(lines) for key, lines in before.printout.items()
        }
        for key, value in before.figures.items():
            assert case.figures[key] == pytest.approx(value, rel=1e-5), (name, key)
        kinds = ("int", "noise", "pgm") if name == "out_roi_noise" else ()
        found = judge_case(name, ours.arrays(name, kinds), theirs.arrays(name, kinds), flat=False)
        assert found.holds, found.problems
