"""An image as the numbers that nanoBragg writes to its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, UInt8, UInt16
from torch import Tensor

from nb_core import ImageData, InputError, OutputConfig, PixelKind
from nb_core.formats import SmvHeader
from nb_core.showing import Brief
from nb_physics.digitize import (
    SMV_MAXIMUM,
    integer_image,
    integer_scale,
    noise_counts,
    picture,
    picture_scale,
)
from nb_physics.figures import Figures, image_figures, roi_part, row_bands
from nb_physics.header import smv_header
from nb_physics.noise import NoiseGenerator, PhotonCounter
from nb_physics.plan import Plan
from nb_physics.tiles import PixelSelection, select_pixels

ROUNDING = 1e-6
"""Share of the brightest pixel that a negative one may have by rounding."""

MOST_SATURATED = 0.01
"""Share of saturated pixels that an image may have before it is worth a word."""


@dataclass(frozen=True, eq=False, repr=False)
class DigitalImage(Brief):
    """A simulated image, and what its integer image, picture and noise image hold.

    single: photons as float32, as nanoBragg stores them, shape (slow, fast)
    """

    plan: Plan
    single: np.ndarray
    selection: PixelSelection
    figures: Figures

    def _repr_html_(self) -> str:
        """In a notebook: a picture of the photons, and their figures."""
        return ImageData(self.single, PixelKind.PHOTONS)._repr_html_()

    @property
    def header(self) -> SmvHeader:
        """The header of both SMV images."""
        return smv_header(self.plan)

    @property
    def scale(self) -> float:
        """The factor of the integer image."""
        return integer_scale(self.plan.experiment.outputs.scale, self.figures)

    def integers(self) -> UInt16[np.ndarray, "slow fast"]:
        """The counts of the integer image."""
        offset = self.plan.experiment.outputs.adc_offset
        return integer_image(self.single, self.selection, self.scale, offset)

    def integer_doubt(self, counts: UInt16[np.ndarray, "slow fast"]) -> str | None:
        """A sentence where the integer image shows next to nothing; else None."""
        if self.figures.maximum == 0:
            return "integer image: no pixel has any photons"
        saturated = int((counts == SMV_MAXIMUM).sum())
        return self._saturation("integer", saturated, "lower -scale, or leave it out")

    def noise_doubt(self, photons: float, overloads: int) -> str | None:
        """A sentence where the noise image shows next to nothing; else None."""
        if photons == 0:
            expected = self.figures.mean * self.selection.count
            remedy = "raise the dose (-fluence, or -flux and -exposure)"
            return f"noise image: 0 photons counted, {expected:.3g} were expected; {remedy}"
        remedy = "lower the dose (-fluence, or -flux and -exposure) or the water"
        return self._saturation("noise", overloads, remedy)

    def _saturation(self, image: str, saturated: int, remedy: str) -> str | None:
        pixels = self.selection.count
        if saturated <= MOST_SATURATED * pixels:
            return None
        share = "all" if saturated == pixels else f"{saturated / pixels:.0%} of"
        return f"{image} image: {share} pixels are saturated; {remedy}"

    def picture(self) -> tuple[UInt8[np.ndarray, "slow fast"], float]:
        """The grey levels of the picture, and their factor."""
        asked = self.plan.experiment.outputs.pgm_scale
        factor = picture_scale(asked, self.scale, self.figures)
        return picture(self.single, self.selection, factor), factor

    def noise(
        self, generator: NoiseGenerator, seed: int
    ) -> tuple[UInt16[np.ndarray, "slow fast"], float, int]:
        """The counts of the noise image, the photons counted and how many pixels overflowed."""
        offset = self.plan.experiment.outputs.adc_offset
        digital = np.zeros(self.single.shape, dtype=np.uint16)
        target = roi_part(digital, self.selection)
        photons, overloads = 0.0, 0
        for band, counts in self.counted_bands(generator, seed):
            target[band], beyond = noise_counts(counts, offset)
            photons, overloads = photons + float(counts.sum()), overloads + beyond
        return digital, photons, overloads

    def counted_bands(
        self, generator: NoiseGenerator, seed: int
    ) -> Iterator[tuple[slice, Float64[np.ndarray, "rows fast"]]]:
        """The photons that the noise image counts: bands of rows of the region of interest.

        Only that region is drawn, row by row, as in the C program; on the CPU, whatever device the
        image is from, so that a seed means one noise image.
        """
        expected = roi_part(self.single, self.selection)
        counter = PhotonCounter(generator, seed, torch.device("cpu"))
        for band in row_bands(expected):
            yield band, counter.count(torch.from_numpy(np.ascontiguousarray(expected[band])))


def digital_image(plan: Plan, photons: Float[Tensor, "slow fast"]) -> DigitalImage:
    """The simulated image of a plan, ready for its files.

    Raises InputError for an image that float32 cannot hold, or of negative photons.
    """
    single = checked_photons(photons.detach().cpu().float().numpy())
    selection = select_pixels(plan.experiment)
    return DigitalImage(plan, single, selection, image_figures(single, selection))


def checked_photons(
    single: Float32[np.ndarray, "*panel slow fast"],
) -> Float32[np.ndarray, "*panel slow fast"]:
    """The image; what no detector counts is refused, a negative that is but rounding becomes 0.

    Raises InputError for NaN, infinities and negative photons.
    """
    if np.isnan(single).any():
        remedy = "a pixel has no value (NaN): a beam, a direction or a distance is degenerate"
        raise InputError("image", "NaN", remedy)
    if not np.isfinite(single).all():
        remedy = "a pixel exceeds float32; lower the fluence, the crystal size or the amplitudes"
        raise InputError("image", float(np.abs(single).max()), remedy)
    lowest = float(single.min())
    if lowest < -ROUNDING * float(single.max()):
        raise InputError("image", lowest, "negative photons: no geometry or beam gives these")
    return np.maximum(single, 0.0) if lowest < 0 else single


def image_files(outputs: OutputConfig, otherwise: Mapping[str, str]) -> dict[str, str]:
    """The image files to write, by kind (float, int, pgm, noise): those named, else `otherwise`.

    A picture or noise image that is switched off is left out.
    """
    named = {
        "float": outputs.floatfile,
        "int": outputs.intfile,
        "pgm": outputs.pgmfile,
        "noise": outputs.noisefile,
    }
    files = {kind: name for kind, name in named.items() if name is not None} or dict(otherwise)
    if not outputs.write_pgm:
        files.pop("pgm", None)
    if not outputs.calculate_noise:
        files.pop("noise", None)
    return files
