"""The numbered behaviours 6, 7, 9, 13, 20 to 25 and 45: what an experiment resolves to."""

import math

import pytest
import torch
from small_experiments import PROFILES, small_experiment, small_list

from nb_core import DetectorConvention, DetectorPivot, NbWarning, Profile, SlipWarning
from nb_physics import make_plan, smv_header
from nb_physics.orientation import misset_angles, phi_angles, phi_sweep
from nb_physics.sources import beam_sources

REFERENCE, CORRECTED = Profile.REFERENCE, Profile.CORRECTED
BEAM, SAMPLE = DetectorPivot.BEAM, DetectorPivot.SAMPLE
CUSTOM = DetectorConvention.CUSTOM


def plan_of(**fields):
    return make_plan(small_experiment(oversample=50, **fields))


@pytest.mark.parametrize(
    ("convention", "asked", "kept"),
    [(DetectorConvention.MOSFLM, SAMPLE, BEAM), (DetectorConvention.XDS, BEAM, SAMPLE)],
)
def test_behaviour_06_a_convention_overrides_the_pivot(convention, asked, kept):
    fields = {
        "detector_convention": convention,
        "detector_roty_deg": 20.0,
        "detector_rotx_deg": 9.0,
    }
    with pytest.warns(NbWarning, match=f"pivot {asked.value} is overridden"):
        reference = plan_of(profile=REFERENCE, detector_pivot=asked, **fields).frame
    default = plan_of(profile=REFERENCE, **fields).frame
    corrected = plan_of(profile=CORRECTED, detector_pivot=asked, **fields).frame
    assert (reference.pivot, default.pivot, corrected.pivot) == (kept, kept, asked)
    assert torch.equal(reference.origin, default.origin)
    assert (corrected.origin - reference.origin).norm() > 1e-4


@pytest.mark.parametrize("profile", PROFILES)
def test_behaviour_06_custom_honours_the_pivot(profile):
    fields = {"detector_convention": CUSTOM, "detector_pivot": SAMPLE, "detector_roty_deg": 20.0}
    assert plan_of(profile=profile, **fields).frame.pivot is SAMPLE


def test_behaviour_07_pix0_is_overwritten_but_in_the_corrected_profile():
    fields = {"detector_convention": CUSTOM, "pix0_vector_m": (0.03, 0.004, -0.002)}
    with pytest.warns(NbWarning, match="pix0_vector is overwritten"):
        reference = plan_of(profile=REFERENCE, **fields).frame
    assert torch.equal(reference.origin, plan_of(detector_convention=CUSTOM).frame.origin)
    corrected = plan_of(profile=CORRECTED, **fields).frame
    assert corrected.origin.tolist() == [0.03, 0.004, -0.002]
    assert corrected.close_distance.item() == 0.03


def test_behaviour_09_a_normal_not_exactly_one_long_is_regenerated():
    fields = {"profile": REFERENCE, "detector_convention": CUSTOM}
    with pytest.warns(NbWarning, match="odet_vector is not exactly 1 long"):
        regenerated = plan_of(odet_vector=(1.2, 1.6, 0.0), **fields)
    assert regenerated.axes.normal.tolist() == [1.0, 0.0, 0.0]
    with pytest.warns(
        NbWarning, match=r"odet_vector is 53\.13 degrees off .* it counts all the same"
    ):
        kept = plan_of(odet_vector=(0.6, 0.8, 0.0), **fields)
    assert kept.axes.normal.tolist() == [0.6, 0.8, 0.0]


@pytest.mark.parametrize("size", [1.0, 2.0])
def test_behaviour_09_corrected_takes_fast_x_slow_whatever_the_length(size):
    fields = {"profile": CORRECTED, "detector_convention": CUSTOM}
    with pytest.warns(NbWarning, match=r"53\.13 degrees off .* that is taken, on the side given"):
        plan = plan_of(odet_vector=(0.6 * size, 0.8 * size, 0.0), **fields)
    assert plan.axes.normal.tolist() == [1.0, 0.0, 0.0]


UPSIDE_DOWN = {
    "detector_convention": CUSTOM,
    "beam_vector": (0.0, 0.0, 1.0),
    "polar_vector": (1.0, 0.0, 0.0),
    "spindle_axis": (1.0, 0.0, 0.0),
    "fdet_vector": (0.0, 1.0, 0.0),
    "sdet_vector": (1.0, 0.0, 0.0),
}
"""fast x slow points against the beam."""


@pytest.mark.parametrize("size", [1.0, 1.000001, 0.5, 1e-200, 1e200])
def test_behaviour_09_a_normal_stays_on_the_side_it_was_given(size):
    plan = plan_of(profile=CORRECTED, odet_vector=(0.0, 0.0, size), **UPSIDE_DOWN)
    assert plan.axes.normal.tolist() == [0.0, 0.0, 1.0]
    assert plan.frame.distance.item() == pytest.approx(0.035, rel=1e-14)


