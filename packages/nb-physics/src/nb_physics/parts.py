"""The panels of an image, each with a walk over its pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch

from nb_core import Recorder
from nb_physics.devices import sharing_devices
from nb_physics.engine.choice import Choice, Engine
from nb_physics.loop import TilePart
from nb_physics.plan import Plan
from nb_physics.scene import Scene, scene_of_panel, scene_to
from nb_physics.tiles import PixelSelection
from nb_physics.walk import Walk, choose_walk


def panel_parts(
    plan: Plan,
    first: Scene,
    selections: Iterable[tuple[int, PixelSelection]],
    dtype: torch.dtype,
    device: torch.device,
    engine: Engine | str,
    recorder: Recorder | None = None,
    chosen: Callable[[Choice], None] | None = None,
) -> list[TilePart]:
    """A part for each selection of a panel's pixels, counted from the panel's first.

    first: the scene of the first panel; selections: with the number of their panel
    Panels of one kind (scene.Kind, and whether there are several layers) take the same walk, chosen
    for all of their pixels together. chosen: is told the first choice.
    """
    listed = list(selections)
    scenes = {number: scene_of_panel(plan, first, number) for number, _ in listed}
    keys = {number: (scene.kind, scene.layers) for number, scene in scenes.items()}
    pixels: dict[object, int] = {}
    for number, selection in listed:
        pixels[keys[number]] = pixels.get(keys[number], 0) + selection.count
    walks: dict[object, list[Walk]] = {}
    parts = []
    for number, selection in listed:
        scene, key, panel = scenes[number], keys[number], plan.panels[number]
        copies = _on_devices(scene, sharing_devices(device))
        if key not in walks:
            told = None if walks else chosen
            mine = walks[key] = [
                choose_walk(own, pixels[key], dtype, to, engine, recorder, told)
                for own, to in copies
            ]
        else:
            pairs = zip(walks[key], copies, strict=True)
            mine = [walk.of_scene(own) for walk, (own, _) in pairs]
        grid = selection.moved(panel.first_pixel, panel.fpixels)
        parts.append(TilePart(scene, mine, grid))
    return parts


def _on_devices(scene: Scene, devices: list[torch.device]) -> list[tuple[Scene, torch.device]]:
    """The scene on each device that shares its image; copies, but for the first."""
    with torch.no_grad():
        copies = [(scene_to(scene, device), device) for device in devices[1:]]
    return [(scene, devices[0]), *copies]
