"""Reads intermediate quantities of single pixels off the simulation itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_core import QUANTITIES, Experiment, InputError, Site
from nb_core.showing import Brief
from nb_physics import Plan, plan_of_crystal, simulate_pixels
from nb_taps.selection import split_rendered

Pixel = tuple[int, int]
"""A pixel as (slow, fast)."""


@dataclass(frozen=True, eq=False, repr=False)
class Reading(Brief):
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
    value: Float[Tensor, "..."] | Int[Tensor, "..."]


class PixelRecorder:
    """A recorder that keeps the quantities of some pixels; see nb_core.Recorder."""

    def __init__(self, pixels: Iterable[Pixel], quantities: Sequence[str], fpixels: int) -> None:
        self._pixels = {slow * fpixels + fast: (slow, fast) for slow, fast in pixels}
        self._quantities = set(quantities)
        self._tile: Tensor | None = None
        self._columns: dict[int, Pixel] = {}
        self.readings: list[Reading] = []

    def __repr__(self) -> str:
        wanted = ", ".join(sorted(self._quantities))
        count = f"{len(self._pixels)} pixels, {len(self.readings)} readings"
        return f"PixelRecorder({count} of {wanted})"

    def wants(self, quantity: str) -> bool:
        return quantity in self._quantities

    def record(self, quantity: str, value: Tensor, site: Site) -> None:
        entry = QUANTITIES[quantity]
        axes = entry.grain.split()
        for column, pixel in self._columns_of(site).items():
            own = value.select(axes.index("pixels"), column) if "pixels" in axes else value
            self.readings.append(
                Reading(
                    quantity,
                    entry.unit,
                    pixel,
                    site.layer,
                    site.sub_slow,
                    site.sub_fast,
                    site.first_source,
                    site.first_step,
                    own.clone(),
                )
            )

    def _columns_of(self, site: Site) -> dict[int, Pixel]:
        """Which columns of the site's tile are pixels of this recorder; the last tile is kept."""
        if self._tile is not site.pixels:
            self._tile = site.pixels
            columns = enumerate(site.pixels.tolist())
            self._columns = {c: self._pixels[i] for c, i in columns if i in self._pixels}
        return self._columns


def probe(
    experiment: Experiment | Plan,
    pixels: Sequence[Pixel],
    quantities: Sequence[str] | None = None,
    *,
    crystal: int = 0,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
) -> list[Reading]:
    """What the simulation computes for some pixels, in the order in which it does.

    pixels: (slow, fast); quantities: names of nb_core.quantities.QUANTITIES, default all
    crystal: whose share of the photons is looked at, where there are several
    Values are those of the whole image, bit for bit: the tiles of these pixels are simulated as
    the image's are. For pixels outside the region of interest or the mask, both are put aside.
    Raises InputError for a pixel off the detector, for a crystal that there is not and for a
    quantity not in the vocabulary.
    """
    names = list(QUANTITIES) if quantities is None else list(quantities)
    for name in names:
        if name not in QUANTITIES:
            raise InputError("quantity", name, f"expected one of: {', '.join(QUANTITIES)}")
    plan = plan_of_crystal(experiment, crystal)
    readings: list[Reading] = []
    for part, chosen in split_rendered(plan, pixels):
        recorder = PixelRecorder(chosen, names, plan.experiment.plane.fpixels)
        simulate_pixels(part, chosen, device=device, dtype=dtype, recorder=recorder)
        readings += recorder.readings
    return readings
