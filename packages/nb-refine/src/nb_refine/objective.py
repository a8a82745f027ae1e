"""The loss of one stage as a function of the parameters, with its residuals and derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_physics import Choice, Progress
from nb_refine.images import Build, Computing, photons_and_jacobian
from nb_refine.losses import Loss, above_floor, loss_sum, residual_and_slope


@dataclass(eq=False)
class Objective:
    """Counts at some pixels, and the loss of a model of them.

    Expected photons always come with their derivatives, which cost little beside them and are
    wanted wherever a step is taken; those of the last two places are kept.

    build: the experiment of some values; counts: photons, shape (pixels,)
    variance: of the counts, for the losses that need one; see `reweighted`
    lower, upper: bounds of the parameters
    computing: where and how photons are computed; progress: is told of the pixels done
    told: which engine computes them
    """

    build: Build
    pixels: Int[Tensor, " pixels"]
    counts: Float[Tensor, " pixels"]
    loss: Loss
    lower: Float[Tensor, " parameters"]
    upper: Float[Tensor, " parameters"]
    computing: Computing = field(default_factory=Computing)
    progress: Progress | None = None
    told: Callable[[Choice], None] | None = None
    variance: Float[Tensor, " pixels"] = field(init=False)
    _known: list[tuple[Tensor, Tensor, Tensor]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.variance = self.counts.clamp(min=1.0)

    def reweight(self, values: Float[Tensor, " parameters"]) -> None:
        """Takes the variance from the model: that of the counts is too small where they are low."""
        self.variance = self.model_and_jacobian(values)[0]

    def value(self, values: Float[Tensor, " parameters"]) -> float:
        """The loss."""
        model, _ = self.model_and_jacobian(values)
        return float(loss_sum(self.loss, self.counts, model, self.variance))

    def residuals(self, values: Float[Tensor, " parameters"]) -> Float[Tensor, " pixels"]:
        """r, with a loss of sum r^2 / 2."""
        model, _ = self.model_and_jacobian(values)
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
        """Expected photons, never 0, and their derivatives."""
        for known, model, jacobian in self._known:
            if torch.equal(known, values):
                return model, jacobian
        expected, jacobian = photons_and_jacobian(
            self.build, values, self.pixels, self.computing, self.progress, self.told
        )
        model = above_floor(expected)
        self._known = [(values.detach().clone(), model, jacobian), *self._known[:1]]
        return model, jacobian

    def gradient(
        self,
        position: Float[Tensor, " parameters"],
        to_values: Callable[[Tensor], Tensor],
    ) -> tuple[float, Float[Tensor, " parameters"]]:
        """The loss at `to_values(position)` and its gradient by `position`."""
        leaf = position.detach().clone().requires_grad_()
        values = to_values(leaf)
        model, jacobian = self.model_and_jacobian(values.detach())
        expected = model.clone().requires_grad_()
        loss = loss_sum(self.loss, self.counts, expected, self.variance)
        (slope,) = torch.autograd.grad(loss, expected)
        (gradient,) = torch.autograd.grad(values, leaf, jacobian.T @ slope)
        return float(loss.detach()), gradient
