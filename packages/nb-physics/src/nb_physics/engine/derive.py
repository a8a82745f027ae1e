"""The gradient of a compiled walk, by kernels of its own."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from nb_physics.engine.kernel import (
    BY_STEP,
    KernelKind,
    Role,
    as_in_scene,
    derived_names,
    kernel_tensors,
)
from nb_physics.engine.library import Argument
from nb_physics.engine.load import load_kernels
from nb_physics.engine.walk import CompiledWalk, padded
from nb_physics.scene import Scene
from nb_physics.tiles import PixelSelection, pixel_ranges

MOST_EVALUATIONS = 1 << 18
"""Of one call: more do not gain, and take memory."""


def gradient_kernels(kernels: list[KernelKind], scene: Scene) -> list[KernelKind] | None:
    """The kernels of the gradient of these; None where there are none: the scene's list of
    structure factors asks for a gradient, or a sub-pixel's terms depend on those before it.
    """
    listed = scene.kind.listed and scene.structure.values.requires_grad
    if listed or not all(kernel.has_gradient for kernel in kernels):
        return None
    return [dataclasses.replace(kernel, gradient=True) for kernel in kernels]


class CompiledGradient:
    """Gradients of what a walk gives. Raises BuildError where their kernels cannot be built."""

    def __init__(self, walk: CompiledWalk, kernels: list[KernelKind]) -> None:
        self.walk = walk
        self.kernels = load_kernels(kernels)
        tensors = kernel_tensors(walk.scene)
        self.inputs = {name: tensors[name] for name in derived_names(walk.scene.kind, tensors)}

    def __call__(
        self, selection: PixelSelection, start: int, stop: int, cotangent: Float[Tensor, " pixels"]
    ) -> dict[str, Tensor]:
        """By the scene's tensors, of the photons of pixels number `start` to `stop`, each times
        its cotangent.
        """
        total = {name: torch.zeros_like(tensor) for name, tensor in self.inputs.items()}
        walk = self.walk
        pixels = padded(selection.indices(start, stop, walk.device))
        weights = cotangent.new_zeros(pixels.numel())
        weights[: stop - start] = cotangent
        if walk.kinds[0].role is Role.WHOLE:
            arguments: list[Argument] = [pixels, *walk.place(0, 0, 0, 1), *walk.parts[0], weights]
            _add(total, self.kernels[0](arguments), slice(None))
        else:
            self._add_sums(total, pixels, weights)
        return as_in_scene(total)

    def of_walk(self, walk: CompiledWalk) -> CompiledGradient:
        """The gradients of a walk over another scene of the same kind."""
        other = copy.copy(self)
        other.walk = walk
        tensors = kernel_tensors(walk.scene)
        other.inputs = {name: tensors[name] for name in self.inputs}
        return other

    def ranges(self, count: int, largest: int | None = None) -> Iterator[tuple[int, int]]:
        """Pixel numbers of each call; `largest`: most pixels of a call, from the memory allowed."""
        scene = self.walk.scene
        steps = max(block.steps.stop - block.steps.start for block in self.walk.blocks)
        size = max(1, MOST_EVALUATIONS // (steps * scene.wavelength.numel()))
        return pixel_ranges(count, min(size, largest or size))

    def _add_sums(self, total: dict[str, Tensor], pixels: Tensor, weights: Tensor) -> None:
        """Backwards through FINISH, and from there through every ADD."""
        walk = self.walk
        add, finish = self.kernels
        sums = walk.sums(pixels)
        found = finish([pixels, *walk.last_place(), *sums, *walk.parts[0], weights])
        slopes, rest = found[: len(sums)], found[len(sums) :]
        _add(total, rest, walk.blocks[0].steps)
        for at, block, tensors in walk.calls():
            _add(total, add([pixels, *at, *sums, *tensors, *slopes]), block.steps)


def _add(total: dict[str, Tensor], found: list[Tensor], steps: slice) -> None:
    """All at once, for they are many and small."""
    own = [part[steps] if name == BY_STEP else part for name, part in total.items()]
    torch._foreach_add_(own, found)
