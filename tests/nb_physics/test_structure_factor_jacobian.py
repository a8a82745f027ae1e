"""The sparse gradient of each pixel by every structure factor, against the dense one."""

import dataclasses

import pytest
import torch
from small_experiments import PROFILES, rich_experiment, small_experiment, small_list

from nb_core import CrystalShape, InputError, StructureFactors
from nb_physics import make_plan, photons_at, structure_factor_jacobian, tiles

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
PIXELS = torch.tensor([14, 0, 15, 14])
WALKS = {
    "plain": {},
    "dmin": {"dmin_A": 3.0},
    "round": {"shape": CrystalShape.ROUND},
    "running": {"oversample_thick": True, "oversample_polar": True, "oversample_omega": True},
}


def dense(experiment, pixels, **options):
    """By one backward pass a pixel."""
    factors = experiment.structure_factors

    def photons(F):
        listed = dataclasses.replace(factors, F=F)
        return photons_at(dataclasses.replace(experiment, structure_factors=listed), pixels)

    jacobian = torch.autograd.functional.jacobian(photons, factors.F)
    return jacobian.reshape(pixels.numel(), -1)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.value)
@pytest.mark.parametrize("interpolate", [False, True])
@pytest.mark.parametrize("walk", WALKS)
def test_the_jacobian_is_the_dense_one(walk, interpolate, profile):
    """Pixels in any order, one of them twice; several sources, steps, sub-pixels and layers."""
    given = {"profile": profile, "interpolate": interpolate, **WALKS[walk]}
    experiment = rich_experiment(**given)
    found = structure_factor_jacobian(experiment, PIXELS)
    expected = dense(experiment, PIXELS)
    assert found.is_coalesced()
    assert not found.requires_grad
    assert found.shape == expected.shape
    assert expected.count_nonzero() > (90 if interpolate else 4)
    # The same products, summed in another order.
    torch.testing.assert_close(found.to_dense(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("interpolate", [False, True])
def test_tiles_and_blocks_of_steps_add_up(interpolate, monkeypatch):
    """One pixel a tile, and two steps a block."""
    experiment = rich_experiment(interpolate=interpolate)
    expected = structure_factor_jacobian(experiment, PIXELS)
    calls = []
    monkeypatch.setattr(tiles, "TILE_EVALUATIONS", 2)
    monkeypatch.setattr("nb_physics.jacobian.TILE_EVALUATIONS", 2)
    found = structure_factor_jacobian(
        make_plan(experiment), PIXELS, progress=lambda *done: calls.append(done)
    )
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    torch.testing.assert_close(found.to_dense(), expected.to_dense(), rtol=1e-12, atol=1e-12)


def test_the_product_with_a_change_is_the_change_of_the_photons():
    """Photons are quadratic in F: the middle of a change has its slope exactly."""
    experiment = rich_experiment()
    factors = experiment.structure_factors
    change = torch.rand(factors.F.shape, generator=torch.Generator().manual_seed(2)).double()

    def moved(share):
        listed = dataclasses.replace(factors, F=factors.F + share * change)
        return dataclasses.replace(experiment, structure_factors=listed)

    slope = structure_factor_jacobian(moved(0.5), PIXELS) @ change.flatten()
    difference = photons_at(moved(1.0), PIXELS) - photons_at(moved(0.0), PIXELS)
    torch.testing.assert_close(slope, difference, rtol=1e-9, atol=1e-9)


def test_a_list_of_100000_reflections():
    """A pixel stores the few that it looks up."""
    edge = 47
    F = torch.rand((edge,) * 3, generator=torch.Generator().manual_seed(2)).double() + 1.0
    half = edge // 2
    listed = StructureFactors(F, torch.ones_like(F, dtype=torch.bool), -half, -half, -half, edge**3)
    experiment = small_experiment(
        fpixels=40, spixels=40, pixel_size_mm=0.5, oversample=2, structure_factors=listed
    )
    found = structure_factor_jacobian(experiment, torch.arange(1600))
    assert found.shape == (1600, 103823)
    assert 1600 <= found.values().numel() <= 4 * 1600


def test_float32_is_of_its_precision():
    experiment = rich_experiment()
    found = structure_factor_jacobian(experiment, PIXELS, dtype=torch.float32).to_dense()
    # 6e-8 of the largest, times the pi N that a rounded offset is multiplied by
    expected = structure_factor_jacobian(experiment, PIXELS).to_dense()
    torch.testing.assert_close(
        found.double(), expected, rtol=1e-5, atol=1e-6 * expected.max().item()
    )


def test_no_pixels_give_no_rows():
    found = structure_factor_jacobian(rich_experiment(), torch.zeros(0, dtype=torch.long))
    assert found.shape == (0, small_list().F.numel())


def test_without_a_list_there_is_nothing_to_derive_by():
    with pytest.raises(InputError, match="structure_factors"):
        structure_factor_jacobian(small_experiment(), PIXELS)


def test_pixels_are_on_the_detector():
    with pytest.raises(InputError, match="0 to 29"):
        structure_factor_jacobian(rich_experiment(), torch.tensor([30]))
