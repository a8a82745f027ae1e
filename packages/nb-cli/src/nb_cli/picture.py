"""Images as pictures: logarithmic or linear scale, a colour bar, resolution rings, a title."""

from __future__ import annotations

import io
import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nb_cli.scenes import Scene, panel_spacing, plan_beam, plan_details, ring_grid
from nb_compare.pictures import COLOURS, block_side, reduce_blocks
from nb_compare.pictures import log_norm as _log_norm
from nb_core import InputError, NbWarning, Roi
from nb_core.formats import atomic_write
from nb_physics import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure

FORMATS = {"": "png", ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".pdf": "pdf", ".svg": "svg"}
"""What a picture is written as, by the ending of its name."""

WHITE_COLOURS = "gray_r"
"""Dark spots on white, as on film."""

LARGEST_SIDE = 1000
"""Pixels of the longer side of a drawing; of larger images it shows the brightest of each block."""

BAD_COLOUR = "#6a7f94"
"""Of pixels that hold no measurement."""

SIDE_INCHES = 8.0
DPI = 130
UPPER_PERCENTILE = 99.95


@dataclass(frozen=True)
class Style:
    """How a scene is drawn.

    linear: scale, else logarithmic; vmin, vmax: its ends, None chooses
    roi: pixels to show; colours: a colour map of matplotlib's
    white: dark spots on white, unless colours are named
    """

    linear: bool = False
    vmin: float | None = None
    vmax: float | None = None
    roi: Roi | None = None
    colours: str | None = None
    white: bool = False

    def colour_map(self) -> Colormap:
        """The map; InputError for a name that matplotlib does not know."""
        import matplotlib

        name = self.colours or (WHITE_COLOURS if self.white else COLOURS)
        if name not in matplotlib.colormaps:
            known = "gray_r, inferno, viridis, magma, cividis, turbo and others of matplotlib's"
            raise InputError("--colours", name, f"no colour map; {known}")
        return matplotlib.colormaps[name].with_extremes(bad=BAD_COLOUR)


def draw_simulation(
    plan: Plan,
    image: np.ndarray,
    path: str,
    *,
    overwrite: bool,
    title: str | None = None,
) -> None:
    """Draws a simulated image with its resolution rings; OutputError where it cannot be written."""
    name = title or os.path.basename(path)
    if image.ndim == 3:
        from nb_cli.panel_picture import draw_panels

        draw_panels(plan, image, path, overwrite=overwrite, title=name)
        return
    scene = Scene(
        image,
        "photons",
        name,
        plan_details(plan),
        spacing=panel_spacing(plan),
        beam=plan_beam(plan),
    )
    save_scene(scene, path, overwrite=overwrite)


def picture_format(path: str) -> str:
    """The format that a picture's name asks for; InputError for an ending that says none."""
    ending = os.path.splitext(path)[1]
    if not path or ending.lower() not in FORMATS:
        remedy = "a picture is written as .png, .jpg, .pdf or .svg; choose one of these endings"
        raise InputError("--png", path or '""', remedy)
    return FORMATS[ending.lower()]


def save_scene(scene: Scene, path: str, *, overwrite: bool, style: Style | None = None) -> None:
    """Draws the scene into a file whose ending says the format.

    Raises InputError for an ending, colours, limits or a region that cannot be drawn, OutputError
    where the file cannot be written.
    """
    picture_format(path)
    save_figure(_draw(scene, style or Style()), path, overwrite=overwrite)


def save_figure(figure: Figure, path: str, *, overwrite: bool) -> None:
    """Writes a figure in the format of its ending, whole or not at all; errors as `save_scene`."""
    content = io.BytesIO()
    figure.savefig(content, format=picture_format(path), dpi=DPI)
    with atomic_write(path, overwrite) as handle:
        handle.write(content.getvalue())


