"""Photons and their derivatives by compiled kernels: backwards from each pixel to a few numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nb_physics.engine.by_pixel import own_numbers, own_tensors
from nb_physics.engine.kernel import BY_STEP, KernelKind, Role
from nb_physics.engine.walk import WHOLE_VECTORS, CompiledWalk, needed_kernels, padded
from nb_physics.scene import Kind, Scene
from nb_physics.summation import summation_of
from nb_physics.tile_engine import TangentRunner, Tangents
from nb_physics.tiles import PixelSelection, pixel_ranges

MOST_EVALUATIONS = 1 << 18
MOST_PIXELS = 1 << 12
"""Of one call: what it gives stays in a core's cache."""

ALIKE = 1e-12
"""How far the steps may differ from being moved by one matrix, as a fraction of their move."""

_OF_CURVED = {"beam", "distance", "beam_fast", "beam_slow"}
_ONLY_SAID = {"size_slow", "close_fast", "close_slow", "beam_center_x", "beam_center_y"}
"""Numbers of a detector's frame that only a curved one is made of, and that no pixel is."""


@dataclass(frozen=True, eq=False)
class StepMoves:
    """What tangents do to the cell vectors of the steps.

    strains: shape (9, parameters), M_ij by 3 i + j: each vector i moves by sum_j M_ij vector j
    single: parameter -> what is left, where steps move each in its own way, shape (3, 3, steps)
    """

    strains: Float[Tensor, "9 parameters"]
    single: dict[int, Float[Tensor, "3 3 steps"]]


def step_moves(
    vectors: Float[Tensor, "3 3 steps"], tangent: Float[Tensor, "3 3 steps parameters"]
) -> StepMoves:
    """The moves of cell vectors, from the strain of the first step."""
    first = torch.linalg.inv(vectors[:, :, 0])
    strains = torch.einsum("ixp,xj->ijp", tangent[:, :, 0], first)
    left = tangent - torch.einsum("ijp,jxs->ixsp", strains, vectors)
    size = tangent.abs().amax((0, 1, 2))
    apart = left.abs().amax((0, 1, 2)) > ALIKE * size
    single = {int(p): left[..., p].contiguous() for p in torch.nonzero(apart).flatten()}
    return StepMoves(strains.reshape(9, -1), single)


def tangent_kernels(
    scene: Scene, tangents: Tangents, dtype: torch.dtype, device: torch.device
) -> list[KernelKind] | None:
    """The kernels that give derivatives along these; None where there are none: what moves is not
    a number that pixels have for themselves, or a sub-pixel's terms depend on those before it.
    """
    kernels = needed_kernels(scene, dtype, device)
    served = {BY_STEP, *_without_effect(scene.kind)}.union(*map(own_tensors, kernels))
    if scene.kind.curved or not served.issuperset(tangents):
        return None
    if not all(kernel.has_gradient for kernel in kernels):
        return None
    steps = BY_STEP in tangents and bool(step_moves(scene.cell_vectors, tangents[BY_STEP]).single)
    return [
        dataclasses.replace(
            kernel, gradient=True, by_pixel=True, step_tangent=steps and role_adds(kernel)
        )
        for kernel in kernels
    ]


def role_adds(kernel: KernelKind) -> bool:
    """Whether it looks at the steps."""
    return kernel.role is not Role.FINISH


def _without_effect(kind: Kind) -> set[str]:
    """Tensors of a scene that its pixels do not depend on."""
    names = {f"frame.{name}" for name in _OF_CURVED | _ONLY_SAID}
    return names | ({"reciprocal", "fudge"} - kind.shape.moves_with)


