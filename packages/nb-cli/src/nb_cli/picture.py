"""Images as pictures: logarithmic scale, a colour bar in photons, resolution rings."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from nb_compare.pictures import COLOURS, LARGEST_SIDE, averaged
from nb_compare.pictures import log_norm as _log_norm
from nb_core.formats.atomic import atomic_write
from nb_core.formats.smv import SmvImage
from nb_physics import Plan, select_pixels
from nb_physics.geometry import curved_positions, directions, flat_positions, subpixel_coordinates
from nb_physics.scattering import scattering_vectors, sin_theta_over_lambda

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RING_COLOUR = "#7fd4ff"
RING_POINTS = 500
"""Pixels of the longer side at which the spacing is computed."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What is drawn.

    values: shape (slow, fast); unit: of the colour bar
    spacing: d in Angstrom at the pixels of `ring_grid`, where the geometry is known
    beam: the direct beam as (slow, fast) pixels
    """

    values: np.ndarray
    unit: str
    title: str
    spacing: np.ndarray | None = None
    beam: tuple[float, float] | None = None


def draw_simulation(
    plan: Plan,
    image: np.ndarray,
    path: str,
    *,
    overwrite: bool,
    title: str | None = None,
) -> None:
    """Draws a simulated image with its resolution rings; OutputError where it cannot be written."""
    scene = Scene(image, "photons", title or _title(plan), plan_spacing(plan), plan_beam(plan))
    save_scene(scene, path, overwrite=overwrite)


def ring_grid(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pixels between which rings are drawn."""
    step = max(1, max(shape) // RING_POINTS)
    return np.arange(0, shape[0], step), np.arange(0, shape[1], step)


def plan_spacing(plan: Plan) -> np.ndarray:
    """Spacing d (Angstrom) at the pixels of `ring_grid`, as the first source gives it."""
    frame, detector = plan.frame, plan.experiment.detector
    rows, columns = (torch.from_numpy(p) for p in ring_grid((detector.spixels, detector.fpixels)))
    row, column = (part.flatten() for part in torch.meshgrid(rows, columns, indexing="ij"))
    slow = subpixel_coordinates(row, 0, 1, frame.pixel_size)
    fast = subpixel_coordinates(column, 0, 1, frame.pixel_size)
    position = flat_positions(fast, slow, torch.zeros_like(frame.pixel_size), frame)
    if detector.curved_detector:
        position = curved_positions(position, fast, slow, frame, plan.experiment.profile)
    _, ray = directions(position)
    sources = plan.sources
    q = scattering_vectors(ray, sources.incident[:, :1], sources.wavelength[:1])
    stol = sin_theta_over_lambda(q)[:, 0].clamp(min=1e-12)
    return (0.5 / stol).reshape(len(rows), len(columns)).detach().numpy()


def plan_beam(plan: Plan) -> tuple[float, float]:
    """Where the direct beam hits, (slow, fast) in pixels."""
    frame = plan.frame
    slow, fast = frame.beam_slow / frame.pixel_size, frame.beam_fast / frame.pixel_size
    return slow.item() - 0.5, fast.item() - 0.5


def smv_scene(image: SmvImage, title: str) -> Scene:
    """An SMV image; rings where its header gives a possible, untilted geometry."""
    needed = ("PIXEL_SIZE", "DISTANCE", "WAVELENGTH", "DENZO_X_BEAM", "DENZO_Y_BEAM")
    found = [image.number(key) for key in needed]
    values = image.data.astype(np.float64)
    if any(value is None for value in found) or image.number("TWOTHETA"):
        return Scene(values, "counts", title)
    pixel, distance, wavelength, slow_mm, fast_mm = (value or 0.0 for value in found)
    if min(pixel, distance, wavelength) <= 0:
        return Scene(values, "counts", title)
    slow, fast = slow_mm / pixel - 0.5, fast_mm / pixel - 0.5
    rows, columns = ring_grid(image.data.shape)
    radius = np.hypot(rows[:, None] - slow, columns[None, :] - fast) * pixel
    sine = np.sin(np.arctan2(radius, distance) / 2).clip(1e-12)
    return Scene(values, "counts", title, wavelength / (2 * sine), (slow, fast))


def save_scene(scene: Scene, path: str, *, overwrite: bool) -> None:
    """Draws the scene into a PNG file; OutputError where it cannot be written."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    slow, fast = scene.values.shape
    side = 8.0
    figure = Figure(
        figsize=(side * min(1.6, max(0.6, fast / slow)) + 1.2, side), layout="constrained"
    )
    axes = figure.add_subplot()
    shown = _averaged(scene.values)
    picture = axes.imshow(
        shown,
        norm=_log_norm(shown),
        cmap=COLOURS,
        extent=(-0.5, fast - 0.5, slow - 0.5, -0.5),
        interpolation="nearest",
    )
    figure.colorbar(picture, ax=axes, label=scene.unit, fraction=0.046, pad=0.02)
    if scene.spacing is not None:
        _draw_rings(axes, scene)
    axes.set_xlabel("fast (pixels)")
    axes.set_ylabel("slow (pixels)")
    axes.set_title(scene.title, fontsize=10)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=130)
    with atomic_write(path, overwrite) as handle:
        handle.write(content.getvalue())


def ring_spacings(spacing: np.ndarray, rings: int = 4) -> list[float]:
    """Round spacings (Angstrom) for rings that are evenly spread over the detector."""
    finest = float(spacing.min())
    coarsest = float(np.percentile(spacing, 99.5))
    stols = np.linspace(1 / coarsest, 1 / finest, rings + 2)[1:-1]
    return sorted({float(f"{1 / value:.2g}") for value in stols}, reverse=True)


def _draw_rings(axes: Axes, scene: Scene) -> None:
    assert scene.spacing is not None
    levels = sorted(ring_spacings(scene.spacing))
    rows, columns = ring_grid(scene.values.shape)
    if len(rows) < 2 or len(columns) < 2:
        return
    rings = axes.contour(
        columns,
        rows,
        scene.spacing,
        levels=levels,
        colors=RING_COLOUR,
        linewidths=0.7,
        alpha=0.6,
        linestyles="dashed",
    )
    axes.clabel(rings, fmt=lambda level: f"{level:g} Å", fontsize=8)
    if scene.beam is not None:
        slow, fast = scene.beam
        if 0 <= slow < scene.values.shape[0] and 0 <= fast < scene.values.shape[1]:
            axes.plot(fast, slow, "+", color=RING_COLOUR, markersize=8, alpha=0.8)


def _averaged(values: np.ndarray) -> np.ndarray:
    """The image at the size of the drawing."""
    return averaged(values, LARGEST_SIDE)


def _title(plan: Plan) -> str:
    experiment, selection = plan.experiment, select_pixels(plan.experiment)
    wavelength = float(experiment.beam.wavelength_A)
    return f"{selection.count} pixels, {plan.steps:g} steps each, {wavelength:.4g} Å"
