"""The lattice factors: their values at a spot, their limits, and slow twins of each."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lattice_values import lattice_value

from nb_core import CrystalShape
from nb_physics.elementary import EAGER, IN_KERNEL, OF_PAIRS
from nb_physics.lattice.round import SPHERE_IN_CUBE, sinc3
from nb_physics.lattice.square import grating

DTYPES = [torch.float64, torch.float32]
RECIPROCAL = torch.tensor([[0.05, 0.0, 0.0], [0.01, 0.04, 0.0], [-0.01, 0.0, 0.03]]).double()
ONE = torch.ones((), dtype=torch.float64)


def number(value, dtype=torch.float64):
    return torch.tensor(value, dtype=dtype)


def factor(shape, offset, cells=(3.0, 4.0, 5.0), fudge=1.0, dtype=torch.float64):
    inputs = number(offset, dtype), number(cells, dtype), RECIPROCAL.to(dtype), number(fudge, dtype)
    return lattice_value(shape, *inputs)


def sincg(offset, slits):
    """One grating: the ratio of its two parts."""
    over, under = grating(offset, slits, EAGER)
    return over / under


def sphere(x_squared):
    """`sinc3` of x^2, x = pi r."""
    return sinc3(x_squared / math.pi**2, EAGER)


@pytest.mark.parametrize("shape", CrystalShape)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_spot_has_the_height_of_its_cells(shape, dtype):
    height = 60 * SPHERE_IN_CUBE if shape is CrystalShape.ROUND else 60
    found = factor(shape, [0.0, 0.0, 0.0], dtype=dtype)
    assert found.dtype is dtype
    assert found.item() == pytest.approx(height, rel=1e-6)
    near = factor(shape, [1e-6, -1e-6, 1e-6], dtype=dtype)
    assert near.item() == pytest.approx(height, rel=1e-6)


@pytest.mark.parametrize("shape", CrystalShape)
def test_a_spot_is_symmetric_about_its_centre(shape):
    offsets = torch.rand(3, 50, generator=torch.Generator().manual_seed(3)).double() - 0.5
    there, back = (
        lattice_value(shape, o, number((3.0, 4.0, 5.0)), RECIPROCAL, ONE / 9)
        for o in (offsets, -offsets)
    )
    torch.testing.assert_close(there, back, rtol=1e-12, atol=1e-12)


@given(offset=st.tuples(*[st.floats(-0.5, 0.5)] * 3), cells=st.tuples(*[st.integers(1, 30)] * 3))
def test_the_gratings_multiply_to_F_latt(offset, cells):
    """A parallelepiped has one grating an edge, in the order a, b, c."""
    slits = number(cells).double()
    parts = [grating(number(x), n, EAGER) for x, n in zip(offset, slits, strict=True)]
    product = math.prod((over / under).item() for over, under in parts)
    # Six roundings more than a product of three.
    found = factor(CrystalShape.SQUARE, offset, cells).item()
    assert found == pytest.approx(product, rel=2e-15, abs=1e-300)
    for axis, (over, under) in enumerate(parts):
        x, slits = number(offset[axis]), number(float(cells[axis]))
        assert (over / under).item() == sincg(x, slits).item()


@given(offset=st.floats(-0.5, 0.5), slits=st.integers(1, 40))
def test_a_grating_is_the_sum_over_its_slits(offset, slits):
    places = [slit - (slits - 1) / 2 for slit in range(slits)]
    expected = math.fsum(math.cos(2 * math.pi * offset * place) for place in places)
    found = sincg(number(offset), number(float(slits)))
    assert found.item() == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("offset", [1e-30, 1e-12, 1e-7, 1e-5])
def test_a_grating_is_continuous_at_its_spot(offset, dtype):
    found = sincg(number([offset, -offset, 0.0], dtype), number(7.0, dtype))
    torch.testing.assert_close(found, torch.full((3,), 7.0, dtype=dtype), rtol=1e-6, atol=0)


def test_a_grating_vanishes_between_the_fringes():
    offsets = number([1 / 5, 2 / 5, -1 / 5])
    assert sincg(offsets, number(5.0)).abs().max() < 1e-14


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_series_of_the_sphere_meets_the_direct_formula(dtype):
    """Either side of the change, both agree to rounding with the series of all terms."""
    limit = math.pi**2 * (1e-3 if dtype is torch.float64 else 0.1)
    x2 = number([limit * (1 - 1e-6), limit, limit * (1 + 1e-6)], dtype)
    exact = []
    for value in x2.double().tolist():
        x = math.sqrt(value)
        exact.append(
            3
            * math.fsum(
                (-1) ** (n + 1) * 2 * n * x ** (2 * n - 2) / math.factorial(2 * n + 1)
                for n in range(1, 15)
            )
        )
    found = sphere(x2)
    # the direct formula loses the digits of x^2: 1e-16 / 1e-2, or 6e-8 / 1
    tolerance = 1e-13 if dtype is torch.float64 else 2e-6
    torch.testing.assert_close(found.double(), number(exact), rtol=tolerance, atol=0)


@pytest.mark.parametrize("x_squared", [0.0, 1e-9, 1e-7, 1e-5, 1e-3, 9.8e-3, 9.9e-3])
def test_the_slope_of_the_sphere_near_its_centre(x_squared):
    """-1/10 + x^2/140 - x^4/5040 + ...; the direct formula's would be noise."""
    x2 = number(x_squared).requires_grad_()
    sphere(x2).backward()
    expected = -0.1 + x_squared / 140 - x_squared**2 / 5040
    assert x2.grad.item() == pytest.approx(expected, abs=1e-11)


