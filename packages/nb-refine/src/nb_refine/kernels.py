"""The compiled kernels that a refinement takes, to be built beforehand."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence

import torch

from nb_core import Experiment, NbWarning
from nb_physics import KernelKind, kernels_of, kernels_of_jacobian, make_plan
from nb_refine.continuation import (
    START_ERROR_DEG,
    Stage,
    flat_topped,
    make_stages,
    stage_experiment,
    stage_model,
)
from nb_refine.parameters import PARAMETERS, Model, make_model


def refinement_kernels(
    experiment: Experiment,
    parameters: Sequence[str] = PARAMETERS,
    *,
    start_error_deg: float = START_ERROR_DEG,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
) -> list[KernelKind]:
    """The kernels of all stages: of predicted pixels, and of photons with their derivatives.

    parameters, start_error_deg: as of `Refinement`; warns where derivatives have no kernels
    Raises InputError for what cannot be refined, and as `kernels_of`.
    """
    plan = make_plan(experiment)
    model = make_model(experiment, plan, parameters)
    geometric = any(parameter.geometric for parameter in model.parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NbWarning)  # said already, of the experiment
        found: dict[KernelKind, None] = {}
        eager = False
        for stage in make_stages(plan, math.radians(start_error_deg), geometric=geometric):
            topped = flat_topped(experiment, plan, stage.radius)
            found |= dict.fromkeys(kernels_of(topped, device=device, dtype=dtype))
            for moved in _models(model, stage):
                values = moved.start.requires_grad_()
                built = stage_experiment(moved.experiment(values), plan, stage)
                kernels = kernels_of_jacobian(built, values, device=device, dtype=dtype)
                eager = eager or kernels is None
                found |= dict.fromkeys(kernels or ())
    if eager:
        message = "derivatives by some of these parameters have no kernels, and are eager"
        warnings.warn(message, NbWarning, stacklevel=2)
    return list(found)


def _models(model: Model, stage: Stage) -> Iterator[Model]:
    """What a stage moves: first the brightness alone, then all that it refines."""
    whole = stage_model(model, stage)
    bright = [name for name in ("scale", "background") if name in whole.groups]
    if "scale" in bright:
        yield make_model(whole.base, whole.plan, bright, whole.lattice)
    yield whole
