"""Photons of chosen pixels as a function of the parameters, with their derivatives."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd import forward_ad

from nb_core import Experiment, NbWarning
from nb_physics import Plan, make_plan, photons_at
from nb_physics.scene import Scene, make_scene, scene_tensors, scene_with
from nb_physics.tiles import chosen_pixels
from nb_physics.walk import EagerWalk

Build = Callable[[Float[Tensor, " parameters"]], Experiment]
"""The experiment of some values of the parameters."""


@contextmanager
def said_once() -> Iterator[None]:
    """Keeps nb_physics from repeating, at each step, what it warned of at the start."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NbWarning)
        yield


def photons(
    build: Build, values: Float[Tensor, " parameters"], pixels: Int[Tensor, " pixels"]
) -> Float[Tensor, " pixels"]:
    """Photons of the pixels; a gradient of the values is kept."""
    with said_once():
        return photons_at(build(values), pixels, engine="eager")


def photons_and_jacobian(
    build: Build, values: Float[Tensor, " parameters"], pixels: Int[Tensor, " pixels"]
) -> tuple[Float[Tensor, " pixels"], Float[Tensor, "pixels parameters"]]:
    """Photons, and their derivatives by the parameters.

    From the parameters to the scene, which is small, in reverse mode; from the scene to the pixels
    in forward mode, one pass for each parameter. So memory is that of the photons and their
    derivatives, whatever the number of steps.
    """
    _load_forward_mode()
    leaf = values.detach().clone().requires_grad_()
    with said_once():
        plan = make_plan(build(leaf))
    scene = make_scene(plan)
    names, slopes = _scene_jacobian(scene, leaf)
    tensors = {name: tensor.detach() for name, tensor in scene_tensors(scene).items()}
    fixed = scene_with(scene, tensors)
    primal = torch.zeros(pixels.numel(), dtype=torch.float64)
    columns = torch.zeros((pixels.numel(), values.numel()), dtype=torch.float64)
    with torch.no_grad():
        for number in range(values.numel()):
            moving = {name: part[..., number] for name, part in zip(names, slopes, strict=True)}
            with forward_ad.dual_level():
                dual = {
                    name: forward_ad.make_dual(tensors[name], tangent.contiguous())
                    for name, tangent in moving.items()
                    if bool((tangent != 0).any())
                }
                result = _walk(plan, scene_with(fixed, {**tensors, **dual}), pixels)
                parts = forward_ad.unpack_dual(result)
                primal = parts.primal.clone()
                if parts.tangent is not None:
                    columns[:, number] = parts.tangent
    return primal, columns


@functools.cache
def _load_forward_mode() -> None:
    """On first use, torch's forward mode imports what torch itself warns of as deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with forward_ad.dual_level():
            one = torch.ones((), dtype=torch.float64)
            forward_ad.make_dual(one, one)


def _scene_jacobian(
    scene: Scene, leaf: Float[Tensor, " parameters"]
) -> tuple[list[str], list[Tensor]]:
    """The scene's tensors that depend on the parameters, and their derivatives.

    These have the tensor's axes and, last, that of the parameters.
    """
    moving = {name: t for name, t in scene_tensors(scene).items() if t.requires_grad}
    flat = torch.cat([tensor.reshape(-1) for tensor in moving.values()])
    rows = torch.eye(flat.numel(), dtype=flat.dtype)
    (jacobian,) = torch.autograd.grad(flat, leaf, rows, is_grads_batched=True)
    sizes = [tensor.numel() for tensor in moving.values()]
    parts = [
        part.reshape(*tensor.shape, leaf.numel())
        for part, tensor in zip(jacobian.split(sizes), moving.values(), strict=True)
    ]
    return list(moving), parts


def _walk(plan: Plan, scene: Scene, pixels: Int[Tensor, " pixels"]) -> Float[Tensor, " pixels"]:
    """Photons of the pixels of a scene, tile by tile."""
    chosen = chosen_pixels(pixels, plan.experiment.detector)
    walk = EagerWalk(plan, scene, torch.float64, torch.device("cpu"))
    tiles = [walk.photons(chosen, *part) for part in walk.ranges(chosen.count)]
    return torch.cat([torch.zeros(0, dtype=torch.float64), *tiles])