@given(x=st.floats(0.01, 60.0))
def test_the_transform_of_a_sphere_by_its_integral(x):
    """3/2 of the integral of (1 - z^2) cos(x z) from 0 to 1, by Simpson's rule."""
    parts = 600
    total = 0.0
    for i in range(parts + 1):
        z = i / parts
        total += (1 if i in (0, parts) else 4 if i % 2 else 2) * (1 - z * z) * math.cos(x * z)
    assert sphere(number(x * x)).item() == pytest.approx(1.5 * total / parts / 3, abs=1e-7)


def test_round_spots_scale_with_their_edges():
    along_a = factor(CrystalShape.ROUND, [0.4, 0.0, 0.0])
    along_b = factor(CrystalShape.ROUND, [0.0, 0.3, 0.0])
    assert along_a.item() == pytest.approx(along_b.item(), rel=1e-12)
    assert along_a.item() == pytest.approx(
        60 * SPHERE_IN_CUBE * sphere(number((math.pi * 1.2) ** 2)).item(), rel=1e-12
    )


@pytest.mark.parametrize("shape", [CrystalShape.ROUND, CrystalShape.GAUSS])
def test_the_fudge_factor_widens_by_its_root(shape):
    narrow = factor(shape, [0.2, -0.1, 0.05], fudge=4.0)
    assert narrow.item() == pytest.approx(factor(shape, [0.4, -0.2, 0.1]).item(), rel=1e-12)


def test_gauss_and_tophat_by_the_distance_in_reciprocal_space():
    """r = distance x Na Nb Nc; half of the gaussian's height, and the edge of the hat."""
    half = math.sqrt(0.63 * math.log(2)) / 60 / 0.05
    assert factor(CrystalShape.GAUSS, [half, 0.0, 0.0]).item() == pytest.approx(30.0)
    edge = 0.63 / 60 / 0.05
    assert factor(CrystalShape.TOPHAT, [edge * 0.999, 0.0, 0.0]).item() == 60.0
    assert factor(CrystalShape.TOPHAT, [edge * 1.001, 0.0, 0.0]).item() == 0.0


@pytest.mark.parametrize("shape", CrystalShape)
def test_no_gradient_is_nan_at_a_spot(shape):
    offset = torch.zeros(3, 1, dtype=torch.float64, requires_grad=True)
    cells = number((3.0, 4.0, 5.0)).requires_grad_()
    fudge = number(1.0).requires_grad_()
    value = lattice_value(shape, offset, cells, RECIPROCAL, fudge).sum()
    for gradient in torch.autograd.grad(value, (offset, cells, fudge), allow_unused=True):
        assert gradient is None or gradient.isfinite().all()


def test_round_does_not_use_the_cell():
    offset, cells = number([0.1, 0.2, 0.3]), number((3.0, 4.0, 5.0))
    there, elsewhere = (
        lattice_value(CrystalShape.ROUND, offset, cells, scale * RECIPROCAL, ONE)
        for scale in (1, 9)
    )
    assert torch.equal(there, elsewhere)


@pytest.mark.parametrize("shape", CrystalShape)
@pytest.mark.parametrize("arithmetic", [IN_KERNEL, OF_PAIRS], ids=["kernel", "pairs"])
def test_polynomials_give_what_sines_give(shape, arithmetic):
    """Their errors are 7e-19 of the sine; sines of torch, of pi times a rounded phase, 1e-16 N."""
    offsets = torch.rand(3, 200, generator=torch.Generator().manual_seed(5)).double() - 0.5
    offsets[:, :8] = torch.logspace(-1, -8, 8, dtype=torch.float64)
    domain = number((3.0, 4.0, 7.0)), RECIPROCAL, ONE / 9
    sines = lattice_value(shape, offsets, *domain).abs()
    polynomials = lattice_value(shape, offsets, *domain, arithmetic).abs()
    torch.testing.assert_close(polynomials, sines, rtol=1e-12, atol=84e-14)
