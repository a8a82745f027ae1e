"""One step of each optimiser, in units of the parameters' standard uncertainties.

All come from libraries: scipy's trust region for least squares, torch's LBFGS and Adam.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import least_squares
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from nb_refine.objective import Objective

Values = Float[Tensor, " parameters"]

ADAM_FIRST = 0.1
ADAM_LEAST = 0.1
"""Standard uncertainties."""

ADAM_MEMORY = (0.8, 0.9)
ADAM_PATIENCE = 12
"""How soon Adam forgets old gradients, and after how many steps without gain its rate is halved."""


class Optimizer(Enum):
    """GAUSS_NEWTON: scipy.optimize.least_squares; LBFGS, ADAM: torch.optim."""

    GAUSS_NEWTON = "gauss-newton"
    LBFGS = "lbfgs"
    ADAM = "adam"


@runtime_checkable
class Stepper(Protocol):
    """An optimiser at work on an objective."""

    def step(self) -> tuple[Values, float, float]:
        """The next values, their loss, and how far they are from the minimum.

        That is the Newton decrement sqrt(g' H^-1 g) with the Gauss-Newton matrix H: about the
        distance in standard uncertainties.
        """
        ...


class GaussNewton:
    """Trust-region reflective least squares (Branch, Coleman & Li, SIAM J. Sci. Comput. 21, 1999).

    start: the parameters; units: standard uncertainties, by which they are divided
    """

    def __init__(self, objective: Objective, start: Values, units: Values) -> None:
        self.objective, self.units = objective, units
        self.position = ((start - objective.lower) / units).numpy()
        self.ends = (0.0, ((objective.upper - objective.lower) / units).numpy())

    def step(self) -> tuple[Values, float, float]:
        """One accepted step; the same values where none makes the loss smaller."""
        objective, units = self.objective, self.units

        def residuals(x: np.ndarray) -> np.ndarray:
            return objective.residuals(self.to_values(x)).numpy()

        def jacobian(x: np.ndarray) -> np.ndarray:
            return (objective.residuals_and_jacobian(self.to_values(x))[1] * units).numpy()

        found = least_squares(
            residuals,
            self.position,
            jacobian,
            bounds=self.ends,
            method="trf",
            callback=_stop_after_one,
        )
        self.position = found.x
        reached = self.to_values(found.x)
        residual, slopes = objective.residuals_and_jacobian(reached)
        loss = float(torch.square(residual).sum() / 2)
        return reached, loss, decrement(slopes * units, residual, _free(objective, reached))

    def to_values(self, position: np.ndarray) -> Values:
        """The parameters at a position, which counts from the lower bounds."""
        inside = self.objective.lower + torch.from_numpy(position) * self.units
        return torch.minimum(torch.maximum(inside, self.objective.lower), self.objective.upper)


def _stop_after_one(intermediate_result: Any) -> None:
    raise StopIteration


def decrement(
    jacobian: Float[Tensor, "pixels parameters"],
    residual: Float[Tensor, " pixels"],
    free: Tensor,
) -> float:
    """Length of the residuals' part that the free parameters can still take away."""
    gradient = (jacobian.T @ residual)[free]
    matrix = (jacobian.T @ jacobian)[free][:, free]
    step = torch.linalg.lstsq(matrix, gradient[:, None]).solution[:, 0]
    return float((gradient @ step).clamp(min=0.0).sqrt())


def _free(objective: Objective, values: Values) -> Tensor:
    """Which parameters are not held by a bound."""
    margin = 1e-6 * (objective.upper - objective.lower)
    return (values > objective.lower + margin) & (values < objective.upper - margin)


class TorchStepper:
    """A torch optimiser on whitened parameters: values = start + transform y.

    transform: a root of the covariance, so that the loss is about |y - y0|^2 / 2 near its minimum
    Adam's steps start at a tenth of the way that the first gradient asks for, and shrink.
    """

    def __init__(self, objective: Objective, start: Values, transform: Tensor, kind: Optimizer):
        self.objective, self.start, self.transform = objective, start, transform
        self.position = torch.zeros_like(start).requires_grad_()
        self.optimizer: torch.optim.Optimizer
        self.schedule: ReduceLROnPlateau | None = None
        if kind is Optimizer.LBFGS:
            self.optimizer = torch.optim.LBFGS(
                [self.position], max_iter=1, max_eval=25, line_search_fn="strong_wolfe"
            )
        else:
            _, gradient = objective.gradient(self.position, self.to_values)
            rate = max(ADAM_FIRST * float(gradient.abs().max()), ADAM_LEAST)
            self.optimizer = torch.optim.Adam([self.position], lr=rate, betas=ADAM_MEMORY)
            self.schedule = ReduceLROnPlateau(
                self.optimizer, factor=0.5, patience=ADAM_PATIENCE, threshold=0.0
            )

    def to_values(self, position: Tensor) -> Tensor:
        """The parameters at a position, held within their bounds."""
        values = self.start + self.transform @ position
        return torch.minimum(torch.maximum(values, self.objective.lower), self.objective.upper)

    def step(self) -> tuple[Values, float, float]:
        """One step of the optimiser."""

        def closure() -> float:
            loss, gradient = self.objective.gradient(self.position, self.to_values)
            self.position.grad = gradient
            return loss

        self.optimizer.step(closure)
        loss, gradient = self.objective.gradient(self.position, self.to_values)
        if self.schedule is not None:
            self.schedule.step(loss)
        return self.to_values(self.position.detach()), loss, float(gradient.norm())


def make_stepper(kind: Optimizer, objective: Objective, start: Values, cov: Tensor) -> Stepper:
    """An optimiser for an objective; `cov`: the covariance that its units come from."""
    units = torch.sqrt(torch.diagonal(cov))
    if kind is Optimizer.GAUSS_NEWTON:
        return GaussNewton(objective, start, units)
    scaled = cov / units[:, None] / units
    ridge = 1e-9 * torch.eye(len(units), dtype=cov.dtype)
    transform = units[:, None] * torch.linalg.cholesky(scaled + ridge)
    return TorchStepper(objective, start, transform, kind)
