"""The image of random small experiments, against the oracle's.

Both compute in float64; phases of some tens of turns keep 13 digits and a grating of 5 cells loses
one, so 1e-10 of the image's maximum leaves room for rounding and for nothing else.
"""

import itertools

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle import grazes, oracle_image
from small_experiments import PROFILES, small_experiment, small_list

from nb_core import CrystalShape, DetectorConvention, DetectorPivot, SourceTable
from nb_physics import make_plan, simulate

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
CONVENTIONS = [c for c in DetectorConvention if c is not DetectorConvention.CUSTOM]


def assert_same_image(experiment):
    expected, image = oracle_image(experiment), simulate(experiment)
    assert expected.max() > 0
    torch.testing.assert_close(image, expected, rtol=0, atol=1e-10 * expected.max().item())


def three_sources():
    """The second source lacks its weight, the third its wavelength."""
    positions = [[-1.0, 0.02, 0.01], [-1.0, -0.01, 0.03], [-2.0, 0.0, -0.02]]
    weights, wavelengths = [1.0, float("nan"), 3.0], [1.0e-10, 1.05e-10, float("nan")]
    return SourceTable(
        *(torch.tensor(column, dtype=torch.float64) for column in (positions, weights, wavelengths))
    )


@st.composite
def crystals(draw):
    phi = draw(st.sampled_from([{}, {"phi_start_deg": -2.0, "osc_range_deg": 4.0, "phi_steps": 2}]))
    mosaic = draw(st.sampled_from([{}, {"mosaic_spread_deg": 2.0, "mosaic_domains": 2}]))
    return {
        "shape": draw(st.sampled_from(CrystalShape)),
        "fudge": draw(st.sampled_from([1.0, 0.7, 1.8])),
        "N_cells": draw(st.tuples(*[st.integers(1, 5)] * 3)),
        "misset_deg": draw(st.tuples(*[st.floats(-180, 180)] * 3)),
        "cell_beta": draw(st.floats(70, 110)),
        **phi,
        **mosaic,
    }


@st.composite
def lists(draw):
    if draw(st.booleans()):
        return {}
    return {
        "structure_factors": small_list(draw(st.integers(1, 9)), reach=draw(st.integers(2, 4))),
        "interpolate": draw(st.booleans()),
    }


@st.composite
def detectors(draw):
    sensor = {"detector_thick_um": 400.0, "detector_abs_um": 300.0, "detector_thicksteps": 2}
    angle = st.floats(-25, 25)
    return {
        "detector_convention": draw(st.sampled_from(CONVENTIONS)),
        "detector_pivot": draw(st.sampled_from([None, *DetectorPivot])),
        "detector_rotx_deg": draw(angle),
        "detector_roty_deg": draw(angle),
        "detector_rotz_deg": draw(angle),
        "detector_twotheta_deg": draw(angle),
        "curved_detector": draw(st.booleans()),
        "point_pixel": draw(st.booleans()),
        **draw(st.sampled_from([{}, sensor, {"detector_thick_um": 400.0}])),
    }


@st.composite
def beams(draw):
    divergence = {"hdiv_range_mrad": 30.0, "hdiv_steps": 2}
    dispersion = {"dispersion_percent": 6.0, "dispersion_steps": 2}
    table = {"sources": three_sources()}
    return {
        "wavelength_A": draw(st.floats(0.8, 1.3)),
        "polarization_factor": draw(st.floats(-1, 1)),
        "nopolar": draw(st.booleans()),
        **draw(st.sampled_from([{}, divergence, dispersion, table])),
    }


@st.composite
def samplings(draw):
    return {
        "oversample": draw(st.sampled_from([1, 2])),
        "oversample_thick": draw(st.booleans()),
        "oversample_polar": draw(st.booleans()),
        "oversample_omega": draw(st.booleans()),
        "dmin_A": draw(st.sampled_from([0.0, 4.0])),
        "water_size_um": draw(st.sampled_from([0.0, 0.01])),
    }


@pytest.mark.parametrize("profile", PROFILES)
@given(crystal=crystals(), detector=detectors(), beam=beams(), sampling=samplings(), F_list=lists())
@settings(max_examples=40)
def test_random_experiments(profile, crystal, detector, beam, sampling, F_list):
    experiment = small_experiment(
        profile=profile, **crystal, **detector, **beam, **sampling, **F_list
    )
    assume(not (make_plan(experiment).absorbing and grazes(experiment)))
    expected, image = oracle_image(experiment), simulate(experiment)
    atol = 1e-10 * expected.abs().max().item()
    torch.testing.assert_close(image, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("flags", list(itertools.product([False, True], repeat=3)))
@pytest.mark.parametrize(("dmin", "water"), [(0.0, 0.0), (4.0, 0.0), (4.0, 0.01)])
def test_every_combination_of_the_oversample_flags(profile, flags, dmin, water):
    thick, polar, omega = flags
    experiment = small_experiment(
        profile=profile,
        oversample=2,
        oversample_thick=thick,
        oversample_polar=polar,
        oversample_omega=omega,
        dmin_A=dmin,
        water_size_um=water,
        detector_thick_um=400.0,
        detector_abs_um=300.0,
        detector_thicksteps=2,
        dispersion_percent=6.0,
        dispersion_steps=2,
        mosaic_spread_deg=2.0,
        mosaic_domains=2,
        polarization_factor=0.5,
    )
    assert_same_image(experiment)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("shape", CrystalShape)
@pytest.mark.parametrize("interpolate", [False, True])
def test_a_list_with_gaps_and_an_edge_within_the_image(profile, shape, interpolate):
    """With 2 spots either side of the origin, pixels lie inside, near the edge and outside."""
    experiment = small_experiment(
        profile=profile,
        shape=shape,
        fudge=0.1 if shape is CrystalShape.TOPHAT else 1.0,
        structure_factors=small_list(reach=2),
        interpolate=interpolate,
        misset_deg=(0.0, 4.0, 0.0),
        oversample=2,
    )
    assert_same_image(experiment)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_tophat_without_water_skips_the_empty_steps_of_the_running_sum(profile):
    """Where F_latt is 0 and there is no water, nanoBragg multiplies nothing either."""
    experiment = small_experiment(
        profile=profile,
        shape=CrystalShape.TOPHAT,
        fudge=2.0,
        oversample=2,
        oversample_polar=True,
        oversample_omega=True,
        mosaic_spread_deg=4.0,
        mosaic_domains=4,
    )
    assert 0 < (oracle_image(experiment) == 0).sum() < 30
    assert_same_image(experiment)
