"""The numbered behaviours 30 and 38 to 43, in both profiles."""

import math

import pytest
import torch
from lattice_values import lattice_value
from small_experiments import PROFILES, Collector, small_experiment, small_list

from nb_core import CrystalShape, DetectorConvention, DetectorPivot, Profile, Roi
from nb_physics import make_plan, simulate
from nb_physics.elementary import EAGER
from nb_physics.lattice.round import sinc3
from nb_physics.scale import photons

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
REFERENCE, CORRECTED = Profile.REFERENCE, Profile.CORRECTED
SHORTENED = 35.0 * math.cos(math.radians(20))


def recorded(quantity, **fields):
    collector = Collector(quantity)
    simulate(small_experiment(**fields), recorder=collector)
    return collector.all(quantity)


@pytest.mark.parametrize("profile", PROFILES)
def test_behaviour_30_phi_zero_resets_the_cell(profile):
    """A scan through 0 is the mean of its stills, and a pixel does not know of those before it.

    Corrected steps are taken in their middles.
    """
    start = -3.0 if profile is REFERENCE else -4.5
    scan = {"profile": profile, "phi_start_deg": start, "osc_range_deg": 9.0, "phi_step_deg": 3.0}
    image = simulate(small_experiment(**scan))
    stills = [
        simulate(small_experiment(profile=profile, phi_start_deg=phi)) for phi in (-3.0, 0.0, 3.0)
    ]
    torch.testing.assert_close(image, sum(stills) / 3, rtol=1e-12, atol=0)
    alone = simulate(small_experiment(**scan, roi=Roi(4, 4, 2, 2)))
    assert alone[2, 4] == image[2, 4]


def test_behaviour_38_the_reference_curves_by_lab_y_and_z():
    """In XDS's axes z is the distance, so that every pixel is turned by one radian about fast."""
    (position,) = recorded(
        "position",
        profile=REFERENCE,
        curved_detector=True,
        detector_convention=DetectorConvention.XDS,
    )
    for pixel, (x, y, z) in enumerate(position.T.tolist()):
        slow, _ = divmod(pixel, 6)
        turn = ((slow + 0.5) * 2.0 - 5.0) / 35.0
        across, along = 0.035 * math.sin(turn), 0.035 * math.cos(turn)
        expected = (across, -along * math.sin(1.0), along * math.cos(1.0))
        assert (x, y, z) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("convention", [DetectorConvention.XDS, DetectorConvention.MOSFLM])
