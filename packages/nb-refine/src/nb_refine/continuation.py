"""The way from broad spots to sharp ones, and the pixels that each stage looks at.

docs/refinement.md says why.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from nb_core import BackgroundConfig, CrystalShape, Detector, Experiment
from nb_physics import Plan, make_plan, pixel_resolution, simulate
from nb_physics.formulas import GAUSS_WIDTH_SQUARED, TOPHAT_RADIUS_SQUARED, length
from nb_refine.images import Computing, said_once
from nb_refine.parameters import Model, make_model

NARROWING = 0.5
"""Width of each stage's spots, as a fraction of those of the stage before."""

MOST_PIXELS = 30_000
"""More are not fitted while spots are broad: these stages need not be exact."""

START_ERROR_DEG = 0.6

APART = 0.35
"""The broadest spots, as a fraction of the distance of two reflections."""


@dataclass(frozen=True)
class Stage:
    """A fit with spots of one width.

    width: 1/e half width of the amplitude of Gaussian spots, 1/Angstrom; None: the true shape
    radius: how far from a reflection the pixels are taken, 1/Angstrom
    """

    name: str
    width: float | None
    radius: float


def make_stages(plan: Plan, start_error: float, *, geometric: bool) -> list[Stage]:
    """Stages for an error of the start of up to `start_error` (radians, or a fraction).

    An orientation, cell or distance that is off by that fraction moves a reflection by it times
    the length of q; spots start as broad as this is at the detector's edge.
    """
    own = true_width(plan)
    stages = []
    if geometric:
        broadest = min(start_error * longest_q(plan), APART * _closest(plan))
        width = max(broadest, own)
        while width > 0.7 * own:
            stages.append(Stage(f"spots of {width:.2g}/A", width, 1.6 * width))
            width *= NARROWING
    return [*stages, Stage("true spots", None, 2.0 * own)]


def stage_model(model: Model, stage: Stage) -> Model:
    """While spots are broad: what moves them, and how bright they are."""
    if stage.width is None:
        return model
    groups = {p.group for p in model.parameters if p.geometric or p.group == "background"}
    limits = {p.name: (p.lower, p.upper) for p in model.parameters if p.group in groups}
    return make_model(model.base, model.plan, [*groups, "scale"], model.lattice, limits)


def stage_experiment(experiment: Experiment, plan: Plan, stage: Stage) -> Experiment:
    """The experiment with the spots of a stage."""
    return experiment if stage.width is None else broadened(experiment, plan, stage.width)


def broadened(experiment: Experiment, plan: Plan, width: float) -> Experiment:
    """The experiment with Gaussian spots of this width and the peaks of the true crystal.

    nanoBragg's Gaussian has the exponent fudge (Na Nb Nc dq)^2 / 0.63: fudge sets the width. These
    spots are no narrower than what mosaic spread does to a true one: one domain stands for all.
    """
    spots = _with_spots(experiment, plan, CrystalShape.GAUSS, GAUSS_WIDTH_SQUARED / width**2)
    return _of_one_domain(spots, _sub_pixels(plan, width))


def _sub_pixels(plan: Plan, width: float) -> int:
    """One sub-pixel is enough for spots that are broader than a pixel."""
    shortest = float(plan.sources.wavelength.min())
    frames = [panel.frame for panel in plan.panels]
    pixel = max(float(frame.pixel_size / frame.close_distance) for frame in frames) / shortest
    return 1 if width > pixel else plan.oversample


def _of_one_domain(experiment: Experiment, oversample: int) -> Experiment:
    """The experiment without mosaic spread and without interpolation of structure factors, and
    with so many sub-pixels along an edge.
    """
    crystal = dataclasses.replace(experiment.crystal, mosaic_spread_deg=0.0, mosaic_domains=1)
    sampling = dataclasses.replace(experiment.sampling, oversample=oversample, interpolate=False)
    return dataclasses.replace(experiment, crystal=crystal, sampling=sampling)