def ring_spacings(spacing: np.ndarray, rings: int = 4) -> list[float]:
    """Round spacings (Angstrom) for rings that are evenly spread over the detector."""
    finest = float(spacing.min())
    coarsest = float(np.percentile(spacing, 99.5))
    stols = np.linspace(1 / coarsest, 1 / finest, rings + 2)[1:-1]
    return sorted({float(f"{1 / value:.2g}") for value in stols}, reverse=True)


def _draw(scene: Scene, style: Style) -> Figure:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    colours = style.colour_map()
    roi = _region(style.roi, scene.values.shape)
    part = slice(roi.ymin, roi.ymax + 1), slice(roi.xmin, roi.xmax + 1)
    values = scene.values[part] - scene.pedestal
    shown = _brightest(values)
    norm = _norm(shown, style)
    if scene.valid is not None:
        shown = np.ma.masked_array(shown, _brightest(scene.valid[part]) == 0)
    slow, fast = values.shape
    width = SIDE_INCHES * min(2.0, max(0.4, fast / slow)) + 1.6
    figure = Figure(figsize=(width, SIDE_INCHES + 0.9), layout="constrained")
    axes = figure.add_subplot()
    extent = (roi.xmin - 0.5, roi.xmax + 0.5, roi.ymax + 0.5, roi.ymin - 0.5)
    picture = axes.imshow(shown, norm=norm, cmap=colours, extent=extent, interpolation="nearest")
    figure.colorbar(
        picture, ax=axes, label=_label(scene, values.shape), shrink=0.9, aspect=30, pad=0.02
    )
    if scene.spacing is not None:
        _draw_rings(axes, scene, roi, dark=not _is_light(colours))
    axes.set_xlabel("fast (pixels)")
    axes.set_ylabel("slow (pixels)")
    title = f"{scene.title}\n{scene.details}" if scene.details else scene.title
    axes.set_title(title, fontsize=11, parse_math=False, wrap=True)
    return figure


def _label(scene: Scene, shape: tuple[int, ...]) -> str:
    """Of the colour bar: the unit, and what was done to the values."""
    unit = f"{scene.unit} - {scene.pedestal:g} (pedestal)" if scene.pedestal else scene.unit
    side = block_side(shape, LARGEST_SIDE)
    return unit if side == 1 else f"{unit}, brightest of {side} x {side} pixels"


def _region(roi: Roi | None, shape: tuple[int, ...]) -> Roi:
    """The pixels to show, cut to the image; InputError where none is left."""
    slow, fast = shape
    if roi is None:
        return Roi(0, fast - 1, 0, slow - 1)
    cut = Roi(max(roi.xmin, 0), min(roi.xmax, fast - 1), max(roi.ymin, 0), min(roi.ymax, slow - 1))
    if cut.xmin > cut.xmax or cut.ymin > cut.ymax:
        remedy = f"xmin xmax ymin ymax (fast, slow), within {fast} x {slow} pixels"
        raise InputError("--roi", " ".join(map(str, roi)), remedy)
    if cut != roi:
        said = " ".join(map(str, roi))
        warnings.warn(f"--roi {said} is cut to the {fast} x {slow} pixels", NbWarning, stacklevel=4)
    return cut


def _norm(values: np.ndarray, style: Style) -> Normalize:
    """The scale, with the limits that were given in place of its own."""
    from matplotlib.colors import LogNorm, Normalize

    automatic = _log_norm(values)
    if style.linear:
        top = max(float(np.percentile(values, UPPER_PERCENTILE)), float(values.mean()))
        automatic = Normalize(min(0.0, float(values.min())), top if top > 0 else 1.0, clip=True)
    if style.vmin is None and style.vmax is None:
        return automatic
    low = automatic.vmin if style.vmin is None else style.vmin
    high = automatic.vmax if style.vmax is None else style.vmax
    assert low is not None
    assert high is not None
    if style.vmin is None and low >= high:
        low = 0.0 if style.linear else high * 1e-3
    if style.vmax is None and high <= low:
        high = low + 1.0 if style.linear else low * 1e3
    if not style.linear and style.vmax is not None and style.vmax <= 0:
        raise InputError("--vmax", style.vmax, "a logarithmic scale lies above 0; add --linear")
    if low >= high:
        raise InputError("--vmin", low, f"must be less than --vmax, {high:g}")
    if style.linear:
        return Normalize(low, high, clip=True)
    if low <= 0:
        remedy = "a logarithmic scale begins above 0; add --linear"
        at_fault = ("--vmax", style.vmax) if style.vmin is None else ("--vmin", low)
        raise InputError(*at_fault, remedy)
    return LogNorm(low, high, clip=True)


