"""Photons of chosen pixels as a function of the parameters, with their derivatives."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

import nb_physics
from nb_core import Experiment, NbWarning
from nb_physics import Engine, Progress, simulate

Build = Callable[[Float[Tensor, " parameters"]], Experiment]
"""The experiment of some values of the parameters."""


@dataclass(frozen=True)
class Computing:
    """Where and how photons are computed: device, dtype and engine as of nb_physics.simulate.

    repeats: how often the same is to be computed with other values, so that building kernels is
        weighed against all of it
    """

    device: torch.device | str = "cpu"
    dtype: torch.dtype = torch.float64
    engine: Engine | str = Engine.AUTO
    repeats: int = 1


@contextmanager
def said_once() -> Iterator[None]:
    """Keeps nb_physics from repeating, at each step, what it warned of at the start."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=NbWarning, message="(?!no compiled kernels)")
        yield


def photons_and_jacobian(
    build: Build,
    values: Float[Tensor, " parameters"],
    pixels: Int[Tensor, " pixels"],
    computing: Computing | None = None,
    progress: Progress | None = None,
) -> tuple[Float[Tensor, " pixels"], Float[Tensor, "pixels parameters"]]:
    """Photons, and their derivatives by the parameters: float64 on the CPU, wherever computed."""
    chosen = computing or Computing()
    leaf = values.detach().clone().requires_grad_()
    with said_once():
        expected, jacobian = nb_physics.photons_and_jacobian(
            build(leaf),
            leaf,
            pixels,
            device=chosen.device,
            dtype=chosen.dtype,
            engine=chosen.engine,
            repeats=chosen.repeats,
            progress=progress,
        )
    return expected.to("cpu", torch.float64), jacobian.to("cpu", torch.float64)


def image_of(
    experiment: Experiment, computing: Computing, progress: Progress | None = None
) -> Float[Tensor, "slow fast"]:
    """The whole image: float64 on the CPU, wherever computed."""
    with said_once():
        image = simulate(
            experiment,
            device=computing.device,
            dtype=computing.dtype,
            engine=computing.engine,
            progress=progress,
        )
    return image.to("cpu", torch.float64)
