"""nb golden: what it prints, writes and exits with. nb itself poses as the C program."""

import contextlib
import json
import os
import shutil
import sys

import numpy as np
import pytest

from nb_cli.main import run

TINY = (
    "-cell 70 80 90 75 85 95 -default_F 100 -N 3 -distance 100 -pixel 0.5 -detpixels 16 -lambda 1 "
    "-oversample 5 -seed 1"
)

STAND_IN = """#!{python}
import sys
from nb_cli.main import run
print("nb, as nanoBragg")
print("max_I = 1  at 0.1 0.2")
print("mean= 1 rms= 1 rmsd= 1")
print("  1 sources")
print("  1 mosaic domains over mosaic spread of 0 degrees")
print("  1 phi steps from 0 to 0 degrees")
print("  5x5 pixel oversample steps")
sys.exit(run(["simulate", "--rng", "nanobragg", "-q", "--", *sys.argv[1:]]))
"""
CASES = """
[[case]]
name = "plain"
args = "{flags}"
[[case]]
name = "files"
args = "{flags} -roi 2 9 3 12 -intfile i.img -noisefile n.img -pgmfile p.pgm"
"""
HEAD = "case   corr          sum_ratio     maxd     same   verdict"
SAME = "1.000000000   1.000000000   0.0e+00  1.000  ok"


