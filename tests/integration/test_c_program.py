"""nb beside the C program, on command lines that no one has recorded.

Needs NB_C_BIN, the path of nanoBragg. Each program runs in a folder of its own that holds the
input files and nothing else.
"""

import os
import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from nb_cli.main import run
from nb_compare import compare_images

C_PROGRAM = os.environ.get("NB_C_BIN")
INPUTS = Path(__file__).parents[1] / "golden" / "inputs"
DRAWS = 24
WITHIN = 1e-6
"""Of the maximum: float32 rounding is 6e-8 of each pixel."""

pytestmark = pytest.mark.skipif(not C_PROGRAM, reason="NB_C_BIN does not name the C program")


def draw_flags(seed: int) -> list[str]:
    """A command line whose options are drawn together at random, within what both programs do."""
    draw = random.Random(seed)
    flags: list[str] = []

    def maybe(chance: float, *words: object) -> None:
        if draw.random() < chance:
            flags.extend(str(word) for word in words)

    def real(low: float, high: float) -> float:
        return round(draw.uniform(low, high), 3)

    flags += ["-cell", *(str(real(40, 110)) for _ in range(3))]
    flags += draw.choice([["90", "90", "90"], ["90", "90", "120"], ["82.1", "95.3", "101.7"]])
    maybe(0.3, "-mat", "tric.mat")
    maybe(0.7, "-misset", real(-180, 180), real(-90, 90), real(-180, 180))
    flags += draw.choice([["-hkl", "p1.hkl"], ["-hkl", "sparse.hkl"], ["-default_F", "20"]])
    maybe(0.3, "-default_F", real(1, 50))
    flags += ["-Na", str(draw.randint(3, 12)), "-Nb", str(draw.randint(3, 12)), "-Nc", "7"]
    maybe(0.4, draw.choice(["-round_xtal", "-gauss_xtal"]))
    maybe(0.2, "-fudge", real(0.6, 1.6))
    flags += ["-distance", str(real(40, 200)), "-pixel", str(real(0.1, 0.3))]
    flags += ["-detpixels_f", str(draw.randint(16, 40)), "-detpixels_s", str(draw.randint(16, 40))]
    maybe(0.8, draw.choice(["-mosflm", "-xds", "-dials", "-adxv", "-denzo"]))
    maybe(0.2, "-fdet_vector", 0.02, 0.01, 0.9998, "-pivot", draw.choice(["beam", "sample"]))
    maybe(0.4, "-Xbeam", real(1, 5), "-Ybeam", real(1, 5))
    maybe(0.3, "-ORGX", real(5, 30))
    for axis in "xyz":
        maybe(0.4, f"-detector_rot{axis}", real(-15, 15))
    maybe(0.3, "-twotheta", real(-20, 20))
    maybe(0.2, "-curved_det")
    maybe(0.3, "-detector_abs", 200, "-detector_thick", 300, "-thicksteps", draw.randint(2, 3))
    for term in ("thick", "polar", "omega"):
        maybe(0.15, f"-oversample_{term}")
    flags += ["-oversample", str(draw.randint(1, 2)), "-lambda", str(real(0.7, 2))]
    maybe(0.3, "-polar", real(-1, 1))
    maybe(0.15, "-nopolar")
    maybe(0.3, "-hdivrange", real(0.5, 3), "-hdivsteps", 3)
    maybe(0.3, "-dispersion", real(0.5, 3), "-dispsteps", 2)
    maybe(0.2, "-sourcefile", "sources5.txt")
    maybe(0.4, "-phi", real(5, 170), "-osc", real(0.1, 3), "-phisteps", draw.randint(1, 3))
    maybe(0.3, "-mosaic", real(0.1, 2), "-mosaic_dom", 3, "-mosaic_seed", draw.randint(1, 9999))
    maybe(0.2, "-dmin", real(2, 8))
    maybe(0.2, "-water", real(0.001, 0.02))
    maybe(0.2, "-roi", 2, draw.randint(8, 30), 3, draw.randint(8, 30))
    return [*flags, "-seed", str(seed + 1)]


def folder_of_inputs(path: Path) -> Path:
    path.mkdir()
    for source in INPUTS.iterdir():
        shutil.copy(source, path)
    return path


def counts_of(path: Path, pixels: int) -> np.ndarray:
    """The pixels of an SMV image, which end the file; long headers differ (behaviour 50)."""
    return np.frombuffer(path.read_bytes()[-2 * pixels :], "<u2")


@pytest.mark.parametrize("seed", range(DRAWS))
def test_the_programs_agree(seed, tmp_path, monkeypatch):
    flags = [*draw_flags(seed), "-floatfile", "float.bin"]
    theirs, ours = (folder_of_inputs(tmp_path / name) for name in ("c", "nb"))
    subprocess.run([C_PROGRAM, *flags], cwd=theirs, check=True, stdout=subprocess.DEVNULL)
    monkeypatch.chdir(ours)
    named = ["-intfile", "intimage.img", "-noisefile", "noiseimage.img"]
    assert run(["simulate", "--rng", "nanobragg", "-q", "--", *flags, *named]) == 0
    images = [np.fromfile(folder / "float.bin", "<f4")[None] for folder in (ours, theirs)]
    if images[1].any():
        difference = compare_images(*images)
        assert difference.max_relative <= WITHIN, (flags, difference)
        assert difference.sum_ratio == pytest.approx(1, abs=WITHIN)
    else:
        assert not images[0].any()
    for name in ("intimage.img", "noiseimage.img"):
        pairs = (counts_of(folder / name, images[0].size) for folder in (ours, theirs))
        assert np.mean(np.equal(*pairs)) >= 0.999, (name, flags)
