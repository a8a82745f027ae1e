"""Gradients of a tile in bounded memory: what they need is computed anew when they are asked for.

The same trade as gradient checkpointing (Griewank and Walther, ACM Trans. Math. Software 26, 2000).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import forward_ad

from nb_physics.scene import Scene, scene_tensors, scene_with

Photons = Callable[[Scene], Tensor]
"""The photons of a tile, shape (pixels,), of a scene."""

Backward = Callable[[Tensor], dict[str, Tensor]]
"""Gradients by the scene's tensors, by name, of photons times these cotangents, shape (pixels,)."""


def has_gradient(scene: Scene) -> bool:
    """Whether a backward pass is to reach any tensor of the scene."""
    tensors = scene_tensors(scene).values()
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def is_transformed(scene: Scene) -> bool:
    """Whether the scene is within torch.func's transforms, or carries forward-mode tangents.

    Then operations have to be seen one by one; forward mode keeps nothing in any case.
    """
    return torch._C._are_functorch_transforms_active() or _has_tangent(scene)


def carries_gradient(scene: Scene) -> bool:
    """Whether a derivative depends on any tensor of the scene, backwards or forwards."""
    return has_gradient(scene) or _has_tangent(scene)


def _has_tangent(scene: Scene) -> bool:
    tensors = scene_tensors(scene).values()
    return any(forward_ad.unpack_dual(tensor).tangent is not None for tensor in tensors)


def recomputed_photons(
    scene: Scene,
    values: Callable[[], Tensor],
    parts: list[Photons],
    backward: Backward | None = None,
) -> Float[Tensor, " pixels"]:
    """The photons `values()` of the scene, with a gradient that computes the tile a second time.

    values: may be compiled; it is called without a graph
    parts: eager photons of consecutive pixels, which `values` are too; one graph at a time stands
        in memory, unless a second derivative is wanted
    backward: what gives the first derivative sooner than these
    """
    tensors = scene_tensors(scene)
    names = [name for name, tensor in tensors.items() if tensor.requires_grad]
    apply: Callable[..., Tensor] = _Recomputed.apply
    return apply(scene, values, parts, backward, names, *(tensors[name] for name in names))


class _Recomputed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        scene: Scene,
        values: Callable[[], Tensor],
        parts: list[Photons],
        backward: Backward | None,
        names: list[str],
        *tensors: Tensor,
    ) -> Tensor:
        ctx.scene, ctx.parts, ctx.names, ctx.backward_of = scene, parts, names, backward
        ctx.save_for_backward(*tensors)
        return values()

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Any:
        higher = torch.is_grad_enabled()
        saved = ctx.saved_tensors
        if ctx.backward_of is not None and not higher:
            by_name = ctx.backward_of(cotangents[0])
            return (None, None, None, None, None, *(by_name.get(name) for name in ctx.names))
        inputs = saved if higher else [tensor.detach().requires_grad_() for tensor in saved]
        gradients = [torch.zeros_like(tensor) for tensor in inputs]
        every = scene_tensors(ctx.scene)
        with torch.enable_grad():
            scene = scene_with(ctx.scene, {**every, **dict(zip(ctx.names, inputs, strict=True))})
            first = 0
            for part in ctx.parts:
                photons = part(scene)
                cotangent = cotangents[0][first : first + photons.numel()]
                first += photons.numel()
                if not photons.requires_grad:  # flat tops do not follow what moves them
                    continue
                found = torch.autograd.grad(
                    photons, inputs, cotangent, create_graph=higher, allow_unused=True
                )
                gradients = [
                    total if new is None else total + new
                    for total, new in zip(gradients, found, strict=True)
                ]
        return (None, None, None, None, None, *gradients)
