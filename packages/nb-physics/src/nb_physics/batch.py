"""Many images at once: the function of a tile, mapped over the scenes of experiments."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.forward_ad import unpack_dual

from nb_core import Experiment, InputError
from nb_physics.arguments import expect
from nb_physics.devices import computing_device
from nb_physics.gradient import is_transformed
from nb_physics.image import placed
from nb_physics.loop import Progress
from nb_physics.one_crystal import added_by_number, plan_of_crystal
from nb_physics.one_panel import plan_of_panel
from nb_physics.plan import Plan, make_plan
from nb_physics.scene import Scene, make_scene, scene_tensors, scene_to, scene_with
from nb_physics.sharing import share_out
from nb_physics.tile import tile_photons
from nb_physics.tiles import pixel_ranges, select_pixels, step_blocks, tile_pixels


def simulate_batch(
    experiments: Sequence[Experiment | Plan],
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
    progress: Progress | None = None,
) -> Float[Tensor, "images *panel slow fast"]:
    """The images of experiments that differ in numbers only, with all their gradients.

    experiments: with the same choices, pixels, sources, steps, sub-pixels and layers
    What they share, a list of structure factors above all, is kept once: give each of them the
    same StructureFactors and, where it is a tensor, the same default_F.
    progress: as of `simulate`, counting the pixels of one image
    Raises InputError for no experiments and for those that are not alike, and as `simulate`.
    """
    target = computing_device(device, dtype)
    plans = _planned(experiments)
    if any(plan.experiment.more_crystals for plan in plans):
        return _of_crystals(plans, device, dtype, progress)
    if any(plan.experiment.panels for plan in plans):
        return _of_panels(plans, device, dtype, progress)
    scenes = [scene_to(make_scene(plan), target) for plan in plans]
    _check_alike(plans, scenes)
    shared, apart = _divided([scene_tensors(scene) for scene in scenes])
    blocks, selection = step_blocks(plans[0]), select_pixels(plans[0].experiment)
    most = tile_pixels(blocks)
    together = min(len(scenes), most)

    def photons(tile: tuple[int, int]) -> Tensor:
        pixels = selection.indices(*tile, target)

        def of_scene(own: dict[str, Tensor]) -> Tensor:
            return tile_photons(scene_with(scenes[0], {**shared, **own}), pixels, blocks, dtype)

        if not apart:
            return of_scene({}).expand(len(scenes), -1)
        return torch.func.vmap(of_scene, chunk_size=together)(apart)

    def keep(tile: tuple[int, int], values: Tensor) -> None:
        parts.append(values)
        if progress is not None:
            progress(tile[1], selection.count)

    parts = [torch.zeros((len(scenes), 0), dtype=dtype, device=target)]
    tiles = pixel_ranges(selection.count, max(1, most // together))
    alone = any(is_transformed(scene) for scene in scenes)
    share_out(tiles, photons, keep, device=target, alone=alone)
    return placed(torch.cat(parts, dim=1), [selection], plans[0].experiment.shape)


def _of_crystals(
    plans: list[Plan],
    device: torch.device | str,
    dtype: torch.dtype,
    progress: Progress | None,
) -> Float[Tensor, "images *panel slow fast"]:
    """The images of several crystals, crystal by crystal."""
    counts = {len(plan.crystals) for plan in plans}
    if len(counts) > 1:
        shown = " and ".join(map(str, sorted(counts)))
        raise InputError("experiments", f"{shown} crystals", "all images have as many crystals")

    def one(number: int, told: Progress) -> Tensor:
        own = [plan_of_crystal(plan, number) for plan in plans]
        return simulate_batch(own, device=device, dtype=dtype, progress=told)

    return added_by_number(counts.pop(), one, progress)


def _of_panels(
    plans: list[Plan],
    device: torch.device | str,
    dtype: torch.dtype,
    progress: Progress | None,
) -> Float[Tensor, "images *panel slow fast"]:
    """The images of detectors of panels, panel by panel."""
    shapes = {plan.experiment.shape for plan in plans}
    if len(shapes) > 1:
        shown = " and ".join(map(str, sorted(shapes)))
        raise InputError("experiments", shown, "all images of a batch have one shape")
    images, count = [], len(plans[0].panels)
    for number, panel in enumerate(plans[0].panels):

        def counted(done: int, total: int, before: int = number) -> None:
            if progress is not None:
                progress(before * total + done, count * total)

        own = [plan_of_panel(plan, number) for plan in plans]
        slow, fast = panel.first_pixel
        grid = simulate_batch(own, device=device, dtype=dtype, progress=counted)
        images.append(grid[:, slow:, fast:])
    return torch.stack(images, dim=1).reshape(len(plans), *plans[0].experiment.shape)


def _planned(experiments: Sequence[Experiment | Plan]) -> list[Plan]:
    """The plans; those of the same list and default_F share one grid of structure factors."""
    remedy = "expected a list of experiments or plans"
    expect("experiments", experiments, Sequence, remedy)
    if isinstance(experiments, str | bytes):
        raise InputError("experiments", repr(experiments), remedy)
    if not experiments:
        raise InputError("experiments", "none", "give at least one")
    plans: list[Plan] = []
    first: dict[tuple[int, Any], Plan] = {}
    for given in experiments:
        plan = given if isinstance(given, Plan) else make_plan(given)
        default = plan.experiment.crystal.default_F
        known = id(default) if isinstance(default, Tensor) else float(default)
        owner = first.setdefault((id(plan.experiment.structure_factors), known), plan)
        plans.append(plan.with_crystal(structure=owner.structure))
    return plans


def _check_alike(plans: list[Plan], scenes: list[Scene]) -> None:
    """Refuses images that one walk cannot compute together."""
    expected = _choices(plans[0], scenes[0])
    for number, (plan, scene) in enumerate(zip(plans, scenes, strict=True)):
        for name, value in _choices(plan, scene).items():
            if value != expected[name]:
                remedy = f"{name} is {value}, but {expected[name]} in the first; simulate it apart"
                raise InputError(f"experiments[{number}]", name, remedy)


def _choices(plan: Plan, scene: Scene) -> dict[str, Any]:
    """What has to be the same in all images, by name."""
    experiment = plan.experiment
    detector, mask = experiment.plane, experiment.mask
    found: dict[str, Any] = dataclasses.asdict(scene.kind)
    found |= {"sensor layers": scene.layers, "oversample": scene.grid, "roi": experiment.roi}
    found["pixels (slow, fast)"] = (detector.spixels, detector.fpixels)
    found["mask"] = None if mask is None else hash(np.packbits(mask.values).tobytes())
    shapes = {name: tuple(tensor.shape) for name, tensor in scene_tensors(scene).items()}
    found["number of sources"] = shapes["wavelength"][0]
    found["number of steps"] = shapes["cell_vectors"][2]
    found["size of the list"] = tuple(scene.structure.spans.tolist())
    return found


def _divided(scenes: list[dict[str, Tensor]]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Tensors that all scenes share, and those of each, stacked along a first axis."""
    shared, apart = {}, {}
    for name, first in scenes[0].items():
        tensors = [scene[name] for scene in scenes]
        if all(_is_same(tensor, first) for tensor in tensors):
            shared[name] = first
        else:
            apart[name] = torch.stack(tensors)
    return shared, apart


def _is_same(tensor: Tensor, first: Tensor) -> bool:
    """Equal, and not in the way of gradients that belong to one image each."""
    if tensor is first:
        return True
    pair = (tensor, first)
    moved = any(one.requires_grad or unpack_dual(one).tangent is not None for one in pair)
    return not moved and torch.equal(tensor, first)
