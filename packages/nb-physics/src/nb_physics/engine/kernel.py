"""The functions of a tile as kernels: what is compiled, and for which scenes one serves."""

from __future__ import annotations

import dataclasses
import json
import pkgutil
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor, nn

from nb_core import Profile, Recorder, Site
from nb_physics.elementary import IN_KERNEL
from nb_physics.rays import Offers, sub_pixel
from nb_physics.scene import (
    Kind,
    Scene,
    fields_along,
    scene_tensors,
    scene_with,
    tensor_uses,
)
from nb_physics.summation import summation_of
from nb_physics.tile import tile_photons
from nb_physics.tiles import StepBlock

ALL_STEPS = StepBlock(slice(0, None), slice(0, None))


class Role(StrEnum):
    """WHOLE: pixels of one sub-pixel and layer, from index to photons. Else ADD adds the terms of a
    sub-pixel to a pixel's sums, and FINISH turns the sums into photons.
    """

    WHOLE = "whole"
    ADD = "add"
    FINISH = "finish"


@dataclass(frozen=True)
class KernelKind:
    """One kernel serves all scenes of a kind: any numbers of pixels, sources and steps.

    sources, steps: whether there is more than one
    gradient: whether it gives the gradients of what the kernel of the role gives
    by_pixel: whether those of each pixel by numbers of its own, after the values; see by_pixel.py
    step_tangent: whether also the derivative along a tangent of the cell vectors of all steps
    """

    role: Role
    kind: Kind
    dtype: str
    device: str
    sources: bool
    steps: bool
    gradient: bool = False
    by_pixel: bool = False
    step_tangent: bool = False

    @property
    def sums(self) -> int:
        """How many sums a pixel has between the calls."""
        return summation_of(self.kind).count(self.kind)

    @property
    def reduces(self) -> bool:
        """Whether the kernel sums over sources or steps."""
        return self.role is not Role.FINISH and (self.sources or self.steps)

    @property
    def running(self) -> bool:
        """Whether factors are multiplied into the running sum, which takes memory for each step."""
        return summation_of(self.kind).multiplies(self.kind)

    @property
    def has_gradient(self) -> bool:
        """Whether there is a kernel of its gradient: where the sums of one sub-pixel do not enter
        into what the next one adds.
        """
        return summation_of(self.kind).is_independent(self.kind)

    def to_json(self) -> str:
        """As text, for another process and for a checksum."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, default=_as_text)


def _as_text(value: Any) -> str:
    """A class as where it can be imported from, a member of an enumeration as its value."""
    return class_path(value) if isinstance(value, type) else str(value.value)


def class_path(value: type) -> str:
    """Where a class can be imported from."""
    return f"{value.__module__}:{value.__qualname__}"


(BY_STEP,) = fields_along("steps")
"""The tensor of a scene that has a part for each step."""


def kernel_tensors(scene: Scene) -> dict[str, Tensor]:
    """All tensors of a scene as kernels take them, who do not look at strides.

    The cell vectors have the shape (steps, 3, 3): a loop takes pixels eight at a time, of which it
    is given whole eights, rather than steps, of which there may be any number.
    """
    tensors = scene_tensors(scene)
    tensors[BY_STEP] = tensors[BY_STEP].permute(2, 0, 1)
    return {name: tensor.detach().contiguous() for name, tensor in tensors.items()}


def as_in_scene(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors as by `kernel_tensors` with the shapes that they have in the scene."""
    return {**tensors, BY_STEP: tensors[BY_STEP].permute(1, 2, 0)}


def derived_names(kind: Kind, tensors: dict[str, Tensor]) -> list[str]:
    """The tensors of a scene that a gradient kernel gives derivatives by.

    Those by a list of structure factors are left to eager torch: each evaluation has its own.
    """
    left = {name for name, use in tensor_uses(kind).items() if "fixed" in use}
    left |= {"structure.values"} if kind.listed else set()
    return [name for name, t in tensors.items() if t.is_floating_point() and name not in left]


def kernel_kind_from_json(text: str) -> KernelKind:
    """What `KernelKind.to_json` wrote."""
    fields: dict[str, Any] = json.loads(text)
    kind = dict(fields.pop("kind"))
    kind["profile"], kind["shape"] = Profile(kind["profile"]), pkgutil.resolve_name(kind["shape"])
    kind["backgrounds"] = tuple(pkgutil.resolve_name(path) for path in kind["backgrounds"])
    return KernelKind(role=Role(fields.pop("role")), kind=Kind(**kind), **fields)


class Kernel(nn.Module):
    """The function that is compiled.

    Called with the flat indices of pixels; (layer, slow, fast) of the sub-pixel (FINISH: the last
    layer) and the share of the background; the sums; and the tensors of the scene by name, as by
    `kernel_tensors`.
    """

    recorder: Recorder | None = None

    def __init__(self, kernel: KernelKind, scene: Scene) -> None:
        super().__init__()
        self.kernel = kernel
        self.scene = dataclasses.replace(scene, arithmetic=IN_KERNEL)
        self.dtype = getattr(torch, kernel.dtype)

    def forward(
        self,
        pixels: Tensor,
        place: tuple[Tensor, Tensor, Tensor, Tensor],
        sums: list[Tensor],
        tensors: dict[str, Tensor],
    ) -> list[Tensor]:
        scene = scene_with(self.scene, as_in_scene(tensors))
        if self.kernel.role is Role.WHOLE:
            return [tile_photons(scene, pixels, [ALL_STEPS], self.dtype, self.recorder)]
        if self.kernel.role is Role.FINISH:
            return [self._finish(scene, pixels, place[0], sums).to(self.dtype)]
        offers = Offers(self.recorder, Site(pixels))
        layer, slow, fast, share = place
        sub = sub_pixel(scene, pixels, (layer, slow, fast), offers)
        return summation_of(scene.kind).add(scene, sub, sums, share, self.dtype, offers)

    def _finish(self, scene: Scene, pixels: Tensor, last: Tensor, sums: list[Tensor]) -> Tensor:
        """last: the last layer"""
        offers = Offers(None, Site(pixels))
        ends = [sub_pixel(scene, pixels, (layer, 0, 0), offers) for layer in (0, last)]
        return summation_of(scene.kind).finish(scene, sums, (ends[0], ends[1]), offers)
