"""The walk over the image: by torch, operation by operation, or by compiled kernels."""

from __future__ import annotations

import copy
import functools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import InputError, NbWarning, Recorder, Site
from nb_physics.engine.choice import Choice, Engine, choice_for, engine_behind
from nb_physics.engine.make import BuildError
from nb_physics.gradient import has_gradient, is_transformed, scene_gradient
from nb_physics.scene import Scene
from nb_physics.tile import tile_photons
from nb_physics.tile_engine import Runner, TileEngine
from nb_physics.tiles import (
    PixelSelection,
    cut_steps,
    pixel_ranges,
    tile_evaluations,
    tile_pixels,
)

BYTES_OF_EVALUATION = 400
"""What a tile keeps for each pixel, source and step, at most: some 50 numbers."""

LEAST_MEMORY = 1 << 20


class EagerWalk(Runner):
    """By torch. A recorder is offered every quantity."""

    def __init__(
        self,
        scene: Scene,
        dtype: torch.dtype,
        device: torch.device,
        recorder: Recorder | None = None,
    ) -> None:
        self.scene, self.dtype, self.device, self.recorder = scene, dtype, device, recorder
        most = tile_evaluations(device)
        self.blocks = cut_steps(scene.wavelength.numel(), scene.cell_vectors.shape[2], most)
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

    @property
    def gives_vjp(self) -> bool:
        return True

    def vjp(
        self,
        selection: PixelSelection,
        start: int,
        stop: int,
        cotangent: Float[Tensor, " pixels"],
        names: list[str],
    ) -> dict[str, Tensor]:
        photons = functools.partial(self.photons, selection, start, stop)
        return scene_gradient(self.scene, photons, cotangent, names)


class EagerEngine(TileEngine):
    """Torch, operation by operation: the readable twin of every other engine."""

    name = "eager"
    summary = "torch, operation by operation"

    def prepare(
        self, scene: Scene, dtype: torch.dtype, device: torch.device, *, gradient: bool = False
    ) -> EagerWalk:
        return EagerWalk(scene, dtype, device)


@dataclass(frozen=True, eq=False)
class Walk:
    """How the tiles of one device are computed.

    values: what gives the photons; eager: the same by torch, with a graph of every operation
    alone: whether operations have to be seen one by one, in the thread that asks for them
    """

    values: Runner
    eager: EagerWalk
    alone: bool = False

    @property
    def slopes(self) -> Runner:
        """What gives the gradients."""
        return self.values if self.values.gives_vjp else self.eager

    def of_scene(self, scene: Scene) -> Walk:
        """The same walk over another scene of the same kind: that of another panel."""
        eager = self.eager.of_scene(scene)
        values = eager if self.values is self.eager else self.values.of_scene(scene)
        return Walk(values, eager, self.alone)


def choose_walk(
    scene: Scene,
    count: int,
    dtype: torch.dtype,
    device: torch.device,
    engine: Engine | str,
    recorder: Recorder | None,
    chosen: Callable[[Choice], None] | None = None,
) -> Walk:
    """The walk over so many pixels that the engine stands for; eager, with a warning, where the
    engine cannot be had.

    chosen: is told the choice that was kept
    """
    choice = choice_for(scene, count, dtype, device, engine, recorder)
    eager = EagerWalk(scene, dtype, device, recorder)
    gradient = has_gradient(scene) and (choice.engine != Engine.COMPILED or bool(choice.gradient))
    values, choice = _prepared(scene, dtype, device, choice, gradient=gradient)
    if chosen is not None:
        chosen(choice)
    alone = recorder is not None or is_transformed(scene)
    return Walk(values or eager, eager, alone)


def _prepared(
    scene: Scene, dtype: torch.dtype, device: torch.device, choice: Choice, *, gradient: bool
) -> tuple[Runner | None, Choice]:
    """What an engine other than eager torch makes ready, where one is chosen and can be had, if
    not with its gradient; and the choice that is left.
    """
    if choice.engine == Engine.EAGER:
        return None, choice
    engine = engine_behind(choice.engine)
    try:
        return engine.prepare(scene, dtype, device, gradient=gradient), choice
    except BuildError as error:
        warn_once(str(error))
        choice = choice.without_kernels(str(error), of_image=not gradient)
    return _prepared(scene, dtype, device, choice, gradient=False)


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
