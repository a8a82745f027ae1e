"""The numbered behaviours 31 to 37: which factor a term is multiplied by, in both profiles.

The sums are made by hand here, from recorded terms and factors.
"""

import math

import pytest
import torch
from small_experiments import Collector, small_experiment

from nb_core import Profile, SourceTable
from nb_physics import simulate
from nb_physics.plan import make_plan
from nb_physics.scale import ELECTRON_RADIUS_SQUARED_M2

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
REFERENCE, CORRECTED = Profile.REFERENCE, Profile.CORRECTED
SENSOR = {"detector_thick_um": 400.0, "detector_abs_um": 300.0, "detector_thicksteps": 3}
DIVERGENCE = {"hdiv_range_mrad": 60.0, "hdiv_steps": 2, "polarization_factor": 0.6}


def recorded(**fields):
    """The image, its scale (photons of a sum of 1 without any factor), and what was recorded."""
    experiment = small_experiment(**fields)
    plan, collector = make_plan(experiment), Collector()
    image = simulate(experiment, recorder=collector).flatten()
    return image, ELECTRON_RADIUS_SQUARED_M2 * plan.fluence / plan.steps, collector


def assert_equal(image, expected):
    assert image.max() > 0
    torch.testing.assert_close(image, expected, rtol=1e-12, atol=0)


def test_behaviour_31_factors_of_the_first_subpixel_layer_and_source():
    image, scale, seen = recorded(profile=REFERENCE, oversample=2, **SENSOR, **DIVERGENCE)
    total = sum(term.sum(dim=(1, 2)) for term in seen.all("term"))
    first_omega, first_polarization = seen.all("omega")[0], seen.all("polarization")[0][:, 0]
    last_layer = next(value for site, value in seen.values["capture"] if site.layer == 2)
    assert_equal(image, scale * total * first_omega * first_polarization * last_layer)
    assert (seen.all("omega")[3] - first_omega).abs().max() > 1e-3 * first_omega.max()


def test_behaviour_31_corrected_terms_carry_their_own_factors():
    image, scale, seen = recorded(profile=CORRECTED, oversample=2, **SENSOR, **DIVERGENCE)
    total = torch.zeros_like(image)
    for term, polarization, omega, capture in zip(
        *(seen.all(name) for name in ("term", "polarization", "omega", "capture")), strict=True
    ):
        total += (term.sum(dim=2) * polarization).sum(dim=1) * omega * capture
    assert_equal(image, scale * total)


@pytest.mark.parametrize("factor", ["omega", "capture", "polarization"])
def test_behaviour_32_the_running_sum_is_multiplied(factor):
    flags = {"omega": "oversample_omega", "capture": "oversample_thick"}
    image, scale, seen = recorded(
        profile=REFERENCE,
        oversample=2,
        mosaic_spread_deg=2.0,
        **{flags.get(factor, "oversample_polar"): True},
        **SENSOR,
        **DIVERGENCE,
    )
    total = torch.zeros_like(image)
    for term, value in zip(seen.all("term"), seen.all(factor), strict=True):
        by_source = value if factor == "polarization" else value[:, None].expand(-1, 2)
        for source in range(2):
            for step in range(10):
                total = (total + term[:, source, step]) * by_source[:, source]
    late = {
        "omega": seen.all("omega")[0],
        "capture": seen.all("capture")[8],
        "polarization": seen.all("polarization")[0][:, 0],
    }
    late.pop(factor)
    assert_equal(image, scale * total * math.prod(late.values()))


def test_behaviour_32_corrected_takes_no_notice_of_the_flags():
    flags = {f"oversample_{factor}": True for factor in ("omega", "thick", "polar")}
    plain = recorded(profile=CORRECTED, oversample=2, **SENSOR, **DIVERGENCE)[0]
    assert torch.equal(
        recorded(profile=CORRECTED, oversample=2, **flags, **SENSOR, **DIVERGENCE)[0], plain
    )


def test_behaviour_33_layers_are_summed_then_multiplied_by_the_last_layers_share():
    image, scale, seen = recorded(profile=REFERENCE, nopolar=True, **SENSOR)
    total = sum(term.sum(dim=(1, 2)) for term in seen.all("term"))
    assert_equal(image, scale * total * seen.all("omega")[0] * seen.all("capture")[2])


@pytest.mark.parametrize("layers", [1, 2, 8, None])
def test_behaviour_33_corrected_layers_absorb_what_the_whole_sensor_does(layers):
    """One unit cell scatters evenly, so that the sensor alone makes the difference.

    To the change of the solid angle and of the lattice's phase over 10 um of 35 mm.
    """
    still = {"profile": CORRECTED, "nopolar": True, "N_cells": (1, 1, 1)}
    sensor = {"detector_thick_um": 10.0, "detector_abs_um": 8.0, "detector_thicksteps": layers}
    bare, _, seen = recorded(**still)
    image, _, _ = recorded(**still, **sensor)
    cosine = seen.all("diffracted")[0][0]
    limit = bare * (1 - torch.exp(-10.0 / 8.0 / cosine))
    torch.testing.assert_close(image, limit, rtol=2e-3, atol=0)


def water_photons(edge_um, fluence):
    """Photons per steradian of a cube of water: molecules x F^2 x r_e^2 x fluence."""
    molecules = (edge_um * 1e-6) ** 3 * 1e6 / 18.0 * 6.02214179e23
    return molecules * 2.57**2 * 7.94079248018965e-30 * fluence


