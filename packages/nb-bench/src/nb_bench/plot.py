"""The scaling curves: time against pixels, steps and threads, the C program beside nb."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nb_bench.rows import Row
from nb_core.formats import atomic_write

PANELS: dict[str, tuple[tuple[str, ...], Callable[[Row], float]]] = {
    "pixels": (("still",), lambda row: row.counts.pixels),
    "steps": (("steps", "cubic-steps"), lambda row: row.counts.phi * row.counts.domains),
    "threads": (("threads",), lambda row: row.run.threads),
}
"""Each panel: the kinds of workload that it shows, and what lies along its axis."""

_DPI = 120


def save_scaling(rows: Sequence[Row], path: Path) -> None:
    """Draws the curves that the rows have points of; OutputError where the file cannot be."""
    matplotlib.use("Agg")
    figure = Figure(figsize=(15, 5), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        _draw_panel(axes, name, rows)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=_DPI)
    with atomic_write(path) as handle:
        handle.write(content.getvalue())


def _draw_panel(axes: Axes, name: str, rows: Sequence[Row]) -> None:
    kinds, along = PANELS[name]
    axes.set_title(f"time against {name}")
    axes.set_xlabel(name)
    axes.set_ylabel("seconds (medians)")
    for label, chosen in _curves(rows, kinds).items():
        points = sorted(chosen, key=along)
        at = [along(row) for row in points]
        warm = axes.plot(at, [row.warm.median for row in points], "o-", label=f"nb warm, {label}")
        colour = warm[0].get_color()
        beside = [(x, row.beside) for x, row in zip(at, points, strict=True) if row.beside]
        if beside:
            name_of = f"nb beside {beside[0][1].neighbours} busy processes, {label}"
            medians = [found.times.median for _, found in beside]
            axes.plot([x for x, _ in beside], medians, "x-.", color=colour, label=name_of)
        cached = [(x, row.cached.median) for x, row in zip(at, points, strict=True) if row.cached]
        if cached:
            x, y = zip(*cached, strict=True)
            axes.plot(x, y, ".:", color=colour, label=f"nb cached process, {label}")
        if all(row.against for row in points):
            seconds = [row.against.times.median for row in points if row.against]
            axes.plot(at, seconds, "s--", color=colour, fillstyle="none", label=f"C, {label}")
    if axes.lines:
        axes.set_xscale("log", base=2 if name == "threads" else 10)
        axes.set_yscale("log")
        axes.grid(alpha=0.3, which="both")
        axes.legend(fontsize=8)
    else:
        axes.text(0.5, 0.5, "not measured", ha="center", transform=axes.transAxes)


def _curves(rows: Sequence[Row], kinds: Sequence[str]) -> dict[str, list[Row]]:
    """Rows of these kinds: of one kind, precision, engine and (but for stills) one size."""
    curves: dict[str, list[Row]] = {}
    several = len({row.run.engine for row in rows}) > 1
    for row in rows:
        if row.workload.kind in kinds:
            size = "" if row.workload.kind == "still" else f" {row.counts.slow} x {row.counts.fast}"
            engine = f" {row.run.engine}" if several else ""
            label = f"{row.workload.kind}{size} {row.workload.dtype}{engine}"
            curves.setdefault(label, []).append(row)
    return curves
