"""Runs taps over pixels of an experiment."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from nb_core import QUANTITIES, Experiment, InputError
from nb_core.showing import Brief
from nb_physics import (
    NoiseGenerator,
    Plan,
    Progress,
    checked_pixel,
    digital_image,
    make_plan,
    noise_counts,
    plan_of_panel,
    simulate,
)
from nb_taps.manager import TapEntry
from nb_taps.probe import Pixel
from nb_taps.record import NoiseDraw, PixelRecord, record_pixels
from nb_taps.result import TapResult, read_tap


@dataclass(frozen=True)
class NoiseChoice:
    """How noise is drawn, for taps that want it; no seed means the clock."""

    generator: NoiseGenerator = NoiseGenerator.TORCH
    seed: int | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Traced(Brief):
    """All that is known of a pixel: every quantity, and what the taps made of them."""

    record: PixelRecord
    results: list[TapResult]


def trace_pixels(
    experiment: Experiment | Plan,
    pixels: Sequence[tuple[int, ...]],
    taps: Sequence[TapEntry],
    *,
    every_quantity: bool = True,
    crystal: int = 0,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
    noise: NoiseChoice | None = None,
    progress: Progress | None = None,
) -> list[Traced]:
    """Simulates the tiles of some pixels (slow, fast) and has each tap read each pixel.

    Where there are several panels a pixel is (panel, slow, fast).
    every_quantity: False records only what the taps ask for
    crystal: whose share of the photons is traced, where there are several
    noise: for taps that need the whole image, which is simulated then (with `progress`)
    Raises InputError as `probe` does, and where a tap does not keep to its fields.
    """
    plan = experiment if isinstance(experiment, Plan) else make_plan(experiment)
    if plan.experiment.panels:
        options = {"every_quantity": every_quantity, "device": device, "dtype": dtype}
        return _trace_panels(plan, pixels, taps, options | {"crystal": crystal})
    if len(plan.crystals) > 1:
        _refuse_whole_image(taps, "and one of several crystals is traced")
    wanted = {quantity for entry in taps for quantity in entry.tap.quantities}
    names = [name for name in QUANTITIES if every_quantity or name in wanted]
    chosen = [(slow, fast) for _, slow, fast in _places(plan, pixels)]
    records = record_pixels(plan, chosen, names, crystal=crystal, device=device, dtype=dtype)
    if any(entry.tap.whole_image for entry in taps):
        choice = noise or NoiseChoice(seed=plan.experiment.outputs.noise_seed)
        image = simulate(plan, device=device, dtype=dtype, progress=progress)
        records = _with_noise(plan, image, records, choice)
    return [Traced(record, [read_tap(entry, record) for entry in taps]) for record in records]


def _places(plan: Plan, pixels: Sequence[tuple[int, ...]]) -> list[tuple[int, int, int]]:
    """The (panel, slow, fast) of each pixel."""
    return [checked_pixel(pixel, plan.experiment.shape) for pixel in pixels]


def _refuse_whole_image(taps: Sequence[TapEntry], why: str) -> None:
    for entry in taps:
        if entry.tap.whole_image:
            raise InputError("taps", entry.name, f"reads a noise image, {why}; leave it out")


def _trace_panels(
    plan: Plan,
    pixels: Sequence[tuple[int, ...]],
    taps: Sequence[TapEntry],
    options: dict[str, Any],
) -> list[Traced]:
    """Pixels of panels, each traced on the plan of its panel, in the order given."""
    _refuse_whole_image(taps, "and panels have none")
    places = list(dict.fromkeys(_places(plan, pixels)))
    found: dict[tuple[int, int, int], Traced] = {}
    for number in dict.fromkeys(panel for panel, _, _ in places):
        own, panel = plan_of_panel(plan, number), plan.panels[number]
        here = [place for place in places if place[0] == number]
        for place in here:
            if not all(0 <= at < size for at, size in zip(place[1:], panel.shape, strict=True)):
                remedy = f"the panels have {panel.shape} pixels (slow, fast)"
                raise InputError("pixel", place, remedy)
        first = panel.first_pixel
        on_grid = [(slow + first[0], fast + first[1]) for _, slow, fast in here]
        for place, traced in zip(here, trace_pixels(own, on_grid, taps, **options), strict=True):
            record = dataclasses.replace(traced.record, panel=number, pixel=place[1:])
            results = [dataclasses.replace(result, record=record) for result in traced.results]
            found[place] = Traced(record, results)
    return [found[place] for place in places]


def _with_noise(
    plan: Plan, image: torch.Tensor, records: list[PixelRecord], choice: NoiseChoice
) -> list[PixelRecord]:
    """The records with what the noise image has at their pixels; 0 where it is not rendered."""
    seed = int(time.time()) if choice.seed is None else choice.seed
    digital = digital_image(plan, image)
    xmin, ymin = digital.selection.xmin, digital.selection.ymin
    found: dict[Pixel, tuple[float, int]] = {}
    for band, counts in digital.counted_bands(choice.generator, seed):
        values, _ = noise_counts(counts, plan.experiment.outputs.adc_offset)
        for record in records:
            slow, fast = record.pixel
            row, column = slow - ymin - band.start, fast - xmin
            if 0 <= row < counts.shape[0] and 0 <= column < counts.shape[1]:
                found[record.pixel] = float(counts[row, column]), int(values[row, column])
    return [
        dataclasses.replace(
            record,
            noise=NoiseDraw(*found.get(record.pixel, (0.0, 0)), seed, choice.generator),
        )
        for record in records
    ]
