"""The walk over the image: by torch, operation by operation, or by compiled kernels."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import InputError, NbWarning, Recorder
from nb_core.recorder import Site
from nb_physics.engine.choice import Choice, Engine, choice_for
from nb_physics.engine.derive import CompiledGradient
from nb_physics.engine.make import BuildError, make_all_that_can_be
from nb_physics.engine.walk import CompiledWalk
from nb_physics.gradient import Photons, has_gradient, is_transformed, recomputed_photons
from nb_physics.plan import Plan
from nb_physics.scene import Scene
from nb_physics.tile import tile_photons
from nb_physics.tiles import (
    PixelSelection,
    pixel_ranges,
    step_blocks,
    tile_evaluations,
    tile_pixels,
)

BYTES_OF_EVALUATION = 400
"""What a tile keeps for each pixel, source and step, at most: some 50 numbers."""

LEAST_MEMORY = 1 << 20


class EagerWalk:
    """By torch. A recorder is offered every quantity."""

    def __init__(
        self,
        plan: Plan,
        scene: Scene,
        dtype: torch.dtype,
        device: torch.device,
        recorder: Recorder | None = None,
    ) -> None:
        self.scene, self.dtype, self.device, self.recorder = scene, dtype, device, recorder
        most = tile_evaluations(device)
        self.blocks = step_blocks(plan, most)
        self.size = tile_pixels(self.blocks, most)

    def ranges(self, count: int, largest: int | None = None) -> Iterator[tuple[int, int]]:
        """Pixel numbers of each tile; `largest`: most pixels of one, from the memory allowed."""
        return pixel_ranges(count, min(self.size, largest or self.size))

    def photons(
        self, selection: PixelSelection, start: int, stop: int, scene: Scene | None = None
    ) -> Float[Tensor, " pixels"]:
        """Photons of pixels number `start` to `stop`, of another scene where one is given."""
        pixels = selection.indices(start, stop, self.device)
        values = tile_photons(scene or self.scene, pixels, self.blocks, self.dtype, self.recorder)
        if self.recorder is not None and self.recorder.wants("photons"):
            self.recorder.record("photons", values, Site(pixels))
        return values


class GradientWalk:
    """By another walk, with a gradient that is computed in the backward pass: by kernels where
    there are some, else by eager tiles.
    """

    def __init__(
        self,
        eager: EagerWalk,
        values: EagerWalk | CompiledWalk,
        gradient: CompiledGradient | None = None,
    ) -> None:
        self.eager, self.values, self.gradient = eager, values, gradient
        self.scene, self.device = eager.scene, eager.device

    def ranges(self, count: int, largest: int | None = None) -> Iterator[tuple[int, int]]:
        """As of the walk that gives the values."""
        return self.values.ranges(count, largest)

    def photons(self, selection: PixelSelection, start: int, stop: int) -> Float[Tensor, " pixels"]:
        """Photons of pixels number `start` to `stop`."""
        parts: list[Photons] = [
            functools.partial(self.eager.photons, selection, start + first, start + last)
            for first, last in pixel_ranges(stop - start, self.eager.size)
        ]
        by_kernels = None
        if self.gradient is not None:
            by_kernels = functools.partial(self.gradient, selection, start, stop)
        return recomputed_photons(
            self.scene, lambda: self.values.photons(selection, start, stop), parts, by_kernels
        )


Walk = EagerWalk | CompiledWalk | GradientWalk


def choose_walk(
    plan: Plan,
    scene: Scene,
    count: int,
    dtype: torch.dtype,
    device: torch.device,
    engine: Engine | str,
    recorder: Recorder | None,
    chosen: Callable[[Choice], None] | None = None,
) -> Walk:
    """The walk over so many pixels that the engine stands for; eager, with a warning, where no
    kernel can be built.

    chosen: is told the choice that was kept
    """
    choice = choice_for(scene, count, dtype, device, engine, recorder)
    eager = EagerWalk(plan, scene, dtype, device, recorder)
    values, gradient, choice = _compiled(scene, dtype, device, choice)
    if chosen is not None:
        chosen(choice)
    if has_gradient(scene) and recorder is None and not is_transformed(scene):
        return GradientWalk(eager, values or eager, gradient)
    return values or eager


def _compiled(
    scene: Scene, dtype: torch.dtype, device: torch.device, choice: Choice
) -> tuple[CompiledWalk | None, CompiledGradient | None, Choice]:
    """The walk by kernels and its gradient, where they are chosen and can be had; and the choice
    that is left.
    """
    if choice.engine is Engine.EAGER:
        return None, None, choice
    walk = None
    try:
        make_all_that_can_be((*choice.kernels, *choice.gradient))
        walk = CompiledWalk(scene, dtype, device)
        gradient = CompiledGradient(walk, list(choice.gradient)) if choice.gradient else None
    except BuildError as error:
        warn_once(str(error))
        return walk, None, choice.without_kernels(str(error), of_image=walk is None)
    return walk, gradient, choice


@functools.cache
def warn_once(reason: str) -> None:
    """Says, once in a process, why there are no kernels."""
    message = f"no compiled kernels, eager torch is used, which is slower: {reason}"
    warnings.warn(message, NbWarning, stacklevel=4)


def affordable_pixels(max_memory: int | None, scene: Scene, most: int) -> int | None:
    """How many pixels a tile may have in so many bytes; most: evaluations of a block.

    InputError for less than LEAST_MEMORY.
    """
    if max_memory is None:
        return None
    if max_memory < LEAST_MEMORY:
        remedy = f"give at least {LEAST_MEMORY} bytes"
        raise InputError("max_memory", max_memory, remedy)
    sources, steps = scene.wavelength.numel(), scene.cell_vectors.shape[2]
    together = min(sources * steps, most)
    return max(1, max_memory // (BYTES_OF_EVALUATION * max(together, sources)))
