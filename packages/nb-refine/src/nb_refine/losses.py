"""How far a model is from counts: three losses, each as a sum of squared residuals.

A residual r(n, m) of counts n and model m has a slope dr/dm. loss = sum r^2 / 2, so that one
solver of least squares serves all; Poisson's likelihood is one by its deviance residuals
(McCullagh & Nelder, Generalized Linear Models, 1989, section 2.4.3).
"""

from __future__ import annotations

from enum import Enum

import torch
from jaxtyping import Float
from torch import Tensor

FLOOR = 1e-3
"""Photons that every pixel is taken to expect besides the model's: the logarithm needs some."""

ROBUST_WIDTH = 3.0
"""Standard deviations beyond which the robust loss grows as the distance, not as its square."""

_NEAR = 1e-4
"""Relative distance below which a deviance is a difference of equal numbers."""


class Loss(Enum):
    """POISSON: deviance of counted photons; GAUSSIAN: squares over the model's variance;
    ROBUST: those, but growing linearly for outliers (pseudo-Huber).
    """

    POISSON = "poisson"
    GAUSSIAN = "gaussian"
    ROBUST = "robust"


def above_floor(photons: Float[Tensor, " pixels"]) -> Float[Tensor, " pixels"]:
    """What pixels are taken to expect where a model expects so many photons: never 0."""
    return photons.clamp(min=0.0) + FLOOR


def residual_and_slope(
    loss: Loss,
    counts: Float[Tensor, " pixels"],
    model: Float[Tensor, " pixels"],
    variance: Float[Tensor, " pixels"],
) -> tuple[Float[Tensor, " pixels"], Float[Tensor, " pixels"]]:
    """r and dr/dm. `model` and `variance` (which Poisson does not look at) are greater than 0."""
    if loss is Loss.POISSON:
        return _poisson(counts, model)
    width = torch.rsqrt(variance)
    plain = (model - counts) * width
    if loss is Loss.GAUSSIAN:
        return plain, width
    # rho = 2 c^2 (sqrt(1 + r^2 / c^2) - 1) = r^2 * share, without a difference of equal numbers
    root = torch.sqrt(1.0 + torch.square(plain / ROBUST_WIDTH))
    share = torch.sqrt(2.0 / (root + 1.0))
    return plain * share, width / (share * root)


def _poisson(
    counts: Float[Tensor, " pixels"], model: Float[Tensor, " pixels"]
) -> tuple[Float[Tensor, " pixels"], Float[Tensor, " pixels"]]:
    difference = model - counts
    near = difference.abs() < _NEAR * model
    half = difference + torch.xlogy(counts, counts / model)
    size = torch.sqrt(2.0 * torch.where(near, torch.ones_like(half), half).clamp(min=1e-300))
    far = torch.sign(difference) * size
    plain = torch.rsqrt(model)
    residual = torch.where(near, difference * plain, far)
    slope = torch.where(near, plain, (difference / model) / far)
    return residual, slope


def loss_sum(
    loss: Loss,
    counts: Float[Tensor, " pixels"],
    model: Float[Tensor, " pixels"],
    variance: Float[Tensor, " pixels"],
) -> Float[Tensor, ""]:
    """Sum of r^2 / 2; smooth everywhere, for gradients."""
    if loss is Loss.POISSON:
        return (model - counts + torch.xlogy(counts, counts) - counts * torch.log(model)).sum()
    squared = torch.square(model - counts) / variance
    if loss is Loss.GAUSSIAN:
        return squared.sum() / 2.0
    scale = ROBUST_WIDTH**2
    return scale * (torch.sqrt(1.0 + squared / scale) - 1.0).sum()
