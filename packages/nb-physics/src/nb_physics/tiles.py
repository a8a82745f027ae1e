"""How the image is cut: tiles of pixels, and blocks of steps within them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from nb_core import Experiment, InputError, Mask, Panel, Roi
from nb_physics.plan import Plan

TILE_EVALUATIONS = 1 << 16
"""Pixels x sources x steps of one block: small enough for the cache, large enough for speed."""


ELSEWHERE = 64
"""Times as many of them on other devices than the CPU: enough to keep all of their lanes busy."""


def tile_evaluations(device: torch.device) -> int:
    """How many evaluations one block of a tile may have."""
    return TILE_EVALUATIONS if device.type == "cpu" else TILE_EVALUATIONS * ELSEWHERE


@dataclass(frozen=True)
class StepBlock:
    """A part of the steps of a pixel: some sources, and some of the phi x mosaic steps of each.

    Blocks follow each other in the order in which nanoBragg adds: source, phi, domain.
    """

    sources: slice
    steps: slice

    @property
    def evaluations(self) -> int:
        sources = self.sources.stop - self.sources.start
        return int(sources * (self.steps.stop - self.steps.start))


@dataclass(frozen=True, eq=False)
class PixelSelection:
    """The pixels to compute: a rectangle, less what a mask leaves out.

    fpixels: width of the image; xmin, width, ymin, height: the rectangle
    chosen: flat pixel indices where there is a mask, shape (pixels,), else None
    """

    fpixels: int
    xmin: int
    width: int
    ymin: int
    height: int
    chosen: Int[Tensor, " pixels"] | None

    @property
    def count(self) -> int:
        return self.width * self.height if self.chosen is None else self.chosen.numel()

    @property
    def whole_rows(self) -> bool:
        """Whether the pixels are consecutive in the image."""
        return self.chosen is None and self.width == self.fpixels

    def indices(self, start: int, stop: int, device: torch.device) -> Int[Tensor, " pixels"]:
        """Flat indices (slow * fpixels + fast) of pixels number `start` to `stop`."""
        if self.chosen is not None:
            return self.chosen[start:stop].to(device)
        order = np.arange(start, stop, dtype=np.int64)
        if self.width == self.fpixels:
            order += self.ymin * self.fpixels
        else:
            order += (order // self.width + self.ymin) * (self.fpixels - self.width)
            order += self.ymin * self.width + self.xmin
        return torch.from_numpy(order).to(device)

    def moved(self, first_pixel: tuple[int, int], fpixels: int) -> PixelSelection:
        """The same pixels counted on a grid that begins so many (slow, fast) before them.

        fpixels: width of that grid
        """
        if first_pixel == (0, 0) and fpixels == self.fpixels:
            return self
        slow, fast = first_pixel
        chosen = self.chosen
        if chosen is not None:
            rows = torch.div(chosen, self.fpixels, rounding_mode="floor")
            chosen = (rows + slow) * fpixels + (chosen - rows * self.fpixels) + fast
        return dataclasses.replace(
            self, fpixels=fpixels, xmin=self.xmin + fast, ymin=self.ymin + slow, chosen=chosen
        )

    def number(self, slow: int, fast: int) -> int | None:
        """Which of the selected pixels this is; None where it is not one of them."""
        row, column = slow - self.ymin, fast - self.xmin
        if not (0 <= row < self.height and 0 <= column < self.width):
            return None
        if self.chosen is None:
            return row * self.width + column
        index = slow * self.fpixels + fast
        place = int(torch.searchsorted(self.chosen, index))
        found = place < self.chosen.numel() and int(self.chosen[place]) == index
        return place if found else None


def select_pixels(experiment: Experiment) -> PixelSelection:
    """The pixels of the region of interest (bounds inclusive) that the mask keeps.

    Raises InputError for a detector of panels, each of which has its own.
    """
    plane = experiment.plane
    return _selection((plane.spixels, plane.fpixels), experiment.roi, experiment.mask)


def select_of_panel(panel: Panel) -> PixelSelection:
    """The pixels of a panel's region of interest that its mask keeps, counted from its first."""
    return _selection(panel.shape, panel.roi, panel.mask)


def roi_within(roi: Roi, size: tuple[int, int]) -> Roi:
    """What of a region of interest lies on a plane of so many pixels, (slow, fast)."""
    slow, fast = size
    return Roi(roi.xmin, min(roi.xmax, fast - 1), roi.ymin, min(roi.ymax, slow - 1))


