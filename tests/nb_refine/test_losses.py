"""Losses: residuals, slopes and sums belong together."""

import pytest
import torch

from nb_refine.losses import Loss, loss_sum, residual_and_slope

COUNTS = torch.tensor([0.0, 0.0, 1.0, 3.0, 100.0, 7.0, 7.0, 900.0], dtype=torch.float64)
MODEL = torch.tensor([1e-3, 2.0, 1.2, 9.0, 90.0, 7.0, 7.0000001, 400.0], dtype=torch.float64)
VARIANCE = MODEL * 1.5


@pytest.mark.parametrize("loss", Loss)
def test_half_the_squared_residuals_are_the_loss(loss):
    """To 1e-5: where counts and model nearly agree, the deviance is taken to first order."""
    residual, _ = residual_and_slope(loss, COUNTS, MODEL, VARIANCE)
    expected = loss_sum(loss, COUNTS, MODEL, VARIANCE)
    assert float(torch.square(residual).sum() / 2) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("loss", Loss)
def test_slopes_are_derivatives(loss):
    """Central differences with steps of 1e-5 of the model: errors of 1e-10 of a slope, and of
    1e-4 between the two forms of the deviance at equal counts.
    """
    _, slope = residual_and_slope(loss, COUNTS, MODEL, VARIANCE)
    h = 1e-5 * MODEL
    above, _ = residual_and_slope(loss, COUNTS, MODEL + h, VARIANCE)
    below, _ = residual_and_slope(loss, COUNTS, MODEL - h, VARIANCE)
    torch.testing.assert_close(slope, (above - below) / (2 * h), rtol=2e-4, atol=0.0)


@pytest.mark.parametrize("loss", Loss)
def test_the_gradient_of_the_sum_is_that_of_the_residuals(loss):
    """The same 1e-4 as above, of a residual that is itself nearly 0."""
    model = MODEL.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss_sum(loss, COUNTS, model, VARIANCE), model)
    residual, slope = residual_and_slope(loss, COUNTS, MODEL, VARIANCE)
    torch.testing.assert_close(gradient, residual * slope, rtol=2e-4, atol=1e-12)


def test_poisson_is_smallest_at_the_counts():
    counts = torch.tensor([4.0], dtype=torch.float64)
    at = [float(loss_sum(Loss.POISSON, counts, counts * f, counts)) for f in (0.9, 1.0, 1.1)]
    assert at[1] == pytest.approx(0.0, abs=1e-14)  # rounding of 4 log 4
    assert min(at) == at[1]


def test_the_robust_loss_grows_linearly():
    """Twice the distance: twice the loss, up to its constant of 9."""
    zero, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    near, far = (float(loss_sum(Loss.ROBUST, zero, m * one, one)) for m in (1e4, 2e4))
    assert far / near == pytest.approx(2.0, rel=1e-3)  # 9 of 3e4
