"""A detector of panels in TOML: [[panel]], [[group]] and [detector].

[[panel]] has the names of `Panel`, `sensor` is a table of those of `Sensor`, and `mask` names a
file. [[group]] has those of `PanelGroup`; [detector] then those of `Detector` itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from nb_core.configs.base import Config, comparable, is_default
from nb_core.configs.panel import Detector, Panel, PanelGroup, Sensor
from nb_core.configs.sampling import Roi
from nb_core.errors import InputError, did_you_mean
from nb_core.formats.mask import read_mask

PANEL_TABLES = ("panel", "group")
Document = dict[str, Any]

_WHOLE = [f.name for f in dataclasses.fields(Detector) if f.name not in ("panels", "groups")]
"""Fields of the Detector itself, in [detector]."""

_PLACE = "origin_mm of each [[panel]], or shift_mm of [detector] to move all of them"
_AXES = "fast_axis and slow_axis of each [[panel]], or tilt_deg of [detector] to turn all of them"
_SHAPE = "shape (slow, fast) of each [[panel]]"

_INSTEAD = {
    "pixel_size_mm": "pixel_size_mm of each [[panel]]",
    **dict.fromkeys(("fpixels", "spixels", "detsize_f_mm", "detsize_s_mm"), _SHAPE),
    **dict.fromkeys(("distance_mm", "close_distance_mm"), _PLACE),
    **dict.fromkeys(("beam_center_x_mm", "beam_center_y_mm"), _PLACE),
    **dict.fromkeys(("close_x_mm", "close_y_mm", "orgx_px", "orgy_px", "pix0_vector_m"), _PLACE),
    **dict.fromkeys(("detector_rotx_deg", "detector_roty_deg", "detector_rotz_deg"), _AXES),
    **dict.fromkeys(("detector_twotheta_deg", "twotheta_axis"), _AXES),
    "detector_convention": "origin_mm, fast_axis and slow_axis of each [[panel]]",
    "detector_pivot": "tilt_deg of [detector] or of a [[group]], which turns about its middle",
    "fdet_vector": "fast_axis of each [[panel]]",
    "sdet_vector": "slow_axis of each [[panel]]",
    "odet_vector": "fast_axis and slow_axis of each [[panel]], across which the normal stands",
    "curved_detector": "flat panels, [[panel]], where they stand",
    "point_pixel": "point_pixel of [detector], beside the [[panel]] tables",
    "detector_abs_um": "sensor.attenuation_um of each [[panel]]",
    "detector_thick_um": "sensor.thickness_um of each [[panel]]",
    "detector_thicksteps": "sensor.layers of each [[panel]]",
    "roi": "roi of each [[panel]], in its own pixels",
}
"""What says of panels what a field says of nanoBragg's plane."""


def instead_of_plane(field: str) -> str:
    """The remedy for a field of nanoBragg's plane, or its roi, where there are panels."""
    return f"belongs to nanoBragg's one plane; with panels give {_INSTEAD[field]}"


def panel_tables(document: Document) -> tuple[Document, Document]:
    """The tables that make a detector of panels, none without a [[panel]]; and all others."""
    if "panel" not in document:
        for name in document:
            if did_you_mean(name, ["panel"]) and isinstance(document[name], list):
                remedy = (
                    f"did you mean [[panel]]? each panel is one table, [[panel]], not [[{name}]]"
                )
                raise InputError(name, "unknown name", remedy)
        if "group" in document:
            raise InputError("group", "without panels", "give the detector as [[panel]] tables")
        return {}, document
    names = (*PANEL_TABLES, "detector")
    taken = {name: document[name] for name in names if name in document}
    return taken, {name: value for name, value in document.items() if name not in names}


def document_to_panels(document: Document, beside: Callable[[str, Any], str]) -> Detector:
    """The detector of these tables.

    beside: the path of a file that a field names. Raises InputError, which names table and field.
    """
    panels = []
    for number, table in enumerate(_tables(document, "panel")):
        where = f"panel {number}"
        fields = _fields(table, where, Panel)
        if isinstance(fields.get("sensor"), dict):
            fields["sensor"] = _made(Sensor, fields["sensor"], f"{where}.sensor")
        if "mask" in fields:
            fields["mask"], _ = read_mask(beside(f"{where}.mask", fields["mask"]))
        if isinstance(fields.get("roi"), list) and len(fields["roi"]) == 4:
            fields["roi"] = Roi(*fields["roi"])
        panels.append(_made(Panel, fields, where))
    groups = [
        _made(PanelGroup, table, f"group {number}")
        for number, table in enumerate(_tables(document, "group"))
    ]
    whole = document.get("detector", {})
    for field in whole if isinstance(whole, dict) else ():
        if field in _INSTEAD and field not in _WHOLE:
            raise InputError(f"detector.{field}", whole[field], instead_of_plane(field))
        if field not in _WHOLE:
            has = f"with [[panel]], [detector] has: {', '.join(_WHOLE)}"
            remedy = f"{did_you_mean(field, [*_WHOLE, *_INSTEAD])}{has}"
            raise InputError(f"detector.{field}", "unknown name", remedy)
    return _made(Detector, {**whole, "panels": panels, "groups": groups}, "detector")


def panels_to_document(detector: Detector, seen: Callable[[str], str]) -> Document:
    """The tables that read back as the same detector.

    seen: the name of a file as the tables shall give it; InputError for a mask in memory only
    """
    document: Document = {}
    whole = _said(detector, skip=("panels", "groups"))
    if whole:
        document["detector"] = whole
    document["panel"] = [_panel_table(panel, seen) for panel in detector.panels]
    if detector.groups:
        document["group"] = [_said(group) for group in detector.groups]
    return document


def _panel_table(panel: Panel, seen: Callable[[str], str]) -> Document:
    table = _said(panel, skip=("sensor", "mask"))
    if panel.sensor is not None:
        table["sensor"] = _said(panel.sensor)
    if panel.mask is not None:
        if panel.mask.source is None:
            remedy = "it has no file; write it to one and read it from there"
            raise InputError(f"mask of {panel.name}", "in memory only", remedy)
        table["mask"] = seen(panel.mask.source)
    return table


def _said(config: Config, skip: tuple[str, ...] = ()) -> Document:
    """The fields that differ from the defaults, and those that say where a panel stands."""
    table: Document = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        standing = isinstance(config, Panel) and field.name in ("origin_mm", "shape")
        if field.name in skip or value is None or (is_default(field, value) and not standing):
            continue
        table[field.name] = comparable(value)
    return table


def _tables(document: Document, name: str) -> list[Any]:
    tables = document.get(name, [])
    if not isinstance(tables, list):
        raise InputError(name, "one table", f"expected an array of tables, [[{name}]]")
    return tables


def _fields(table: Any, where: str, kind: type[Config]) -> Document:
    known = [field.name for field in dataclasses.fields(kind)]
    if not isinstance(table, dict):
        raise InputError(where, table, f"expected a table of: {', '.join(known)}")
    for field in table:
        if field not in known:
            remedy = f"{did_you_mean(field, known)}there are: {', '.join(known)}"
            raise InputError(f"{where}.{field}", "unknown name", remedy)
    return dict(table)


def _made(kind: type[Any], table: Any, where: str) -> Any:
    """A config of a table's fields; its errors say where it stands."""
    fields = _fields(table, where, kind)
    try:
        return kind(**fields)
    except InputError as error:
        raise InputError(f"{where}.{error.field}", error.value, error.remedy) from None
