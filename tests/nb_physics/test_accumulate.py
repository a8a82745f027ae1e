"""The sums over steps, and the scale of what they give."""

import pytest
import torch

from nb_physics.accumulate import add_terms, add_terms_running, add_terms_weighted, step_terms
from nb_physics.scale import fluence_from_flux, photons, water_intensity

PIXELS, SOURCES, STEPS = 4, 3, 5


def random(*shape, seed=1):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


TERMS = random(PIXELS, SOURCES, STEPS)
TOTAL = random(PIXELS, seed=2)
FACTOR = 1.5 * random(PIXELS, SOURCES, seed=3)
COUNTED = (random(PIXELS, SOURCES, STEPS, seed=4) > 0.4).double()


def by_hand(add):
    """Every pixel's sum, step after step: add(total, pixel, source, step) -> total."""
    totals = TOTAL.tolist()
    for pixel in range(PIXELS):
        for source in range(SOURCES):
            for step in range(STEPS):
                totals[pixel] = add(totals[pixel], pixel, source, step)
    return torch.tensor(totals, dtype=torch.float64)


def test_terms():
    found = step_terms(torch.full((1, 1, 1), 3.0), torch.full((1, 1, 1), -2.0))
    assert found.item() == 36.0


def test_the_plain_sum():
    kept = torch.tensor([1.0, 0.0, 1.0]).double().expand(PIXELS, SOURCES)
    expected = by_hand(lambda total, p, s, i: total + TERMS[p, s, i].item() * (s != 1))
    torch.testing.assert_close(add_terms(TOTAL, TERMS, kept), expected)
    expected = by_hand(lambda total, p, s, i: total + TERMS[p, s, i].item())
    torch.testing.assert_close(add_terms(TOTAL, TERMS, None), expected)


def test_the_running_sum():
    def add(total, pixel, source, step):
        if not COUNTED[pixel, source, step]:
            return total
        return (total + TERMS[pixel, source, step].item()) * FACTOR[pixel, source].item()

    found = add_terms_running(TOTAL, TERMS, FACTOR, COUNTED)
    torch.testing.assert_close(found, by_hand(add), rtol=1e-13, atol=0)


def test_a_running_sum_in_two_blocks_is_the_same():
    once = add_terms_running(TOTAL, TERMS, FACTOR, COUNTED)
    half = add_terms_running(TOTAL, TERMS[:, :2], FACTOR[:, :2], COUNTED[:, :2])
    twice = add_terms_running(half, TERMS[:, 2:], FACTOR[:, 2:], COUNTED[:, 2:])
    torch.testing.assert_close(twice, once, rtol=1e-14, atol=0)


def test_the_weighted_sum():
    expected = by_hand(lambda total, p, s, i: total + TERMS[p, s, i].item() * FACTOR[p, s].item())
    torch.testing.assert_close(add_terms_weighted(TOTAL, TERMS, FACTOR), expected)


def test_single_precision_terms_are_added_in_double():
    terms = torch.full((1, 1, 1000), 0.1, dtype=torch.float32)
    total = torch.zeros(1, dtype=torch.float64)
    exact = 1000 * terms[0, 0, 0].double()
    weight = torch.ones(1, 1, dtype=torch.float64)
    for found in (
        add_terms(total, terms, None),
        add_terms_weighted(total, terms, weight),
        add_terms_running(total, terms, weight, torch.ones_like(terms)),
    ):
        assert found.item() == pytest.approx(exact.item(), rel=1e-14)


def number(value):
    return torch.tensor(value, dtype=torch.float64)


def test_photons():
    found = photons(number([2.0]), number(1e29), number(4.0), number([0.5]), number([0.1]))
    assert found.item() == pytest.approx(7.94079248018965e-30 * 1e29 * 2 / 4 * 0.05, rel=1e-14)


def test_water():
    """55 mol in a litre: 3.3e25 molecules in a cube of a decimetre."""
    molecules = 1000 / 18.0 * 6.02214179e23
    expected = molecules * 2.57**2 * 7.94079248018965e-30 * 1e29
    assert water_intensity(number(0.1), number(1e29)).item() == pytest.approx(expected, rel=1e-13)


def test_fluence():
    found = fluence_from_flux(number(1e12), number(2.0), number(1e-4))
    assert found.item() == pytest.approx(2e20, rel=1e-14)
