"""What is said of nanoBragg's slips: each that changes the image, its row, and nothing else."""

import re
import warnings
from pathlib import Path

import pytest
import torch
from small_experiments import small_experiment, small_list

from nb_core import (
    CrystalShape,
    DetectorConvention,
    DetectorPivot,
    Profile,
    SlipWarning,
    SourceTable,
)
from nb_physics import make_plan, simulate
from nb_physics.slips import SLIPS

BEHAVIOUR = Path(__file__).parents[2] / "docs" / "behaviour.md"
PLAIN = {"cell_alpha": 90.0, "cell_gamma": 90.0}
"""A monoclinic cell, one sub-pixel, one source: nothing that a slip would change."""
FAR = {"distance_mm": 2000.0, "pixel_size_mm": 0.1, "oversample": 2, "N_cells": (1, 1, 1)}


def sources(*weights):
    count = len(weights)
    positions = torch.tensor([[-1.0, 0.0, 0.0]] * count, dtype=torch.float64)
    lengths = torch.linspace(1e-10, 1.1e-10, count, dtype=torch.float64)
    return SourceTable(positions, torch.tensor(weights, dtype=torch.float64), lengths)


def told(**fields):
    """The rows that are warned of, and their sentences."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make_plan(small_experiment(**{**PLAIN, **fields}))
    slips = [str(w.message) for w in caught if issubclass(w.category, SlipWarning)]
    found = [re.fullmatch(r"(.*) \(behaviour.md, row (\d+)\)", text) for text in slips]
    return {int(match[2]): match[1] for match in found}


MET = {
    6: {"detector_pivot": DetectorPivot.SAMPLE},
    7: {"detector_convention": DetectorConvention.CUSTOM, "pix0_vector_m": (0.03, 0.0, 0.0)},
    13: {"misset_deg": "random", "misset_seed": 3},
    21: {"structure_factors": small_list(), "sample_size_mm": (2e-6,) * 3},
    22: {"osc_range_deg": -1.0},
    31: {"oversample": 2},
    32: {"oversample_omega": True, "mosaic_spread_deg": 1.0},
    33: {"detector_thick_um": 300.0, "detector_abs_um": 400.0},
    34: {"water_size_um": 1.0, "fluence": 1e28},
    35: {"water_size_um": 1.0, "dmin_A": 4.0},
    36: {"sources": sources(10.0, 1.0)},
    37: {"point_pixel": True},
    38: {"curved_detector": True},
    44: {"cell_alpha": 81.0},
    45: {"osc_range_deg": 1.0, "phi_steps": 4},
    49: {"detector_thick_um": 300.0, "detector_abs_um": 400.0, "oversample_omega": True},
}
"""Fields by the row of the slip that they meet."""


def test_every_slip_is_tried():
    assert list(MET) == [slip.row for slip in SLIPS]


@pytest.mark.parametrize("row", MET)
def test_a_slip_that_is_met_is_told_with_its_row(row):
    found = told(**MET[row])
    assert row in found
    assert "the corrected profile" in found[row]
    assert re.search(rf"^\| {row} \| .*\| .*\| [^-]", BEHAVIOUR.read_text(), re.MULTILINE)


@pytest.mark.parametrize("row", MET)
def test_corrected_has_no_slips(row):
    assert told(**MET[row], profile=Profile.CORRECTED) == {}


@pytest.mark.parametrize("row", [row for row in MET if row not in (6, 13)])
def test_the_image_of_a_slip_that_is_told_differs(row):
    """From the corrected one; 6 and 13 are other geometries, tested as such."""
    images = []
    for profile in Profile:
        fields = {**PLAIN, "water_size_um": 0.0, **MET[row], "profile": profile}
        with warnings.catch_warnings(action="ignore"):
            images.append(simulate(small_experiment(**fields)))
    assert not torch.allclose(*images, rtol=1e-3)


def test_weights_of_0_have_no_shares():
    found = told(sources=sources(0.0, 0.0))[36]
    assert found.startswith("the weights of the 2 sources are all 0")


QUIET = {
    "plain": {},
    "oblique in one angle": {"cell_beta": 110.0},
    "matrix in place of the cell": {"misset_deg": (1.0, 2.0, 3.0)},
    "mosaic": {"mosaic_spread_deg": 1.0},
    "a far detector with sub-pixels": FAR,
    "dispersion": {"dispersion_percent": 1.0, "dispersion_steps": 3},
    "equal weights": {"sources": sources(3.0, 3.0)},
    "dmin": {"dmin_A": 4.0},
    "round": {"shape": CrystalShape.ROUND},
    "phi without a range": {"phi_start_deg": 30.0},
    "no water beyond a dmin that cuts nothing": {"dmin_A": 0.1},
    "the pivot of the convention": {"detector_pivot": DetectorPivot.BEAM},
    "interpolation as asked": {**MET[21], "interpolate": True},
    "oversample_omega of one step": {"oversample_omega": True},
    "water of one step at nanoBragg's fluence": {"water_size_um": 0.1},
}


@pytest.mark.parametrize("name", QUIET)
def test_nothing_is_told_where_the_image_is_right(name):
    """To one part in a thousand, which is what the threshold of a slip is."""
    assert told(**QUIET[name]) == {}
    images = []
    for profile in Profile:
        with warnings.catch_warnings(action="ignore"):
            fields = {**PLAIN, **QUIET[name], "profile": profile}
            images.append(simulate(small_experiment(**fields)))
    torch.testing.assert_close(*images, rtol=1e-3, atol=1e-9)


def test_the_figure_of_31_is_that_of_the_worst_pixel():
    """A crystal of one cell scatters evenly, so that images differ by the factors alone."""
    fields = {**PLAIN, "N_cells": (1, 1, 1), "oversample": 5}
    (percent,) = re.findall(r"up to ([\d.]+) % off", told(**fields)[31])
    kept, mended = (simulate(small_experiment(**fields, profile=profile)) for profile in Profile)
    assert float(percent) == pytest.approx(100 * (kept / mended - 1).abs().max().item(), rel=0.1)


def test_31_is_told_of_the_layers_of_a_sensor():
    """In the direct beam the solid angle goes as 1 / distance^2: 30.3 mm against 30."""
    fields = {"fpixels": 1, "spixels": 1, "beam_center_x_mm": 0.0, "beam_center_y_mm": 0.0}
    fields |= {"distance_mm": 30.0, "pixel_size_mm": 0.1, "detector_thicksteps": 3}
    (percent,) = re.findall(
        r"layer and source: up to ([\d.]+) % off", told(**MET[33], **fields)[31]
    )
    assert float(percent) == pytest.approx(100 * ((30.3 / 30.0) ** 2 - 1), abs=0.051)


def test_the_figure_of_49_is_that_of_the_deepest_layer():
    fields = {**MET[49], "detector_thicksteps": 3}
    (percent,) = re.findall(r"up to ([\d.]+) % too small", told(**fields)[49])
    assert float(percent) == pytest.approx(100 * 0.3 / 35.3, abs=0.0051)


@pytest.mark.parametrize("more", [{"point_pixel": True}, {"curved_detector": True}])
def test_49_is_of_obliquity(more):
    assert 49 not in told(**MET[49], **more)


@pytest.mark.parametrize("more", [{}, {"mosaic_spread_deg": 1.0, "oversample": 3}])
def test_the_factor_of_34_is_that_of_the_water(more):
    fields = {**PLAIN, "N_cells": (1, 1, 1), "default_F": 0.0, "water_size_um": 2.0, **more}
    fields |= {"fluence": 1e28, "distance_mm": 1000.0, "pixel_size_mm": 0.5}
    (factor,) = re.findall(r"twice: ([\d.e-]+) of the right", told(**fields)[34])
    with warnings.catch_warnings(action="ignore"):
        kept, mended = (simulate(small_experiment(**fields, profile=p)) for p in Profile)
    assert float(factor) == pytest.approx((kept / mended).mean().item(), rel=2e-3)


def test_corrected_water_is_what_physics_says():
    """In the direct beam, where polarization is 1: molecules in the cube x (2.57 r_e)^2 x fluence x
    solid angle, whatever the steps.
    """
    molecules = (2e-6) ** 3 * 1e6 * 6.02214179e23 / 18.0
    expected = molecules * 2.57**2 * 7.94079248018965e-30 * 1e28 * (0.1 / 100.0) ** 2
    fields = {"fpixels": 1, "spixels": 1, "beam_center_x_mm": 0.0, "beam_center_y_mm": 0.0}
    fields |= {"distance_mm": 100.0, "pixel_size_mm": 0.1, "default_F": 0.0, "fluence": 1e28}
    fields |= {"mosaic_spread_deg": 1.0, "phi_steps": 10, "water_size_um": 2.0}
    with warnings.catch_warnings(action="ignore"):
        image = simulate(small_experiment(**PLAIN, **fields, profile=Profile.CORRECTED))
    assert image.item() == pytest.approx(expected, rel=1e-5)


def test_the_factor_of_33_is_that_of_the_layers():
    fields = {**PLAIN, **MET[33], "N_cells": (1, 1, 1), "detector_thicksteps": 5}
    fields |= {"distance_mm": 5000.0, "pixel_size_mm": 0.1}
    (factor,) = re.findall(r"absorbs: ([\d.e-]+) of the right", told(**fields)[33])
    kept, mended = (simulate(small_experiment(**fields, profile=profile)) for profile in Profile)
    assert float(factor) == pytest.approx((kept / mended).mean().item(), rel=1e-3)


def test_slips_are_warnings_of_their_own_kind():
    """So that a script can silence them and keep the others."""
    fields = {**FAR, "oversample": 1}
    with warnings.catch_warnings(action="error"):
        warnings.simplefilter("ignore", SlipWarning)
        make_plan(small_experiment(**fields))
    with pytest.warns(SlipWarning, match="cell angles 81 95 102 come out as 8"):
        make_plan(small_experiment(**fields))