def _selection(size: tuple[int, int], roi: Roi | None, mask: Mask | None) -> PixelSelection:
    """size: (slow, fast); a region that reaches beyond it is cut"""
    slow, fast = size
    xmin, xmax, ymin, ymax = roi_within(roi or Roi(0, fast - 1, 0, slow - 1), size)
    chosen = None
    if mask is not None:
        inside = torch.zeros(size, dtype=torch.bool)
        inside[ymin : ymax + 1, xmin : xmax + 1] = True
        inside &= torch.from_numpy(mask.values)
        chosen = torch.nonzero(inside.flatten()).flatten()
    return PixelSelection(fast, xmin, xmax - xmin + 1, ymin, ymax - ymin + 1, chosen)


def selections_of(experiment: Experiment) -> tuple[PixelSelection, ...]:
    """The pixels to render of each panel, or of the one plane."""
    if experiment.panels:
        return tuple(select_of_panel(panel) for panel in experiment.panels)
    return (select_pixels(experiment),)


def rendered_indices(experiment: Experiment) -> Int[Tensor, " pixels"]:
    """Flat indices, in the image, of the pixels to render of all panels, or of the one plane."""
    size, device = math.prod(experiment.shape[-2:]), torch.device("cpu")
    parts = [
        number * size + selection.indices(0, selection.count, device)
        for number, selection in enumerate(selections_of(experiment))
    ]
    return torch.cat(parts)


def pixels_to_render(experiment: Experiment) -> int:
    """How many pixels are rendered, over all panels."""
    return sum(selection.count for selection in selections_of(experiment))


def check_pixels(pixels: Int[Tensor, " pixels"], shape: tuple[int, ...]) -> None:
    """Refuses flat indices that are not on a detector whose image has this shape."""
    count = math.prod(shape)
    if pixels.numel() and not 0 <= int(pixels.min()) <= int(pixels.max()) < count:
        remedy = f"flat indices of this detector run from 0 to {count - 1}"
        raise InputError("pixels", (int(pixels.min()), int(pixels.max())), remedy)


def chosen_of_panels(
    pixels: Int[Tensor, " pixels"], shape: tuple[int, ...]
) -> list[tuple[int, Int[Tensor, " place"], PixelSelection]]:
    """Flat indices of an image, parted by panel: its number, where in `pixels` its own stand, and
    these as a selection of the panel's pixels, in the order given.

    shape: of the image. Raises InputError for a pixel that is not on the detector.
    """
    check_pixels(pixels, shape)
    slow, fast = shape[-2:]
    if len(shape) == 2:
        every = torch.arange(pixels.numel(), device=pixels.device)
        return [(0, every, PixelSelection(fast, 0, fast, 0, slow, pixels))]
    panel = torch.div(pixels, slow * fast, rounding_mode="floor")
    found = []
    for number in torch.unique(panel).tolist():
        places = torch.nonzero(panel == number).flatten()
        own = pixels[places] - number * slow * fast
        found.append((number, places, PixelSelection(fast, 0, fast, 0, slow, own)))
    return found


def step_blocks(plan: Plan, most: int | None = None) -> list[StepBlock]:
    """Cuts sources x steps so that even one pixel has at most so many evaluations in a block."""
    return cut_steps(plan.sources.wavelength.numel(), plan.cell_vectors.shape[2], most)


def cut_steps(sources: int, steps: int, most: int | None = None) -> list[StepBlock]:
    """As `step_blocks`, of so many sources and steps of each."""
    most = most or TILE_EVALUATIONS
    if steps > most:
        parts = [slice(i, i + 1) for i in range(sources)]
        cuts = _slices(steps, most)
        return [StepBlock(source, cut) for source in parts for cut in cuts]
    return [StepBlock(part, slice(0, steps)) for part in _slices(sources, max(1, most // steps))]


def pixel_ranges(pixels: int, size: int) -> Iterator[tuple[int, int]]:
    """Ranges of pixel numbers, `size` pixels each; the last may have fewer."""
    for part in _slices(pixels, size):
        yield part.start, part.stop


def tile_pixels(blocks: list[StepBlock], most: int | None = None) -> int:
    """How many pixels a tile has; the last one of an image may have fewer."""
    return max(1, (most or TILE_EVALUATIONS) // max(block.evaluations for block in blocks))


def _slices(total: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, total)) for start in range(0, total, size)]
