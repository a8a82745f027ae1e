"""Gradients through tiles that are computed anew: the same numbers, and little kept meanwhile."""

import importlib

import pytest
import torch
from small_experiments import PROFILES, small_experiment

from nb_core import Roi
from nb_physics import make_plan, photons_at, simulate, tiles
from nb_physics.scene import make_scene
from nb_physics.tile import tile_photons

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
SIZE = {"fpixels": 9, "spixels": 7}
STEPS = {"mosaic_domains": 3, "mosaic_spread_deg": 1.0, "phi_steps": 2, "osc_range_deg": 1.0}


@pytest.fixture
def cell():
    return torch.tensor(31.0, dtype=torch.float64, requires_grad=True)


def weights(image):
    return torch.linspace(1.0, 2.0, image.numel(), dtype=torch.float64).reshape(image.shape)


def graph_image(experiment):
    """The whole image as one tile, its graph kept."""
    plan = make_plan(experiment)
    blocks = tiles.step_blocks(plan)
    detector = experiment.detector
    pixels = torch.arange(detector.spixels * detector.fpixels)
    image = tile_photons(make_scene(plan), pixels, blocks, torch.float64)
    return image.reshape(detector.spixels, detector.fpixels)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("evaluations", [1, 50, 1 << 16])
def test_gradient_is_that_of_the_graph(monkeypatch, cell, profile, evaluations):
    """To 1e-12: tiles add up in another order."""
    experiment = small_experiment(cell_a=cell, profile=profile, **SIZE, **STEPS)
    (expected,) = torch.autograd.grad(
        (graph_image(experiment) * weights(torch.ones(7, 9))).sum(), cell
    )
    monkeypatch.setattr(tiles, "TILE_EVALUATIONS", evaluations)
    image = simulate(experiment)
    (found,) = torch.autograd.grad((image * weights(image)).sum(), cell)
    assert expected != 0
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_second_derivative(monkeypatch, cell):
    monkeypatch.setattr(tiles, "TILE_EVALUATIONS", 16)

    def total(value):
        image = simulate(small_experiment(cell_a=value, **SIZE))
        return (image * weights(image)).sum() * 1e-4

    assert torch.autograd.gradgradcheck(total, cell, eps=1e-6, atol=1e-4)


def test_gradient_of_a_region_and_of_chosen_pixels(monkeypatch, cell):
    """To 1e-12: the last lanes of a vector instruction may round otherwise than the others."""
    monkeypatch.setattr(tiles, "TILE_EVALUATIONS", 16)
    image = simulate(small_experiment(cell_a=cell, roi=Roi(2, 5, 1, 3), **SIZE))
    (region,) = torch.autograd.grad(image.sum(), cell)
    pixels = torch.tensor([9 * slow + fast for slow in (1, 2, 3) for fast in (2, 3, 4, 5)])
    photons = photons_at(small_experiment(cell_a=cell, **SIZE), pixels)
    (chosen,) = torch.autograd.grad(photons.sum(), cell)
    torch.testing.assert_close(region, chosen, rtol=1e-12, atol=0)


def kept_bytes(experiment):
    """What a graph keeps of an image until the backward pass, each tensor counted once."""
    storages = {}

    def pack(tensor):
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        image = simulate(experiment)
    del image
    return sum(storages.values())


def test_a_graph_keeps_no_intermediate_values(monkeypatch, cell):
    """As much for 64 times as many pixels: the scene, of which a step has 9 numbers."""
    monkeypatch.setattr(tiles, "TILE_EVALUATIONS", 1024)
    small, large = (
        kept_bytes(small_experiment(cell_a=cell, fpixels=n, spixels=n, **STEPS)) for n in (8, 64)
    )
    assert small == large


@pytest.mark.parametrize("shared", [2, 3])
def test_devices_share_an_image(monkeypatch, cell, shared):
    """The same one several times: each has tiles of its own, and none is missing."""
    monkeypatch.setattr(tiles, "TILE_EVALUATIONS", 16)
    experiment = small_experiment(cell_a=cell, **SIZE)
    one = simulate(experiment)
    module = importlib.import_module("nb_physics.parts")
    monkeypatch.setattr(module, "sharing_devices", lambda device: [device] * shared)
    several = simulate(experiment)
    assert torch.equal(one, several)
    (first,), (second,) = (torch.autograd.grad(image.sum(), cell) for image in (one, several))
    assert torch.equal(first, second)
