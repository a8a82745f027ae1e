"""Many images at once are the single images, and so are their gradients."""

import dataclasses

import numpy as np
import pytest
import torch
from gradient_cases import TORCH_WARNS
from small_experiments import RICH, rich_experiment, small_experiment, small_list

from nb_core import InputError, Mask, Roi
from nb_physics import make_plan, simulate, simulate_batch, tiles

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning", TORCH_WARNS)
LIST = small_list()
OWN = [
    {"misset_deg": (11.0, 23.0, -37.0)},
    {"misset_deg": (12.0, 23.0, -37.0), "cell_a": 21.5, "distance_mm": 36.0},
    {"misset_deg": (11.0, 20.0, -30.0), "wavelength_A": 1.1, "fluence": 2e29},
]


def experiments(**fields):
    return [rich_experiment(**{"structure_factors": LIST, **fields, **own}) for own in OWN]


def check_images(given):
    found = simulate_batch(given)
    expected = torch.stack([simulate(experiment, engine="eager") for experiment in given])
    # The same operations on longer vectors, whose last bits may differ.
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12 * expected.max().item())
    assert found[0].ne(found[1]).any()


@pytest.mark.parametrize("rich", RICH)
def test_a_batch_is_its_images(rich):
    check_images(experiments(**RICH[rich]))


def test_a_batch_is_its_images_tile_by_tile(monkeypatch):
    """Tiles of one pixel with fewer images than there are, and steps in blocks."""
    monkeypatch.setattr(tiles, "TILE_EVALUATIONS", 12)
    check_images(experiments(roi=Roi(1, 2, 2, 2)))
    monkeypatch.setattr(tiles, "TILE_EVALUATIONS", 5)
    check_images(experiments(roi=Roi(2, 2, 2, 2)))


def test_a_batch_of_a_region_and_a_mask():
    values = np.ones((5, 6), dtype=bool)
    values[2, 3] = False
    check_images(experiments(roi=Roi(1, 4, 0, 3), mask=Mask(values)))
    check_images(experiments(roi=Roi(1, 4, 0, 3)))


def test_progress_counts_the_pixels_of_an_image(monkeypatch):
    monkeypatch.setattr(tiles, "TILE_EVALUATIONS", 12 * 30)
    calls = []
    simulate_batch(experiments(), progress=lambda *done: calls.append(done))
    assert calls == [(10, 30), (20, 30), (30, 30)]


def test_plans_and_float32():
    plans = [make_plan(experiment) for experiment in experiments()]
    found = simulate_batch(plans, dtype=torch.float32)
    assert found.dtype is torch.float32
    assert torch.equal(simulate_batch(plans), simulate_batch(experiments()))
    expected = simulate_batch(plans)
    # 6e-8 of the largest, times the pi N that a rounded offset is multiplied by
    limit = 1e-6 * expected.max().item()
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=limit)


def test_equal_experiments_have_equal_images():
    found = simulate_batch([small_experiment(), small_experiment()])
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], simulate(small_experiment(), engine="eager"))


def leaves():
    """Structure factors that all images share, and an orientation of each."""
    F = LIST.F.clone().requires_grad_()
    own = [torch.tensor(fields["misset_deg"]).double().requires_grad_() for fields in OWN]
    return F, own


@pytest.mark.parametrize("interpolate", [False, True])
def test_gradients_of_a_batch_are_those_of_its_images(interpolate):
    """By F they add up; an orientation has that of its own image."""
    F, own = leaves()
    listed = dataclasses.replace(LIST, F=F)
    given = [
        dataclasses.replace(e, crystal=dataclasses.replace(e.crystal, misset_deg=misset))
        for e, misset in zip(
            experiments(structure_factors=listed, interpolate=interpolate), own, strict=True
        )
    ]
    weights = torch.linspace(1.0, 2.0, 90).double().reshape(3, 5, 6)
    by_F, *by_own = torch.autograd.grad((simulate_batch(given) * weights).sum(), [F, *own])
    expected = torch.zeros_like(F)
    for experiment, misset, weight, found in zip(given, own, weights, by_own, strict=True):
        image = simulate(experiment)
        part, single = torch.autograd.grad((image * weight).sum(), [F, misset])
        assert single.abs().max() > 0
        torch.testing.assert_close(found, single, rtol=1e-10, atol=1e-9)
        expected += part
    torch.testing.assert_close(by_F, expected, rtol=1e-10, atol=1e-9)


def test_a_parameter_that_all_images_share_has_the_sum():
    edge = torch.tensor(21.0, dtype=torch.float64, requires_grad=True)
    given = [rich_experiment(cell_a=edge, misset_deg=fields["misset_deg"]) for fields in OWN]
    (found,) = torch.autograd.grad(simulate_batch(given).sum(), edge)
    (expected,) = torch.autograd.grad(sum(simulate(e).sum() for e in given), edge)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=0)


def test_equal_parameters_of_each_image_have_gradients_of_their_own():
    doses = [torch.tensor(1e29, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    images = simulate_batch([small_experiment(fluence=dose) for dose in doses])
    first, second = torch.autograd.grad(images[0].sum() + 2 * images[1].sum(), doses)
    torch.testing.assert_close(second, 2 * first, rtol=1e-12, atol=0)
    torch.testing.assert_close(first, images[0].sum().detach() / 1e29, rtol=1e-12, atol=0)


def test_a_shared_list_is_kept_once(monkeypatch):
    """With gradients too: what is stacked has no axis as long as the list."""
    large = small_list(reach=5)
    F = large.F.clone().requires_grad_()
    stacked, stack = [], torch.stack

    def watched(tensors, *rest):
        stacked.append(max(tensor.numel() for tensor in tensors))
        return stack(tensors, *rest)

    listed = dataclasses.replace(large, F=F)
    plans = [make_plan(experiment) for experiment in experiments(structure_factors=listed)]
    monkeypatch.setattr("nb_physics.batch.torch.stack", watched)
    simulate_batch(plans)
    assert max(stacked) < F.numel()


def test_forward_mode_of_a_batch():
    start, one = torch.tensor([21.0, 1.0]).double()
    turns = [{"misset_deg": (0.0, 0.0, 0.0)}, {"misset_deg": (0.0, 0.0, 40.0)}]

    def images(edge):
        return simulate_batch([small_experiment(cell_a=edge, **turn) for turn in turns])

    def second(edge):
        return simulate(small_experiment(cell_a=edge, **turns[1]))

    _, found = torch.func.jvp(images, (start,), (one,))
    _, expected = torch.func.jvp(second, (start,), (one,))
    torch.testing.assert_close(found[1], expected, rtol=1e-10, atol=1e-9)
    assert found[1].ne(found[0]).any()


UNLIKE = {
    "profile": {"dmin_A": 3.0},
    "oversample": {"oversample": 1},
    "sensor layers": {"detector_thicksteps": 3},
    "number of sources": {"dispersion_steps": 5},
    "number of steps": {"phi_steps": 3},
    "pixels": {"fpixels": 7},
    "roi": {"roi": Roi(0, 1, 0, 1)},
    "mask": {"mask": Mask(np.ones((5, 6), dtype=bool))},
    "listed": {"structure_factors": None},
    "size of the list": {"structure_factors": small_list(reach=2)},
}


@pytest.mark.parametrize("what", UNLIKE)
def test_images_that_are_not_alike_are_refused(what):
    other = rich_experiment(**UNLIKE[what])
    with pytest.raises(InputError, match=r"experiments\[1\]"):
        simulate_batch([rich_experiment(), other])


def test_no_experiments_are_refused():
    with pytest.raises(InputError, match="at least one"):
        simulate_batch([])
