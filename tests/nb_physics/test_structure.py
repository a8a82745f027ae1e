"""Structure factors: looked up, and interpolated."""

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from small_experiments import small_list

from nb_core import StructureFactors
from nb_physics.elementary import EAGER
from nb_physics.structure import Origin, amplitude_origin, nearest, structure_grid, tricubic

DEFAULT = torch.tensor(99.0, dtype=torch.float64)


def points(*hkl):
    return torch.tensor(hkl, dtype=torch.float64).T


def test_entries_gaps_and_outside():
    """h from -2 to 3, k and l from -3 to 3."""
    factors = small_list(reach=3, gaps=0.4)
    grid = structure_grid(factors, DEFAULT)
    hkl = torch.cartesian_prod(*[torch.arange(-6.0, 7.0, dtype=torch.float64)] * 3).T
    found = nearest(hkl, grid, EAGER)
    for (h, k, l), value in zip(hkl.T.int().tolist(), found.tolist(), strict=True):
        inside = -2 <= h <= 3 and -3 <= k <= 3 and -3 <= l <= 3
        if inside and factors.present[h + 2, k + 3, l + 3]:
            assert value == factors.F[h + 2, k + 3, l + 3].item()
        else:
            assert value == 99.0


def test_no_list_is_default_F_everywhere():
    grid = structure_grid(None, DEFAULT)
    assert nearest(points((0, 0, 0), (50, -7, 3)), grid, EAGER).tolist() == [99.0, 99.0]


def test_far_outside_is_default_F():
    grid = structure_grid(small_list(), DEFAULT)
    assert nearest(points((1e12, 0, 0), (0, -1e12, 0)), grid, EAGER).tolist() == [99.0, 99.0]


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
    found = tricubic(where, torch.ceil(where - 0.5), grid, EAGER)
    scale = F.abs().max().item()
    torch.testing.assert_close(found, polynomial(coefficients, where), rtol=0, atol=1e-13 * scale)


def test_tricubic_gives_the_entries_at_whole_indices():
    factors = small_list(reach=3)
    grid = structure_grid(factors, DEFAULT)
    hkl = points((0, 0, 0), (1, -1, 1), (0, 1, -2))
    looked_up = nearest(hkl, grid, EAGER)
    torch.testing.assert_close(tricubic(hkl, hkl, grid, EAGER), looked_up, rtol=1e-14, atol=0)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("value", [-2.5, -2.001, -1.999, 0.5, 1.999, 2.001, 2.6, 3.4, 3.6])
