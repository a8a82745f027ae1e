"""SMV headers of simulated images: for nanoBragg's options, and for DIALS."""

import numpy as np
import pytest

from nb_core import DetectorConvention, NbWarning, Profile, flags_to_experiment
from nb_core.formats.smv import HeaderStyle, header_bytes, write_smv
from nb_physics import make_plan, smv_header
from nb_physics.header import dials_misreads

CRYSTAL = [
    "-cell",
    "70",
    "80",
    "90",
    "-N",
    "3",
    "-default_F",
    "5",
    "-lambda",
    "1",
    "-distance",
    "100",
]
SIZE = ["-detpixels_f", "30", "-detpixels_s", "26", "-pixel", "0.5"]
SCAN = ["-phi", "10", "-osc", "1", "-phisteps", "4"]


def _plan(*options, profile=Profile.REFERENCE):
    return make_plan(flags_to_experiment([*CRYSTAL, *SIZE, *options], profile=profile))


@pytest.mark.parametrize(
    ("profile", "style"),
    [(Profile.REFERENCE, HeaderStyle.NANOBRAGG), (Profile.CORRECTED, HeaderStyle.DIALS)],
)
def test_behaviour_57_the_profile_decides_whom_a_header_is_for(profile, style):
    assert smv_header(_plan(profile=profile)).style is style
    for asked in HeaderStyle:
        assert smv_header(_plan(profile=profile), asked).style is asked


def test_a_header_for_nanobragg_is_without_what_dials_needs():
    text = header_bytes(smv_header(_plan(*SCAN), HeaderStyle.NANOBRAGG))
    assert b"ADC_OFFSET" not in text
    assert b"\nOSC_START=10;\n" in text


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("steps", ["1", "4", "5"])
def test_dials_gets_the_exposure_around_the_angles_that_are_computed(profile, steps):
    plan = _plan("-phi", "10", "-osc", "1", "-phisteps", steps, profile=profile)
    header = smv_header(plan, HeaderStyle.DIALS)
    middle = np.degrees(plan.phi_angles.mean().item())
    assert header.osc_start_deg + 0.5 * header.osc_range_deg == pytest.approx(middle, abs=1e-12)
    assert header.osc_range_deg == pytest.approx(1.0, abs=1e-12)
    assert header.phi_deg == 10.0


@pytest.mark.parametrize("convention", ["-mosflm", "-denzo", "-xds"])
def test_what_dials_reads_rightly_is_not_spoken_of(convention):
    assert dials_misreads(_plan(*SCAN, convention)) == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["-adxv"], "the mirror image"),
        (["-dials", *SCAN], "the spindle is not along the fast axis"),
        (["-twotheta", "5"], "the detector is tilted"),
        (["-detector_roty", "0.1"], "the detector is tilted"),
    ],
)
def test_what_dials_cannot_read_is_said(options, reason):
    (said,) = dials_misreads(_plan(*options))
    assert reason in said


@pytest.mark.parametrize("convention", DetectorConvention)
@pytest.mark.parametrize("option", ["-img", "-mask"])
def test_nb_reads_the_beam_of_a_header_for_dials_in_each_convention(tmp_path, convention, option):
    written = _plan("-Xbeam", "6.1", "-Ybeam", "4.3")
    header = smv_header(written, HeaderStyle.DIALS)
    write_smv(tmp_path / "a.img", header, np.ones((26, 30), np.uint16))
    vector = ["-odet_vector", "1", "0", "0"]
    chosen = vector if convention.value == "custom" else [f"-{convention.value}"]
    options = [*CRYSTAL, *chosen, option, str(tmp_path / "a.img")]
    plan = make_plan(flags_to_experiment(options))
    read = (plan.frame.beam_fast.item(), plan.frame.beam_slow.item())
    assert read == pytest.approx((4.55e-3, 6.35e-3), abs=1e-12)


def test_an_image_that_says_nothing_of_the_camera_is_warned_of(tmp_path):
    text = "{\nHEADER_BYTES=512;\nDIM=2;\nBYTE_ORDER=little_endian;\nSIZE1=3;\nSIZE2=2;\n}"
    (tmp_path / "a.img").write_bytes(text.ljust(512).encode() + bytes(12))
    with pytest.warns(NbWarning, match=r"-img: .*a\.img: only its number of pixels is used"):
        experiment = flags_to_experiment([*CRYSTAL, "-img", str(tmp_path / "a.img")])
    assert (experiment.detector.spixels, experiment.detector.fpixels) == (2, 3)
