"""The panels and crystals of an image, each with a walk over its pixels."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import Recorder
from nb_physics.devices import sharing_devices
from nb_physics.engine.choice import Choice, Engine
from nb_physics.loop import TilePart
from nb_physics.plan import Plan
from nb_physics.scene import Scene, scene_of_crystal, scene_of_panel, scene_to
from nb_physics.tiles import PixelSelection
from nb_physics.walk import Walk, choose_walk


def make_parts(
    plan: Plan,
    first: Scene,
    selections: Iterable[tuple[int, PixelSelection]],
    dtype: torch.dtype,
    device: torch.device,
    engine: Engine | str,
    recorder: Recorder | None = None,
    chosen: Callable[[Choice], None] | None = None,
) -> list[TilePart]:
    """A part for each crystal and, within it, each selection of a panel's pixels, counted from the
    panel's first. `of_all_crystals` adds their photons.

    first: the scene of the first panel and crystal; selections: with the number of their panel
    Panels of one kind (scene.Kind, and whether there are several layers) take the same walk. It is
    chosen for all pixels of the kind together, those of all crystals. chosen: is told the first
    choice.
    """
    listed = list(selections)
    places: list[tuple[int, int, PixelSelection, Scene]] = []
    for crystal in range(len(plan.crystals)):
        own = scene_of_crystal(plan, first, crystal, device)
        known: dict[int, Scene] = {}
        for number, selection in listed:
            if number not in known:
                known[number] = scene_of_panel(plan, own, number)
            places.append((crystal, number, selection, known[number]))
    pixels: Counter[object] = Counter()
    for _, _, selection, scene in places:
        pixels[scene.kind, scene.layers] += selection.count
    walks: dict[object, list[Walk]] = {}
    parts = []
    for crystal, number, selection, scene in places:
        key, panel = (crystal, scene.kind, scene.layers), plan.panels[number]
        copies = _on_devices(scene, sharing_devices(device))
        if key not in walks:
            told, count = None if walks else chosen, pixels[scene.kind, scene.layers]
            mine = walks[key] = [
                choose_walk(own, count, dtype, to, engine, recorder, told) for own, to in copies
            ]
        else:
            pairs = zip(walks[key], copies, strict=True)
            mine = [walk.of_scene(own) for walk, (own, _) in pairs]
        grid = selection.moved(panel.first_pixel, panel.fpixels)
        parts.append(TilePart(scene, mine, grid))
    return parts


def of_all_crystals(plan: Plan, photons: Float[Tensor, " parts"]) -> Float[Tensor, " pixels"]:
    """Photons of the pixels of some parts, from those of each crystal one after the other."""
    count = len(plan.crystals)
    if count == 1:
        return photons
    return functools.reduce(torch.add, photons.reshape(count, photons.numel() // count))


def _on_devices(scene: Scene, devices: list[torch.device]) -> list[tuple[Scene, torch.device]]:
    """The scene on each device that shares its image; copies, but for the first."""
    with torch.no_grad():
        copies = [(scene_to(scene, device), device) for device in devices[1:]]
    return [(scene, devices[0]), *copies]