def test_tricubic_needs_all_64_entries_else_takes_the_nearest(axis, value):
    """The list goes from -3 to 3: floor - 1 to floor + 2 lie in it from -2 to under 2."""
    F = torch.rand(7, 7, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    grid = structure_grid(StructureFactors(F, torch.ones(F.shape).bool(), -3, -3, -3, 343), DEFAULT)
    hkl = torch.full((3, 1), 0.25, dtype=torch.float64)
    hkl[axis] = value
    whole = torch.ceil(hkl - 0.5)
    same = tricubic(hkl, whole, grid, EAGER) == nearest(whole, grid, EAGER)
    assert same.item() is not (-2 <= value < 2)


def test_gaps_are_interpolated_as_default_F():
    F = torch.zeros(5, 5, 5, dtype=torch.float64)
    grid = structure_grid(StructureFactors(F, F.bool(), -2, -2, -2, 0), DEFAULT)
    hkl = points((0.3, -0.4, 0.1))
    assert tricubic(hkl, hkl.round(), grid, EAGER).item() == pytest.approx(99.0, rel=1e-14)


def test_gradients_reach_the_list_and_default_F():
    factors = small_list(reach=3, gaps=0.2)
    F, default = factors.F.clone().requires_grad_(), DEFAULT.clone().requires_grad_()
    grid = structure_grid(
        StructureFactors(F, factors.present, factors.h_min, factors.k_min, factors.l_min, 1),
        default,
    )
    nearest(points((1, 0, 0), (9, 9, 9)), grid, EAGER).sum().backward()
    assert factors.present[3, 3, 3]
    assert (F.grad.sum().item(), F.grad[3, 3, 3].item(), default.grad.item()) == (1.0, 1.0, 1.0)


def slow_origin(factors, hkl, interpolate):
    """By the list's own bounds, one point at a time."""
    whole = [math.ceil(x - 0.5) for x in hkl]
    first = (factors.h_min, factors.k_min, factors.l_min)
    ranges = [range(a, a + n) for a, n in zip(first, factors.F.shape, strict=True)]
    around = [[math.floor(x) + i for i in (-1, 0, 1, 2)] for x in hkl]
    if interpolate and all(i in r for r, part in zip(ranges, around, strict=True) for i in part):
        return Origin.INTERPOLATED
    if not all(i in r for r, i in zip(ranges, whole, strict=True)):
        return Origin.OUTSIDE
    place = tuple(i - a for i, a in zip(whole, first, strict=True))
    return Origin.LISTED if factors.present[place] else Origin.GAP


@given(
    shape=st.tuples(*[st.integers(1, 7)] * 3),
    first=st.tuples(*[st.integers(-4, 2)] * 3),
    places=st.lists(
        st.tuples(*[st.one_of(st.integers(-2, 8), st.floats(-2.0, 8.0), st.floats(0.9, 5.1))] * 3),
        min_size=1,
        max_size=12,
    ),
    interpolate=st.booleans(),
    seed=st.integers(0, 100),
)
@example((4, 5, 7), (-1, 0, -4), [(1.0, 1.5, 3.3), (1.2, 2.7, 4.9), (2.0, 1.5, 3.3)], True, 1)
@example((4, 4, 4), (-1, 0, -4), [(0.9, 1.5, 1.5), (1.0, 1.0, 1.0), (1.5, 1.5, 2.0)], True, 1)
def test_the_origin_of_an_amplitude(shape, first, places, interpolate, seed):
    """Points by their place from the first entry; what is said agrees with what is looked up."""
    present = torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < 0.6
    F = torch.arange(1.0, present.numel() + 1).double().reshape(shape)
    factors = StructureFactors(F, present, *first, int(present.sum()))
    grid = structure_grid(factors, torch.tensor(-5.0).double())
    hkl = [tuple(a + x for a, x in zip(first, place, strict=True)) for place in places]
    where = points(*hkl)
    whole = torch.ceil(where - 0.5)
    found = amplitude_origin(where, whole, grid, interpolate=interpolate).tolist()
    assert found == [slow_origin(factors, point, interpolate) for point in hkl]
    taken = (where, whole, grid, EAGER) if interpolate else (whole, grid, EAGER)
    values = (tricubic if interpolate else nearest)(*taken).tolist()
    for origin, value in zip(found, values, strict=True):
        assert origin == Origin.INTERPOLATED or (value == -5.0) is (origin < Origin.LISTED)


@pytest.mark.parametrize("interpolate", [False, True])
def test_without_a_list_all_is_outside(interpolate):
    hkl = points((0, 0, 0), (1, 1, 1), (50, -7.3, 3))
    grid = structure_grid(None, DEFAULT)
    found = amplitude_origin(hkl, hkl.round(), grid, interpolate=interpolate)
    assert found.tolist() == [Origin.OUTSIDE] * 3


def test_the_origin_of_every_shape_of_points():
    """The axes of the points are kept, and far away does not wrap around."""
    hkl = torch.tensor([0.0, 1e12, -1e12, 1.0]).double().expand(3, 2, 4)
    grid = structure_grid(small_list(gaps=0.0), DEFAULT)
    found = amplitude_origin(hkl, hkl, grid, interpolate=False)
    assert found.tolist() == [[Origin.LISTED, Origin.OUTSIDE, Origin.OUTSIDE, Origin.LISTED]] * 2
