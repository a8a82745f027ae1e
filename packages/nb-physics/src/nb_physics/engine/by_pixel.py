"""The derivative of each pixel by itself: what a kernel gives that serves any number of tangents.

What a pixel shows depends on few numbers: those of the scene, and for its steps h, k, l. Backwards
from a pixel to numbers that are its own costs the same whatever will be moved, and a tangent of the
scene is a sum over them. A crystal that is turned or strained moves the h, k, l of all its steps
by one matrix, dh_i = sum_j M_ij h_j; so the slopes by h, k, l enter as nine sums over the steps.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._pytree import tree_flatten, tree_unflatten

from nb_core import Site
from nb_physics.elementary import horner
from nb_physics.engine.components import keep_components_apart
from nb_physics.engine.kernel import BY_STEP, Kernel, KernelKind, Role

WRITTEN_OUT: dict[Any, Callable[..., Any]] = {torch.ops.nb.polynomial.default: horner}
"""What inductor does not know."""

_FRAME = ("frame.fast", "frame.slow", "frame.normal", "frame.origin")
_FRAME_SIZES = ("frame.pixel_size", "frame.close_distance")
_LIGHT = {
    Role.WHOLE: ("fluence", "background"),
    Role.ADD: ("background",),
    Role.FINISH: ("fluence",),
}
_SHAPES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(_FRAME, (3,)),
    **dict.fromkeys((*_FRAME_SIZES, *_LIGHT[Role.WHOLE], "fudge", "fraction"), ()),
    "cells": (3,),
    "reciprocal": (3, 3),
}
"""Shapes of the tensors of a scene that a pixel is given an own copy of."""


def own_tensors(kernel: KernelKind) -> list[str]:
    """The tensors of a scene by whose elements a kernel gives each pixel's derivatives."""
    names = [*_FRAME, *_FRAME_SIZES]
    if kernel.role is not Role.FINISH:
        moved = kernel.kind.shape.moves_with
        names += ["cells", *(name for name in ("fudge", "reciprocal") if name in moved)]
    if kernel.kind.corrected and kernel.role is not Role.ADD:
        names.append("fraction")
    return [*names, *_LIGHT[kernel.role]]


def own_numbers(kernel: KernelKind) -> list[tuple[str, tuple[int, ...]]]:
    """Their elements, in the order of the kernel's results: tensor and place in it."""
    return [
        (name, place)
        for name in own_tensors(kernel)
        for place in itertools.product(*(range(size) for size in _SHAPES[name]))
    ]


class KernelByPixel(Kernel):
    """The function that is differentiated: of numbers that each pixel has an own copy of.

    Gives the results of the kernel's role and, but for FINISH, h, k, l and q of every evaluation.
    """

    def forward(
        self,
        pixels: Tensor,
        place: tuple[Tensor, Tensor, Tensor, Tensor],
        sums: list[Tensor],
        tensors: dict[str, Tensor],
        own: list[Tensor] | None = None,
    ) -> list[Tensor]:
        """own: by `own_numbers`, of shape (pixels,), or (pixels, 1, 1) for those of the crystal"""
        kept = self.recorder = _Kept()
        given = dict(zip(own_numbers(self.kernel), own or [], strict=True))
        steps = tensors[BY_STEP].shape[0]
        each = (pixels.shape[0], tensors["wavelength"].shape[0], steps)
        given = {key: t.expand(each) if t.dim() == 3 else t for key, t in given.items()}
        stacked = {name: _stacked(name, given) for name in own_tensors(self.kernel)}
        found = super().forward(pixels, place, sums, {**tensors, **stacked})
        rays = [*kept.found["hkl"].unbind(0), *kept.found["q"].unbind(0)] if kept.found else []
        return [*found, *rays]


class _Kept:
    """A recorder of what the derivative goes back to."""

    def __init__(self) -> None:
        self.found: dict[str, Tensor] = {}

    def wants(self, quantity: str) -> bool:
        return quantity in ("hkl", "q")

    def record(self, quantity: str, value: Tensor, site: Site) -> None:
        self.found[quantity] = value


def _stacked(name: str, given: dict[tuple[str, tuple[int, ...]], Tensor]) -> Tensor:
    shape = _SHAPES[name]
    if not shape:
        return given[name, ()]
    if len(shape) == 1:
        return torch.stack([given[name, (i,)] for i in range(shape[0])])
    rows = [[given[name, (i, j)] for j in range(shape[1])] for i in range(shape[0])]
    return torch.stack([torch.stack(row) for row in rows])


