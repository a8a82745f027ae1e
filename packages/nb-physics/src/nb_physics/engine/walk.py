"""The walk over the image with compiled kernels."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_physics.engine.kernel import BY_STEP, KernelKind, Role, kernel_tensors
from nb_physics.engine.library import Argument, Fixed, Library
from nb_physics.engine.load import CompiledKernel, load_kernels
from nb_physics.scene import Scene, scene_tensors
from nb_physics.summation import summation_of
from nb_physics.tile import turns
from nb_physics.tile_engine import Runner
from nb_physics.tiles import PixelSelection, StepBlock

if TYPE_CHECKING:
    from nb_physics.engine.derive import CompiledGradient

MOST_PIXELS = 1 << 17
MOST_EVALUATIONS = 1 << 23
"""Of one call: some ten milliseconds, so that no thread waits long for the last of another."""

LEAST_EVALUATIONS = 1 << 18
"""Of one call that is parted for another thread: a millisecond, which pays for the thread."""

MOST_STORED = 1 << 20
"""Of one call, numbers that a kernel keeps in memory: vectors to each source, or running sums."""

BLOCK_STEPS = 4096
"""Steps of one call: the cell vectors of so many (300 kB) stay in a core's cache."""

WHOLE_VECTORS = 64
"""Pixels of a call are a multiple of this, so that all are computed by the same instructions."""


def needed_kernels(scene: Scene, dtype: torch.dtype, device: torch.device) -> list[KernelKind]:
    """The kernels that a scene takes."""
    single = scene.layers * scene.grid == 1 and len(_blocks(scene)) == 1
    roles = (Role.WHOLE,) if single else (Role.ADD, Role.FINISH)
    sources, steps = scene.wavelength.numel() > 1, scene.cell_vectors.shape[2] > 1
    name = str(dtype).removeprefix("torch.")
    return [KernelKind(role, scene.kind, name, device.type, sources, steps) for role in roles]


