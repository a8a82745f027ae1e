"""Detectors that stand in unusual places: never negative photons, and nothing without a word."""

import math
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_experiments import PROFILES, small_experiment

from nb_core import DetectorConvention, DetectorPivot, InputError, NbWarning, Profile
from nb_core.conventions import beam_point_to_centre, centre_to_beam_point
from nb_physics import NoiseGenerator, counted_photons, make_plan, simulate
from nb_physics.axes import lab_axes
from nb_physics.digital import digital_image
from nb_physics.frame import place_detector
from nb_physics.geometry import capture_fraction, rectangle_solid_angle, solid_angle

REFERENCE, CORRECTED = Profile.REFERENCE, Profile.CORRECTED
BEAM, SAMPLE = DetectorPivot.BEAM, DetectorPivot.SAMPLE
CUSTOM = DetectorConvention.CUSTOM
ignore = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
any_angle = st.floats(-1e6, 1e6) | st.floats(-400, 400) | st.sampled_from([90.0, 180.0, 1e30])


def frame_of(**fields):
    experiment = small_experiment(**fields)
    return place_detector(experiment.detector, lab_axes(experiment), experiment.profile)


def plan_of(**fields):
    return make_plan(small_experiment(oversample=50, **fields))


def image_of(**fields):
    return simulate(make_plan(small_experiment(**fields)))


@given(
    profile=st.sampled_from(Profile),
    convention=st.sampled_from(DetectorConvention),
    pivot=st.sampled_from(DetectorPivot),
    angles=st.tuples(any_angle, any_angle, any_angle, any_angle),
)
@settings(max_examples=100)
def test_no_tilt_makes_a_distance_along_the_normal_or_a_solid_angle_negative(
    profile, convention, pivot, angles
):
    names = ("rotx", "roty", "rotz", "twotheta")
    turns = {f"detector_{name}_deg": angle for name, angle in zip(names, angles, strict=True)}
    frame = frame_of(profile=profile, detector_convention=convention, detector_pivot=pivot, **turns)
    assert frame.close_distance >= 0
    assert float(frame.origin @ frame.normal) == pytest.approx(float(frame.close_distance))
    airpath = (frame.origin + frame.fast * 0.003 + frame.slow * 0.001).norm()[None]
    omega = solid_angle(airpath, frame, point_pixel=False, profile=profile)
    assert (omega >= 0).all()
    assert rectangle_solid_angle(frame, (0, 6), (0, 5)) >= 0
    tensors = (frame.origin, frame.normal, frame.distance, frame.beam_fast, frame.beam_slow)
    assert all(bool(part.isfinite().all()) for part in tensors)


@given(x=any_angle, y=any_angle, z=any_angle, twotheta=any_angle)
@settings(max_examples=50)
def test_behaviour_47_corrected_keeps_the_beam_centre_at_the_distance_for_any_tilt(
    x, y, z, twotheta
):
    frame = frame_of(
        profile=CORRECTED,
        detector_pivot=BEAM,
        detector_rotx_deg=x,
        detector_roty_deg=y,
        detector_rotz_deg=z,
        detector_twotheta_deg=twotheta,
        beam_center_x_mm=3.0,
        beam_center_y_mm=7.0,
    )
    hit = frame.origin + 0.008 * frame.fast + 0.004 * frame.slow
    torch.testing.assert_close(hit, 0.035 * frame.beam, rtol=0, atol=1e-13)


def test_behaviour_47_the_reference_moves_the_beam_centre_upstream_and_says_so():
    fields = {"detector_rotz_deg": 170.0, "detector_convention": DetectorConvention.DENZO}
    with pytest.warns(NbWarning, match="turned by more than a right angle about the beam"):
        frame = plan_of(profile=REFERENCE, **fields).frame
    assert frame.distance.item() == pytest.approx(-0.035)
    with pytest.warns(NbWarning, match="the sample sees the back of the detector"):
        frame = plan_of(profile=CORRECTED, **fields).frame
    assert frame.distance.item() == pytest.approx(0.035)


length = st.floats(0.01, 500.0)


@given(convention=st.sampled_from(DetectorConvention), values=st.tuples(*[length] * 4))
def test_a_beam_centre_comes_back_from_where_the_beam_hits(convention, values):
    fast, slow, pixel, size = values
    centre = beam_point_to_centre(convention, fast, slow, pixel, size)
    assert centre_to_beam_point(convention, *centre, pixel, size) == pytest.approx((fast, slow))


@ignore
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("twotheta", [100.0, 180.0, -120.0, 256.0, 4294967296.0, 1e30])
@pytest.mark.parametrize("curved", [False, True])
def test_behaviour_46_no_two_theta_gives_negative_photons(profile, twotheta, curved):
    image = image_of(
        profile=profile,
        detector_twotheta_deg=twotheta,
        curved_detector=curved,
        detector_thick_um=300.0,
        detector_abs_um=200.0,
    )
    assert (image >= 0).all()
    assert image.max() > 0


