"""What a refinement gives: values, standard uncertainties, and whether the model fits."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_core import Experiment
from nb_core.showing import Brief
from nb_physics import Choice, Engine, Progress
from nb_refine.errors import FitError
from nb_refine.images import Build, Computing, WithoutDerivatives, photons_and_jacobian
from nb_refine.losses import Loss, above_floor, loss_sum
from nb_refine.observation import Observation
from nb_refine.parameters import Model, Parameter
from nb_refine.uncertainty import correlation, covariance, information

SIGNIFICANT = 25.0
"""How much smaller the spots must make the loss: five standard deviations' worth, twice over."""


@dataclass(frozen=True, repr=False)
class Step(Brief):
    """One step of the optimiser.

    stage: its name; number: within the stage; pixels: how many are fitted
    loss: after it; distance: from the minimum, in standard uncertainties, as it appears there
    values: by parameter, also those that this stage leaves alone
    reason: why the stage ended here; empty where it goes on
    """

    stage: str
    number: int
    loss: float
    distance: float
    pixels: int
    values: dict[str, float]
    reason: str


@dataclass(frozen=True, eq=False, repr=False)
class Result(Brief):
    """A refined experiment.

    start, experiment: before and after
    parameters, values, uncertainties: in the order of `parameters`, and in their units
    correlation: of the values, shape (parameters, parameters)
    chi_squared: of all usable pixels, divided by their number less that of the parameters
    pixels: how many were fitted; at_bound: parameters that ended at a bound
    before, after: simulated photons, shape (slow, fast) or (panel, slow, fast)
    """

    start: Experiment
    experiment: Experiment
    parameters: tuple[Parameter, ...]
    values: Float[Tensor, " parameters"]
    uncertainties: Float[Tensor, " parameters"]
    correlation: Float[Tensor, "parameters parameters"]
    chi_squared: float
    loss: float
    pixels: int
    at_bound: tuple[str, ...]
    history: tuple[Step, ...]
    before: Float[Tensor, "*panel slow fast"]
    after: Float[Tensor, "*panel slow fast"]

    @property
    def reason(self) -> str:
        """Why the refinement stopped."""
        return self.history[-1].reason

    def value(self, name: str) -> tuple[float, float]:
        """A parameter's value and its standard uncertainty."""
        place = [parameter.name for parameter in self.parameters].index(name)
        return float(self.values[place]), float(self.uncertainties[place])


def make_result(
    model: Model,
    observation: Observation,
    values: Float[Tensor, " parameters"],
    pixels: Int[Tensor, " pixels"],
    loss: Loss,
    history: Sequence[Step],
    most_chi_squared: float,
    computing: Computing,
    progress: Progress | None = None,
) -> Result:
    """The result at these values; FitError where there is none, as `Refinement.result` says."""
    last = history[-1]
    chosen: list[Choice] = []
    expected, jacobian = photons_and_jacobian(
        model.experiment, values, pixels, computing, progress, chosen.append
    )
    expected = above_floor(expected)
    simple = WithoutDerivatives(computing, chosen[-1].engine is Engine.COMPILED, progress)
    before, after = (simple.image(model.experiment, own) for own in (model.start, values))
    counts, usable = observation.photons, observation.usable
    chi_squared = mean_chi_squared(loss, counts[usable], after[usable], len(model.parameters))
    _require_fit(chi_squared, most_chi_squared, last.reason)
    empty = above_floor(simple.at(_spotless(model), values, pixels))
    _require_spots(counts.flatten()[pixels], expected, empty)
    matrix = covariance(information(expected, jacobian), model.names)
    return Result(
        start=model.base,
        experiment=model.experiment(values.detach().clone()),
        parameters=model.parameters,
        values=values.clone(),
        uncertainties=torch.sqrt(torch.diagonal(matrix)),
        correlation=correlation(matrix),
        chi_squared=chi_squared,
        loss=last.loss,
        pixels=pixels.numel(),
        at_bound=_at_bound(model, values),
        history=tuple(history),
        before=before,
        after=after,
    )


def _at_bound(model: Model, values: Float[Tensor, " parameters"]) -> tuple[str, ...]:
    """The names of the parameters that stand at a bound."""
    lower, upper = model.bounds()
    margin = 1e-6 * (upper - lower)
    held = (values <= lower + margin) | (values >= upper - margin)
    return tuple(name for name, at in zip(model.names, held.tolist(), strict=True) if at)


def mean_chi_squared(
    loss: Loss,
    counts: Float[Tensor, " pixels"],
    model: Float[Tensor, " pixels"],
    parameters: int,
) -> float:
    """Pearson's chi^2 a degree of freedom: 1 for Poisson counts however few.

    Outliers weigh as in the robust loss where that was asked for.
    """
    mean = above_floor(model)
    kind = Loss.ROBUST if loss is Loss.ROBUST else Loss.GAUSSIAN
    return 2.0 * float(loss_sum(kind, counts, mean, mean)) / max(1, counts.numel() - parameters)


def _require_fit(chi_squared: float, most: float, reason: str) -> None:
    """Refuses a model that does not fit, and one that is still on its way."""
    if chi_squared > most:
        raise FitError(
            f"the model does not fit the image: chi^2 is {chi_squared:.3g} a pixel where at most "
            f"{most:g} was asked for; start closer, refine more parameters, or check lattice, "
            "structure factors and gain"
        )
    if reason.startswith("out of steps"):
        raise FitError(f"{reason}, and not converged; give more steps, or a better start")


def _spotless(model: Model) -> Build:
    """The model without its spots: all structure factors are 0."""

    def build(values: Tensor) -> Experiment:
        experiment = model.experiment(values)
        crystal = dataclasses.replace(experiment.crystal, default_F=0.0)
        factors = experiment.structure_factors
        if factors is not None:
            factors = dataclasses.replace(factors, F=torch.zeros_like(factors.F))
        return dataclasses.replace(experiment, crystal=crystal, structure_factors=factors)

    return build


def _require_spots(
    counts: Float[Tensor, " pixels"],
    expected: Float[Tensor, " pixels"],
    empty: Float[Tensor, " pixels"],
) -> None:
    """Refuses an image that is as well described without the crystal."""
    without = loss_sum(Loss.POISSON, counts, empty, empty)
    gain = float(without - loss_sum(Loss.POISSON, counts, expected, expected))
    if gain < SIGNIFICANT:
        raise FitError(
            "the model's spots are not in the image: it is as well described by the background "
            "alone; check the image, its adc_offset and gain, and the orientation"
        )