class CompiledWalk(Runner):
    """A scene and its kernels, or others of the same roles. Raises BuildError where these cannot
    be built.

    gradient: kernels of its gradient, where they are wanted and there are some
    """

    gradient: CompiledGradient | None = None

    def __init__(
        self,
        scene: Scene,
        dtype: torch.dtype,
        device: torch.device,
        kinds: list[KernelKind] | None = None,
    ) -> None:
        self.scene, self.device = scene, device
        self.kinds = kinds or needed_kernels(scene, dtype, device)
        self.kernels: list[CompiledKernel] = load_kernels(self.kinds)
        self.blocks = _blocks(scene)
        parts = [kernel_tensors(scene.part(block)) for block in self.blocks]
        self.parts = [[Fixed(tensor) for tensor in part.values()] for part in parts]
        self._places: dict[tuple[int, ...], list[Fixed]] = {}
        self._prepare([fixed for part in self.parts for fixed in part])
        self.place(0, 0, 0, 1)

    def _prepare(self, arguments: Iterable[Fixed]) -> None:
        """Makes the handles of arguments, so that threads that begin together need not."""
        if isinstance(self.kernels[0], Library):
            for argument in arguments:
                argument.handle(self.kernels[0])

    def of_scene(self, scene: Scene) -> CompiledWalk:
        """The walk over another scene of the same kind: that of another panel.

        What both scenes hold is handed to the kernels as it is. Handles of the others are made at
        once: small pieces of memory that are taken between the large ones of calls part these, so
        that they are not used again (of 128 panels 2 GB in place of 0.4).
        """
        other = copy.copy(self)
        other.scene = scene
        mine, theirs = scene_tensors(self.scene), scene_tensors(scene)
        changed = [n for n, (name, t) in enumerate(theirs.items()) if t is not mine[name]]
        names = list(theirs)
        if BY_STEP in (names[n] for n in changed) or set(names) != set(mine):
            raise ValueError("another crystal or beam needs a walk of its own")
        own = {n: Fixed(theirs[names[n]].detach()) for n in changed}
        other.parts = [[own.get(n, fixed) for n, fixed in enumerate(part)] for part in self.parts]
        other._prepare(own.values())
        other.gradient = self.gradient and self.gradient.of_walk(other)
        return other

    @property
    def gives_vjp(self) -> bool:
        return self.gradient is not None

    def vjp_ranges(self, count: int, largest: int | None = None) -> Iterator[tuple[int, int]]:
        return (self.gradient or self).ranges(count, largest)

    def vjp(
        self,
        selection: PixelSelection,
        start: int,
        stop: int,
        cotangent: Float[Tensor, " pixels"],
        names: list[str],
    ) -> dict[str, Tensor]:
        if self.gradient is None:
            return super().vjp(selection, start, stop, cotangent, names)
        return self.gradient(selection, start, stop, cotangent)

    def ranges(
        self, count: int, largest: int | None = None, threads: int = 1
    ) -> Iterator[tuple[int, int]]:
        """Pixel numbers of each call.

        largest: most pixels of a call, from the memory allowed; threads: get as many calls each,
        of the same size, where there are few
        """
        most = min(largest or MOST_PIXELS, self._pixels())
        size = most = max(1, most // WHOLE_VECTORS) * WHOLE_VECTORS
        calls = math.ceil(count / most)
        if threads > 1 and self._evaluations(count / max(calls, threads)) > LEAST_EVALUATIONS:
            even = math.ceil(count / (math.ceil(calls / threads) * threads))
            size = min(most, even + -even % WHOLE_VECTORS)
        for start in range(0, count, size):
            yield start, min(start + size, count)

    def _evaluations(self, pixels: float) -> float:
        """Of so many pixels, in one call."""
        steps = min(self.scene.cell_vectors.shape[2], BLOCK_STEPS)
        return pixels * self.scene.wavelength.numel() * steps

    def _pixels(self) -> int:
        sources = self.scene.wavelength.numel()
        steps = min(self.scene.cell_vectors.shape[2], BLOCK_STEPS)
        stored = sources * steps if self.kinds[0].running else sources
        return min(MOST_PIXELS, MOST_STORED // stored, MOST_EVALUATIONS // (sources * steps))

    def photons(self, selection: PixelSelection, start: int, stop: int) -> Float[Tensor, " pixels"]:
        """Photons of pixels number `start` to `stop`."""
        pixels = padded(selection.indices(start, stop, self.device))
        if self.kinds[0].role is Role.WHOLE:
            (values,) = self.kernels[0]([pixels, *self.place(0, 0, 0, 1), *self.parts[0]])
        else:
            values = self._summed(pixels)
        return values[: stop - start]

    def _summed(self, pixels: Int[Tensor, " pixels"]) -> Float[Tensor, " pixels"]:
        sums = self.sums(pixels)
        arguments: list[Argument] = [pixels, *self.last_place(), *sums, *self.parts[0]]
        (values,) = self.kernels[1](arguments)
        return values

    def sums(self, pixels: Int[Tensor, " pixels"]) -> list[Tensor]:
        """The sums of all terms of the pixels, by calls of the kernel ADD."""
        sums = self.opening(pixels)
        for at, _, tensors in self.calls():
            sums = self.kernels[0]([pixels, *at, *sums, *tensors])
        return sums

    def calls(self) -> Iterator[tuple[list[Fixed], StepBlock, list[Fixed]]]:
        """Place, steps and tensors of every call of ADD, in their order."""
        for turn in turns(self.scene, self.blocks):
            place = self.place(*turn.place, turn.share)
            yield place, self.blocks[turn.block], self.parts[turn.block]

    def last_place(self) -> list[Fixed]:
        """The place that FINISH takes: the last layer."""
        return self.place(self.scene.layers - 1, 0, 0, 1)

    def opening(self, pixels: Int[Tensor, " pixels"]) -> list[Tensor]:
        """The sums of a pixel before any term."""
        sums = summation_of(self.scene.kind).open(self.scene, pixels)
        return [total.contiguous() for total in sums]

    def place(self, *numbers: int) -> list[Fixed]:
        """Layer, slow, fast and share of the background, as a kernel takes them."""
        if numbers not in self._places:
            like = self.scene.fluence
            tensors = [
                torch.tensor(float(n), dtype=like.dtype, device=like.device) for n in numbers
            ]
            self._places[numbers] = [Fixed(tensor) for tensor in tensors]
            self._prepare(self._places[numbers])
        return self._places[numbers]


def _blocks(scene: Scene) -> list[StepBlock]:
    """All sources, with steps cut evenly."""
    steps, sources = scene.cell_vectors.shape[2], scene.wavelength.numel()
    count = math.ceil(steps / BLOCK_STEPS)
    edges = [steps * i // count for i in range(count + 1)]
    every = slice(0, sources)
    return [StepBlock(every, slice(a, b)) for a, b in itertools.pairwise(edges)]


def padded(pixels: Int[Tensor, " pixels"]) -> Int[Tensor, " _"]:
    """The indices, the last of them repeated until they fill whole vectors."""
    missing = -pixels.numel() % WHOLE_VECTORS
    return torch.cat([pixels, pixels[-1:].expand(missing)]) if missing else pixels
