"""The parts of a report that are text: every value from outside is escaped here."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

Summary = Mapping[str, Any]
"""A dictionary of the schema nb-compare/1; whatever is absent or None is left out."""

NONE = "–"
KINDS = {"program": "C program", "golden": "Recorded image"}

_MEASURES = (
    ("correlation", "Correlation", "Pearson’s, over all pixels: the same pattern, at any scale"),
    ("sum_ratio", "Sum ratio", "All photons of nb over all of the reference: a wrong scale"),
    ("max_relative", "Largest, relative", "The largest difference over the brightest pixel"),
    ("max_difference", "Largest difference", "Of any pixel, in photons"),
    ("worst", "Worst pixel", "Where that is: slow, fast"),
    ("rmse", "RMS difference", "Root of the mean square difference, in photons"),
    ("mse", "Mean square", "Mean square difference, in photons squared"),
    ("same_float32", "Identical", "Pixels whose float32 values are the same to the last bit"),
)


def reference_name(summary: Summary) -> str:
    """What the reference is called: C program or Recorded image."""
    return KINDS.get(str(part(summary, "reference").get("kind")), "Reference")


def part(summary: Summary, key: str) -> Mapping[str, Any]:
    """A dictionary of the summary, empty where there is none."""
    value = summary.get(key)
    return value if isinstance(value, Mapping) else {}


def items(holder: Mapping[str, Any], key: str) -> Sequence[Any]:
    """A list of the summary, empty where there is none."""
    value = holder.get(key)
    return value if isinstance(value, list | tuple) else ()


def number(value: Any, digits: int = 6) -> str:
    """A number to some digits, or a dash."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return NONE
    return f"{value:.{digits}g}".replace("e-0", "e-").replace("e+0", "e+").replace("-", "−")


def near_one(value: Any) -> str:
    """A number; as the distance from 1 where that is small."""
    if not isinstance(value, int | float) or value == 1 or not abs(value - 1) < 1e-4:
        return number(value)
    return f"1 {'+' if value > 1 else '−'} {number(abs(value - 1), 3)}"


def measures_rows(summary: Summary) -> str:
    """Rows of the table of measures."""
    metrics, thresholds = part(summary, "metrics"), part(summary, "thresholds")
    rows = []
    for key, name, meaning in _MEASURES:
        limit, met = _limit(key, metrics.get(key), thresholds)
        rows.append(
            f'<tr><th scope="row">{name}<small>{meaning}</small></th>'
            f'<td class="number">{_measure(key, metrics.get(key))}</td>'
            f"<td>{limit}</td><td>{_mark(met)}</td></tr>"
        )
    return "\n".join(rows)


def histogram_rows(summary: Summary) -> str:
    """Rows of the table of distances, with a bar each: a decade of pixels is a step."""
    bins = [entry for entry in items(summary, "ulp_histogram") if isinstance(entry, Mapping)]
    counts = [int(entry.get("pixels") or 0) for entry in bins]
    total = max(sum(counts), 1)
    rows = []
    for entry, pixels in zip(bins, counts, strict=True):
        width = 100 * math.log10(1 + pixels) / math.log10(1 + total)
        rows.append(
            f'<tr><th scope="row">{_bin_name(entry)}</th><td class="number">{pixels:,}</td>'
            f'<td class="number">{_share(pixels, total)}</td><td class="bar">'
            f'<span style="width:{width:.1f}%"></span></td></tr>'
        )
    return "\n".join(rows)


def peaks_rows(summary: Summary) -> str:
    """Rows of the table of peaks; the number of each is a button."""
    rows = []
    for index, peak in enumerate(items(part(summary, "peaks"), "brightest")):
        places = [", ".join(f"{x:.2f}" for x in peak[key]) for key in ("reference", "image")]
        cells = "".join(f'<td class="number">{text}</td>' for text in places)
        rows.append(
            f'<tr><td><button type="button" data-peak="{index}" '
            f'aria-label="Show peak {index + 1} in the images">{index + 1}</button></td>{cells}'
            f'<td class="number">{_moved(peak["displacement"])}</td></tr>'
        )
    nothing = '<tr><td colspan="4">No peak of one matches a peak of the other.</td></tr>'
    return "\n".join(rows) or nothing


def peaks_sentence(summary: Summary) -> str:
    """How many peaks there are, how many match, and how far they moved."""
    peaks = part(summary, "peaks")
    counts = [number(peaks.get(key)) for key in ("reference", "image", "matched")]
    moved = [_moved(peaks.get(key)) for key in ("mean_displacement", "max_displacement")]
    text = f"{counts[0]} in the reference, {counts[1]} in nb, {counts[2]} within 5 pixels"
    return f"{text}; displacement {moved[0]} pixels on average, {moved[1]} at most."


def facts(summary: Summary) -> str:
    """The few numbers under the verdict."""
    metrics = part(summary, "metrics")
    shape = " × ".join(str(side) for side in items(summary, "shape"))
    found = {"Pixels (slow × fast)": escape(shape) or NONE}
    for key in ("correlation", "sum_ratio", "max_relative", "same_float32"):
        name = next(name for entry, name, _ in _MEASURES if entry == key)
        found[name] = _measure(key, metrics.get(key))
    return "".join(f"<div><dt>{name}</dt><dd>{text}</dd></div>" for name, text in found.items())


