"""What an experiment resolves to, with notes and warnings."""

import math

import pytest
import torch
from small_experiments import PROFILES, small_experiment, small_list

from nb_core import DetectorConvention, InputError, NbWarning, Profile
from nb_physics import make_plan


def plan_of(**fields):
    return make_plan(small_experiment(**{"oversample": 50, **fields}))


def test_sub_pixels_are_chosen_for_the_fringes_of_the_crystal():
    """Three for each wavelength x distance / size: 4 cells of 24 Angstrom, 2 mm pixels."""
    plan = plan_of(oversample=None)
    fringe_mm = 1.0 * 35.0 / (5 * 19.0 if 5 * 19.0 > 4 * 24.0 else 4 * 24.0)
    assert plan.oversample == math.ceil(3 * 2.0 / fringe_mm) == 17
    assert plan.notes == ("oversample 17: three sub-pixels for each fringe of the crystal",)


def test_fewer_sub_pixels_than_recommended_warn():
    with pytest.warns(NbWarning, match="oversample 16: .* 17 is recommended"):
        assert plan_of(oversample=16).oversample == 16


def test_enough_sub_pixels_do_not_warn():
    assert plan_of(oversample=17).notes == ()


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("cells", "asked", "expected", "note"),
    [
        ((3, 3, 3), None, False, "interpolation of structure factors off: all edges"),
        ((3, 2, 3), None, True, "interpolation of structure factors on: a crystal edge"),
        ((3, 2, 3), False, False, None),
        ((3, 3, 3), True, True, None),
    ],
)
def test_interpolation_is_for_thin_crystals(profile, cells, asked, expected, note):
    plan = plan_of(
        profile=profile, N_cells=cells, interpolate=asked, structure_factors=small_list()
    )
    assert plan.interpolate is expected
    assert any(line.startswith(note) for line in plan.notes) if note else plan.notes == ()


def test_without_a_list_there_is_nothing_to_interpolate():
    assert plan_of(interpolate=True).interpolate is False


def test_a_sample_size_gives_the_number_of_cells_rounded_up():
    plan = plan_of(N_cells=(7, 8, 0), sample_size_mm=(43e-7, None, None), cell_a=20.0)
    assert plan.cells.tolist() == [3.0, 8.0, 1.0]


def test_height_and_width_are_clipped_to_the_beam():
    fields = {"sample_size_mm": (40e-7, 80e-7, 20e-7), "cell_a": 20.0, "beamsize_mm": 30e-7}
    with pytest.warns(NbWarning, match="along b is clipped"):
        plan = plan_of(**fields, cell_b=20.0, cell_c=20.0)
    assert plan.cells.tolist() == [2.0, 2.0, 1.0]


def test_a_flux_sets_the_fluence():
    plan = plan_of(flux=1e12, exposure=0.5, beamsize_mm=0.05)
    assert plan.fluence.item() == pytest.approx(1e12 * 0.5 / 5e-5**2)
    assert plan_of(fluence=3e20, exposure=0.5).fluence.item() == 3e20


def test_the_attenuation_depth_defaults_to_the_thickness():
    with pytest.warns(NbWarning, match="attenuation depth not given"):
        plan = plan_of(detector_thick_um=250.0)
    assert plan.attenuation.item() == pytest.approx(4000.0)
    assert (plan.layers.count, plan.absorbing) == (2, True)


def test_an_infinite_depth_means_no_absorption():
    """Number 10: whatever the thickness."""
    plan = plan_of(detector_abs_um=math.inf, detector_thick_um=250.0)
    assert (plan.layers.count, plan.absorbing, plan.attenuation.item()) == (1, False, 0.0)


@pytest.mark.filterwarnings("ignore:the .* divergence covers")
def test_steps_are_phi_times_domains_and_the_divisor_counts_sources_and_sub_pixels():
    plan = plan_of(phi_steps=3, mosaic_spread_deg=1.0, mosaic_domains=4, hdiv_steps=5)
    assert plan.cell_vectors.shape == (3, 3, 12)
    assert (plan.phi_count, plan.mosaic_count) == (3, 4)
    assert plan.steps == 5 * 12 * 50 * 50