def test_behaviour_38_corrected_pixels_turn_by_their_own_coordinates(convention):
    """All stand at the distance; along the beam's row and column the angle is the coordinate."""
    fields = {"beam_center_x_mm": 6.0, "beam_center_y_mm": 5.0, "orgx_px": 3.5, "orgy_px": 3.0}
    if convention is DetectorConvention.MOSFLM:
        fields = {"beam_center_x_mm": 4.0, "beam_center_y_mm": 5.0}
    experiment = small_experiment(
        profile=CORRECTED, curved_detector=True, detector_convention=convention, **fields
    )
    frame, collector = make_plan(experiment).frame, Collector("position")
    simulate(experiment, recorder=collector)
    position = collector.all("position")[0]
    torch.testing.assert_close(position.norm(dim=0), torch.full((30,), 0.035, dtype=torch.float64))
    beam_fast, beam_slow = frame.beam_fast.item(), frame.beam_slow.item()
    row = [pixel for pixel in range(30) if (pixel // 6 + 0.5) * 2e-3 == pytest.approx(beam_slow)]
    assert len(row) == 6
    for pixel in row:
        angle = ((pixel % 6 + 0.5) * 2e-3 - beam_fast) / 0.035
        expected = 0.035 * (math.sin(angle) * frame.fast + math.cos(angle) * frame.beam)
        torch.testing.assert_close(position[:, pixel], expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("profile", PROFILES)
def test_behaviour_39_gauss_spots_are_round_whatever_the_crystals_edges(profile):
    """F_latt falls off with the distance from the spot times Na Nb Nc, in every direction."""
    fields = {
        "profile": profile,
        "shape": CrystalShape.GAUSS,
        "cell_alpha": 90.0,
        "cell_gamma": 90.0,
        "N_cells": (1, 2, 4),
        "phi_start_deg": 40.0,
        "mosaic_spread_deg": 3.0,
    }
    experiment, collector = small_experiment(**fields), Collector()
    plan = make_plan(experiment)
    simulate(experiment, recorder=collector)
    q, hkl, nearest, F_latt = (
        collector.all(name)[0] for name in ("q", "hkl", "hkl_nearest", "F_latt")
    )
    for step in (0, 7):
        real = plan.cell_vectors[:, :, step]
        spots = torch.linalg.solve(real, nearest[:, :, 0, step])
        away = (q[:, :, 0] - spots).norm(dim=0)
        expected = 8 * torch.exp(-((away * 8) ** 2) / 0.63)
        torch.testing.assert_close(F_latt[:, 0, step], expected, rtol=1e-10, atol=1e-12)
    assert (hkl - nearest).abs().max() > 0.4


@pytest.mark.parametrize("profile", PROFILES)
def test_behaviour_40_only_evaluations_at_the_edge_go_without_interpolation(profile):
    """Pixels that come after one at the list's edge still interpolate."""
    fields = {
        "profile": profile,
        "structure_factors": small_list(reach=2, gaps=0.0),
        "interpolate": True,
        "misset_deg": (0.0, 4.0, 0.0),
        "default_F": 77.0,
    }
    (hkl,), (F_cell,) = recorded("hkl", **fields), recorded("F_cell", **fields)
    (nearest,) = recorded("F_cell", **{**fields, "interpolate": False})
    floor = hkl.floor().flatten(1)
    lowest = torch.tensor([-1.0, -2.0, -2.0], dtype=torch.float64)[:, None]
    inside = ((floor - 1 >= lowest) & (floor + 2 <= 2)).all(dim=0)
    F_cell, nearest = F_cell.flatten(), nearest.flatten()
    assert torch.equal(F_cell[~inside], nearest[~inside])
    assert (F_cell[inside] != nearest[inside]).all()
    first_outside = (~inside).nonzero()[0].item()
    assert inside[first_outside:].any()
    assert (F_cell == 77.0).any()


@pytest.mark.parametrize("radius", [0.0, 1e-12, 3e-9, 1e-7, 1e-5])
def test_behaviour_41_small_arguments_lose_no_digits(radius):
    """3 (sin x / x - cos x) / x^2 as it stands cancels to nothing below about 1e-7."""
    cells, none = torch.tensor([2.0, 3.0, 4.0], dtype=torch.float64), torch.zeros(3, 3).double()
    offset = torch.tensor([radius / 2, 0.0, 0.0], dtype=torch.float64)
    x = math.pi * radius
    expected = 24 * 0.723601254558268 * (1 - x * x / 10)
    found = lattice_value(
        CrystalShape.ROUND, offset, cells, none, torch.ones((), dtype=torch.float64)
    )
    assert found.item() == pytest.approx(expected, rel=1e-14)


def test_behaviour_41_the_direct_formula_would_be_wrong():
    x = 3e-9
    assert abs(3 * (math.sin(x) / x - math.cos(x)) / x**2 - 1) > 0.5
    assert sinc3(torch.tensor(x * x / torch.pi**2, dtype=torch.float64), EAGER).item() == 1.0


def test_behaviour_42_step_counts_beyond_32_bits():
    plan = make_plan(small_experiment(oversample=20_000, phi_steps=4, mosaic_spread_deg=1.0))
    assert plan.steps == 10 * 4 * 20_000**2 > 2**31
    one = torch.ones(1, dtype=torch.float64)
    assert photons(
        one * plan.steps, plan.fluence, torch.tensor(plan.steps)
    ).item() == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("angle", "distance_mm", "close_mm"),
    [
        ("detector_rotx_deg", 35.0, 35.0),
        ("detector_roty_deg", 35.0, SHORTENED),
        ("detector_rotz_deg", 35.0, SHORTENED),
        ("detector_twotheta_deg", SHORTENED, SHORTENED),
    ],
)
def test_behaviour_43_the_distance_knows_the_rotations_but_not_twotheta(
    profile, angle, distance_mm, close_mm
):
    frame = make_plan(small_experiment(profile=profile, **{angle: 20.0})).frame
    if profile is CORRECTED:
        distance_mm = 35.0
    assert frame.distance.item() * 1000 == pytest.approx(distance_mm, rel=1e-12)
    assert frame.close_distance.item() * 1000 == pytest.approx(close_mm, rel=1e-12)


def twotheta_frame(**fields):
    return make_plan(small_experiment(profile=Profile.CORRECTED, **fields)).frame


def test_behaviour_43_corrected_close_distance_is_the_one_given():
    frame = twotheta_frame(close_distance_mm=34.0, detector_twotheta_deg=10.0)
    assert frame.close_distance.item() == pytest.approx(0.034, rel=1e-12)
    assert frame.distance.item() == pytest.approx(0.034 / math.cos(math.radians(10)), rel=1e-12)


@pytest.mark.parametrize("pivot", list(DetectorPivot))
def test_behaviour_43_corrected_beam_centre_is_where_the_beam_meets_the_plane(pivot):
    frame = twotheta_frame(detector_pivot=pivot, detector_twotheta_deg=12.0, distance_mm=40.0)
    hit = frame.origin + frame.beam_fast * frame.fast + frame.beam_slow * frame.slow
    torch.testing.assert_close(hit, frame.distance * frame.beam, rtol=0, atol=1e-15)
