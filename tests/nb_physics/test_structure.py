"""Structure factors: looked up, and interpolated."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_experiments import small_list

from nb_core import StructureFactors
from nb_physics.structure import nearest, structure_grid, tricubic

DEFAULT = torch.tensor(99.0, dtype=torch.float64)


def points(*hkl):
    return torch.tensor(hkl, dtype=torch.float64).T


def test_entries_gaps_and_outside():
    """h from -2 to 3, k and l from -3 to 3."""
    factors = small_list(reach=3, gaps=0.4)
    grid = structure_grid(factors, DEFAULT)
    hkl = torch.cartesian_prod(*[torch.arange(-6.0, 7.0, dtype=torch.float64)] * 3).T
    found = nearest(hkl, grid)
    for (h, k, l), value in zip(hkl.T.int().tolist(), found.tolist(), strict=True):
        inside = -2 <= h <= 3 and -3 <= k <= 3 and -3 <= l <= 3
        if inside and factors.present[h + 2, k + 3, l + 3]:
            assert value == factors.F[h + 2, k + 3, l + 3].item()
        else:
            assert value == 99.0


def test_no_list_is_default_F_everywhere():
    grid = structure_grid(None, DEFAULT)
    assert nearest(points((0, 0, 0), (50, -7, 3)), grid).tolist() == [99.0, 99.0]


def test_far_outside_is_default_F():
    grid = structure_grid(small_list(), DEFAULT)
    assert nearest(points((1e12, 0, 0), (0, -1e12, 0)), grid).tolist() == [99.0, 99.0]


def polynomial(coefficients, hkl):
    """A polynomial of degree 3 in each of h, k and l."""
    h, k, l = hkl
    total = torch.zeros_like(h)
    for i, plane in enumerate(coefficients):
        for j, row in enumerate(plane):
            for m, value in enumerate(row):
                total = total + value * h**i * k**j * l**m
    return total


@given(
    seed=st.integers(0, 1000),
    hkl=st.lists(st.tuples(*[st.floats(-2.99, 2.99)] * 3), min_size=1, max_size=5),
)
@settings(max_examples=40)
def test_tricubic_reproduces_cubic_polynomials(seed, hkl):
    generator = torch.Generator().manual_seed(seed)
    coefficients = torch.randn(4, 4, 4, generator=generator, dtype=torch.float64)
    axis = torch.arange(-4.0, 5.0, dtype=torch.float64)
    mesh = torch.meshgrid(axis, axis, axis, indexing="ij")
    F = polynomial(coefficients, mesh)
    grid = structure_grid(StructureFactors(F, torch.ones(F.shape).bool(), -4, -4, -4, 729), DEFAULT)
    where = points(*hkl)
    found = tricubic(where, torch.ceil(where - 0.5), grid)
    scale = F.abs().max().item()
    torch.testing.assert_close(found, polynomial(coefficients, where), rtol=0, atol=1e-13 * scale)


def test_tricubic_gives_the_entries_at_whole_indices():
    factors = small_list(reach=3)
    grid = structure_grid(factors, DEFAULT)
    hkl = points((0, 0, 0), (1, -1, 1), (0, 1, -2))
    torch.testing.assert_close(tricubic(hkl, hkl, grid), nearest(hkl, grid), rtol=1e-14, atol=0)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("value", [-2.5, -2.001, -1.999, 0.5, 1.999, 2.001, 2.6, 3.4, 3.6])
def test_tricubic_needs_all_64_entries_else_takes_the_nearest(axis, value):
    """The list goes from -3 to 3: floor - 1 to floor + 2 lie in it from -2 to under 2."""
    F = torch.rand(7, 7, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    grid = structure_grid(StructureFactors(F, torch.ones(F.shape).bool(), -3, -3, -3, 343), DEFAULT)
    hkl = torch.full((3, 1), 0.25, dtype=torch.float64)
    hkl[axis] = value
    whole = torch.ceil(hkl - 0.5)
    same = tricubic(hkl, whole, grid) == nearest(whole, grid)
    assert same.item() is not (-2 <= value < 2)


def test_gaps_are_interpolated_as_default_F():
    F = torch.zeros(5, 5, 5, dtype=torch.float64)
    grid = structure_grid(StructureFactors(F, F.bool(), -2, -2, -2, 0), DEFAULT)
    hkl = points((0.3, -0.4, 0.1))
    assert tricubic(hkl, hkl.round(), grid).item() == pytest.approx(99.0, rel=1e-14)


def test_gradients_reach_the_list_and_default_F():
    factors = small_list(reach=3, gaps=0.2)
    F, default = factors.F.clone().requires_grad_(), DEFAULT.clone().requires_grad_()
    grid = structure_grid(
        StructureFactors(F, factors.present, factors.h_min, factors.k_min, factors.l_min, 1),
        default,
    )
    nearest(points((1, 0, 0), (9, 9, 9)), grid).sum().backward()
    assert factors.present[3, 3, 3]
    assert (F.grad.sum().item(), F.grad[3, 3, 3].item(), default.grad.item()) == (1.0, 1.0, 1.0)
