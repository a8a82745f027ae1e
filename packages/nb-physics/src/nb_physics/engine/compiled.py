"""Kernels as an engine."""

from __future__ import annotations

import torch

from nb_physics.engine.derive import CompiledGradient, gradient_kernels
from nb_physics.engine.make import make_all_that_can_be
from nb_physics.engine.tangents import CompiledTangents, tangent_kernels
from nb_physics.engine.walk import CompiledWalk, needed_kernels
from nb_physics.scene import Scene
from nb_physics.tile_engine import Tangents, TileEngine


class CompiledEngine(TileEngine):
    """The functions of a tile, compiled by torch's inductor once for each kind of scene, and kept.

    Raises BuildError where no compiler is to be had.
    """

    name = "compiled"
    summary = "kernels, compiled once and kept"

    def why_not(self, scene: Scene, dtype: torch.dtype, device: torch.device) -> str | None:
        if device.type == "mps":
            return f"there are no kernels for {device.type}"
        return _why_not_imported(scene.kind.classes)

    def prepare(
        self, scene: Scene, dtype: torch.dtype, device: torch.device, *, gradient: bool = False
    ) -> CompiledWalk:
        kernels = needed_kernels(scene, dtype, device)
        derived = (gradient_kernels(kernels, scene) or []) if gradient else []
        make_all_that_can_be([*kernels, *derived])
        walk = CompiledWalk(scene, dtype, device)
        if derived:
            walk.gradient = CompiledGradient(walk, derived)
        return walk

    def prepare_tangents(
        self, scene: Scene, tangents: Tangents, dtype: torch.dtype, device: torch.device
    ) -> CompiledTangents | None:
        kernels = tangent_kernels(scene, tangents, dtype, device)
        if kernels is None:
            return None
        return CompiledTangents(scene, tangents, kernels, dtype, device)


def _why_not_imported(classes: tuple[type, ...]) -> str | None:
    """Why the process that builds kernels would not find the class of a shape or background."""
    for part in classes:
        if part.__module__ == "__main__" or "<locals>" in part.__qualname__:
            return f"kernels need classes that can be imported, and {part.__name__} cannot"
    return None
