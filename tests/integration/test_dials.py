"""nb's SMV images in DIALS, as DIALS itself reads them.

Needs NB_DXTBX_PYTHON, the path of a Python that imports dxtbx (Debian's package python3-dxtbx has
one for /usr/bin/python3).
"""

import json
import os
import subprocess

import numpy as np
import pytest

from nb_cli.main import run
from nb_core import Profile, flags_to_experiment
from nb_core.formats.smv import read_smv
from nb_physics import make_plan

DXTBX_PYTHON = os.environ.get("NB_DXTBX_PYTHON")
CRYSTAL = "-cell 70 80 90 -misset 10 20 30 -N 5 -default_F 100 -lambda 0.97 -distance 100"
DETECTOR = "-detpixels_f 57 -detpixels_s 46 -pixel 1.72 -oversample 1 -noprogress"
SCAN = "-phi 10 -osc 1 -phisteps 4"
OFF_CENTRE = "-Xbeam 21.5 -Ybeam 38.25"
READ = """
import json, sys
import dxtbx
image = dxtbx.load(sys.argv[1])
panel, beam, scan = image.get_detector()[0], image.get_beam(), image.get_scan()
print(json.dumps({
    "centre": panel.get_beam_centre_px(beam.get_s0()),
    "distance": panel.get_distance(),
    "pixel": panel.get_pixel_size(),
    "pedestal": panel.get_pedestal(),
    "wavelength": beam.get_wavelength(),
    "oscillation": None if scan is None else scan.get_oscillation(),
    "counts": list(image.get_raw_data().as_1d()),
}))
"""

pytestmark = [
    pytest.mark.skipif(
        not DXTBX_PYTHON, reason="NB_DXTBX_PYTHON does not name a Python that imports dxtbx"
    ),
    pytest.mark.filterwarnings("ignore::nb_core.NbWarning"),
]


def _read(path):
    command = [DXTBX_PYTHON, "-c", READ, path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("convention", ["-mosflm", "-denzo", "-xds"])
@pytest.mark.parametrize("profile", Profile)
def test_beam_pedestal_rotation_and_counts_are_read_as_written(
    tmp_path, monkeypatch, convention, profile
):
    monkeypatch.chdir(tmp_path)
    origin = "-ORGX 31.25 -ORGY 20.5" if convention == "-xds" else OFF_CENTRE
    flags = [*CRYSTAL.split(), *DETECTOR.split(), *SCAN.split(), convention, *origin.split()]
    asked = ["--header", "dials", "--profile", profile.value]
    assert run(["simulate", "-q", *asked, "--", *flags, "-intfile", "a_0001.img"]) == 0
    read = _read("a_0001.img")
    plan = make_plan(flags_to_experiment(flags, profile=profile))
    pixel = plan.frame.pixel_size.item()
    centre = (plan.frame.beam_fast.item() / pixel, plan.frame.beam_slow.item() / pixel)
    assert read["centre"] == pytest.approx(centre, abs=1e-6)
    assert read["distance"] == pytest.approx(100.0, abs=1e-6)
    assert read["pixel"] == pytest.approx([1.72, 1.72], abs=1e-9)
    assert read["wavelength"] == pytest.approx(0.97, abs=1e-9)
    assert read["pedestal"] == 40.0
    start, width = read["oscillation"]
    middle = np.degrees(plan.phi_angles.mean().item())
    assert (start + width / 2, width) == pytest.approx((middle, 1.0), abs=1e-6)
    assert read["counts"] == read_smv("a_0001.img").data.flatten().tolist()


def test_a_demo_is_imported_as_a_rotation_image(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = [*CRYSTAL.split(), *DETECTOR.split(), *SCAN.split()]
    assert run(["simulate", "-q", "--profile", "corrected", "--", *flags]) == 0
    assert _read("noiseimage_0001.img")["oscillation"][1] == pytest.approx(1.0)
