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

_WHOLE = ("shift_mm", "tilt_deg", "point_pixel")
"""Fields of the Detector itself, in [detector]."""


def panel_tables(document: Document) -> tuple[Document, Document]:
    """The tables that make a detector of panels, none without a [[panel]]; and all others."""
    if "panel" not in document:
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
        if field not in _WHOLE:
            remedy = f"belongs to nanoBragg's one plane; with [[panel]], [detector] has: {_WHOLE}"
            raise InputError(f"detector.{field}", whole[field], remedy)
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