@ignore
def test_behaviour_46_the_back_of_a_panel_counts_what_its_front_does():
    """nanoBragg writes the reference's image with a minus sign before every pixel."""
    straight = {"profile": CORRECTED, "detector_convention": CUSTOM}
    origin, mirrored = (0.035, 0.004, -0.003), (-0.035, 0.004, -0.003)
    front = image_of(pix0_vector_m=mirrored, odet_vector=(-1.0, 0.0, 0.0), **straight)
    back = image_of(pix0_vector_m=mirrored, odet_vector=(1.0, 0.0, 0.0), **straight)
    assert torch.equal(front, back)
    downstream = image_of(pix0_vector_m=origin, **straight)
    assert downstream.shape == back.shape
    assert not torch.equal(downstream, back)


@pytest.mark.parametrize("profile", PROFILES)
def test_behaviour_46_a_detector_seen_from_its_back_is_told_of(profile):
    with pytest.warns(NbWarning, match="the sample sees the back of the detector"):
        plan_of(profile=profile, detector_twotheta_deg=120.0)


UPSTREAM = "^the detector stands upstream of the sample"


@ignore
@pytest.mark.parametrize(
    "fields",
    [
        {"detector_convention": CUSTOM, "pix0_vector_m": (-0.035, 0.004, -0.003)},
        {"detector_convention": DetectorConvention.XDS, "detector_rotx_deg": 170.0},
        {"detector_convention": DetectorConvention.XDS, "detector_twotheta_deg": 170.0},
        {"detector_convention": CUSTOM, "odet_vector": (-1.0, 0.0, 0.0)},
    ],
)
def test_a_detector_upstream_is_told_of(fields):
    with pytest.warns(NbWarning, match=UPSTREAM):
        plan_of(profile=CORRECTED, **fields)


def test_a_detector_upstream_in_the_reference_is_told_of():
    fields = {"detector_convention": DetectorConvention.XDS, "detector_twotheta_deg": 170.0}
    with pytest.warns(NbWarning, match=UPSTREAM):
        plan_of(profile=REFERENCE, **fields)


def test_a_detector_partly_downstream_is_not_said_to_be_upstream():
    place = {"detector_convention": CUSTOM, "pix0_vector_m": (0.001, 0.004, -0.003)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message=UPSTREAM)
        plan_of(profile=CORRECTED, detector_roty_deg=85.0, **place)


@ignore
def test_an_origin_upstream_turns_no_normal_that_was_given():
    """-pix0_vector_mm alone says nothing of the side that the detector shows."""
    place = {"detector_convention": CUSTOM, "pix0_vector_m": (-0.035, 0.004, -0.003)}
    back = "the sample sees the back of the detector"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        plan_of(profile=CORRECTED, **place)
    assert not any(str(entry.message).startswith(back) for entry in caught)
    with pytest.warns(NbWarning, match=back):
        plan_of(profile=CORRECTED, odet_vector=(1.0, 0.0, 0.0), **place)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_large_angle_is_told_of_and_counts_as_less_than_a_turn(profile):
    fields = {"profile": profile, "detector_convention": DetectorConvention.XDS}
    turn = 10.0 + 360.0 * 2**20
    with pytest.warns(NbWarning, match=r"detector_twotheta_deg 3\.774\d*e\+08 .* as 10 degrees"):
        large = plan_of(detector_twotheta_deg=turn, **fields).frame
    small = plan_of(detector_twotheta_deg=10.0, **fields).frame
    # a large angle has few digits behind the point: 3.8e8 degrees are known to 6e-8
    torch.testing.assert_close(large.origin, small.origin, rtol=0, atol=1e-9)


@pytest.mark.parametrize("profile", PROFILES)
def test_behaviour_48_a_plane_that_the_beam_never_meets(profile):
    fields = {"profile": profile, "close_distance_mm": 35.0, "detector_roty_deg": 90.0}
    with pytest.raises(InputError, match=r"close_distance_mm: 35.0: .* parallel to the beam"):
        plan_of(**fields)
    fields["detector_convention"] = DetectorConvention.XDS
    with pytest.warns(NbWarning, match="the beam never meets the detector's plane"):
        frame = plan_of(**fields).frame
    assert frame.distance.item() == frame.close_distance.item() == pytest.approx(0.035)
    assert frame.beam_fast.item() == frame.close_fast.item()


@ignore
def test_a_plane_through_the_sample_is_refused_or_told_of():
    with pytest.raises(InputError, match=r"detector: .* its plane goes through the sample"):
        plan_of(profile=CORRECTED, detector_roty_deg=90.0)
    with pytest.warns(NbWarning, match="plane goes through the sample: all pixels"):
        plan_of(profile=REFERENCE, detector_roty_deg=90.0)


@pytest.mark.parametrize("profile", PROFILES)
def test_parallel_axes_are_refused(profile):
    fields = {"detector_convention": CUSTOM, "sdet_vector": (0.0, 0.0, 2.0)}
    with pytest.raises(InputError, match=r"fdet_vector, sdet_vector: .* are parallel"):
        plan_of(profile=profile, **fields)