def by_pixel_graph(
    kernel: KernelKind, module: KernelByPixel, arguments: tuple[Any, ...], shapes: tuple[Any, ...]
) -> tuple[torch.nn.Module, list[Tensor], tuple[Any, ...]]:
    """The graph of a kernel's results and their derivatives, its flat arguments and their sizes.

    Takes after the arguments of `Kernel.forward` a cotangent for each sum (ADD), and the tangent
    of the cell vectors, shaped as they (step_tangent). Gives the results; the derivatives by
    `own_numbers`; by the sums (FINISH); else sum s_i h_j over steps and sources, with the slopes s
    by h, k, l, for ij = 00, 01, ...; and that along the tangent.
    """
    pixels, _, sums, tensors = arguments
    every = shapes[0]
    own = [_copies(kernel, name, tensors[name][at], pixels) for name, at in own_numbers(kernel)]
    sizes = (*shapes, [every for _ in own])
    with torch.no_grad():
        program = torch.export.export(module, (*arguments, own), dynamic_shapes=sizes, strict=False)
    keep_components_apart(program.graph_module)
    cotangents = [torch.ones_like(total) for total in sums] if kernel.role is Role.ADD else []
    along = [torch.ones_like(tensors[BY_STEP])] if kernel.step_tangent else []
    flat, structure = tree_flatten((*arguments, cotangents, along))
    derivatives = _Derivatives(kernel, program, structure)
    graph = make_fx(derivatives, WRITTEN_OUT, tracing_mode="symbolic", _allow_non_fake_inputs=True)
    place, of_sums, of_tensors = shapes[1:]
    moving = [of_tensors[BY_STEP] for _ in along]
    flat_sizes = (every, *place, *of_sums, *of_tensors.values(), *(every for _ in cotangents))
    return graph(*flat), flat, (*flat_sizes, *moving)


def _copies(kernel: KernelKind, name: str, number: Tensor, pixels: Tensor) -> Tensor:
    """A number of the scene for each pixel, shaped as the formulas take it."""
    by_step = name in ("cells", "reciprocal", "fudge")
    shape = (pixels.shape[0], 1, 1) if by_step else (pixels.shape[0],)
    return number.detach().expand(shape)


class _Derivatives:
    """The function that is traced: of flat arguments, by torch's automatic differentiation."""

    def __init__(self, kernel: KernelKind, program: ExportedProgram, structure: Any) -> None:
        self.kernel, self.structure = kernel, structure
        self.function = program.module()

    def __call__(self, *flat: Tensor) -> list[Tensor]:
        kernel = self.kernel
        pixels, place, sums, tensors, cotangents, along = tree_unflatten(flat, self.structure)
        with torch.enable_grad():
            own = [
                _copies(kernel, name, tensors[name][at], pixels).requires_grad_()
                for name, at in own_numbers(kernel)
            ]
            sums = [total.detach().requires_grad_() for total in sums]
            found = self.function(pixels, place, sums, tensors, own)
            count = len(sums) if kernel.role is Role.ADD else 1
            results, rays = found[:count], found[count:]
            moved = [*own, *(sums if kernel.role is Role.FINISH else []), *rays[:3]]
            weights = cotangents or [torch.ones_like(results[0])]
            slopes = torch.autograd.grad(
                results, moved, weights, allow_unused=True, materialize_grads=True
            )
        rest = len(moved) - len(rays[:3])
        by_pixel = [slope.reshape(pixels.shape) for slope in slopes[:rest]]
        by_hkl = _by_steps(slopes[rest:], [ray.detach() for ray in rays], along)
        return [*(result.detach() for result in results), *by_pixel, *by_hkl]


def _by_steps(
    slopes: Sequence[Tensor], rays: Sequence[Tensor], along: Sequence[Tensor]
) -> list[Tensor]:
    """Sums over sources and steps: see `by_pixel_graph`."""
    hkl, q = rays[:3], rays[3:]
    found = [(slope * index).sum((1, 2)) for slope in slopes for index in hkl]
    for tangent in along:
        moves = [
            sum(part[:, :, None] * tangent[:, i, axis] for axis, part in enumerate(q))
            for i in range(3)
        ]
        parts = [slope * move for slope, move in zip(slopes, moves, strict=True)]
        found.append((parts[0] + parts[1] + parts[2]).sum((1, 2)))
    return found