def test_every_tensor_is_float64():
    plan = plan_of(structure_factors=small_list(), default_F=torch.tensor(3.0))
    tensors = [value for value in vars(plan).values() if isinstance(value, torch.Tensor)]
    tensors += [plan.structure.values, *vars(plan.sources).values()]
    assert {t.dtype for t in tensors if isinstance(t, torch.Tensor)} == {torch.float64}


@pytest.mark.parametrize(
    ("convention", "fields", "warned"),
    [
        (DetectorConvention.XDS, {"beam_center_x_mm": 3.0}, "beam_center_x_mm"),
        (DetectorConvention.DIALS, {"beam_center_y_mm": 3.0}, "beam_center_y_mm"),
        (DetectorConvention.MOSFLM, {"orgx_px": 3.0}, "orgx_px"),
        (DetectorConvention.ADXV, {"orgy_px": 3.0}, "orgy_px"),
        (DetectorConvention.XDS, {"beam_center_x_mm": 3.0, "orgx_px": 3.0}, None),
        (DetectorConvention.MOSFLM, {"beam_center_x_mm": 3.0, "orgx_px": 3.0}, None),
        (DetectorConvention.CUSTOM, {"beam_center_x_mm": 3.0}, None),
    ],
)
def test_a_beam_centre_that_the_convention_does_not_read_is_warned_of(convention, fields, warned):
    experiment = small_experiment(detector_convention=convention, oversample=None, **fields)
    if warned is None:
        make_plan(experiment)
    else:
        with pytest.warns(NbWarning, match=f"{warned}.* do not move the detector"):
            make_plan(experiment)


def test_a_flux_without_an_exposure_is_refused_and_told_in_the_reference():
    dark = {"flux": 1e10, "exposure": 0.0}
    with pytest.raises(InputError, match="a flux needs an exposure greater than 0 s"):
        make_plan(small_experiment(profile=Profile.CORRECTED, **dark))
    dark["oversample"] = None
    with pytest.warns(NbWarning, match="flux 1e.10 does not count without an exposure"):
        make_plan(small_experiment(profile=Profile.REFERENCE, **dark))


@pytest.mark.filterwarnings("ignore:.*is the unit right:nb_core.NbWarning")
@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"distance_mm": 1e-320}, "distance_mm: 1e-320: must be from"),
        ({"close_distance_mm": 1e-320}, "close_distance_mm: 1e-320: must be from"),
        ({"wavelength_A": 1e-320}, "wavelength_A: 1e-320: must be from"),
        ({"cell_a": 1e300}, "cell_a: 1e.300: must be from"),
        ({"wavelength_A": 1e-15, "oversample": None}, "oversample .*not given"),
        ({"dispersion_percent": 200.0}, "dispersion_percent: 200.0: reaches wavelengths of 0"),
        (
            {
                "hdiv_range_mrad": 1.0,
                "hdiv_steps": 10**5,
                "vdiv_range_mrad": 1.0,
                "vdiv_steps": 10**5,
            },
            "hdivsteps.*100000 x 100000 x 1: 1e.10 in all",
        ),
        (
            {"mosaic_spread_deg": 1.0, "mosaic_domains": 10**4, "phi_steps": 10**4},
            "10000 x 10000: 1e.08 in all",
        ),
    ],
)
def test_what_cannot_be_computed_is_refused_by_its_name(fields, match):
    with pytest.raises(InputError, match=match):
        make_plan(small_experiment(**fields))


def test_cell_edges_and_divergence_of_another_unit_are_told():
    with pytest.warns(NbWarning, match=r"edge a of 0.0142857 A .*rows of real-space axes"):
        make_plan(small_experiment(cell_a=1 / 70.0, oversample=None))
    with pytest.warns(NbWarning, match="horizontal divergence covers 200 mrad"):
        make_plan(small_experiment(hdiv_range_mrad=200.0, hdiv_steps=3, oversample=None))
