"""Where the detector stands, in every convention."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_experiments import small_experiment

from nb_core import DetectorConvention, DetectorPivot, Profile
from nb_physics.axes import lab_axes
from nb_physics.frame import place_detector

BEAM, SAMPLE = DetectorPivot.BEAM, DetectorPivot.SAMPLE
angles = st.floats(-40, 40)


def placed(profile=Profile.CORRECTED, **fields):
    experiment = small_experiment(**fields)
    return place_detector(experiment.detector, lab_axes(experiment), profile)


def at(frame, fast, slow):
    return frame.origin + fast * frame.fast + slow * frame.slow


@given(
    convention=st.sampled_from(DetectorConvention),
    pivot=st.sampled_from(DetectorPivot),
    x=angles,
    y=angles,
    z=angles,
    twotheta=angles,
)
@settings(max_examples=50)
def test_rotations_keep_the_axes_a_right_handed_frame(convention, pivot, x, y, z, twotheta):
    frame = placed(
        detector_convention=convention,
        detector_pivot=pivot,
        detector_rotx_deg=x,
        detector_roty_deg=y,
        detector_rotz_deg=z,
        detector_twotheta_deg=twotheta,
    )
    axes = torch.stack([frame.fast, frame.slow, frame.normal])
    torch.testing.assert_close(axes @ axes.T, torch.eye(3).double(), rtol=0, atol=1e-13)
    assert frame.close_distance.item() == pytest.approx(float(frame.origin @ frame.normal))
    nearest = at(frame, frame.close_fast, frame.close_slow)
    torch.testing.assert_close(nearest, frame.close_distance * frame.normal, rtol=0, atol=1e-14)


@given(x=angles, y=angles, z=angles, twotheta=angles)
@settings(max_examples=30)
def test_a_pivot_on_the_beam_keeps_the_beam_centre_at_the_distance(x, y, z, twotheta):
    fields = {"detector_rotx_deg": x, "detector_roty_deg": y, "detector_rotz_deg": z}
    frame = placed(
        detector_pivot=BEAM,
        detector_twotheta_deg=twotheta,
        beam_center_x_mm=3.0,
        beam_center_y_mm=7.0,
        **fields,
    )
    hit = at(frame, 0.007 + 0.001, 0.003 + 0.001)
    torch.testing.assert_close(hit, 0.035 * frame.beam, rtol=0, atol=1e-14)


@given(x=angles, y=angles, z=angles, twotheta=angles)
@settings(max_examples=30)
def test_a_pivot_on_the_sample_keeps_all_distances_from_it(x, y, z, twotheta):
    fields = {"detector_pivot": SAMPLE, "close_distance_mm": 35.0, "orgx_px": 2.5, "orgy_px": 4.0}
    turned = placed(
        detector_rotx_deg=x,
        detector_roty_deg=y,
        detector_rotz_deg=z,
        detector_twotheta_deg=twotheta,
        **fields,
    )
    flat = placed(**fields)
    for fast, slow in itertools.product((0.0, 0.012), (0.0, 0.01)):
        assert at(turned, fast, slow).norm().item() == pytest.approx(
            at(flat, fast, slow).norm().item(), rel=1e-13
        )
    assert (turned.close_fast.item(), turned.close_slow.item()) == pytest.approx((0.004, 0.007))


# 6 x 5 pixels (fast x slow) of 2 mm: 12 x 10 mm. Where the beam hits, (fast, slow) in mm, by each
# program's rules: for the default, and for a beam centre of x = 3, y = 4.
DIRECT_BEAM = {
    DetectorConvention.MOSFLM: ((8.0, 7.0), (5.0, 4.0)),
    DetectorConvention.DENZO: ((7.0, 6.0), (4.0, 3.0)),
    DetectorConvention.ADXV: ((7.0, 6.0), (3.0, 6.0)),
    DetectorConvention.XDS: ((6.0, 5.0), (6.0, 5.0)),
    DetectorConvention.DIALS: ((6.0, 5.0), (6.0, 5.0)),
    DetectorConvention.CUSTOM: ((6.0, 5.0), (3.0, 4.0)),
}


@pytest.mark.parametrize("convention", DetectorConvention)
@pytest.mark.parametrize("given_centre", [False, True])
def test_the_direct_beam_of_each_convention(convention, given_centre):
    """XDS and DIALS turn about the sample: there ORGX, ORGY place the detector."""
    centre = {"beam_center_x_mm": 3.0, "beam_center_y_mm": 4.0} if given_centre else {}
    frame = placed(profile=Profile.REFERENCE, detector_convention=convention, **centre)
    fast, slow = DIRECT_BEAM[convention][given_centre]
    assert frame.beam_fast.item() * 1000 == pytest.approx(fast, abs=1e-12)
    assert frame.beam_slow.item() * 1000 == pytest.approx(slow, abs=1e-12)
    hit = at(frame, fast / 1000, slow / 1000)
    torch.testing.assert_close(hit, 0.035 * frame.beam, rtol=0, atol=1e-15)


@pytest.mark.parametrize("convention", [DetectorConvention.XDS, DetectorConvention.DIALS])
def test_xds_origin_counts_pixel_centres_from_one(convention):
    frame = placed(detector_convention=convention, orgx_px=1.0, orgy_px=2.0)
    assert frame.beam_fast.item() * 1000 == pytest.approx(1.0)
    assert frame.beam_slow.item() * 1000 == pytest.approx(3.0)


def test_a_close_point_stands_in_for_a_beam_centre():
    fields = {"detector_convention": DetectorConvention.CUSTOM, "detector_pivot": BEAM}
    frame = placed(close_x_mm=2.0, close_y_mm=8.0, **fields)
    assert (frame.beam_fast.item(), frame.beam_slow.item()) == pytest.approx((0.002, 0.008))


def test_a_detector_size_moves_the_default_centre():
    frame = placed(detsize_f_mm=12.6, detsize_s_mm=9.2)
    assert frame.beam_fast.item() * 1000 == pytest.approx((12.6 + 2) / 2 + 1)
    assert frame.beam_slow.item() * 1000 == pytest.approx((9.2 + 2) / 2 + 1)


@pytest.mark.parametrize("tilt", [0.0, 30.0])
def test_distance_and_close_distance_by_their_cosine(tilt):
    by_distance = placed(distance_mm=40.0, detector_roty_deg=tilt)
    cosine = math.cos(math.radians(tilt))
    assert by_distance.close_distance.item() == pytest.approx(0.04 * cosine, rel=1e-13)
    by_close = placed(distance_mm=99.0, close_distance_mm=40.0, detector_roty_deg=tilt)
    assert by_close.close_distance.item() == pytest.approx(0.04, rel=1e-13)
    assert by_close.distance.item() == pytest.approx(0.04 / cosine, rel=1e-13)


def test_pix0_is_the_origin_in_the_corrected_profile():
    frame = placed(
        detector_convention=DetectorConvention.CUSTOM,
        pix0_vector_m=(0.02, -0.001, 0.003),
        detector_rotz_deg=10.0,
    )
    assert frame.origin.tolist() == [0.02, -0.001, 0.003]
    hit = at(frame, frame.beam_fast, frame.beam_slow)
    torch.testing.assert_close(hit, frame.distance * frame.beam, rtol=0, atol=1e-15)


def test_the_origin_in_dials_axes():
    frame = placed(detector_roty_deg=7.0)
    x, y, z = (1000 * part for part in frame.origin.tolist())
    assert frame.dials_origin_mm == pytest.approx((z, y, -x), rel=1e-15)


def test_axes_are_made_unit_length():
    axes = lab_axes(
        small_experiment(
            detector_convention=DetectorConvention.CUSTOM,
            fdet_vector=(0.0, 3.0, 4.0),
            beam_vector=(5.0, 0.0, 0.0),
            polar_vector=(0.0, 0.0, 2.0),
            spindle_axis=(0.0, 9.0, 0.0),
        )
    )
    assert axes.fast.tolist() == [0.0, 0.6, 0.8]
    assert axes.beam.tolist() == [1.0, 0.0, 0.0]
    assert axes.vertical.tolist() == [0.0, -1.0, 0.0]
    assert axes.spindle.tolist() == [0.0, 1.0, 0.0]