class CompiledTangents(TangentRunner):
    """Photons of a scene with their derivatives along tangents, by kernels.

    Raises BuildError where these cannot be built.
    """

    def __init__(
        self,
        scene: Scene,
        tangents: Tangents,
        kernels: list[KernelKind],
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.walk = CompiledWalk(scene, dtype, device, kernels)
        self.kinds, self.device = kernels, device
        self.count = next(iter(tangents.values())).shape[-1]
        moved = tangents.get(BY_STEP, scene.cell_vectors.new_zeros(3, 3, 1, self.count))
        self.moves = step_moves(scene.cell_vectors, moved)
        none = scene.fluence.new_zeros(self.count)
        self._opening = tangents.get(summation_of(scene.kind).opens_with or "", none)
        self.weights = [self._weights(kernel, tangents) for kernel in kernels]
        self.turns = [
            [single[:, :, block.steps].permute(2, 0, 1).contiguous() for block in self.walk.blocks]
            for single in self.moves.single.values()
        ]

    def _weights(
        self, kernel: KernelKind, tangents: Tangents
    ) -> Float[Tensor, "numbers parameters"]:
        """What each number of a pixel moves by with the parameters, in the kernel's order."""
        none = self.walk.scene.fluence.new_zeros(self.count)
        rows = [
            tangents[name][place] if name in tangents else none
            for name, place in own_numbers(kernel)
        ]
        strains = [self.moves.strains] if role_adds(kernel) else []
        return torch.cat([torch.stack(rows), *strains])

    def ranges(self, count: int) -> Iterator[tuple[int, int]]:
        """Pixel numbers of each tile."""
        scene = self.walk.scene
        steps = max(block.steps.stop - block.steps.start for block in self.walk.blocks)
        size = min(MOST_PIXELS, MOST_EVALUATIONS // (steps * scene.wavelength.numel()))
        return pixel_ranges(count, max(1, size // WHOLE_VECTORS) * WHOLE_VECTORS)

    def jvp(
        self, selection: PixelSelection, start: int, stop: int
    ) -> tuple[Float[Tensor, " pixels"], Float[Tensor, "pixels parameters"]]:
        pixels = padded(selection.indices(start, stop, self.device))
        once = self._whole if self.kinds[0].role is Role.WHOLE else self._summed
        values, columns, turned = once(pixels, 0)
        for number, parameter in enumerate(self.moves.single):
            slope = turned if number == 0 else once(pixels, number)[2]
            columns[:, parameter] += slope
        return values[: stop - start], columns[: stop - start]

    def _along(self, number: int, block: int) -> list[Tensor]:
        """The tangent of the cell vectors of a block, where the kernels take one."""
        return [self.turns[number][block]] if self.turns else []

    def _whole(self, pixels: Tensor, number: int) -> tuple[Tensor, Tensor, Tensor]:
        """Photons, derivatives, and the derivative along one tangent of the steps, of which there
        may be none.
        """
        walk = self.walk
        place, along = walk.place(0, 0, 0, 1), self._along(number, 0)
        values, *found = walk.kernels[0]([pixels, *place, *walk.parts[0], *along])
        return values, self._columns(0, found), found[-1]

    def _summed(self, pixels: Tensor, number: int) -> tuple[Tensor, Tensor, Tensor]:
        walk = self.walk
        add, finish = walk.kernels
        sums = walk.opening(pixels)
        count = len(sums)
        _, *found = finish([pixels, *walk.last_place(), *sums, *walk.parts[0]])
        slopes = found[-count:]  # by the sums, whatever these are
        total: list[Tensor] = []
        for at, block, tensors in walk.calls():
            along = self._along(number, walk.blocks.index(block))
            sums_and = add([pixels, *at, *sums, *tensors, *slopes, *along])
            sums, new = sums_and[:count], sums_and[count:]
            total = list(torch._foreach_add(total, new)) if total else new
        values, *found = finish([pixels, *walk.last_place(), *sums, *walk.parts[0]])
        columns = self._columns(0, total) + self._columns(1, found)
        columns += slopes[0][:, None] * self._opening[None, :]
        return values, columns, total[-1]

    def _columns(self, kernel: int, found: list[Tensor]) -> Float[Tensor, "pixels parameters"]:
        weights = self.weights[kernel]
        return torch.stack(found[: weights.shape[0]]).T.to(weights.dtype) @ weights
