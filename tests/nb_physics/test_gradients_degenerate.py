"""Derivatives where a formula has a gap: spots, the direct beam, nothing to scatter, no range."""

import dataclasses

import pytest
import torch
from gradient_cases import CUSTOM, GROUPS, PROFILES, TORCH_WARNS
from small_experiments import Collector, small_experiment, small_list
from torch.autograd import forward_ad

from nb_core import CrystalConfig, CrystalShape, Profile, SourceTable
from nb_physics import simulate
from nb_physics.orientation import unit_cell
from nb_physics.polarization import field_axes
from nb_physics.vectors import length, unit

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning", TORCH_WARNS)
PLAIN = {
    name: value
    for title in ("crystal", "mosaic", "place and beam")
    for name, (value, _) in GROUPS[title].fields.items()
    if not name.startswith("detsize")
}
BEAM_AT_THE_MIDDLE = {
    "distance_mm": 35.0,
    "detector_rotx_deg": 0.0,
    "detector_roty_deg": 0.0,
    "detector_rotz_deg": 0.0,
    "detector_twotheta_deg": 0.0,
    "beam_center_x_mm": 2.0,
    "beam_center_y_mm": 2.0,
    "hdiv_range_mrad": 0.0,
    "vdiv_range_mrad": 0.0,
    "detector_thick_um": 0.0,
}
ZEROS = {
    "nothing scatters": {"default_F": 0.0},
    "no mosaic spread": {"mosaic_spread_deg": 0.0},
    "no rotation": {"osc_range_deg": 0.0},
    "no divergence": {"hdiv_range_mrad": 0.0, "vdiv_range_mrad": 0.0},
    "no dispersion": {"dispersion_percent": 0.0},
    "no sensor": {"detector_thick_um": 0.0},
    "no beam": {"fluence": 0.0},
    "one cell": {"N_cells": (1.0, 1.0, 1.0)},
    "no cells": {"N_cells": (0.0, 0.0, 0.0)},
    "no fudge": {"fudge": 0.0},
    "full polarization": {"polarization_factor": 1.0},
    "right angles": {"cell_alpha": 90.0, "cell_beta": 90.0, "cell_gamma": 90.0},
    "no water": {"water_size_um": 0.0},
}
WALKS = {
    "plain": {},
    "running": {"oversample_thick": True, "oversample_polar": True, "oversample_omega": True},
    "dmin": {"dmin_A": 3.0},
    "curved": {"curved_detector": True},
    "point pixels": {"point_pixel": True, "oversample": 2},
}


def image_of(values, **more):
    """The image with all of these fields as tensors."""
    fields = {name: torch.as_tensor(value, dtype=torch.float64) for name, value in values.items()}
    fields["N_cells"] = tuple(fields["N_cells"])
    return simulate(small_experiment(**{"fpixels": 3, "spixels": 3, **more, **fields}))


def check_finite(values, **more):
    """Every gradient, and the tangent of all fields at once."""
    inputs = {name: torch.tensor(value).double().requires_grad_() for name, value in values.items()}
    total = image_of(inputs, **more).sum()
    assert total.isfinite()
    if total.requires_grad:
        gradients = torch.autograd.grad(total, list(inputs.values()), allow_unused=True)
        for name, gradient in zip(inputs, gradients, strict=True):
            assert gradient is None or gradient.isfinite().all(), name
    with forward_ad.dual_level():
        duals = {
            name: forward_ad.make_dual(value.detach(), torch.ones_like(value))
            for name, value in inputs.items()
        }
        tangent = forward_ad.unpack_dual(image_of(duals, **more)).tangent
    assert tangent is None or tangent.isfinite().all()


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.value)
@pytest.mark.parametrize("shape", CrystalShape, ids=lambda shape: shape.value)
@pytest.mark.parametrize("interpolate", [False, True])
def test_no_gradient_is_nan_in_the_direct_beam(profile, shape, interpolate):
    """The middle pixel looks along the beam: q, h, k and l are exactly 0 there."""
    given = {"profile": profile, "shape": shape, "interpolate": interpolate, "dmin_A": 3.0}
    given["structure_factors"] = small_list()
    values = {**PLAIN, **BEAM_AT_THE_MIDDLE, "dispersion_percent": 0.0}
    collector = Collector("hkl")
    simulate(
        small_experiment(**{"fpixels": 3, "spixels": 3, **given, **values}), recorder=collector
    )
    assert (collector.all("hkl")[0][:, 4] == 0).all()
    check_finite(values, **given)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.value)
