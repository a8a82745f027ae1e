"""Panels as a picture: each where it stands, seen along the beam."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import torch

from nb_cli.picture import SIDE_INCHES, Style, picture_format, ring_spacings, save_figure
from nb_cli.scenes import panel_spacing, plan_details, ring_grid
from nb_compare.pictures import log_norm, reduce_blocks
from nb_core import Detector
from nb_core.units import m_to_mm
from nb_core.wording import counted
from nb_physics import PanelPlan, Plan, moving_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Affine2D

MOST_DRAWN = 2_000_000
"""Pixels of a drawing, over all panels; of more it shows the brightest of each block."""


def draw_panels(plan: Plan, image: np.ndarray, path: str, *, overwrite: bool, title: str) -> None:
    """Draws the photons of all panels with resolution rings; shape (panel, slow, fast).

    The view is along the beam, from the source: to the right the detector's fast direction, down
    the beam x that, in millimetres from the beam. A panel that stands along the beam is a line.
    Raises InputError for an ending, OutputError where it cannot be written.
    """
    picture_format(path)
    save_figure(_figure(plan, image, title), path, overwrite=overwrite)


def _figure(plan: Plan, image: np.ndarray, title: str) -> Figure:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    view = _view(plan)
    side = max(1, int(np.ceil(np.sqrt(image.size / MOST_DRAWN))))
    shown = [reduce_blocks(panel, (side, side), np.maximum) for panel in image]
    norm = log_norm(np.stack(shown))
    figure = Figure(figsize=(SIDE_INCHES + 1.6, SIDE_INCHES + 0.9), layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor("#d9dee3")
    corners, picture, colours = [], None, Style().colour_map()
    for panel, values in zip(plan.panels, shown, strict=True):
        transform, outline = _placement(panel, view)
        corners.append(outline)
        slow, fast = panel.first_pixel
        height, width = panel.shape
        picture = axes.imshow(
            values,
            norm=norm,
            cmap=colours,
            extent=(fast, fast + width, slow + height, slow),
            interpolation="nearest",
            transform=transform + axes.transData,
        )
    _draw_rings(axes, plan)
    _frame(axes, np.concatenate(corners))
    unit = "photons" if side == 1 else f"photons, brightest of {side} x {side} pixels"
    assert picture is not None
    figure.colorbar(picture, ax=axes, label=unit, shrink=0.9, aspect=30, pad=0.02)
    axes.set_xlabel("along fast (mm from the beam)")
    axes.set_ylabel("across (mm from the beam)")
    heading = f"{os.path.basename(title)}: {counted(len(image), 'panel')}, seen along the beam"
    axes.set_title(f"{heading}\n{plan_details(plan)}", fontsize=11, parse_math=False, wrap=True)
    return figure


def _placement(panel: PanelPlan, view: tuple[torch.Tensor, ...]) -> tuple[Affine2D, np.ndarray]:
    """From pixels (fast, slow) to the view's millimetres, and the corners there."""
    from matplotlib.transforms import Affine2D

    frame = panel.frame
    pixel = frame.pixel_size.detach()
    vectors = (pixel * frame.fast.detach(), pixel * frame.slow.detach(), frame.origin.detach())
    (a, c, e), (b, d, f) = (
        [float(m_to_mm(axis.detach() @ vector)) for vector in vectors] for axis in view
    )
    slow, fast = panel.first_pixel
    height, width = panel.shape
    edges = [(x, y) for x in (fast, fast + width) for y in (slow, slow + height)]
    outline = np.array([(a * x + c * y + e, b * x + d * y + f) for x, y in edges])
    return Affine2D.from_values(a, b, c, d, e, f), outline


def _frame(axes: Axes, corners: np.ndarray) -> None:
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = 0.02 * float((high - low).max())
    axes.set_xlim(low[0] - margin, high[0] + margin)
    axes.set_ylim(high[1] + margin, low[1] - margin)
    axes.set_aspect("equal")
    axes.plot(0.0, 0.0, "+", color="#9fe0ff", markersize=12)


def _draw_rings(axes: Axes, plan: Plan) -> None:
    """Rings of equal spacing, each drawn on every panel that it crosses."""
    view = _view(plan)
    found = [panel_spacing(plan, number) for number in range(len(plan.panels))]
    levels = sorted(ring_spacings(np.concatenate([spacing.ravel() for spacing in found])))
    for panel, spacing in zip(plan.panels, found, strict=True):
        if spacing.min() >= levels[-1] or spacing.max() <= levels[0]:
            continue
        transform, _ = _placement(panel, view)
        rows, columns = ring_grid(panel.shape)
        slow, fast = panel.first_pixel
        axes.contour(
            columns + fast + 0.5,
            rows + slow + 0.5,
            spacing,
            levels=levels,
            colors="#9fe0ff",
            linewidths=0.9,
            alpha=0.75,
            linestyles="dashed",
            transform=transform + axes.transData,
        )
    names = ", ".join(f"{level:g}" for level in reversed(levels))
    axes.text(0.01, 0.01, f"rings at {names} Å", transform=axes.transAxes, fontsize=9)


def _view(plan: Plan) -> tuple[torch.Tensor, torch.Tensor]:
    """The axes of the picture in the lab: to the right, and down."""
    detector = plan.experiment.detector
    assert isinstance(detector, Detector)
    return moving_axes(detector, plan.axes.beam)[:2]
