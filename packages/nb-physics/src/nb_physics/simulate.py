"""The walk over the image: tiles of pixels, and within them layers, sub-pixels and steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_core import Experiment, InputError, Recorder
from nb_core.recorder import Site
from nb_physics.axes import LabAxes
from nb_physics.frame import DetectorFrame
from nb_physics.orientation import UnitCell
from nb_physics.plan import Plan, make_plan
from nb_physics.sources import Sources
from nb_physics.structure import StructureGrid
from nb_physics.tile import tile_photons
from nb_physics.tiles import (
    PixelSelection,
    StepBlock,
    pixel_ranges,
    select_pixels,
    step_blocks,
    tile_pixels,
)

Progress = Callable[[int, int], None]
"""Called after each tile with the pixels done and the pixels in all."""


def simulate(
    experiment: Experiment | Plan,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
    recorder: Recorder | None = None,
    progress: Progress | None = None,
) -> Float[Tensor, "slow fast"]:
    """The image of an experiment: photons per pixel, 0 outside the ROI and the mask.

    experiment: or its plan, where that has been made already
    dtype: float64, or float32 (phases stay in float64 where the device has it)
    recorder: is offered every intermediate quantity (nb_core.quantities)
    Raises InputError where the device or dtype is not to be had.
    """
    plan, target = _plan_on_device(experiment, device, dtype)
    selection = select_pixels(plan.experiment)
    blocks = step_blocks(plan)
    parts: list[Tensor] = []
    for start, stop in pixel_ranges(plan, selection.count, blocks):
        pixels = selection.indices(start, stop, target)
        parts.append(_tile(plan, pixels, blocks, dtype, recorder))
        if progress is not None:
            progress(stop, selection.count)
    return _assemble(plan.experiment, selection, parts, dtype, target)


def simulate_pixels(
    experiment: Experiment | Plan,
    pixels: Sequence[tuple[int, int]],
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
    recorder: Recorder | None = None,
    progress: Progress | None = None,
) -> Float[Tensor, " pixels"]:
    """Photons of some pixels (slow, fast), each in the tile in which `simulate` computes it.

    So they are those of the whole image bit for bit; the recorder is offered all pixels of these
    tiles. Raises InputError as `simulate`, and for a pixel that is not rendered: off the detector,
    outside the region of interest or masked.
    """
    plan, target = _plan_on_device(experiment, device, dtype)
    selection = select_pixels(plan.experiment)
    blocks = step_blocks(plan)
    size = tile_pixels(plan, blocks)
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
        indices = selection.indices(tile * size, stop, target)
        tiles[tile] = _tile(plan, indices, blocks, dtype, recorder)
        if progress is not None:
            progress(done, len(wanted))
    parts = [tiles[number // size][number % size] for number in numbers]
    return torch.stack(parts) if parts else torch.zeros(0, dtype=dtype, device=target)


def _plan_on_device(
    experiment: Experiment | Plan, device: torch.device | str, dtype: torch.dtype
) -> tuple[Plan, torch.device]:
    target = available_device(device)
    check_dtype(dtype, target)
    plan = experiment if isinstance(experiment, Plan) else make_plan(experiment)
    return plan_to(plan, target), target


def _tile(
    plan: Plan,
    pixels: Int[Tensor, " pixels"],
    blocks: list[StepBlock],
    dtype: torch.dtype,
    recorder: Recorder | None,
) -> Float[Tensor, " pixels"]:
    values = tile_photons(plan, pixels, blocks, dtype, recorder)
    if recorder is not None and recorder.wants("photons"):
        recorder.record("photons", values, Site(pixels))
    return values


_ON_DEVICE = (Plan, LabAxes, DetectorFrame, Sources, UnitCell, StructureGrid)
"""The parts of a plan that hold tensors."""


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


def plan_to(plan: Plan, device: torch.device) -> Plan:
    """The plan with all its tensors on a device (in float32 where the device has no float64)."""
    dtype = torch.float32 if device.type == "mps" else torch.float64

    def moved(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.to(device, dtype) if value.is_floating_point() else value.to(device)
        if not isinstance(value, _ON_DEVICE):
            return value
        fields = {
            field.name: moved(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
        return dataclasses.replace(value, **fields)

    result = moved(plan)
    assert isinstance(result, Plan)
    return result


def _assemble(
    experiment: Experiment,
    selection: PixelSelection,
    parts: list[Float[Tensor, " _"]],
    dtype: torch.dtype,
    device: torch.device,
) -> Float[Tensor, "slow fast"]:
    """The image of all tiles; pixels that were not selected are 0."""
    shape = (experiment.detector.spixels, experiment.detector.fpixels)
    values = torch.cat(parts) if parts else torch.zeros(0, dtype=dtype, device=device)
    if values.numel() == shape[0] * shape[1]:
        return values.reshape(shape)
    indices: Int[Tensor, " pixels"] = selection.indices(0, selection.count, device)
    image = torch.zeros(shape[0] * shape[1], dtype=dtype, device=device)
    return image.index_put((indices,), values).reshape(shape)
