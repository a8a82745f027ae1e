"""From an experiment to its image: tile by tile, by the engine that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_core import Experiment, InputError, Recorder
from nb_physics import arguments
from nb_physics.devices import check_dtype, computing_device
from nb_physics.engine.choice import Choice, Engine
from nb_physics.gradient import has_gradient, is_transformed
from nb_physics.image import Image, placed
from nb_physics.loop import Progress, TileLoop
from nb_physics.one_crystal import added
from nb_physics.parts import make_parts, of_all_crystals
from nb_physics.plan import Plan, make_plan
from nb_physics.scene import Scene, make_scene, scene_of_panel, scene_to
from nb_physics.sharing import share_out
from nb_physics.tiles import chosen_of_panels, selections_of, tile_evaluations
from nb_physics.walk import EagerWalk, affordable_pixels


def simulate(
    experiment: Experiment | Plan,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
    engine: Engine | str = Engine.AUTO,
    max_memory: int | None = None,
    image_dtype: torch.dtype | None = None,
    recorder: Recorder | None = None,
    progress: Progress | None = None,
    chosen: Callable[[Choice], None] | None = None,
) -> Float[Tensor, "*panel slow fast"]:
    """The image of an experiment: photons per pixel, 0 outside the ROI and the mask.

    Its axes are (slow, fast), and (panel, slow, fast) with several panels.

    experiment: or its plan, where that has been made already
    dtype: float64, or float32 (phases stay in float64; where the device has none, in pairs of
        float32, and without gradients)
    engine: eager torch, compiled kernels, or whichever is sooner done (`choose_engine` says which,
        and why); recorders take eager
    max_memory: bytes to work with beside the image and the experiment
    image_dtype: of the image, where it shall not be `dtype`: float32 keeps a large one small (of
        several crystals, from when they are added)
    recorder: is offered every intermediate quantity (nb_core.quantities)
    progress: called after each tile with the pixels done and in all, once for each crystal
    chosen: is told, before the first tile, the engine that computes the image, and why
    A backward pass computes each tile anew, so that a gradient needs no more memory than a tile.
    Several CUDA devices share an image for "cuda", which comes to be on the first of them.
    Raises InputError where the device or dtype is not to be had, for engine "compiled" with a
    recorder, and for a recorder of several crystals, which `plan_of_crystal` parts.
    """
    if max_memory is not None:
        remedy = "expected a whole number of bytes"
        max_memory = arguments.whole("max_memory", max_memory, remedy)
    if image_dtype is not None:
        check_dtype(image_dtype, torch.device("cpu"), "image_dtype")
    plan, scene, target = _on_device(experiment, device, dtype)
    _refuse_recorder(plan, recorder)
    selections, shape = selections_of(plan.experiment), plan.experiment.shape
    options = (dtype, target, engine, recorder, chosen)
    parts = make_parts(plan, scene, enumerate(selections), *options)
    scenes, most = [part.scene for part in parts[:: len(selections)]], tile_evaluations(target)
    sizes = [affordable_pixels(max_memory, one, most) for one in scenes]
    largest = min((size for size in sizes if size is not None), default=None)
    loop = TileLoop(parts, dtype, target, largest, progress)
    if any(has_gradient(part.scene) or is_transformed(part.scene) for part in parts):
        photons = of_all_crystals(plan, loop.photons())
        return placed(photons.to(image_dtype or dtype), selections, shape)
    kept = dtype if len(plan.crystals) > 1 else image_dtype or dtype
    image = Image(shape, selections, kept, target)
    loop.each(image.add)
    return image.finished().to(image_dtype or dtype)


def photons_at(
    experiment: Experiment | Plan,
    pixels: Int[Tensor, " pixels"],
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
    engine: Engine | str = Engine.AUTO,
    progress: Progress | None = None,
) -> Float[Tensor, " pixels"]:
    """Photons of the pixels with these flat indices, in the order given.

    The index is that of the flattened image: slow * fpixels + fast, and of a panel behind all
    pixels of those before it. Nothing else is computed: the way to fit a model to some regions of
    an image. Region of interest and mask are not looked at. Options and errors as of `simulate`.
    Raises InputError for a pixel off the detector.
    """
    plan, scene, target = _on_device(experiment, device, dtype)
    pixels = arguments.flat_indices(pixels)
    chosen = chosen_of_panels(pixels, plan.experiment.shape)
    selections = [(number, selection) for number, _, selection in chosen]
    parts = make_parts(plan, scene, selections, dtype, target, engine)
    found = of_all_crystals(plan, TileLoop(parts, dtype, target, progress=progress).photons())
    if len(chosen) < 2:
        return found
    order = torch.argsort(torch.cat([places for _, places, _ in chosen])).to(target)
    return found[order]


def simulate_pixels(
    experiment: Experiment | Plan,
    pixels: Sequence[tuple[int, ...]],
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
    recorder: Recorder | None = None,
    progress: Progress | None = None,
) -> Float[Tensor, " pixels"]:
    """Photons of some pixels (slow, fast), each in the tile in which eager `simulate` computes it.

    So they are those of the whole image bit for bit; the recorder is offered all pixels of these
    tiles, with flat indices of one plane: of panels, give it one at a time (`plan_of_panel`),
    and of crystals (`plan_of_crystal`).
    With several panels a pixel is (panel, slow, fast). Raises InputError as `simulate`, and for a
    pixel that is not rendered: off the detector, outside the region of interest or masked.
    """
    plan, scene, target = _on_device(experiment, device, dtype)
    _refuse_recorder(plan, recorder)
    if len(plan.crystals) > 1:

        def one(own: Plan, count: Progress) -> Tensor:
            return simulate_pixels(own, pixels, device=device, dtype=dtype, progress=count)

        return added(plan, one, progress)
    selections = selections_of(plan.experiment)
    walk = EagerWalk(scene, dtype, target, recorder)
    size, places = walk.size, []
    for given in arguments.several("pixels", pixels, "expected a list of pixels (slow, fast)"):
        panel, slow, fast = arguments.pixel(given, plan.experiment.shape)
        number = selections[panel].number(slow, fast)
        if number is None:
            remedy = "not rendered: off the detector, outside the region of interest, or masked"
            raise InputError("pixel", given, remedy)
        places.append((panel, number))
    tiles: dict[tuple[int, int], Tensor] = {}
    wanted = sorted({(panel, number // size) for panel, number in places})
    scenes = {panel: scene_of_panel(plan, scene, panel) for panel, _ in wanted}

    def photons(wanted_tile: tuple[int, int]) -> Tensor:
        panel, tile = wanted_tile
        own, selection = plan.panels[panel], selections[panel]
        grid = selection.moved(own.first_pixel, own.fpixels)
        stop = min((tile + 1) * size, selection.count)
        return walk.of_scene(scenes[panel]).photons(grid, tile * size, stop)

    def keep(tile: tuple[int, int], values: Tensor) -> None:
        tiles[tile] = values
        if progress is not None:
            progress(len(tiles), len(wanted))

    alone = recorder is not None or any(map(is_transformed, scenes.values()))
    share_out(wanted, photons, keep, device=target, alone=alone)
    parts = [tiles[panel, number // size][number % size] for panel, number in places]
    return torch.stack(parts) if parts else torch.zeros(0, dtype=dtype, device=target)


def _refuse_recorder(plan: Plan, recorder: Recorder | None) -> None:
    """InputError for a recorder that would be offered the same pixels once for each crystal."""
    if recorder is not None and len(plan.crystals) > 1:
        remedy = "sees one crystal at a time: give it those of plan_of_crystal(experiment, number)"
        raise InputError("recorder", f"{len(plan.crystals)} crystals", remedy)


def _on_device(
    experiment: Experiment | Plan, device: torch.device | str, dtype: torch.dtype
) -> tuple[Plan, Scene, torch.device]:
    target = computing_device(device, dtype)
    plan = experiment if isinstance(experiment, Plan) else make_plan(experiment)
    return plan, scene_to(make_scene(plan), target), target
