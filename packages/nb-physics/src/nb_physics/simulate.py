"""From an experiment to its image: tile by tile, by the engine that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_core import Experiment, InputError, Recorder
from nb_physics import arguments
from nb_physics.devices import check_dtype, computing_device, sharing_devices
from nb_physics.engine.choice import Choice, Engine
from nb_physics.gradient import has_gradient, is_transformed
from nb_physics.image import Image, placed
from nb_physics.loop import Progress, TileLoop
from nb_physics.plan import Plan, make_plan
from nb_physics.scene import Scene, make_scene, scene_to
from nb_physics.sharing import share_out
from nb_physics.tiles import chosen_pixels, select_pixels, tile_evaluations
from nb_physics.walk import EagerWalk, affordable_pixels, choose_walk


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
) -> Float[Tensor, "slow fast"]:
    """The image of an experiment: photons per pixel, 0 outside the ROI and the mask.

    experiment: or its plan, where that has been made already
    dtype: float64, or float32 (phases stay in float64; where the device has none, in pairs of
        float32, and without gradients)
    engine: eager torch, compiled kernels, or whichever is sooner done (`choose_engine` says which,
        and why); recorders take eager
    max_memory: bytes to work with beside the image and the experiment
    image_dtype: of the image, where it shall not be `dtype`: float32 keeps a large one small
    recorder: is offered every intermediate quantity (nb_core.quantities)
    chosen: is told, before the first tile, the engine that computes the image, and why
    A backward pass computes each tile anew, so that a gradient needs no more memory than a tile.
    Several CUDA devices share an image for "cuda", which comes to be on the first of them.
    Raises InputError where the device or dtype is not to be had, and for engine "compiled" with a
    recorder.
    """
    if max_memory is not None:
        remedy = "expected a whole number of bytes"
        max_memory = arguments.whole("max_memory", max_memory, remedy)
    if image_dtype is not None:
        check_dtype(image_dtype, torch.device("cpu"), "image_dtype")
    plan, scene, target = _on_device(experiment, device, dtype)
    selection = select_pixels(plan.experiment)
    walks = [
        choose_walk(
            plan, part, selection.count, dtype, to, engine, recorder, None if number else chosen
        )
        for number, (part, to) in enumerate(_scenes(scene, sharing_devices(target)))
    ]
    shape = (plan.experiment.detector.spixels, plan.experiment.detector.fpixels)
    largest = affordable_pixels(max_memory, scene, tile_evaluations(target))
    loop = TileLoop(scene, walks, selection, dtype, target, largest, progress)
    if has_gradient(scene) or is_transformed(scene):
        return placed(loop.photons().to(image_dtype or dtype), selection, shape)
    image = Image(shape, selection, image_dtype or dtype, target)
    loop.each(image.add)
    return image.finished()


def photons_at(
    experiment: Experiment | Plan,
    pixels: Int[Tensor, " pixels"],
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
    engine: Engine | str = Engine.AUTO,
    progress: Progress | None = None,
) -> Float[Tensor, " pixels"]:
    """Photons of the pixels with these flat indices (slow * fpixels + fast), in the order given.

    Nothing else is computed: the way to fit a model to some regions of an image. Region of interest
    and mask are not looked at. Options and errors as of `simulate`.
    Raises InputError for a pixel off the detector.
    """
    plan, scene, target = _on_device(experiment, device, dtype)
    selection = chosen_pixels(arguments.flat_indices(pixels), plan.experiment.detector)
    walk = choose_walk(plan, scene, selection.count, dtype, target, engine, None)
    return TileLoop(scene, [walk], selection, dtype, target, progress=progress).photons()


def simulate_pixels(
    experiment: Experiment | Plan,
    pixels: Sequence[tuple[int, int]],
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
    recorder: Recorder | None = None,
    progress: Progress | None = None,
) -> Float[Tensor, " pixels"]:
    """Photons of some pixels (slow, fast), each in the tile in which eager `simulate` computes it.

    So they are those of the whole image bit for bit; the recorder is offered all pixels of these
    tiles. Raises InputError as `simulate`, and for a pixel that is not rendered: off the detector,
    outside the region of interest or masked.
    """
    plan, scene, target = _on_device(experiment, device, dtype)
    selection = select_pixels(plan.experiment)
    walk = EagerWalk(plan, scene, dtype, target, recorder)
    size = walk.size
    numbers: list[int] = []
    for slow, fast in map(arguments.pixel, pixels):
        number = selection.number(slow, fast)
        if number is None:
            remedy = "not rendered: off the detector, outside the region of interest, or masked"
            raise InputError("pixel", (slow, fast), remedy)
        numbers.append(number)
    tiles: dict[int, Tensor] = {}
    wanted = sorted({number // size for number in numbers})

    def photons(tile: int) -> Tensor:
        return walk.photons(selection, tile * size, min((tile + 1) * size, selection.count))

    def keep(tile: int, values: Tensor) -> None:
        tiles[tile] = values
        if progress is not None:
            progress(len(tiles), len(wanted))

    alone = recorder is not None or is_transformed(scene)
    share_out(wanted, photons, keep, device=target, alone=alone)
    parts = [tiles[number // size][number % size] for number in numbers]
    return torch.stack(parts) if parts else torch.zeros(0, dtype=dtype, device=target)


def _scenes(scene: Scene, devices: list[torch.device]) -> list[tuple[Scene, torch.device]]:
    """The scene on each device that shares its image; copies, but for the first."""
    with torch.no_grad():
        copies = [(scene_to(scene, device), device) for device in devices[1:]]
    return [(scene, devices[0]), *copies]


def _on_device(
    experiment: Experiment | Plan, device: torch.device | str, dtype: torch.dtype
) -> tuple[Plan, Scene, torch.device]:
    target = computing_device(device, dtype)
    plan = experiment if isinstance(experiment, Plan) else make_plan(experiment)
    return plan, scene_to(make_scene(plan), target), target
