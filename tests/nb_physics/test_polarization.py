"""Kahn's polarization factor."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nb_physics.polarization import field_axes, kahn_factor


def number(value):
    return torch.tensor(value, dtype=torch.float64)


def factor(diffracted, incident=(1.0, 0.0, 0.0), kahn=1.0, electric=(0.0, 0.0, 1.0)):
    columns = number(diffracted)[:, None], number(incident)[:, None]
    return kahn_factor(*columns, *field_axes(columns[1], number(electric)), number(kahn)).item()


@given(twotheta=st.floats(0.0, math.pi), psi=st.floats(-math.pi, math.pi), kahn=st.floats(-1, 1))
def test_the_factor_by_its_angles(twotheta, psi, kahn):
    """psi: azimuth from the E vector (z) in the plane across the beam (x)."""
    across = math.sin(twotheta)
    ray = math.cos(twotheta), across * math.sin(psi), across * math.cos(psi)
    expected = (1 + math.cos(twotheta) ** 2 - kahn * math.cos(2 * psi) * across**2) / 2
    assert factor(ray, kahn=kahn) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("kahn", [-1.0, 0.0, 0.9])
@pytest.mark.parametrize("x", [1.0, -1.0])
def test_the_forward_and_backward_beam_are_whole(x, kahn):
    assert factor((x, 0.0, 0.0), kahn=kahn) == 1.0


def test_nothing_is_seen_along_the_electric_vector():
    assert factor((0.0, 0.0, 1.0), kahn=1.0) == pytest.approx(0.0, abs=1e-16)
    assert factor((0.0, 1.0, 0.0), kahn=1.0) == pytest.approx(1.0, abs=1e-16)


def test_a_tilted_source_turns_the_electric_vector_along():
    """The E vector's part along the beam is taken off."""
    beam = (math.cos(0.2), 0.0, math.sin(0.2))
    electric = (-math.sin(0.2), 0.0, math.cos(0.2))
    assert factor(electric, incident=beam) == pytest.approx(0.0, abs=1e-15)


def test_no_gradient_is_nan_in_the_forward_beam():
    ray = number([[1.0], [0.0], [0.0]]).requires_grad_()
    beam = number([[1.0], [0.0], [0.0]]).requires_grad_()
    electric, kahn = number((0.0, 0.0, 1.0)).requires_grad_(), number(0.5).requires_grad_()
    value = kahn_factor(ray, beam, *field_axes(beam, electric), kahn).sum()
    for gradient in torch.autograd.grad(value, (ray, beam, electric, kahn)):
        assert gradient.isfinite().all()
