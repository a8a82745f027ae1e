"""A comparison as one page that needs nothing else: it can be mailed, opened and printed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

import numpy as np
from jaxtyping import Float

from nb_compare import report_tables as tables
from nb_compare.metrics import check_images
from nb_compare.pictures import log_norm
from nb_compare.report_planes import Planes, make_planes
from nb_compare.summary import to_json_types
from nb_core.formats import AnyPath, atomic_write

_PLACE = re.compile(r"\{\{(\w+)\}\}")
_VERDICTS = {"agree": "The images agree", "differ": "The images differ"}
_DECADES = 8
"""How far below the brightest pixel the scale can begin."""


def write_report(
    path: AnyPath,
    summary: Mapping[str, Any],
    image: Float[np.ndarray, "slow fast"],
    reference: Float[np.ndarray, "_ _"],
) -> None:
    """Writes the page of a comparison, HTML of a few megabytes at most.

    summary: of the schema nb-compare/1; what is absent or None is left out
    Raises InputError as `compare_images` does, OutputError as atomic_write does.
    """
    content = report_html(summary, image, reference)
    with atomic_write(path) as handle:
        handle.write(content.encode())


def report_html(
    summary: Mapping[str, Any],
    image: Float[np.ndarray, "slow fast"],
    reference: Float[np.ndarray, "_ _"],
) -> str:
    """The page of a comparison; see `write_report`."""
    check_images(image, reference)
    planes = make_planes(image, reference)
    parts = {
        "style": _file("report_style.css"),
        "script": _file("report_viewer.js") + _file("report_start.js"),
        "plane_reference": planes.reference,
        "plane_image": planes.image,
        "plane_difference": planes.difference,
        "viewer": _json(_viewer_data(summary, planes, image, reference)),
        "summary": _json(summary),
        "resolution": escape(_resolution(planes.block, reference.shape)),
        **_texts(summary),
    }
    return _PLACE.sub(lambda place: parts[place[1]], _file("report_template.html"))


def _texts(summary: Mapping[str, Any]) -> dict[str, str]:
    """The parts of the page that are text, escaped."""
    verdict = str(summary.get("verdict"))
    reference, nb = tables.part(summary, "reference"), tables.part(summary, "nb")
    arguments = " ".join(str(word) for word in tables.items(summary, "arguments"))
    return {
        "verdict": escape(_VERDICTS.get(verdict, "No verdict")),
        "verdict_class": verdict if verdict in _VERDICTS else "none",
        "created": escape(str(summary.get("created") or "at an unknown time")),
        "reasons": tables.reasons(summary),
        "notes": tables.notes(summary),
        "facts": tables.facts(summary),
        "kind": escape(tables.reference_name(summary)),
        "name": escape(str(reference.get("name") or "")),
        "version": escape(str(nb.get("version") or "")),
        "measures": tables.measures_rows(summary),
        "histogram": tables.histogram_rows(summary),
        "peaks_sentence": tables.peaks_sentence(summary),
        "peaks": tables.peaks_rows(summary),
        "runs": tables.runs(summary),
        "arguments": tables.words(arguments or tables.NONE),
        "inputs": tables.inputs_rows(summary),
        "environment": tables.environment_rows(summary),
    }


def _viewer_data(
    summary: Mapping[str, Any], planes: Planes, image: np.ndarray, reference: np.ndarray
) -> dict[str, Any]:
    """What the script of the page needs besides the pixels; all places are (slow, fast).

    The page counts from the corner of the images; `origin` is what that pixel is called.
    """
    norm = log_norm(planes.shown)
    brightest = float(max(image.max(), reference.max()))
    dim, bright = float(norm.vmin or 0), float(norm.vmax or 1)
    top = brightest if brightest > 0 else 1.0
    peaks = tables.items(tables.part(summary, "peaks"), "brightest")
    roi = tables.items(summary, "roi")
    known = len(roi) == 4 and all(isinstance(bound, int) for bound in roi)
    origin = [roi[2], roi[0]] if known else [0, 0]

    def inside(place: Sequence[int | float] | None) -> list[int | float] | None:
        return None if place is None else [p - o for p, o in zip(place, origin, strict=True)]

    return {
        "shape": reference.shape,
        "origin": origin,
        "block": planes.block,
        "cells": planes.shown.shape,
        "kind": tables.reference_name(summary),
        "scale": {"low": dim if dim > 0 else bright * 1e-5, "high": bright, "top": top},
        "decades": _DECADES,
        "brightest": float(reference.max()),
        "worst": inside(tables.part(summary, "metrics").get("worst")),
        "peaks": [[inside(peak["reference"]), inside(peak["image"])] for peak in peaks],
        "blocks": tables.part(summary, "blocks"),
    }


def _resolution(block: int, shape: tuple[int, ...]) -> str:
    if block == 1:
        return "Every pixel is shown. Read-outs are rounded: values to 1 in 10 000."
    slow, fast = shape
    return (
        f"The images have {slow} × {fast} pixels; here one cell stands for {block} × {block}: "
        "the mean of each image, and the difference of largest magnitude, so that single pixels "
        "stay visible. Read-outs are of cells, rounded to 1 in 10 000. All measures are of the "
        "full images."
    )


def _json(value: Any) -> str:
    """JSON that is safe within a script element."""
    text = json.dumps(to_json_types(value), allow_nan=False, ensure_ascii=True, default=str)
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def _file(name: str) -> str:
    return resources.files("nb_compare").joinpath(name).read_text(encoding="utf-8")