def _with_spots(
    experiment: Experiment, plan: Plan, shape: CrystalShape, exponent: float
) -> Experiment:
    """The experiment with spots of this shape, and fudge such that fudge (Na Nb Nc)^2 = exponent
    (Angstrom^2).
    """
    cells = tuple(plan.cells.detach().tolist())
    crystal = dataclasses.replace(
        experiment.crystal,
        shape=shape,
        fudge=exponent / math.prod(cells) ** 2,
        N_cells=cells,
        sample_size_mm=(None, None, None),
    )
    return dataclasses.replace(experiment, crystal=crystal)


def near_reflections(
    experiment: Experiment, radius: float, computing: Computing | None = None
) -> Int[Tensor, " pixels"]:
    """Flat indices of the pixels within `radius` (1/Angstrom) of a reflection that scatters.

    Where the flat-topped spots of that radius fall, in the middle of each pixel, for the mean of
    the mosaic domains: a radius of true spots has their spread in it.
    """
    with said_once():
        flat = flat_topped(experiment, make_plan(experiment), radius)
        how = computing or Computing()
        image = simulate(flat, device=how.device, dtype=how.dtype, engine=how.engine)
    return torch.nonzero(image.flatten() > 0).flatten().cpu()


def flat_topped(experiment: Experiment, plan: Plan, radius: float) -> Experiment:
    """The experiment with flat-topped spots of this radius (1/Angstrom), of one mosaic domain, one
    sub-pixel a pixel, all pixels, and nothing else.
    """
    topped = _with_spots(experiment, plan, CrystalShape.TOPHAT, TOPHAT_RADIUS_SQUARED / radius**2)
    dry = BackgroundConfig(water_size_um=0.0)
    return dataclasses.replace(_of_all_pixels(_of_one_domain(topped, 1)), background=dry)


def _of_all_pixels(experiment: Experiment) -> Experiment:
    """The experiment without regions of interest and masks."""
    if not isinstance(experiment.detector, Detector):
        return dataclasses.replace(experiment, roi=None, mask=None)
    panels = tuple(
        dataclasses.replace(panel, roi=None, mask=None) for panel in experiment.detector.panels
    )
    return dataclasses.replace(
        experiment, detector=dataclasses.replace(experiment.detector, panels=panels)
    )


def some_of(pixels: Int[Tensor, " pixels"]) -> Int[Tensor, " some"]:
    """At most MOST_PIXELS of them, drawn at random but always the same ones, in their order."""
    if pixels.numel() <= MOST_PIXELS:
        return pixels
    drawn = torch.randperm(pixels.numel(), generator=torch.Generator().manual_seed(0))
    return pixels[drawn[:MOST_PIXELS].sort().values]


def longest_q(plan: Plan) -> float:
    """Length of the scattering vector at the farthest corner of the detector, 1/Angstrom."""
    return max(1.0 / _finest_on(plan, number) for number in range(len(plan.panels)))


def _finest_on(plan: Plan, number: int) -> float:
    """Resolution (Angstrom) at the farthest corner of a panel."""
    height, width = plan.panels[number].shape
    slow = torch.tensor([0, 0, height - 1, height - 1])
    fast = torch.tensor([0, width - 1, 0, width - 1])
    return float(pixel_resolution(plan, slow, fast, number).min())


def true_width(plan: Plan) -> float:
    """Distance (1/Angstrom) from a reflection to where its spot ends.

    The first zero of the crystal's transform, 1 / (N a), along the crystal's thinnest edge; added
    to it what mosaic spread, dispersion and divergence do at the detector's edge.
    """
    edges = torch.stack([length(vector) for vector in plan.cell.real]) * plan.cells
    spread = float(plan.experiment.crystal.mosaic_spread_deg or 0.0)
    smear = math.radians(spread) / 2 if plan.mosaic_count > 1 else 0.0
    wavelength = plan.sources.wavelength
    smear += float((wavelength.max() - wavelength.min()) / wavelength.mean()) / 2
    turned = plan.sources.incident - plan.sources.incident[:, :1]
    smear += float(length(turned).max())
    return float(1.0 / edges.min()) + smear * longest_q(plan)


def _closest(plan: Plan) -> float:
    return float(length(plan.cell.reciprocal.T.contiguous()).min())