def test_behaviour_09_the_reference_says_that_it_changes_sides():
    said = "not exactly 1 long: .* which lies on its other side.*row 9"
    upstream = "the detector stands upstream of the sample"
    with pytest.warns(NbWarning, match=upstream), pytest.warns(NbWarning, match=said):
        plan = plan_of(profile=REFERENCE, odet_vector=(0.0, 0.0, 1.000001), **UPSIDE_DOWN)
    assert plan.axes.normal.tolist() == [0.0, 0.0, -1.0]
    assert plan.frame.distance.item() == pytest.approx(-0.035, rel=1e-14)


ROW_OF_XDS = UPSIDE_DOWN | {"fdet_vector": (1.0, 0.0, 0.0), "sdet_vector": (0.0, 1.0, 0.0)}


def test_behaviour_23_a_normal_that_is_not_given():
    """Printed by nanoBragg: DIRECTION_OF_DETECTOR_Z-AXIS= 1 0 0, beam along 0 0 1."""
    fields = ROW_OF_XDS | {"detector_pivot": SAMPLE, "close_distance_mm": 35.0}
    with pytest.warns(NbWarning) as caught:
        reference = plan_of(profile=REFERENCE, **fields)
    assert "no odet_vector is given" in str(caught[0].message)
    assert "normal stays along (1 0 0), 90 degrees from" in str(caught[0].message)
    assert reference.axes.normal.tolist() == [1.0, 0.0, 0.0]
    assert plan_of(profile=CORRECTED, **fields).axes.normal.tolist() == [0.0, 0.0, 1.0]
    upside_down = UPSIDE_DOWN | {"detector_pivot": SAMPLE, "close_distance_mm": 35.0}
    assert plan_of(profile=CORRECTED, **upside_down).axes.normal.tolist() == [0.0, 0.0, 1.0]


@pytest.mark.parametrize("tilt", ["detector_rotx_deg", "detector_roty_deg", "detector_rotz_deg"])
@pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
def test_behaviour_23_no_distance_is_a_rounding_error_divided_by_nothing(tilt):
    fields = ROW_OF_XDS | {"detector_pivot": SAMPLE, "close_distance_mm": 35.0, tilt: 3.0}
    for profile in PROFILES:
        assert abs(plan_of(profile=profile, **fields).frame.distance.item()) < 1.0


def test_behaviour_24_an_axis_of_two_theta_that_is_not_1_long():
    fields = {"detector_convention": CUSTOM, "detector_twotheta_deg": 30.0}
    fields["twotheta_axis"] = (0.0, 0.0, -2.0)
    with pytest.warns(NbWarning, match="twotheta_axis is 2 long .* distorts the detector.*row 24"):
        reference = plan_of(profile=REFERENCE, **fields).frame
    assert reference.slow.norm().item() == pytest.approx(1.3229, abs=1e-4)
    corrected = plan_of(profile=CORRECTED, **fields).frame
    assert corrected.slow.norm().item() == pytest.approx(1.0, rel=1e-14)


@pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
@pytest.mark.parametrize(
    "convention",
    [DetectorConvention.MOSFLM, DetectorConvention.DENZO, DetectorConvention.ADXV],
)
def test_behaviour_25_an_xds_origin_is_the_beam_centre_when_corrected(convention):
    fields = {"detector_convention": convention, "orgx_px": 2.5, "orgy_px": 4.0}
    with pytest.warns(
        NbWarning, match="do not move the detector.*the corrected profile takes them"
    ):
        reference = plan_of(profile=REFERENCE, **fields).frame
    default = plan_of(profile=REFERENCE, detector_convention=convention).frame
    assert torch.equal(reference.origin, default.origin)
    frame = plan_of(profile=CORRECTED, **fields).frame
    found = (frame.beam_fast.item(), frame.beam_slow.item())
    assert found == pytest.approx((0.004, 0.007), rel=1e-13)
    only = plan_of(profile=CORRECTED, detector_convention=convention, orgx_px=2.5).frame
    found = (only.beam_fast.item(), only.beam_slow.item())
    assert found == pytest.approx((0.004, default.beam_slow.item()), rel=1e-13)
    centre = {"beam_center_x_mm": 3.0, "beam_center_y_mm": 3.0}
    both = plan_of(profile=CORRECTED, **fields, **centre).frame
    given = plan_of(profile=CORRECTED, detector_convention=convention, **centre).frame
    assert torch.equal(both.origin, given.origin)


def turn_of(angles):
    """The angle of the rotation about x, then y, then z by these angles, radians."""
    x, y, z = angles.tolist()
    cx, cy, cz, sx, sy, sz = *map(math.cos, (x, y, z)), *map(math.sin, (x, y, z))
    trace = cz * cy + (cz * cx + sx * sy * sz) + cy * cx
    return math.acos(max(-1.0, min(1.0, (trace - 1) / 2)))


