"""All that was recorded of one pixel, put together again from the tiles and blocks of the walk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from nb_core import QUANTITIES, Experiment
from nb_core.showing import Brief
from nb_physics import NoiseGenerator, Plan, make_plan, plan_of_crystal, select_pixels
from nb_taps.probe import Pixel, Reading, probe

_COMPONENTS = {"cell_vectors": ("abc", "xyz"), "hkl": ("hkl",), "hkl_nearest": ("hkl",)}


@dataclass(frozen=True)
class NoiseDraw:
    """What was drawn for a pixel in the noise image of the whole experiment.

    count: photons; digital: the pixel of the noise image, with the ADC offset
    """

    count: float
    digital: int
    seed: int
    generator: NoiseGenerator


@dataclass(frozen=True, eq=False, repr=False)
class PixelRecord(Brief):
    """The recorded quantities of a pixel (slow, fast).

    panel: its number, where the experiment has panels; the plan is then that of the panel alone
    plan: the resolved experiment, with the numbers that are the same for all pixels
    rendered: whether the image holds the pixel; outside ROI and mask the image is 0
    noise: where a tap asked for the whole image
    crystal: its number, where there are several; the plan, and all that was recorded, is its own
    """

    pixel: Pixel
    plan: Plan
    device: str
    dtype: str
    rendered: bool
    readings: dict[str, list[Reading]]
    noise: NoiseDraw | None = None
    panel: int | None = None
    crystal: int | None = None
    _arrays: dict[str, Tensor | None] = field(default_factory=dict, repr=False)

    @property
    def place(self) -> tuple[int, ...]:
        """(panel, slow, fast), or (slow, fast) where there are no panels."""
        return self.pixel if self.panel is None else (self.panel, *self.pixel)

    @property
    def subpixels(self) -> list[tuple[int, int, int]]:
        """(layer, sub_slow, sub_fast) of each sub-pixel, in nanoBragg's order."""
        n = range(self.plan.oversample)
        return [(t, s, f) for t in range(self.plan.layers.count) for s in n for f in n]

    def axes(self, quantity: str) -> tuple[str, ...]:
        """The names of the axes of `array(quantity)`.

        Some of: subpixel (as in `subpixels`), source, phi, domain, and the components abc, xyz or
        hkl; `addition` for the running sum, one entry a block of steps.
        """
        if quantity == "running_sum":
            return ("addition",)
        grain = QUANTITIES[quantity].grain.split()
        readings = self.readings.get(quantity, [])
        per_subpixel = "pixels" in grain and readings and readings[0].layer is not None
        names = ["subpixel"] if per_subpixel else []
        names += ["source"] if "sources" in grain else []
        names += ["phi", "domain"] if "steps" in grain else []
        if "3" in grain:
            names += _COMPONENTS.get(quantity, ("xyz",))
        return tuple(names)

    def array(self, quantity: str) -> Tensor | None:
        """The values with the axes of `axes`, on the CPU; NaN where none was computed.

        None where the simulation computed no such quantity (an F_latt_a of a round crystal).
        The tensor is kept: do not change it.
        """
        if quantity not in self._arrays:
            self._arrays[quantity] = self._array(quantity)
        return self._arrays[quantity]

    def _array(self, quantity: str) -> Tensor | None:
        readings = self.readings.get(quantity)
        if not readings:
            return None
        if quantity == "running_sum":
            return torch.stack([_plain(reading.value) for reading in readings])
        if readings[0].layer is None:
            return _plain(readings[0].value)
        return self._assembled(quantity, readings)

    def number(self, quantity: str) -> float | None:
        """A quantity that has no axes, as a number."""
        value = self.array(quantity)
        return None if value is None else value.item()

    def _assembled(self, quantity: str, readings: list[Reading]) -> Tensor:
        grain = QUANTITIES[quantity].grain.split()
        sizes = {
            "subpixel": len(self.subpixels),
            "source": self.plan.sources.wavelength.numel(),
            "phi": self.plan.phi_count,
            "domain": self.plan.mosaic_count,
        }
        axes = self.axes(quantity)
        kept = _plain(readings[0].value)
        missing = float("nan") if kept.is_floating_point() else -1
        whole = torch.full([sizes.get(name, 3) for name in axes], missing, dtype=kept.dtype)
        steps = axes.index("phi") if "steps" in grain else None
        flat = whole if steps is None else whole.flatten(steps, steps + 1)
        for reading in readings:
            _place(flat, reading, grain, self.plan.oversample)
        return whole


def _place(whole: Tensor, reading: Reading, grain: list[str], oversample: int) -> None:
    """Puts a reading where it belongs; `whole` has one axis of steps, components last."""
    value = _plain(reading.value)
    components = grain.count("3")
    value = value.movedim(list(range(components)), list(range(-components, 0)))
    index: list[int | slice] = []
    if "pixels" in grain:
        place = (reading.layer or 0, reading.sub_slow or 0, reading.sub_fast or 0)
        index.append((place[0] * oversample + place[1]) * oversample + place[2])
    axis = 0
    for name, first in (("sources", reading.first_source), ("steps", reading.first_step)):
        if name in grain:
            index.append(slice(first, first + value.shape[axis]))
            axis += 1
    whole[tuple(index)] = value


def _plain(value: Tensor) -> Tensor:
    return value.detach().cpu()


def record_pixels(
    experiment: Experiment | Plan,
    pixels: Sequence[Pixel],
    quantities: Sequence[str] | None = None,
    *,
    crystal: int = 0,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
) -> list[PixelRecord]:
    """A record of each pixel (slow, fast), in the order given; arguments and errors as `probe`."""
    whole = experiment if isinstance(experiment, Plan) else make_plan(experiment)
    plan = plan_of_crystal(whole, crystal)
    selection = select_pixels(plan.experiment)
    found: dict[Pixel, dict[str, list[Reading]]] = {pixel: {} for pixel in pixels}
    for reading in probe(plan, pixels, quantities, device=device, dtype=dtype):
        found[reading.pixel].setdefault(reading.quantity, []).append(reading)
    return [
        PixelRecord(
            pixel=pixel,
            plan=plan,
            device=str(device),
            dtype=str(dtype).removeprefix("torch."),
            rendered=selection.number(*pixel) is not None,
            readings=found[pixel],
            crystal=crystal if len(whole.crystals) > 1 else None,
        )
        for pixel in dict.fromkeys(pixels)
    ]