@pytest.fixture(autouse=True, scope="module")
def no_other_program():
    """So that ./nanoBragg is the program that is found."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("NB_C_BIN", raising=False)
        yield


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A folder with cases.toml, a program nanoBragg and what was recorded with it, golden."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "cases.toml").write_text(CASES.format(flags=TINY))
    (folder / "nanoBragg").write_text(STAND_IN.format(python=sys.executable))
    (folder / "nanoBragg").chmod(0o755)
    with contextlib.chdir(folder):
        assert run(["golden", "record", "cases.toml", "golden", "-q"]) == 0
    return folder


@pytest.fixture
def golden(recorded, folder):
    """The working folder, with copies of these."""
    shutil.copytree(recorded, folder, dirs_exist_ok=True)
    return folder


@pytest.fixture
def program(golden):
    """The same, not yet recorded."""
    shutil.rmtree(golden / "golden")
    return golden


@pytest.fixture
def nb(nb):
    """As (exit code, output, errors)."""

    def call(line: str) -> tuple[int, str, str]:
        outcome = nb(line)
        return outcome.code, outcome.out, outcome.err

    return call


def change_a_pixel(golden):
    """Changes a pixel of the case plain by a hundredth of the maximum, and the checksum with it."""
    from nb_compare.golden.format import float_sha256, write_arrays, write_json

    path = golden / "golden" / "plain.npz"
    with np.load(path) as content:
        image = content["float"]
    image[3, 4] += 0.01 * image.max()
    write_arrays(path.parent, "plain", {"float": image})
    cases = json.loads((path.parent / "cases.json").read_text())
    cases[0]["float_sha256"] = float_sha256(image)
    write_json(path.parent / "cases.json", cases)


def test_recorded_images_verify(program, nb):
    before = os.listdir()
    code, out, err = nb("golden record cases.toml golden --c-bin ./nanoBragg")
    assert (code, out, err) == (0, "wrote golden: 2 cases of nb, as nanoBragg\n", "")
    assert sorted(os.listdir()) == sorted([*before, "golden"])
    lines = (program / "golden" / "commands.txt").read_text().splitlines()
    assert lines[-1] == "nb golden record cases.toml golden --c-bin ./nanoBragg"
    code, out, err = nb("golden verify golden")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        HEAD,
        f"plain  {SAME}",
        f"files  {SAME}",
        "2 of 2 cases hold; the largest difference is 0.0e+00 of the maximum (plain)",
    ]


def test_a_case_that_differs_ends_with_3(golden, nb):
    change_a_pixel(golden)
    code, out, err = nb("golden verify golden --json found.json")
    assert (code, err) == (3, "")
    head, plain, files, summary = out.splitlines()
    assert plain.split()[0] == "plain"
    assert plain.index("FAIL: maxd 1.0e-02 > 1e-06 at slow 3, fast 4") == head.index("verdict")
    assert files == f"files  {SAME}"
    assert summary.startswith("1 of 2 cases hold; the largest difference is 1.0e-02")
    assert nb("golden verify golden --case files")[0] == 0
    found = json.loads((golden / "found.json").read_text())
    assert found["schema"] == "nb-golden-verify/1"
    assert found["holds"] is False
    assert [case["holds"] for case in found["cases"]] == [False, True]
    assert found["cases"][0]["max_relative"] == pytest.approx(0.01, rel=0.02)
    assert found["thresholds"]["max_relative"] == 1e-6
    assert found["recorded"]["program"]["banner"] == "nb, as nanoBragg"
    assert found["environment"]["dtype"] == "float64"


def test_float32_has_thresholds_of_its_own(golden, nb):
    code, out, _ = nb("golden verify golden --dtype float32 --json found.json")
    assert code == 0, out
    found = json.loads((golden / "found.json").read_text())
    assert found["thresholds"]["max_relative"] == 2e-6
    assert found["environment"]["dtype"] == "float32"
    assert found["cases"][0]["same_float32"] < 1


def test_a_shape_that_differs_has_no_numbers(golden, nb):
    path = golden / "golden" / "cases.json"
    path.write_text(path.read_text().replace("-detpixels 16", "-detpixels 8", 1))
    code, out, _ = nb("golden verify golden --case plain")
    assert code == 3
    row = out.splitlines()[1]
    assert row.split()[:5] == ["plain", "-", "-", "-", "-"]
    assert row.endswith("FAIL: shape (8, 8), recorded (16, 16)")


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("verify none", 2, "nb: golden folder: none: no such folder"),
        ("verify golden --case plian", 2, "did you mean plain?"),
        ("verify golden --device nonsense", 2, "nb: device: nonsense"),
        ("verify golden --json none/a.json", 2, "nb: none/a.json: there is no folder none"),
        ("record none.toml new", 2, "none.toml: no such file"),
        ("record cases.toml golden", 2, "nb: golden: exists already; name a new folder"),
        ("record cases.toml none/new", 2, "nb: none/new: no folder can be made there"),
        ("record cases.toml new --c-bin none", 2, "nb: --c-bin: none: no such file"),
        ("record bad.toml new", 2, "nb: case bad: args: -sed: unknown option: did you mean -seed?"),
        ("record cases.toml new --c-bin /bin/false", 6, "case plain: ended with exit code 1"),
        ("record cases.toml new --c-bin silent", 6, "wrote no float image"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(golden, nb, line, code, message):
    (golden / "bad.toml").write_text('[[case]]\nname = "bad"\nargs = "-sed 5"\n')
    (golden / "silent").write_text("#!/bin/sh\n")
    (golden / "silent").chmod(0o755)
    before = sorted(os.listdir())
    ended, out, err = nb(f"golden {line}")
    assert ended == code
    assert out == ""
    (shown,) = err.splitlines()
    assert message in shown
    assert sorted(os.listdir()) == before


def cut(path):
    path.write_bytes(path.read_bytes()[:200])


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("plain.npz", cut, "plain.npz: is not a whole .npz file"),
        ("plain.npz", os.unlink, "plain.npz: cannot be read: No such file"),
        ("cases.json", cut, "cases.json: is not JSON"),
        ("cases.json", os.unlink, "cases.json: cannot be read: No such file"),
        ("provenance.json", cut, "provenance.json: is not JSON"),
    ],
)
def test_a_damaged_folder_ends_with_5(golden, nb, file, damage, message):
    damage(golden / "golden" / file)
    code, out, err = nb("golden verify golden --json found.json")
    assert (code, out) == (5, "")
    assert message in err
    assert not (golden / "found.json").exists()


def test_other_pixels_than_the_recorded_ones_end_with_5(golden, nb):
    from nb_compare.golden.format import write_arrays

    write_arrays(golden / "golden", "plain", {"float": np.ones((16, 16), np.float32)})
    code, _, err = nb("golden verify golden")
    assert code == 5
    assert "not the one that cases.json has the checksum of" in err


def test_an_interruption_leaves_nothing(program, nb, monkeypatch):
    def stop(*arguments, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr("nb_compare.golden.record.run_program", stop)
    before = sorted(os.listdir())
    code, _, err = nb("golden record cases.toml golden")
    assert code == 130
    assert err.strip() == "nb: interrupted; nothing unfinished was left behind"
    assert sorted(os.listdir()) == before


def test_the_progress_goes_by_cases(program, nb, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    shown = nb("golden record cases.toml golden")[2]
    assert "recording" in shown
    assert "50%" in shown
    (program / "cases.toml").write_text(f'[[case]]\nname = "one"\nargs = "{TINY}"\n')
    assert nb("golden record cases.toml quiet -q") == (0, "", "")