def missets(profile, seeds):
    configs = [small_experiment(misset_deg="random", misset_seed=seed).crystal for seed in seeds]
    return [misset_angles(config, profile) for config in configs]


def test_behaviour_13_random_orientations_of_the_reference_are_the_programs():
    """Printed by nanoBragg for `-misset random -misset_seed 42`, degrees."""
    printed = torch.tensor([-11.585887, 56.207689, -1.333374], dtype=torch.float64)
    angles = torch.rad2deg(missets(REFERENCE, [42])[0])
    torch.testing.assert_close(angles, printed, rtol=0, atol=6e-7)


def test_behaviour_13_corrected_orientations_are_uniform():
    """Over SO(3) the angle t has the density (1 - cos t) / pi: mean pi/2 + 2/pi, trace 0.

    The scatter of 1000 draws' mean angle is 0.65 / sqrt(1000) = 0.02.
    """
    turns = torch.tensor([turn_of(angles) for angles in missets(CORRECTED, range(1, 1001))])
    assert turns.mean().item() == pytest.approx(math.pi / 2 + 2 / math.pi, abs=0.06)
    for angle in (0.8, 1.6, 2.4):
        share = (angle - math.sin(angle)) / math.pi
        assert (turns < angle).double().mean().item() == pytest.approx(share, abs=0.05)


def test_behaviour_13_the_profiles_draw_different_orientations():
    assert not torch.allclose(missets(REFERENCE, [7])[0], missets(CORRECTED, [7])[0])


@pytest.mark.parametrize(
    ("fields", "degrees"),
    [
        ({}, [0.0]),
        ({"phi_step_deg": 0.5}, [0.0, 0.5]),
        ({"phi_steps": 4}, [0.0, 0.25, 0.5, 0.75]),
        ({"osc_range_deg": 3.0}, [0.0, 1.5]),
        ({"osc_range_deg": 2.5, "phi_step_deg": 1.0}, [0.0, 1.0, 2.0]),
        ({"osc_range_deg": 3.0, "phi_steps": 3, "phi_start_deg": 9.0}, [9.0, 10.0, 11.0]),
    ],
)
def test_behaviour_20_phi_is_sampled_at_the_start_of_each_step(fields, degrees):
    crystal = small_experiment(**fields).crystal
    found = torch.rad2deg(phi_angles(crystal, REFERENCE))
    torch.testing.assert_close(
        found, torch.tensor(degrees, dtype=torch.float64), rtol=0, atol=1e-13
    )
    assert phi_sweep(crystal, REFERENCE).count == len(degrees)


@pytest.mark.parametrize(
    ("fields", "degrees"),
    [
        ({"phi_start_deg": 9.0}, [9.0]),
        ({"phi_step_deg": 0.5}, [0.25, 0.75]),
        ({"phi_steps": 4}, [0.125, 0.375, 0.625, 0.875]),
        ({"osc_range_deg": 3.0}, [0.75, 2.25]),
        ({"osc_range_deg": 3.0, "phi_steps": 1, "phi_start_deg": 9.0}, [10.5]),
        ({"osc_range_deg": 3.0, "phi_steps": 3, "phi_start_deg": 9.0}, [9.5, 10.5, 11.5]),
        ({"osc_range_deg": 3.0, "phi_step_deg": 1.0}, [0.5, 1.5, 2.5]),
    ],
)
def test_behaviour_45_corrected_samples_phi_in_the_middle_of_each_step(fields, degrees):
    plan = plan_of(profile=CORRECTED, **fields)
    expected = torch.tensor(degrees, dtype=torch.float64)
    torch.testing.assert_close(torch.rad2deg(plan.phi_angles), expected, rtol=0, atol=1e-13)
    start = fields.get("phi_start_deg", 0.0)
    assert smv_header(plan).osc_start_deg == smv_header(plan).phi_deg == start
    assert start + smv_header(plan).osc_range_deg / 2 == pytest.approx(expected.mean().item())


