"""Covariances from the Fisher information."""

import pytest
import torch

from nb_refine import FitError
from nb_refine.uncertainty import correlation, covariance, information


def test_a_straight_line_has_its_known_uncertainties():
    """Means a + b x of unit variance at x = -1, 0, 1: variances 1/3 and 1/2, no correlation."""
    x = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    jacobian = torch.stack([torch.ones_like(x), x], dim=1)
    matrix = covariance(information(torch.ones_like(x), jacobian), ["a", "b"])
    expected = torch.tensor([[1 / 3, 0.0], [0.0, 1 / 2]], dtype=torch.float64)
    torch.testing.assert_close(matrix, expected)  # rounding
    torch.testing.assert_close(correlation(matrix), torch.eye(2, dtype=torch.float64))


def test_the_variance_of_a_mean_is_the_mean_over_the_counts():
    """n counts of mean m: variance m / n."""
    model = torch.full((50,), 4.0, dtype=torch.float64)
    matrix = covariance(information(model, torch.ones((50, 1), dtype=torch.float64)), ["m"])
    assert float(matrix[0, 0]) == pytest.approx(4.0 / 50)


def test_parameters_that_do_the_same_are_named():
    jacobian = torch.tensor([[1.0, 2.0, 0.5], [2.0, 4.0, 0.1]], dtype=torch.float64)
    jacobian = jacobian.repeat(3, 1)
    ones = torch.ones(6, dtype=torch.float64)
    with pytest.raises(FitError, match="p, q: the image does not tell them apart"):
        covariance(information(ones, jacobian), ["p", "q", "r"])


def test_a_parameter_without_effect_is_named():
    jacobian = torch.tensor([[1.0, 0.0], [2.0, 0.0]], dtype=torch.float64)
    with pytest.raises(FitError, match="q has no effect on the image"):
        covariance(information(torch.ones(2, dtype=torch.float64), jacobian), ["p", "q"])
