"""Scattering vectors, and Miller indices from them."""

import math

import pytest
import torch

from nb_physics.miller import fractional_indices, nearest_indices
from nb_physics.scattering import scattering_vectors, sin_theta_over_lambda, within_dmin


def number(value):
    return torch.tensor(value, dtype=torch.float64)


def scattered(twotheta, wavelength):
    """q of one ray in the x-y plane, beam along x."""
    ray = number([[math.cos(twotheta)], [math.sin(twotheta)], [0.0]])
    beam = number([[1.0], [0.0], [0.0]])
    return scattering_vectors(ray, beam, number([wavelength]))


@pytest.mark.parametrize("twotheta", [0.1, 1.0, 2.5])
def test_half_of_q_is_sin_theta_over_lambda(twotheta):
    found = sin_theta_over_lambda(scattered(twotheta, 1.3))
    assert found.item() == pytest.approx(math.sin(twotheta / 2) / 1.3, rel=1e-14)


def test_every_pixel_meets_every_source():
    rays, beams = torch.eye(3, dtype=torch.float64), torch.eye(3, dtype=torch.float64)[:, :2]
    q = scattering_vectors(rays, beams, number([1.0, 2.0]))
    assert q.shape == (3, 3, 2)
    assert q[:, 2, 1].tolist() == [0.0, -0.5, 0.5]
    assert q[:, 0, 0].tolist() == [0.0, 0.0, 0.0]


def test_dmin_cuts_finer_spacings_but_never_the_direct_beam():
    stol = number([[0.0, 0.1, 0.124, 0.126, 0.5]])
    assert within_dmin(stol, number(4.0)).tolist() == [[1.0, 1.0, 1.0, 0.0, 0.0]]


def test_indices_of_a_reciprocal_lattice_point():
    real = number([[10.0, 1.0, 0.0], [-2.0, 20.0, 3.0], [0.5, 0.0, 30.0]])
    spots = torch.linalg.solve(real, number([[3.0, -1.0], [0.5, 7.0], [-4.0, 2.25]]))
    hkl = fractional_indices(spots[:, :, None], real[:, :, None])
    assert hkl[:, 0, 0, 0].tolist() == pytest.approx([3.0, 0.5, -4.0])
    assert hkl[:, 1, 0, 0].tolist() == pytest.approx([-1.0, 7.0, 2.25])


def test_phases_stay_in_float64():
    q = torch.ones(3, 1, 1, dtype=torch.float64)
    assert fractional_indices(q, torch.ones(3, 3, 1).double()).dtype is torch.float64


def test_halves_round_down():
    values = number([-1.5, -0.5, 0.5, 1.5, 0.49, 0.51, -2.0])
    found = nearest_indices(values.expand(3, 1, 1, -1))
    assert found[0, 0, 0].tolist() == [-2.0, -1.0, 0.0, 1.0, 0.0, 1.0, -2.0]