def notes(summary: Summary) -> str:
    """What was compared where that is not simply all pixels, as list items."""
    lines = []
    roi = items(summary, "roi")
    if len(roi) == 4:
        xmin, xmax, ymin, ymax = (escape(str(edge)) for edge in roi)
        lines.append(f"Region of interest: slow {ymin} to {ymax}, fast {xmin} to {xmax}.")
    shape = items(summary, "resampled_from")
    if shape:
        before = escape(" × ".join(map(str, shape)))
        lines.append(f"One image had {before} pixels, and was brought to the other’s number.")
    return "".join(f"<li>{line}</li>" for line in lines)


def words(line: Any) -> str:
    """A command line whose words are not broken at their hyphens."""
    return " ".join(f"<span>{escape(word)}</span>" for word in str(line).split(" "))


def reasons(summary: Summary) -> str:
    """Why the images differ, as list items."""
    return "".join(f"<li>{escape(str(line))}</li>" for line in items(summary, "reasons"))


def runs(summary: Summary) -> str:
    """What made the two images: a definition list each."""
    reference, nb = part(summary, "reference"), part(summary, "nb")
    theirs = ("name", "command", "seconds", "sha256")
    ours = ("version", "command", "seconds", "device", "dtype", "engine")
    engine = part(nb, "engine")
    if engine:
        nb = {**nb, "engine": f"{engine.get('name')}: {engine.get('reason')}"}
    return _run(reference_name(summary), reference, theirs) + _run("nb", nb, ours)


def inputs_rows(summary: Summary) -> str:
    """Rows of the table of files that were read."""
    rows = [
        f'<tr><th scope="row">{escape(str(file.get("name")))}</th>'
        f"<td><code>{escape(str(file.get('sha256') or NONE))}</code></td></tr>"
        for file in items(summary, "inputs")
        if isinstance(file, Mapping)
    ]
    return "\n".join(rows) or '<tr><td colspan="2">No files were read.</td></tr>'


def environment_rows(summary: Summary) -> str:
    """Rows of the table of versions and the like; what is inside a value gets rows of its own."""
    rows = (
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td></tr>'
        for name, text in _flat(part(summary, "environment"))
    )
    return "\n".join(rows) or '<tr><td colspan="2">Nothing was recorded.</td></tr>'


def _limit(key: str, value: Any, thresholds: Mapping[str, Any]) -> tuple[str, bool | None]:
    """The threshold of a measure in words, and whether it is met."""
    name = {"correlation": "correlation", "sum_ratio": "sum_tolerance"}.get(key, "")
    bound = thresholds.get(name)
    if not isinstance(bound, int | float):
        return "", None
    known = isinstance(value, int | float)
    if key == "correlation":
        return f"at least {near_one(bound)}", value >= bound if known else None
    return f"1 ± {number(bound)}", known and abs(value - 1) <= bound


def _mark(met: bool | None) -> str:
    if met is None:
        return ""
    return '<span class="met">✓ met</span>' if met else '<span class="missed">✗ not met</span>'


def _measure(key: str, value: Any) -> str:
    if key in ("correlation", "sum_ratio"):
        return near_one(value)
    if key == "same_float32" and isinstance(value, int | float):
        return "all" if value == 1 else f"{number(100 * value, 4)} %"
    if key == "worst" and isinstance(value, list | tuple):
        return escape(", ".join(map(str, value)))
    return number(value, 4)


def _bin_name(entry: Mapping[str, Any]) -> str:
    lowest, highest = entry.get("lowest"), entry.get("highest")
    if highest is None:
        return f"more than {int(lowest or 1) - 1}"
    return str(int(highest)) if lowest == highest else f"{int(lowest or 0)} to {int(highest)}"


def _share(pixels: int, total: int) -> str:
    percent = 100 * pixels / total
    return "0 %" if not pixels else "&lt; 0.01 %" if percent < 0.01 else f"{percent:.2f} %"


def _moved(pixels: Any) -> str:
    if not isinstance(pixels, int | float):
        return NONE
    return f"{pixels:.4f}" if pixels >= 1e-4 or pixels == 0 else "&lt; 0.0001"


def _run(title: str, run: Mapping[str, Any], keys: Iterable[str]) -> str:
    lines = []
    for key in keys:
        value = run.get(key)
        if value is None:
            continue
        text = f"{number(value, 3)} s" if key == "seconds" else escape(str(value))
        name = "run time" if key == "seconds" else key
        shown = f"<code>{words(value)}</code>" if key in ("command", "sha256") else text
        lines.append(f"<dt>{name}</dt><dd>{shown}</dd>")
    return f"<section><h3>{escape(title)}</h3><dl>{''.join(lines)}</dl></section>"


def _flat(values: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name} ")
        elif value is not None:
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            yield f"{before}{name}", text
