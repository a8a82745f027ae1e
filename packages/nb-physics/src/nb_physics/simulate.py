"""From an experiment to its image: tile by tile, by the engine that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_core import Experiment, InputError, Recorder
from nb_physics.devices import computing_device, sharing_devices
from nb_physics.engine.choice import Choice, Engine
from nb_physics.gradient import carries_gradient
from nb_physics.image import Image
from nb_physics.plan import Plan, make_plan
from nb_physics.scene import Scene, make_scene, scene_to
from nb_physics.tiles import chosen_pixels, select_pixels, tile_evaluations
from nb_physics.walk import EagerWalk, affordable_pixels, choose_walk

Progress = Callable[[int, int], None]
"""Called after each tile with the pixels done and the pixels in all."""


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
    plan, scene, target = _on_device(experiment, device, dtype)
    selection = select_pixels(plan.experiment)
    devices = sharing_devices(target)
    scenes = [scene] if len(devices) == 1 else [scene_to(scene, to) for to in devices]
    walks = [
        choose_walk(plan, part, selection.count, dtype, to, engine, recorder, None if number else chosen)
        for number, (part, to) in enumerate(zip(scenes, devices, strict=True))
    ]
    shape = (plan.experiment.detector.spixels, plan.experiment.detector.fpixels)
    image = Image(
        shape, selection, image_dtype or dtype, target, keeps_graph=carries_gradient(scene)
    )
    largest = affordable_pixels(max_memory, scene, tile_evaluations(target))
    for tile, (start, stop) in enumerate(walks[0].ranges(selection.count, largest)):
        image.add(start, walks[tile % len(walks)].photons(selection, start, stop))
        if progress is not None:
            progress(stop, selection.count)
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
    selection = chosen_pixels(pixels, plan.experiment.detector)
    walk = choose_walk(plan, scene, selection.count, dtype, target, engine, None)
    parts = [torch.zeros(0, dtype=dtype, device=target)]
    for start, stop in walk.ranges(selection.count):
        parts.append(walk.photons(selection, start, stop))
        if progress is not None:
            progress(stop, selection.count)
    return torch.cat(parts)


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
    for slow, fast in pixels:
        number = selection.number(slow, fast)
        if number is None:
            remedy = "not rendered: off the detector, outside the region of interest, or masked"
            raise InputError("pixel", (slow, fast), remedy)
        numbers.append(number)
    tiles: dict[int, Tensor] = {}
    wanted = sorted({number // size for number in numbers})
    for done, tile in enumerate(wanted, 1):
        stop = min((tile + 1) * size, selection.count)
        tiles[tile] = walk.photons(selection, tile * size, stop)
        if progress is not None:
            progress(done, len(wanted))
    parts = [tiles[number // size][number % size] for number in numbers]
    return torch.stack(parts) if parts else torch.zeros(0, dtype=dtype, device=target)


def _on_device(
    experiment: Experiment | Plan, device: torch.device | str, dtype: torch.dtype
) -> tuple[Plan, Scene, torch.device]:
    target = computing_device(device, dtype)
    plan = experiment if isinstance(experiment, Plan) else make_plan(experiment)
    return plan, scene_to(make_scene(plan), target), target
