"""From an experiment to its image: tile by tile, by the engine that is asked for."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_core import Experiment, InputError, NbWarning, Recorder
from nb_core.recorder import Site
from nb_physics.engine.choice import Engine, takes_kernels
from nb_physics.engine.load import BuildError
from nb_physics.engine.walk import CompiledWalk, needed_kernels
from nb_physics.plan import Plan, make_plan
from nb_physics.scene import Scene, carries_gradient, make_scene, scene_tensors, scene_to
from nb_physics.tile import tile_photons
from nb_physics.tiles import (
    TILE_EVALUATIONS,
    PixelSelection,
    check_pixels,
    pixel_ranges,
    select_pixels,
    step_blocks,
    tile_pixels,
)

Progress = Callable[[int, int], None]
"""Called after each tile with the pixels done and the pixels in all."""

BYTES_OF_EVALUATION = 400
"""What a tile keeps for each pixel, source and step, at most: some 50 numbers."""

LEAST_MEMORY = 1 << 20


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
) -> Float[Tensor, "slow fast"]:
    """The image of an experiment: photons per pixel, 0 outside the ROI and the mask.

    experiment: or its plan, where that has been made already
    dtype: float64, or float32 (phases stay in float64 where the device has it)
    engine: eager torch, compiled kernels, or whichever is sooner done; gradients and recorders
        take eager
    max_memory: bytes to work with beside the image and the experiment
    image_dtype: of the image, where it shall not be `dtype`: float32 keeps a large one small
    recorder: is offered every intermediate quantity (nb_core.quantities)
    Raises InputError where the device or dtype is not to be had, and for engine "compiled" with a
    recorder or a gradient.
    """
    plan, scene, target = _on_device(experiment, device, dtype)
    selection = select_pixels(plan.experiment)
    walk = _choose_walk(plan, scene, selection, dtype, target, engine, recorder)
    shape = (plan.experiment.detector.spixels, plan.experiment.detector.fpixels)
    image = _Image(shape, selection, image_dtype or dtype, target, keeps_graph=_has_gradient(scene))
    for start, stop in walk.ranges(selection.count, _affordable(max_memory, scene)):
        image.add(start, walk.photons(selection, start, stop, target))
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
    detector = plan.experiment.detector
    check_pixels(pixels, detector)
    selection = PixelSelection(detector.fpixels, 0, detector.fpixels, 0, detector.spixels, pixels)
    walk = _choose_walk(plan, scene, selection, dtype, target, engine, None)
    parts = [torch.zeros(0, dtype=dtype, device=target)]
    for start, stop in walk.ranges(selection.count):
        parts.append(walk.photons(selection, start, stop, target))
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
    walk = EagerWalk(plan, scene, dtype, recorder)
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
        tiles[tile] = walk.photons(selection, tile * size, stop, target)
        if progress is not None:
            progress(done, len(wanted))
    parts = [tiles[number // size][number % size] for number in numbers]
    return torch.stack(parts) if parts else torch.zeros(0, dtype=dtype, device=target)


class EagerWalk:
    """The walk over the image by torch, operation by operation."""

    def __init__(
        self, plan: Plan, scene: Scene, dtype: torch.dtype, recorder: Recorder | None = None
    ) -> None:
        self.scene, self.dtype, self.recorder = scene, dtype, recorder
        self.blocks = step_blocks(plan)
        self.size = tile_pixels(self.blocks)

    def ranges(self, count: int, largest: int | None = None) -> Iterator[tuple[int, int]]:
        """Pixel numbers of each tile; `largest`: most pixels of one, from the memory allowed."""
        return pixel_ranges(count, min(self.size, largest or self.size))

    def photons(
        self, selection: PixelSelection, start: int, stop: int, device: torch.device
    ) -> Float[Tensor, " pixels"]:
        """Photons of pixels number `start` to `stop`."""
        pixels = selection.indices(start, stop, device)
        values = tile_photons(self.scene, pixels, self.blocks, self.dtype, self.recorder)
        if self.recorder is not None and self.recorder.wants("photons"):
            self.recorder.record("photons", values, Site(pixels))
        return values


def _choose_walk(
    plan: Plan,
    scene: Scene,
    selection: PixelSelection,
    dtype: torch.dtype,
    device: torch.device,
    engine: Engine | str,
    recorder: Recorder | None,
) -> EagerWalk | CompiledWalk:
    """The walk that the engine stands for; eager, with a warning, where nothing can be built."""
    chosen, eager = check_engine(engine), EagerWalk(plan, scene, dtype, recorder)
    inside = _has_gradient(scene) or recorder is not None
    if inside and chosen is Engine.COMPILED:
        remedy = "kernels give no gradients and show nothing inside; choose eager or auto"
        raise InputError("engine", chosen.value, remedy)
    if inside or chosen is Engine.EAGER or not selection.count or device.type == "mps":
        return eager
    evaluations = float(selection.count) * scene.layers * plan.steps
    if chosen is Engine.AUTO:
        kernels = needed_kernels(scene, dtype, device)
        if not takes_kernels(kernels, evaluations):
            return eager
    try:
        return CompiledWalk(scene, dtype, device)
    except BuildError as error:
        _warn_once(str(error))
        return eager


@functools.cache
def _warn_once(reason: str) -> None:
    message = f"no compiled kernels, eager torch is used, which is slower: {reason}"
    warnings.warn(message, NbWarning, stacklevel=4)


def check_engine(name: Engine | str) -> Engine:
    """The engine of that name; InputError for another."""
    try:
        return Engine(name)
    except ValueError as error:
        known = ", ".join(Engine)
        raise InputError("engine", name, f"expected one of: {known}") from error


def _has_gradient(scene: Scene) -> bool:
    return any(carries_gradient(tensor) for tensor in scene_tensors(scene).values())


def _affordable(max_memory: int | None, scene: Scene) -> int | None:
    """How many pixels a tile may have."""
    if max_memory is None:
        return None
    if max_memory < LEAST_MEMORY:
        remedy = f"give at least {LEAST_MEMORY} bytes"
        raise InputError("max_memory", max_memory, remedy)
    sources, steps = scene.wavelength.numel(), scene.cell_vectors.shape[2]
    together = min(sources * steps, TILE_EVALUATIONS)
    return max(1, max_memory // (BYTES_OF_EVALUATION * max(together, sources)))


class _Image:
    """The image while its tiles come in; pixels that are not selected are 0."""

    def __init__(
        self,
        shape: tuple[int, int],
        selection: PixelSelection,
        dtype: torch.dtype,
        device: torch.device,
        *,
        keeps_graph: bool,
    ) -> None:
        self.shape, self.selection, self.device = shape, selection, device
        self.parts: list[Tensor] | None = [] if keeps_graph else None
        self.values = torch.zeros(shape[0] * shape[1], dtype=dtype, device=device)

    def add(self, start: int, values: Float[Tensor, " pixels"]) -> None:
        """Takes the pixels from number `start` on; a gradient needs them joined at the end."""
        values = values.to(self.values.dtype)
        if self.parts is not None:
            self.parts.append(values)
            return
        stop = start + values.numel()
        if self.selection.count != self.values.numel():
            self.values[self.selection.indices(start, stop, self.device)] = values
        elif self.device.type == "cpu":  # one thread copies a tile sooner than several start to
            self.values.numpy()[start:stop] = values.detach().numpy()
        else:
            self.values[start:stop] = values

    def finished(self) -> Float[Tensor, "slow fast"]:
        """The image of all tiles."""
        if not self.parts:
            return self.values.reshape(self.shape)
        joined = torch.cat(self.parts)
        if joined.numel() != self.values.numel():
            indices = self.selection.indices(0, self.selection.count, self.device)
            joined = self.values.index_put((indices,), joined)
        return joined.reshape(self.shape)


def _on_device(
    experiment: Experiment | Plan, device: torch.device | str, dtype: torch.dtype
) -> tuple[Plan, Scene, torch.device]:
    target = available_device(device)
    check_dtype(dtype, target)
    _keep_freed_memory()
    plan = experiment if isinstance(experiment, Plan) else make_plan(experiment)
    return plan, scene_to(make_scene(plan), target), target


@functools.cache
def _keep_freed_memory() -> None:
    """Has glibc keep the tensors of a tile for the next operation.

    It gives blocks of over 128 kB back to the system until one as large as this has been freed;
    fetching them anew for each operation takes more than half of the time of an eager walk.
    """
    torch.empty(30 << 20, dtype=torch.uint8)


def check_dtype(dtype: torch.dtype, device: torch.device) -> None:
    """Refuses what is not float64 or float32, and float64 where the device lacks it."""
    if dtype not in (torch.float32, torch.float64):
        raise InputError("dtype", dtype, "expected float64 or float32")
    if dtype == torch.float64 and device.type == "mps":
        raise InputError("dtype", dtype, f"the device {device} has no float64; choose float32")


def available_device(name: torch.device | str) -> torch.device:
    """The device of that name; an InputError where this machine lacks it."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        have = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
        remedy = f"this machine has no such device; it has: {', '.join(have)}"
        raise InputError("device", name, remedy) from error
    return device
