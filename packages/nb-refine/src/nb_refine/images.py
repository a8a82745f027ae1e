"""Photons of chosen pixels as a function of the parameters, with their derivatives."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

import nb_physics
from nb_core import Experiment, NbWarning
from nb_physics import Choice, Engine, Progress, choose_engine, photons_at, rendered_indices

MOST_TOGETHER = 1 << 19
"""Pixels whose derivatives stand in memory where only their photons are wanted."""

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
    told: Callable[[Choice], None] | None = None,
) -> tuple[Float[Tensor, " pixels"], Float[Tensor, "pixels parameters"]]:
    """Photons, and their derivatives by the parameters: float64 on the CPU, wherever computed.

    told: which engine computes them
    """
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
            chosen=told,
        )
    return expected.to("cpu", torch.float64), jacobian.to("cpu", torch.float64)


@dataclass(frozen=True)
class WithoutDerivatives:
    """Photons alone; float64 on the CPU, wherever computed.

    at_hand: whether the kernels that give derivatives, too, are there: they take three times as
        long as those of an image, which may have to be built first, and a tenth of what eager takes
    """

    computing: Computing
    at_hand: bool
    progress: Progress | None = None

    def image(
        self, build: Build, values: Float[Tensor, " parameters"]
    ) -> Float[Tensor, "*panel slow fast"]:
        """The whole image; 0 outside the region of interest and the mask."""
        experiment = build(values.detach())
        rendered = rendered_indices(experiment)
        image = torch.zeros(math.prod(experiment.shape), dtype=torch.float64)
        image[rendered] = self.at(build, values, rendered)
        return image.reshape(experiment.shape)

    def at(
        self, build: Build, values: Float[Tensor, " parameters"], pixels: Int[Tensor, " pixels"]
    ) -> Float[Tensor, " pixels"]:
        """Photons of the pixels with these flat indices."""
        experiment, by = build(values.detach()), self.computing
        with said_once():
            choice = choose_engine(experiment, device=by.device, dtype=by.dtype, engine=by.engine)
            if not self.at_hand or (choice.engine is Engine.COMPILED and not choice.missing):
                found = photons_at(
                    experiment,
                    pixels,
                    device=by.device,
                    dtype=by.dtype,
                    engine=by.engine,
                    progress=self.progress,
                )
                return found.to("cpu", torch.float64)
        parts, done = [torch.zeros(0, dtype=torch.float64)], 0
        for some in pixels.split(MOST_TOGETHER):
            tell = self._later(done, pixels.numel())
            parts.append(photons_and_jacobian(build, values, some, by, tell)[0])
            done += some.numel()
        return torch.cat(parts)

    def _later(self, before: int, total: int) -> Progress | None:
        """Tells of pixels that follow others."""
        progress = self.progress
        return None if progress is None else lambda done, _: progress(before + done, total)
