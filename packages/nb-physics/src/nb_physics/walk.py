"""The walk over the image: by torch, operation by operation, or by compiled kernels."""

from __future__ import annotations

import copy
import dataclasses
import functools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import InputError, NbWarning, Recorder, Site
from nb_physics.engine.choice import Choice, Engine, choice_for
from nb_physics.engine.derive import CompiledGradient
from nb_physics.engine.make import BuildError, make_all_that_can_be
from nb_physics.engine.walk import CompiledWalk
from nb_physics.gradient import is_transformed, scene_gradient
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

    def of_scene(self, scene: Scene) -> EagerWalk:
        """The walk over another scene with the same sources and steps."""
        other = copy.copy(self)
        other.scene = scene
        return other

    def ranges(
        self, count: int, largest: int | None = None, threads: int = 1
    ) -> Iterator[tuple[int, int]]:
        """Pixel numbers of each tile; `largest`: most pixels of one, from the memory allowed.

        Tiles are small, and there are enough of them for any number of threads.
        """
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


@dataclass(frozen=True, eq=False)
class Walk:
    """How the tiles of one device are computed.

    values: what gives the photons; eager: the same by torch, with a graph of every operation
    gradient: kernels of the gradient, where there are some
    alone: whether operations have to be seen one by one, in the thread that asks for them
    """

    values: EagerWalk | CompiledWalk
    eager: EagerWalk
    gradient: CompiledGradient | None = None
    alone: bool = False

    def of_scene(self, scene: Scene) -> Walk:
        """The same walk over another scene of the same kind: that of another panel."""
        eager = self.eager.of_scene(scene)
        if not isinstance(self.values, CompiledWalk):
            return dataclasses.replace(self, values=eager, eager=eager)
        values = self.values.of_scene(scene)
        gradient = self.gradient and self.gradient.of_walk(values)
        return Walk(values, eager, gradient, self.alone)

    def slope_ranges(self, count: int, largest: int | None) -> Iterator[tuple[int, int]]:
        """Pixel numbers of each tile of a backward pass."""
        return (self.gradient or self.eager).ranges(count, largest)

    def slopes(
        self,
        selection: PixelSelection,
        pixels: tuple[int, int],
        cotangent: Float[Tensor, " pixels"],
        names: list[str],
    ) -> dict[str, Tensor]:
        """Gradients by tensors of the scene, of the photons of some pixels times a cotangent."""
        if self.gradient is not None:
            return self.gradient(selection, *pixels, cotangent)
        photons = functools.partial(self.eager.photons, selection, *pixels)
        return scene_gradient(self.eager.scene, photons, cotangent, names)


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
    alone = recorder is not None or is_transformed(scene)
    return Walk(values or eager, eager, gradient, alone)


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

    On the CPU each of torch's threads has a tile. InputError for less than LEAST_MEMORY.
    """
    if max_memory is None:
        return None
    if max_memory < LEAST_MEMORY:
        remedy = f"give at least {LEAST_MEMORY} bytes"
        raise InputError("max_memory", max_memory, remedy)
    sources, steps = scene.wavelength.numel(), scene.cell_vectors.shape[2]
    together = min(sources * steps, most)
    tiles = torch.get_num_threads() if scene.wavelength.device.type == "cpu" else 1
    return max(1, max_memory // (tiles * BYTES_OF_EVALUATION * max(together, sources)))
