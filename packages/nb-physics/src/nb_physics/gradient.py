"""Gradients of an image in bounded memory: what they need is computed anew when they are asked for.

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
"""The photons of all pixels, shape (pixels,), of a scene, with a graph of every operation."""

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


def _has_tangent(scene: Scene) -> bool:
    tensors = scene_tensors(scene).values()
    return any(forward_ad.unpack_dual(tensor).tangent is not None for tensor in tensors)


def recomputed_photons(
    scene: Scene, values: Callable[[], Tensor], photons: Photons, backward: Backward
) -> Float[Tensor, " pixels"]:
    """The photons `values()` of the scene, with a gradient that computes them a second time.

    values: may be compiled; it is called without a graph
    photons: the same photons, for second derivatives
    backward: gives the first derivative
    """
    tensors = scene_tensors(scene)
    names = [name for name, tensor in tensors.items() if tensor.requires_grad]
    apply: Callable[..., Tensor] = _Recomputed.apply
    return apply(scene, values, photons, backward, names, *(tensors[name] for name in names))


class _Recomputed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        scene: Scene,
        values: Callable[[], Tensor],
        photons: Photons,
        backward: Backward,
        names: list[str],
        *tensors: Tensor,
    ) -> Tensor:
        ctx.scene, ctx.photons, ctx.names, ctx.backward_of = scene, photons, names, backward
        ctx.save_for_backward(*tensors)
        return values()

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Any:
        saved = dict(zip(ctx.names, ctx.saved_tensors, strict=True))
        if not torch.is_grad_enabled():
            found = ctx.backward_of(cotangents[0])
        else:
            scene = scene_with(ctx.scene, {**scene_tensors(ctx.scene), **saved})
            found = scene_gradient(scene, ctx.photons, cotangents[0], list(saved), higher=True)
        return (None, None, None, None, None, *(found.get(name) for name in ctx.names))


def scene_gradient(
    scene: Scene, photons: Photons, cotangent: Tensor, names: list[str], *, higher: bool = False
) -> dict[str, Tensor]:
    """Gradients by some of the scene's tensors, of its photons times a cotangent.

    higher: whether these can be derived again
    """
    tensors = scene_tensors(scene)
    inputs = {name: tensors[name] for name in names}
    if not higher:
        inputs = {name: tensor.detach().requires_grad_() for name, tensor in inputs.items()}
        scene = scene_with(scene, {**tensors, **inputs})
    with torch.enable_grad():
        values = photons(scene)
        if not values.requires_grad:  # flat tops do not follow what moves them
            return {name: torch.zeros_like(tensor) for name, tensor in inputs.items()}
        found = torch.autograd.grad(
            values,
            list(inputs.values()),
            cotangent,
            create_graph=higher,
            allow_unused=True,
            materialize_grads=True,
        )
    return dict(zip(inputs, found, strict=True))
