"""How long work takes, in expected seconds: by torch's operations, by kernels, and building these.

Nanoseconds of one core of an AMD EPYC with AVX-512 (torch 2.13.0, float64), from the tables of
docs/performance.md and, where these have no row, in proportion to processor time of one thread.
Another machine is slower or faster in all of them alike, and a choice asks for their ratio only:
so nothing is measured at run time, and a choice depends neither on what ran before nor on what runs
beside. No GPU has been measured: what stands here for one is a guess.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from nb_physics.engine.kernel import KernelKind, Role
from nb_physics.scene import Kind, Scene
from nb_physics.summation import summation_of
from nb_physics.tiles import TILE_EVALUATIONS

_NS = 1e-9


@dataclass(frozen=True)
class Work:
    """What is to be computed, as far as time depends on it.

    rays: pixels x layers x sub-pixels; sources, steps: terms of each; threads: cores to use
    gradient: whether a backward pass follows; tangents: how many derivatives come with the image
    """

    kind: Kind
    rays: float
    sources: int
    steps: int
    dtype: str = "float64"
    device: str = "cpu"
    threads: int = 1
    gradient: bool = False
    tangents: int = 0

    @property
    def beams(self) -> float:
        return self.rays * self.sources

    @property
    def evaluations(self) -> float:
        return self.beams * self.steps

    @property
    def running(self) -> bool:
        """Whether each term is weighted into the running sum (reference's -oversample_*)."""
        return summation_of(self.kind).multiplies(self.kind)


def work_of(
    scene: Scene, pixels: int, dtype: str, device: str, threads: int, gradient: bool
) -> Work:
    """The work of so many pixels of a scene."""
    return Work(
        kind=scene.kind,
        rays=float(pixels) * scene.layers * scene.grid**2,
        sources=scene.wavelength.numel(),
        steps=scene.cell_vectors.shape[2],
        dtype=dtype,
        device=device,
        threads=threads,
        gradient=gradient,
    )


@dataclass(frozen=True)
class Rates:
    """Of an engine, one thread, nanoseconds: what belongs to a ray (place, solid angle), to a ray
    and source (q, polarization), and to an evaluation (hkl, F_cell, F_latt).

    listed, interpolated: more, for structure factors of a list
    running: more, where each term is weighted; call: seconds of an image, however small
    single: share of the time in float32; gradient: times the image, of its backward pass
    tangent, tangents: times the image, of it with derivatives: of each, and of all together
    """

    ray: float
    beam: float
    listed: float
    interpolated: float
    running: float
    call: float
    single: float
    gradient: float
    tangent: float
    tangents: float


EAGER = Rates(
    ray=80.0,
    beam=60.0,
    listed=15.0,
    interpolated=330.0,
    running=10.0,
    call=1.5e-3,
    single=0.85,
    gradient=4.0,
    tangent=5.0,
    tangents=0.0,
)
COMPILED = Rates(
    ray=15.0,
    beam=2.0,
    listed=1.2,
    interpolated=55.0,
    running=6.0,
    call=0.3e-3,
    single=0.7,
    gradient=4.0,
    tangent=0.0,
    tangents=3.0,
)

LOADING = 5e-3
"""Seconds to load a kernel, once in a process."""

SHARE_OF_LOADING = 0.1
"""What an image bears of it. Other images of the process follow; and where none does, 5 ms are
nothing beside the second that a process takes to start.
"""

_WHERE_NOT_CPU = {"eager": 1 / 60, "compiled": 1 / 20}
"""Share of one core's time that another device takes: a guess."""

_ELSEWHERE_CALL = 5e-3
"""Seconds of an image on another device, however small: a guess."""


def eager_seconds(work: Work) -> tuple[float, float]:
    """By torch, operation by operation: the image, and its backward pass (0 without gradient)."""
    return _seconds(work, EAGER, "eager")


def compiled_seconds(work: Work) -> tuple[float, float]:
    """The same by kernels that are loaded."""
    return _seconds(work, COMPILED, "compiled")


def _seconds(work: Work, rates: Rates, engine: str) -> tuple[float, float]:
    kind = work.kind
    evaluation = kind.shape.eager_ns if engine == "eager" else kind.shape.kernel_ns
    if kind.interpolate and kind.listed:
        evaluation += rates.interpolated
    elif kind.listed:
        evaluation += rates.listed
    if work.running:
        evaluation += rates.running
    beam = rates.beam + sum(
        background.eager_ns if engine == "eager" else background.kernel_ns
        for background in kind.backgrounds
    )
    total = work.rays * rates.ray + work.beams * beam + work.evaluations * evaluation
    total *= _NS * (rates.single if work.dtype == "float32" else 1.0)
    if work.device == "cpu":
        image = total / _threads_used(work) + rates.call
    else:
        image = total * _WHERE_NOT_CPU[engine] + _ELSEWHERE_CALL
    if work.tangents:
        image *= rates.tangents + rates.tangent * work.tangents
    return image, image * rates.gradient if work.gradient else 0.0


def _threads_used(work: Work) -> float:
    """A thread has at least a tile."""
    return min(float(work.threads), max(1.0, work.evaluations / TILE_EVALUATIONS))


BUILDING = {Role.WHOLE: 21.0, Role.ADD: 21.0, Role.FINISH: 15.0}
"""Processor seconds to build a kernel of one source and step.

Measured as what a build and its compilers used (user and system time), 28 s for WHOLE, 35 s with
steps, 61 s for the gradient of that, 42 s with interpolation, on a busy machine, which makes them a
third larger.
"""

BUILDING_SUMS = 6.0
"""More where it sums over sources, and as many where it sums over steps."""

BUILDING_GRADIENT = 1.7
"""Times as much for the kernel of its gradient."""

BUILDING_INTERPOLATED = 15.0
"""More where structure factors are interpolated."""

CORES_OF_A_BUILD = 1.5
"""What a build keeps at work: its parts are compiled side by side."""


def building_seconds(kernels: Sequence[KernelKind], cores: int) -> float:
    """To build these kernels, side by side on so many cores."""
    each = [_building(kernel) for kernel in kernels]
    alone = max(each, default=0.0) / min(CORES_OF_A_BUILD, cores)
    return max(alone, sum(each) / max(1, cores))


def _building(kernel: KernelKind) -> float:
    seconds = BUILDING[kernel.role]
    if kernel.role is not Role.FINISH:
        seconds += BUILDING_SUMS * (kernel.sources + kernel.steps)
        if kernel.kind.interpolate and kernel.kind.listed:
            seconds += BUILDING_INTERPOLATED
    return seconds * (BUILDING_GRADIENT if kernel.gradient else 1.0)


def available_cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