@pytest.mark.parametrize(
    ("fields", "reference", "corrected", "told"),
    [
        ({"osc_range_deg": -1.0, "phi_steps": 2}, [10.0, 10.5], [9.75, 9.25], "turns by 1 deg"),
        ({"osc_range_deg": -1.0}, [10.0], [9.75, 9.25], "nothing turns"),
        ({"phi_step_deg": -0.5}, [10.0], [9.75, 9.25], "nothing turns"),
        (
            {"osc_range_deg": -1.0, "phi_step_deg": -0.5, "phi_steps": 2},
            [10.0, 10.5],
            [9.75, 9.25],
            "osc_range_deg -1 and phi_step_deg -0.5 counts as not given, so the crystal turns by 1",
        ),
    ],
)
def test_behaviour_22_a_negative_range_turns_backwards_in_corrected_only(
    fields, reference, corrected, told
):
    with pytest.warns(SlipWarning, match=told):
        kept = plan_of(profile=REFERENCE, phi_start_deg=10.0, **fields)
    mended = plan_of(profile=CORRECTED, phi_start_deg=10.0, **fields)
    for plan, degrees in ((kept, reference), (mended, corrected)):
        expected = torch.tensor(degrees, dtype=torch.float64)
        torch.testing.assert_close(torch.rad2deg(plan.phi_angles), expected, rtol=0, atol=1e-13)
    assert smv_header(mended).osc_range_deg == pytest.approx(-1.0)


def test_a_step_that_range_and_count_contradict_is_told():
    fields = {"profile": CORRECTED, "osc_range_deg": 1.0, "phi_steps": 10}
    assert plan_of(phi_step_deg=0.1, **fields).phi_count == 10
    with pytest.warns(NbWarning, match="phi_step_deg 0.2 does not count: .* make it 0.1"):
        assert plan_of(phi_step_deg=0.2, **fields).phi.step == pytest.approx(math.radians(0.1))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "field",
    [
        "hdiv_range_mrad",
        "hdiv_step_mrad",
        "vdiv_range_mrad",
        "vdiv_step_mrad",
        "dispersion_percent",
        "mosaic_spread_deg",
    ],
)
def test_a_width_below_zero_is_told(profile, field):
    with pytest.warns(NbWarning, match=f"{field} -2 is negative: it counts as not given"):
        assert plan_of(profile=profile, **{field: -2.0}).steps == 2500


@pytest.mark.filterwarnings("ignore:.*divergence:nb_core.NbWarning")
@pytest.mark.parametrize(
    ("fields", "angles"),
    [
        ({"hdiv_step_mrad": 2.0}, [-1.0, 1.0]),
        ({"hdiv_steps": 2}, [-500.0, 0.0]),
        ({"hdiv_range_mrad": 4.0}, [-2.0, 2.0]),
        ({"hdiv_range_mrad": 4.0, "hdiv_step_mrad": 1.5}, [-2.0, -0.5, 1.0]),
        ({"hdiv_range_mrad": 4.0, "hdiv_steps": 3}, [-2.0, 0.0, 2.0]),
    ],
)
def test_behaviour_20_divergence_starts_at_minus_half_the_range(fields, angles):
    """The angles, mrad, that the beam makes with the axis, about the vertical."""
    plan = plan_of(**fields)
    sources = beam_sources(plan.experiment.beam, plan.axes)
    across = torch.linalg.cross(plan.axes.vertical, plan.axes.beam)
    found = 1000 * torch.asin(across @ sources.incident)
    torch.testing.assert_close(found, torch.tensor(angles, dtype=torch.float64), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("fields", "wavelengths"),
    [
        ({}, [1.0]),
        ({"dispersion_percent": 4.0}, [0.98, 1.02]),
        ({"dispersion_percent": 4.0, "dispersion_steps": 1}, [0.98, 1.02]),
        ({"dispersion_percent": 4.0, "dispersion_steps": 3}, [0.98, 1.0, 1.02]),
    ],
)
def test_behaviour_20_dispersion(fields, wavelengths):
    found = plan_of(**fields).sources.wavelength
    torch.testing.assert_close(
        found, torch.tensor(wavelengths, dtype=torch.float64), rtol=0, atol=1e-15
    )


@pytest.mark.parametrize(
    ("count", "layers", "depth_um"), [(None, 2, 150.0), (1, 2, 300.0), (2, 2, 300.0), (4, 4, 100.0)]
)
def test_behaviour_20_sensor_layers(count, layers, depth_um):
    """One layer asked for becomes two, each thickness / (count - 1) deep."""
    plan = plan_of(detector_thick_um=300.0, detector_abs_um=450.0, detector_thicksteps=count)
    assert plan.layers.count == layers
    assert plan.layer_depth.item() == pytest.approx(depth_um * 1e-6, rel=1e-14)


@pytest.mark.parametrize(
    ("cells", "size_mm", "reference", "corrected"),
    [
        ((5, 5, 5), 2e-6, False, True),
        ((1, 1, 1), 2e-5, True, False),
        ((5, 5, 5), None, False, False),
    ],
)
def test_behaviour_21_interpolation_is_chosen_before_a_sample_size_counts(
    cells, size_mm, reference, corrected
):
    fields = {"N_cells": cells, "sample_size_mm": (size_mm,) * 3, "structure_factors": small_list()}
    assert plan_of(profile=REFERENCE, **fields).interpolate is reference
    assert plan_of(profile=CORRECTED, **fields).interpolate is corrected
