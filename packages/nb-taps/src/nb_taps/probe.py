"""Reads intermediate quantities of single pixels off the simulation itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import Experiment, InputError, Mask, Site
from nb_core.quantities import QUANTITIES
from nb_physics import simulate

Pixel = tuple[int, int]
"""A pixel as (slow, fast)."""


@dataclass(frozen=True, eq=False)
class Reading:
    """One value that the simulation computed for a pixel.

    pixel: (slow, fast); layer, sub_slow, sub_fast: where there is one
    value: with the axes of the quantity's grain (nb_core.quantities), without the pixel axis
    first_source, first_step: what index 0 of the source and step axes stands for
    """

    quantity: str
    unit: str
    pixel: Pixel
    layer: int | None
    sub_slow: int | None
    sub_fast: int | None
    first_source: int
    first_step: int
    value: Float[Tensor, "..."]


class PixelRecorder:
    """A recorder that keeps the quantities of some pixels; see nb_core.Recorder."""

    def __init__(self, pixels: Iterable[Pixel], quantities: Sequence[str], fpixels: int) -> None:
        self._pixels = {slow * fpixels + fast: (slow, fast) for slow, fast in pixels}
        self._quantities = set(quantities)
        self.readings: list[Reading] = []

    def wants(self, quantity: str) -> bool:
        return quantity in self._quantities

    def record(self, quantity: str, value: Tensor, site: Site) -> None:
        entry = QUANTITIES[quantity]
        axes = entry.grain.split()
        for column, index in enumerate(site.pixels.tolist()):
            if index in self._pixels:
                own = value.select(axes.index("pixels"), column) if "pixels" in axes else value
                self.readings.append(
                    Reading(
                        quantity,
                        entry.unit,
                        self._pixels[index],
                        site.layer,
                        site.sub_slow,
                        site.sub_fast,
                        site.first_source,
                        site.first_step,
                        own.clone(),
                    )
                )


def probe(
    experiment: Experiment,
    pixels: Sequence[Pixel],
    quantities: Sequence[str] | None = None,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
) -> list[Reading]:
    """What the simulation computes for some pixels, in the order in which it does.

    pixels: (slow, fast); quantities: names of nb_core.quantities.QUANTITIES, default all
    Only these pixels are simulated; region of interest and mask are put aside. Their values are
    those of the whole image, bit for bit. Raises InputError for a pixel off the detector and for a
    quantity that is not in the vocabulary.
    """
    names = list(QUANTITIES) if quantities is None else list(quantities)
    for name in names:
        if name not in QUANTITIES:
            raise InputError("quantity", name, f"expected one of: {', '.join(QUANTITIES)}")
    shape = (experiment.detector.spixels, experiment.detector.fpixels)
    chosen = np.zeros(shape, dtype=bool)
    for slow, fast in pixels:
        if not (0 <= slow < shape[0] and 0 <= fast < shape[1]):
            raise InputError("pixel", (slow, fast), f"the detector has {shape} pixels (slow, fast)")
        chosen[slow, fast] = True
    alone = dataclasses.replace(experiment, roi=None, mask=Mask(chosen))
    recorder = PixelRecorder(pixels, names, shape[1])
    simulate(alone, device=device, dtype=dtype, recorder=recorder)
    return recorder.readings
