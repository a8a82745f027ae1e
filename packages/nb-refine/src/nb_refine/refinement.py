"""A refinement: stages of the continuation, steps of an optimiser, and what comes out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import Experiment, InputError
from nb_core.showing import brief
from nb_core.wording import counted
from nb_physics import Choice, Engine, lattice_factor, make_plan
from nb_refine.continuation import (
    START_ERROR_DEG,
    Stage,
    make_stages,
    near_reflections,
    some_of,
    stage_experiment,
    stage_model,
)
from nb_refine.errors import FitError
from nb_refine.images import Computing, photons_and_jacobian
from nb_refine.lattice import Lattice
from nb_refine.losses import Loss
from nb_refine.objective import Objective
from nb_refine.observation import Observation, observe
from nb_refine.optimizers import Optimizer, Stepper, make_stepper
from nb_refine.parameters import PARAMETERS, Model, Parameter, make_model
from nb_refine.result import Result, Step, make_result
from nb_refine.uncertainty import covariance, information

CLOSE = 0.02
"""How near to the minimum a refinement ends, in standard uncertainties."""

SETTLED = 1e-3
"""Every stage but the last ends when a step takes less than this part off its loss."""

MOST_CHI_SQUARED = 2.0

EVALUATIONS = 6
"""Of the photons and their derivatives, that a stage is taken to need: what engine pays for it, and
how far it is.
"""

Told = Callable[[str, int, int], None]
"""Is told the name of a stage, and of the pixels that it is taken to compute those done and all. A
stage that needs more of them is taken to need as many again.
"""

Kind = TypeVar("Kind", bound=Enum)


@dataclass
class _Running:
    """A stage at work."""

    stage: Stage
    model: Model
    objective: Objective
    stepper: Stepper
    values: Tensor
    loss: float
    number: int = 0


def _check(experiment: Experiment, steps: int, start_error_deg: float) -> None:
    """Refuses what cannot be refined, or not so."""
    shape = lattice_factor(experiment.crystal.shape)
    if shape.flat:
        remedy = f"{shape.label} have no gradient; choose square, round or gauss"
        raise InputError("shape", shape.name, remedy)
    if steps < 1:
        raise InputError("steps", steps, "must be 1 or more")
    if not 0 < start_error_deg < 90:
        raise InputError("start_error_deg", start_error_deg, "must be between 0 and 90 degrees")


class Refinement:
    """Fits an experiment to an image.

    image: photons, shape (slow, fast) or (panel, slow, fast), or an Observation
    parameters: groups of parameters, some of GROUP_NAMES
    steps: most steps of each stage
    start_error_deg: how far the start's orientation may be off; what moves spots as far by an
        error of cell or distance counts as well
    max_chi_squared: a pixel, of a model that fits
    limits: bounds by parameter, in place of the defaults
    callbacks: called with each Step
    device, dtype, engine: where and how photons are computed, as of nb_physics.simulate
    progress: called within a step; see Told
    Raises InputError for what cannot be refined, and as `observe`.
    """

    def __init__(
        self,
        experiment: Experiment,
        image: Observation
        | Float[Tensor, "*panel slow fast"]
        | Float[np.ndarray, "*panel slow fast"],
        parameters: Sequence[str] = PARAMETERS,
        *,
        lattice: Lattice | str = Lattice.TRICLINIC,
        loss: Loss | str = Loss.POISSON,
        optimizer: Optimizer | str = Optimizer.GAUSS_NEWTON,
        roi_from_prediction: bool = True,
        steps: int = 50,
        start_error_deg: float = START_ERROR_DEG,
        max_chi_squared: float = MOST_CHI_SQUARED,
        limits: Mapping[str, tuple[float, float]] | None = None,
        callbacks: Sequence[Callable[[Step], None]] = (),
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float64,
        engine: Engine | str = Engine.AUTO,
        progress: Told | None = None,
    ) -> None:
        _check(experiment, steps, start_error_deg)
        self.observation = image if isinstance(image, Observation) else observe(image, experiment)
        self.plan = make_plan(experiment)
        chosen = _member("lattice", lattice, Lattice)
        self.model = make_model(experiment, self.plan, parameters, chosen, limits)
        self.kind = _member("loss", loss, Loss)
        self.optimizer = _member("optimizer", optimizer, Optimizer)
        self.predicts, self.most_steps = roi_from_prediction, steps
        self.max_chi_squared, self.callbacks = max_chi_squared, list(callbacks)
        self.computing, self.progress = Computing(device, dtype, engine), progress
        geometric = any(parameter.geometric for parameter in self.model.parameters)
        self.stages = make_stages(self.plan, math.radians(start_error_deg), geometric=geometric)
        self.stages += self.stages[-1:] * self._repeats()
        self.values = self.model.start
        self.history: list[Step] = []
        self._left, self._running = list(self.stages), None
        self._doing, self._rounds = "refining", 0
        self.choice: Choice | None = None

    _running: _Running | None

    def __repr__(self) -> str:
        done = counted(len(self.history), "step")
        return f"Refinement({self.observation.name}, {brief(self.model.names)}, after {done})"

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What is refined."""
        return self.model.parameters

    @property
    def loss(self) -> float | None:
        """The loss after the last step; None before the first."""
        return self.history[-1].loss if self.history else None

    @property
    def finished(self) -> bool:
        """Whether all stages are done."""
        return self._running is None and not self._left

    @property
    def experiment(self) -> Experiment:
        """The experiment with the present values."""
        return self.model.experiment(self.values)

    def run(self) -> Result:
        """Steps to the end, and the result; raises as `result`."""
        while not self.finished:
            self.step()
        return self.result()

    def step(self) -> Step:
        """One step of the optimiser, in the stage that is its turn; tells the callbacks.

        Raises FitError where the image does not determine the parameters.
        """
        running = self._running or self._enter(self._left.pop(0))
        before, values = running.loss, running.values
        running.values, running.loss, distance = running.stepper.step()
        running.number += 1
        self._take(running.values, running.model)
        reason = self._reason(running, before, distance, bool(torch.equal(values, running.values)))
        named = dict(zip(self.model.names, self.values.tolist(), strict=True))
        pixels = running.objective.pixels.numel()
        made = Step(
            running.stage.name, running.number, running.loss, distance, pixels, named, reason
        )
        self.history.append(made)
        self._running = None if reason else running
        for callback in self.callbacks:
            callback(made)
        return made

    def result(self) -> Result:
        """The refined experiment with its uncertainties.

        Raises InputError before the end, and FitError where the steps ran out, the model does not
        fit the whole image, or its spots are not in it.
        """
        if not self.finished:
            raise InputError("refinement", "not finished", "take all its steps, or call run()")
        self._doing, self._rounds = "result", 0
        pixels = self._pixels(self.stages[-1], self.experiment)
        return make_result(
            self.model,
            self.observation,
            self.values,
            pixels,
            self.kind,
            self.history,
            self.max_chi_squared,
            self.computing,
            self._tell,
        )

    def _tell(self, done: int, total: int) -> None:
        """Says how far the stage is, when so many of the pixels of one round are computed."""
        if self.progress is not None:
            rounds = EVALUATIONS * (1 + self._rounds // EVALUATIONS)
            self.progress(self._doing, self._rounds * total + done, rounds * total)
        self._rounds += done == total

    def _tell_choice(self, choice: Choice) -> None:
        self.choice = choice

    def _repeats(self) -> int:
        """How often the last stage begins anew: with variances, or Adam's units, of its end."""
        return 2 if self.optimizer is Optimizer.ADAM else int(self.kind is not Loss.POISSON)

    def _enter(self, stage: Stage) -> _Running:
        """The stage's pixels, its objective from the present values, and its optimiser."""
        self._doing, self._rounds = stage.name, 0
        model = stage_model(self.model, stage)
        values = torch.tensor(
            [self._value(p.name, p.start) for p in model.parameters], dtype=torch.float64
        )
        pixels = self._pixels(stage, self.experiment)

        def build(values: Tensor) -> Experiment:
            return stage_experiment(model.experiment(values), self.plan, stage)

        counts = self.observation.photons.flatten()[pixels]
        told = (self._tell, self._tell_choice)
        how = self._repeated(stage)
        objective = Objective(build, pixels, counts, self.kind, *model.bounds(), how, *told)
        values = _scaled(objective, model, values)
        cov = covariance(information(*objective.model_and_jacobian(values)), model.names)
        if self.kind is not Loss.POISSON:
            objective.reweight(values)
        stepper = make_stepper(self.optimizer, objective, values, cov)
        return _Running(stage, model, objective, stepper, values, objective.value(values))

    def _repeated(self, stage: Stage) -> Computing:
        """How this stage is computed, and those that follow with the same spots."""
        alike = [later for later in self._left if (later.width is None) is (stage.width is None)]
        return dataclasses.replace(self.computing, repeats=EVALUATIONS * (1 + len(alike)))

    def _value(self, name: str, otherwise: float) -> float:
        names = self.model.names
        return float(self.values[names.index(name)]) if name in names else otherwise

    def _take(self, values: Tensor, model: Model) -> None:
        """Keeps the values of what is refined; the brightness of broad spots is not."""
        for name, value in zip(model.names, values, strict=True):
            if name in self.model.names:
                self.values[self.model.names.index(name)] = value

    def _pixels(self, stage: Stage, experiment: Experiment) -> Tensor:
        usable = self.observation.usable.flatten()
        if not self.predicts:
            return torch.nonzero(usable).flatten()
        near = near_reflections(experiment, stage.radius, self.computing)
        pixels = near[usable[near]] if stage.width is None else some_of(near[usable[near]])
        if pixels.numel() < 10 * len(self.model.parameters):
            reason = f"only {pixels.numel()} usable pixels lie near predicted spots"
            raise FitError(f"{reason}; check the model, or leave out --roi-from-prediction")
        return pixels

    def _reason(self, running: _Running, before: float, distance: float, stuck: bool) -> str:
        """Why the stage ends; empty where it goes on."""
        gain = before - running.loss
        if distance < CLOSE:
            return f"converged: {distance:.1g} standard uncertainties from the minimum"
        if self._left and 0 <= gain < SETTLED * abs(before):
            return "settled: the loss hardly changes"
        if stuck:
            return "stopped: no step makes the loss smaller"
        if running.number >= self.most_steps:
            return f"out of steps: {self.most_steps} taken"
        return ""


def _member(field: str, value: object, kind: type[Kind]) -> Kind:
    try:
        return kind(value)
    except ValueError as error:
        known = ", ".join(member.value for member in kind)
        raise InputError(field, value, f"expected one of: {known}") from error


def _scaled(objective: Objective, model: Model, values: Tensor) -> Tensor:
    """The values with the scale, and the background, that fit best where nothing else moves.

    Photons are linear in both: least squares of one or two columns.
    """
    places = [n for n, name in enumerate(model.names) if name in ("scale", "background")]
    if "scale" not in model.names:
        return values
    where = (torch.tensor(places),)

    def build(part: Tensor) -> Experiment:
        return objective.build(values.index_put(where, part))

    expected, columns = photons_and_jacobian(
        build, values[places], objective.pixels, objective.computing, objective.progress
    )
    fixed = expected - columns @ values[places]
    found = torch.linalg.lstsq(columns, (objective.counts - fixed)[:, None]).solution[:, 0]
    lower, upper = objective.lower[places], objective.upper[places]
    return values.index_put(where, torch.minimum(torch.maximum(found, 2.0 * lower), upper / 2.0))
