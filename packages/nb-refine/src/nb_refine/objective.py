"""The loss of one stage as a function of the parameters, with its residuals and derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_refine.images import Build, photons, photons_and_jacobian
from nb_refine.losses import Loss, above_floor, loss_sum, residual_and_slope


@dataclass(eq=False)
class Objective:
    """Counts at some pixels, and the loss of a model of them.

    build: the experiment of some values; counts: photons, shape (pixels,)
    variance: of the counts, for the losses that need one; see `reweighted`
    lower, upper: bounds of the parameters
    """

    build: Build
    pixels: Int[Tensor, " pixels"]
    counts: Float[Tensor, " pixels"]
    loss: Loss
    lower: Float[Tensor, " parameters"]
    upper: Float[Tensor, " parameters"]
    variance: Float[Tensor, " pixels"] = field(init=False)
    _last: tuple[Tensor, Tensor, Tensor] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.variance = self.counts.clamp(min=1.0)

    def reweight(self, values: Float[Tensor, " parameters"]) -> None:
        """Takes the variance from the model: that of the counts is too small where they are low."""
        self.variance = self.model_and_jacobian(values)[0]

    def model(self, values: Float[Tensor, " parameters"]) -> Float[Tensor, " pixels"]:
        """Expected photons, never 0."""
        return above_floor(photons(self.build, values, self.pixels))

    def value(self, values: Float[Tensor, " parameters"]) -> float:
        """The loss."""
        return float(loss_sum(self.loss, self.counts, self.model(values), self.variance))

    def residuals(self, values: Float[Tensor, " parameters"]) -> Float[Tensor, " pixels"]:
        """r, with a loss of sum r^2 / 2."""
        known = self._last is not None and torch.equal(self._last[0], values)
        model = self.model_and_jacobian(values)[0] if known else self.model(values)
        return residual_and_slope(self.loss, self.counts, model, self.variance)[0]

    def residuals_and_jacobian(
        self, values: Float[Tensor, " parameters"]
    ) -> tuple[Float[Tensor, " pixels"], Float[Tensor, "pixels parameters"]]:
        """r and dr / dparameters."""
        model, jacobian = self.model_and_jacobian(values)
        residual, slope = residual_and_slope(self.loss, self.counts, model, self.variance)
        return residual, slope[:, None] * jacobian

    def model_and_jacobian(
        self, values: Float[Tensor, " parameters"]
    ) -> tuple[Float[Tensor, " pixels"], Float[Tensor, "pixels parameters"]]:
        """Expected photons and their derivatives; the last ones are kept."""
        if self._last is None or not torch.equal(self._last[0], values):
            model, jacobian = photons_and_jacobian(self.build, values, self.pixels)
            self._last = (values.clone(), above_floor(model), jacobian)
        return self._last[1], self._last[2]

    def gradient(
        self,
        position: Float[Tensor, " parameters"],
        to_values: Callable[[Tensor], Tensor],
    ) -> tuple[float, Float[Tensor, " parameters"]]:
        """The loss at `to_values(position)` and its gradient by `position`, in reverse mode."""
        leaf = position.detach().clone().requires_grad_()
        loss = loss_sum(self.loss, self.counts, self.model(to_values(leaf)), self.variance)
        (gradient,) = torch.autograd.grad(loss, leaf)
        return float(loss.detach()), gradient