@pytest.mark.parametrize("oversample", [1, 3])
def test_behaviour_34_water_is_divided_by_steps_and_scaled_by_fluence_twice(oversample):
    fields = {"default_F": 0.0, "water_size_um": 2.0, "fluence": 3e28, "oversample": oversample}
    image, _, seen = recorded(profile=REFERENCE, phi_steps=5, **fields)
    twice = water_photons(2.0, 3e28) * 7.94079248018965e-30 * 3e28
    shares = seen.all("omega")[0] * seen.all("polarization")[0][:, 0]
    assert_equal(image, twice * shares / (5 * oversample**2))


@pytest.mark.parametrize("oversample", [1, 3])
def test_behaviour_34_corrected_water_is_added_once(oversample):
    fields = {"default_F": 0.0, "water_size_um": 2.0, "fluence": 3e28, "oversample": oversample}
    image, _, seen = recorded(profile=CORRECTED, phi_steps=5, **fields)
    shares = [
        omega * polarization[:, 0]
        for omega, polarization in zip(seen.all("omega"), seen.all("polarization"), strict=True)
    ]
    assert_equal(image, water_photons(2.0, 3e28) * sum(shares) / len(shares))


def test_behaviour_35_beyond_dmin_the_background_vanishes():
    fields = {"water_size_um": 0.01, "dmin_A": 5.0}
    image, _, seen = recorded(profile=REFERENCE, **fields)
    beyond = 0.5 / seen.all("stol")[0][:, 0] < 5.0
    assert 0 < beyond.sum() < 30
    assert (image[beyond] == 0).all()
    assert (image[~beyond] > 0).all()


def test_behaviour_35_corrected_background_stays_beyond_dmin():
    fields = {"profile": CORRECTED, "water_size_um": 0.01, "dmin_A": 5.0}
    image, _, seen = recorded(**fields)
    water, _, _ = recorded(**fields, default_F=0.0)
    beyond = 0.5 / seen.all("stol")[0][:, 0] < 5.0
    assert torch.equal(image[beyond], water[beyond])
    assert (water > 0).all()
    assert (image[~beyond] > water[~beyond]).all()


def source_table(*rows):
    columns = torch.tensor(rows, dtype=torch.float64)
    return SourceTable(columns[:, :3], columns[:, 3], columns[:, 4])


def test_behaviour_36_source_weights_count_in_the_corrected_profile_only():
    first, second = (-1.0, 0.0, 0.1, 1.0, 1.0e-10), (-1.0, 0.1, 0.0, 3.0, 1.2e-10)
    images = {}
    for profile in Profile:
        fields = {"profile": profile, "nopolar": True}
        one, two, both = (
            recorded(sources=source_table(*rows), **fields)[0]
            for rows in ([first], [second], [first, second])
        )
        images[profile] = both
        shares = (0.5, 0.5) if profile is REFERENCE else (0.25, 0.75)
        assert_equal(both, shares[0] * one + shares[1] * two)
    assert not torch.allclose(images[REFERENCE], images[CORRECTED], rtol=1e-2)


@pytest.mark.parametrize("profile", Profile)
def test_behaviour_36_wavelengths_of_a_source_file_are_metres(profile):
    table = source_table((-1.0, 0.0, 0.0, 1.0, 1.1e-10))
    image = recorded(profile=profile, sources=table, wavelength_A=0.7)[0]
    torch.testing.assert_close(image, recorded(profile=profile, wavelength_A=1.1)[0])


def solid_angles_of_layers(experiment):
    """By layer, pixel by pixel: area cos / R^2, R and the angle to the normal at the layer."""
    plan, collector = make_plan(experiment), Collector()
    simulate(experiment, recorder=collector)
    position = torch.stack(collector.all("position"))
    path = position.norm(dim=1)
    along = torch.einsum("lip,i->lp", position, plan.frame.normal)
    return collector.all("omega"), plan.frame.pixel_size**2 / path**3 * along


def test_behaviour_49_obliquity_of_deeper_layers():
    found, right = solid_angles_of_layers(small_experiment(profile=REFERENCE, **SENSOR))
    plan = make_plan(small_experiment(profile=REFERENCE, **SENSOR))
    close, depth = plan.frame.close_distance, plan.layer_depth
    for layer, (omega, true) in enumerate(zip(found, right, strict=True)):
        assert_equal(omega, true * close / (close + layer * depth))


@pytest.mark.parametrize("tilt", [{}, {"detector_rotx_deg": 7.0, "detector_twotheta_deg": 30.0}])
def test_behaviour_49_corrected_obliquity_of_each_layer(tilt):
    found, right = solid_angles_of_layers(small_experiment(profile=CORRECTED, **SENSOR, **tilt))
    assert len(found) == 3
    for omega, true in zip(found, right, strict=True):
        assert_equal(omega, true)


def test_behaviour_49_corrected_layers_of_a_curved_detector_lie_on_one_sphere():
    fields = {"profile": CORRECTED, "curved_detector": True, **SENSOR}
    found, _ = solid_angles_of_layers(small_experiment(**fields))
    radius = make_plan(small_experiment(**fields)).frame.close_distance
    for omega in found:
        assert_equal(omega, torch.full_like(omega, 0.002**2 / radius.item() ** 2))


def test_behaviour_37_point_pixels_lack_their_area():
    cell = {"cell_alpha": 90.0, "cell_gamma": 90.0}  # the same in both profiles
    reference, _, seen = recorded(profile=REFERENCE, point_pixel=True, **cell)
    corrected, _, _ = recorded(profile=CORRECTED, point_pixel=True, **cell)
    assert_equal(corrected, reference * 0.002**2)
    assert_equal(seen.all("omega")[0], 1 / seen.all("airpath")[0] ** 2)