@pytest.mark.parametrize("zero", ZEROS)
def test_no_gradient_is_nan_where_there_is_nothing(zero, profile):
    """The shapes differ in what they make of the number of cells and of the fudge."""
    of_all = ("one cell", "no cells", "no fudge")
    for shape in CrystalShape if zero in of_all else [CrystalShape.SQUARE]:
        check_finite({**PLAIN, **ZEROS[zero]}, shape=shape, profile=profile)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.value)
@pytest.mark.parametrize("walk", WALKS)
def test_no_gradient_is_nan_in_any_walk(walk, profile):
    """A flat top leaves most steps empty."""
    for shape in (CrystalShape.SQUARE, CrystalShape.TOPHAT):
        check_finite({**PLAIN, "water_size_um": 0.0}, shape=shape, profile=profile, **WALKS[walk])


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.value)
@pytest.mark.parametrize("interpolate", [False, True])
def test_no_gradient_is_nan_in_a_list_of_zeros(profile, interpolate):
    empty = small_list()
    F = torch.zeros_like(empty.F).requires_grad_()
    listed = dataclasses.replace(empty, F=F)
    more = {"structure_factors": listed, "interpolate": interpolate, "profile": profile}
    image = image_of({**PLAIN, "default_F": 0.0, "water_size_um": 0.0}, **more)
    (gradient,) = torch.autograd.grad(image.sum(), F)
    assert not gradient.any()


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.value)
def test_no_gradient_is_nan_with_the_polarization_along_the_beam(profile):
    """There is no E vector across the beam then."""
    along = {"beam_vector": (1.0, 0.0, 0.0), "polar_vector": (1.0, 0.0, 0.0)}
    check_finite({**PLAIN, **along}, profile=profile, **CUSTOM)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.value)
def test_no_gradient_is_nan_of_a_source_at_the_sample(profile):
    """It has no direction; another has what the file left out, as NaN."""
    rows = [[0.0, 0.0, 0.0], [-1.0, 0.1, 0.0], [float("nan")] * 3]
    positions = torch.tensor(rows).double().requires_grad_()
    lengths = torch.tensor([1e-10, 1.2e-10, float("nan")]).double().requires_grad_()
    weights = torch.tensor([1.0, 0.0, float("nan")]).double().requires_grad_()
    table = SourceTable(positions, weights, lengths)
    image = simulate(small_experiment(fpixels=3, spixels=3, sources=table, profile=profile))
    inputs = (positions, weights, lengths)
    for gradient in torch.autograd.grad(image.sum(), inputs, allow_unused=True):
        assert gradient is None or gradient.isfinite().all()


def test_a_vector_of_no_length_has_no_gradient():
    zero = torch.zeros(3, 2, dtype=torch.float64, requires_grad=True)
    for function in (length, unit, lambda v: field_axes(v, zero[:, 0])[0]):
        (gradient,) = torch.autograd.grad(function(zero).sum(), zero)
        assert gradient.isfinite().all()


@pytest.mark.parametrize("edges", [(80.0, 90.0, 24.0), (70.0, 80.0, 90.0)])
def test_right_angles_have_derivatives(edges):
    """Of the first cell, the sine of gamma* is rounded to more than 1 and cut off there."""

    def vectors(angles):
        names = ("cell_a", "cell_b", "cell_c", "cell_alpha", "cell_beta", "cell_gamma")
        crystal = CrystalConfig(**dict(zip(names, (*edges, *angles), strict=True)))
        return unit_cell(crystal, 1.0, Profile.REFERENCE).real

    # Degrees: differences over 1e-3 err by 1e-16 / 1e-3 of some 90 A, and by 1e-6 / 57^2 of it.
    angles = torch.full((3,), 90.0, dtype=torch.float64, requires_grad=True)
    tolerances = {"eps": 1e-3, "atol": 1e-9, "rtol": 1e-6}
    assert torch.autograd.gradcheck(vectors, angles, **tolerances)
    assert torch.autograd.gradgradcheck(vectors, angles, **tolerances)