def test_a_normal_in_the_plane_of_the_detector_names_no_side():
    fields = {"detector_convention": CUSTOM, "odet_vector": (0.0, 1.0, 0.0)}
    with pytest.raises(InputError, match=r"odet_vector: .* names no side"):
        plan_of(profile=CORRECTED, **fields)


@pytest.mark.parametrize("profile", PROFILES)
def test_skewed_axes_are_told_of(profile):
    fields = {"detector_convention": CUSTOM, "sdet_vector": (0.0, -1.0, 0.1)}
    with pytest.warns(NbWarning, match=r"are 84\.29 degrees apart, not 90"):
        plan_of(profile=profile, **fields)


def test_a_polarization_along_the_beam_is_told_of():
    fields = {"detector_convention": CUSTOM, "polar_vector": (1.0, 0.0, 0.0)}
    with pytest.warns(NbWarning, match="polar_vector lies along the beam"):
        plan_of(polarization_factor=0.9, **fields)
    plan_of(polarization_factor=0.0, **fields)


@pytest.mark.parametrize("convention", DetectorConvention)
def test_a_convention_that_turns_the_crystal_is_noted(convention):
    notes = " ".join(plan_of(detector_convention=convention).notes)
    same_lab = convention in (
        *(DetectorConvention.MOSFLM, DetectorConvention.DENZO, DetectorConvention.CUSTOM),
    )
    assert ("the crystal is turned against mosflm's" in notes) is not same_lab


def test_a_ray_from_behind_is_absorbed_as_one_from_the_front():
    frame = frame_of()
    depth, attenuation = torch.tensor(3e-4).double(), torch.tensor(2e3).double()
    front = torch.tensor([[math.cos(0.4)], [math.sin(0.4)], [0.0]], dtype=torch.float64)
    for layer in range(3):
        shares = [
            capture_fraction(ray, frame, layer, depth, attenuation) for ray in (front, -front)
        ]
        assert torch.equal(*shares)
    edge_on = torch.tensor([[0.0], [1.0], [0.0]], dtype=torch.float64)
    assert capture_fraction(edge_on, frame, 0, depth, attenuation).tolist() == [1.0]


def with_pixel(value):
    plan = plan_of()
    image = torch.ones(5, 6, dtype=torch.float64)
    image[2, 3] = value
    return plan, image


@pytest.mark.parametrize(
    ("value", "message"), [(-0.5, "negative photons"), (math.nan, "NaN"), (1e39, "float32")]
)
def test_an_image_that_nothing_counts_is_refused(value, message):
    with pytest.raises(InputError, match=f"^image: .*{message}"):
        digital_image(*with_pixel(value))


def test_a_negative_that_is_rounding_becomes_zero_and_the_image_stays_as_it_was():
    plan, image = with_pixel(-1e-12)
    single = image.to(torch.float32)
    assert digital_image(plan, single).single[2, 3] == 0.0
    assert single[2, 3] < 0


@pytest.mark.parametrize("generator", NoiseGenerator)
def test_counting_takes_any_image(generator):
    image = torch.tensor([[-1e-9, -5.0, 0.0], [1e19, 3e38, 1e25]], dtype=torch.float64)
    counts = counted_photons(image, generator, 7)
    assert counts[0].tolist() == [0.0, 0.0, 0.0]
    assert counts[1].tolist() == pytest.approx(image[1].tolist(), rel=1e-6)
    for value in (math.nan, math.inf):
        with pytest.raises(InputError, match="finite mean"):
            counted_photons(torch.tensor([[value]]), generator, 7)


@ignore
def test_sub_pixels_are_chosen_for_a_panel_upstream_as_for_one_downstream():
    fields = {"detector_convention": CUSTOM, "oversample": None}
    found = {}
    for profile in PROFILES:
        for x in (0.035, -0.035):
            place = {"pix0_vector_m": (x, 0.004, -0.003)} if profile is CORRECTED else {}
            side = {"odet_vector": (math.copysign(1.0, x), 0.0, 0.0)}
            plan = make_plan(small_experiment(profile=profile, **fields, **place, **side))
            found[profile, x > 0] = plan.oversample
    assert found[CORRECTED, False] == found[CORRECTED, True] == found[REFERENCE, True] > 1
    assert found[REFERENCE, False] == 1


@ignore
def test_behaviour_48_the_reference_keeps_the_choice_of_one_sub_pixel():
    """nanoBragg chooses by a distance of 1e306 m."""
    fields = {"detector_convention": DetectorConvention.XDS, "close_distance_mm": 35.0}
    fields |= {"detector_roty_deg": 90.0, "oversample": None}
    assert make_plan(small_experiment(profile=REFERENCE, **fields)).oversample == 1
    assert make_plan(small_experiment(profile=CORRECTED, **fields)).oversample > 1
