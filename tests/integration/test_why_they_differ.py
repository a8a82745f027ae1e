"""Faults planted between the C program and nb, and a stale dump beside a comparison.

Needs NB_C_BIN, the path of nanoBragg.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from nb_cli.main import run
from nb_core import flags_to_experiment
from nb_taps import record_pixels

C_PROGRAM = os.environ.get("NB_C_BIN")
INPUTS = Path(__file__).parents[1] / "golden" / "inputs"
LIST = "-cell 70 80 90 75 85 95 -misset 10 20 30 -default_F 3 -Na 5 -Nb 7 -Nc 4"
CAMERA = "-distance 100 -pixel 0.2 -detpixels 128 -lambda 1"
GOOD = f"{LIST} {CAMERA} -hkl p1.hkl"
FLAT = f"{LIST} {CAMERA}"
PLAIN = GOOD.replace("75 85 95", "90 95 90")
"""A cell that both profiles build alike."""
SOURCES = "-1 0 0 1 1e-10\n-1 0.001 0 3 1.01e-10\n"
PIXEL = (64, 70)

pytestmark = pytest.mark.skipif(not C_PROGRAM, reason="NB_C_BIN does not name the C program")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    shutil.copy(INPUTS / "p1.hkl", folder)
    (folder / "sources.txt").write_text(SOURCES)
    return folder


@pytest.fixture
def printed(tmp_path, folder):
    """Has the C program print a pixel in a folder of its own; the path of what it printed."""

    def call(flags, pixel, *, stale=""):
        place = tmp_path / "c"
        shutil.copytree(folder, place)
        if stale:
            subprocess.run([C_PROGRAM, *stale.split()], cwd=place, capture_output=True, check=True)
        slow, fast = (str(index) for index in pixel)
        words = [*flags.split(), "-printout", "-printout_pixel", fast, slow]
        done = subprocess.run(
            [C_PROGRAM, *words], cwd=place, capture_output=True, text=True, check=True
        )
        path = tmp_path / "c.log"
        path.write_text(done.stdout)
        return path

    return call


def one_changed_factor(folder):
    """A copy of the list with another F for the reflection nearest to the pixel."""
    (record,) = record_pixels(flags_to_experiment(GOOD.split()), [PIXEL], ["hkl_nearest"])
    nearest = [
        str(index) for index in record.array("hkl_nearest").reshape(-1, 3)[-1].int().tolist()
    ]
    lines = (folder / "p1.hkl").read_text().splitlines()
    changed = [" ".join([*nearest, "999"]) if row.split()[:3] == nearest else row for row in lines]
    assert changed != lines
    (folder / "p2.hkl").write_text("\n".join(changed) + "\n")


MOSAIC = f"{GOOD} -mosaic 0.5 -mosaic_domains 5"
BEAM = f"{GOOD} -Xbeam 12.9 -Ybeam 13.1"
STALE = "-cell 70 80 90 75 85 95 -hkl p1.hkl -N 3 -detpixels 8"
FAULTS = {
    # what: (C's arguments, nb's arguments, the line that must end the account)
    "none": (GOOD, GOOD, "no divergence"),
    "cell": (GOOD, GOOD.replace("70 80", "70.5 80"), "orientation"),
    "beam centre": (BEAM, BEAM.replace("12.9", "13.3"), "geometry"),
    "stale dump": (FLAT, FLAT, "structure"),
    "convention": (f"{GOOD} -xds", GOOD, "geometry"),
    "one F": (GOOD, GOOD.replace("p1.hkl", "p2.hkl"), "structure"),
    "weights": (f"{PLAIN} -sourcefile sources.txt", None, "accumulate"),
    "dmin": (f"{GOOD} -dmin 9", GOOD, "scattering"),
    "oversample": (f"{GOOD} -oversample 2", f"{GOOD} -oversample 1", "geometry"),
    "wavelength": (GOOD, GOOD.replace("-lambda 1", "-lambda 0.1"), "sources"),
    "mosaic seed": (MOSAIC, f"{MOSAIC} -mosaic_seed 99", "orientation"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_named(fault, printed, folder, capsys):
    theirs, ours, stage = FAULTS[fault]
    one_changed_factor(folder)
    pixel = (125, 127) if fault == "dmin" else PIXEL
    log = printed(theirs, pixel, stale=STALE if fault == "stale dump" else "")
    more = ["--profile", "corrected"] if ours is None else []
    place = ["--pixel", str(pixel[0]), str(pixel[1]), "--c-log", str(log)]
    code = run(["first-divergence", *place, *more, "--", *(ours or theirs).split()])
    last = capsys.readouterr().out.splitlines()[-1]
    if fault == "none":
        assert (code, last) == (0, stage)
    else:
        assert code == 3
        assert last.startswith(f"first divergence: {stage} ")


@pytest.mark.parametrize("more", ["", "-oversample 2 -phi 3 -osc 1 -phisteps 3"])
def test_the_program_is_run_where_no_log_is_given(folder, capsys, more):
    words = [*GOOD.split(), *more.split()]
    code = run(["first-divergence", "--c-bin", C_PROGRAM, "--pixel", "64", "70", "--", *words])
    assert (code, capsys.readouterr().out.splitlines()[-1]) == (0, "no divergence")


def test_the_worst_pixel_is_found(folder, capsys):
    """The corrected profile weighs sources, which C does not."""
    words = [*PLAIN.split(), "-sourcefile", "sources.txt"]
    code = run(["first-divergence", "--c-bin", C_PROGRAM, "--profile", "corrected", "--", *words])
    lines = capsys.readouterr().out.splitlines()
    assert code == 3
    assert lines[0].startswith("pixel that differs most: slow ")
    assert lines[-1].startswith("first divergence: accumulate ")


def test_a_poisonous_dump_changes_nothing(folder, capsys):
    """It is one that the C program would read: it takes this crystal's image to another."""
    subprocess.run([C_PROGRAM, *STALE.split()], cwd=folder, capture_output=True, check=True)
    poison = (folder / "Fdump.bin").read_bytes()
    for name in ("floatimage.bin", "intimage.img", "image.pgm", "noiseimage.img"):
        (folder / name).unlink()
    assert run(["compare", "--c-bin", C_PROGRAM, "--", *FLAT.split()]) == 0
    (summary,) = folder.glob("nb-compare/*/summary.json")
    assert json.loads(summary.read_text())["metrics"]["correlation"] > 1 - 1e-12
    assert (folder / "Fdump.bin").read_bytes() == poison
    assert {path.name for path in folder.iterdir()} == {
        "Fdump.bin",
        "nb-compare",
        "p1.hkl",
        "sources.txt",
    }
    ran = subprocess.run(
        [C_PROGRAM, *FLAT.split(), "-floatfile", "poisoned.bin"], cwd=folder, capture_output=True
    )
    assert ran.returncode == 0
    recorded = next(folder.glob("nb-compare/*/c_floatimage.bin"))
    assert (folder / "poisoned.bin").read_bytes() != recorded.read_bytes()