def _draw_rings(axes: Axes, scene: Scene, roi: Roi, *, dark: bool) -> None:
    """Rings in the region, each with its spacing where the ring is nearest the upper right."""
    from matplotlib.patheffects import withStroke

    assert scene.spacing is not None
    rows, columns = ring_grid(scene.values.shape)
    rows_in, columns_in = _around(rows, roi.ymin, roi.ymax), _around(columns, roi.xmin, roi.xmax)
    if len(rows[rows_in]) < 2 or len(columns[columns_in]) < 2:
        return
    spacing = scene.spacing[rows_in, columns_in]
    levels = sorted(ring_spacings(spacing))
    colour, halo = ("#9fe0ff", "black") if dark else ("#0b4f8a", "white")
    rings = axes.contour(
        columns[columns_in],
        rows[rows_in],
        spacing,
        levels=levels,
        colors=colour,
        linewidths=0.9,
        alpha=0.75,
        linestyles="dashed",
    )
    stroke = [withStroke(linewidth=2.5, foreground=halo)]
    for level, paths in zip(rings.levels, rings.allsegs, strict=True):
        place = _label_place(paths, roi)
        if place is not None:
            axes.text(
                *place,
                f"{level:g} Å",
                color=colour,
                fontsize=11,
                ha="center",
                va="center",
                path_effects=stroke,
            )
    axes.set_xlim(roi.xmin - 0.5, roi.xmax + 0.5)
    axes.set_ylim(roi.ymax + 0.5, roi.ymin - 0.5)
    if scene.beam is not None:
        slow, fast = scene.beam
        if roi.ymin <= slow <= roi.ymax and roi.xmin <= fast <= roi.xmax:
            axes.plot(fast, slow, "+", color=colour, markersize=12, path_effects=stroke)


def _around(places: np.ndarray, low: int, high: int) -> slice:
    """The grid points of a range, and one more on either side."""
    first = max(int(np.searchsorted(places, low, side="right")) - 1, 0)
    return slice(first, int(np.searchsorted(places, high)) + 1)


def _label_place(paths: list[np.ndarray], roi: Roi) -> tuple[float, float] | None:
    """A point of a ring inside the region, the furthest to the upper right."""
    points = np.concatenate([np.empty((0, 2)), *paths])
    wide, high = roi.xmax - roi.xmin + 1, roi.ymax - roi.ymin + 1
    across, down = (points[:, 0] - roi.xmin) / wide, (points[:, 1] - roi.ymin) / high
    inside = (across > 0.06) & (across < 0.94) & (down > 0.04) & (down < 0.96)
    if not inside.any():
        return None
    best = np.argmax(np.where(inside, across - down, -np.inf))
    return float(points[best, 0]), float(points[best, 1])


def _is_light(colours: Colormap) -> bool:
    """Whether the map begins light, so that rings and labels must be dark."""
    return float(np.mean(colours(0.0)[:3])) > 0.5


def _brightest(values: np.ndarray) -> np.ndarray:
    """The image at the size of the drawing: of each square block the brightest pixel.

    An average would hide spots of a pixel or two among the noise of their neighbours.
    """
    side = block_side(values.shape, LARGEST_SIDE)
    return reduce_blocks(values, (side, side), np.maximum)
