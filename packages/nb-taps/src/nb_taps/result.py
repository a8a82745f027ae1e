"""What a tap recorded of a pixel, and its form as JSON (schema nb-tap/1)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from torch import Tensor

from nb_core import InputError
from nb_core.showing import Brief
from nb_taps.manager import TapEntry
from nb_taps.probe import Pixel
from nb_taps.record import PixelRecord
from nb_taps.tap import Field, Value

SCHEMA = "nb-tap/1"


@dataclass(frozen=True, eq=False, repr=False)
class TapResult(Brief):
    """The values of one tap at one pixel, by field."""

    entry: TapEntry
    record: PixelRecord
    values: Mapping[str, Value]

    @property
    def pixel(self) -> Pixel:
        return self.record.pixel

    def to_json(self, tag: str | None = None) -> dict[str, Any]:
        """The result as the schema nb-tap/1 says; `tag` is the user's name for the run."""
        record = self.record
        return {
            "schema": SCHEMA,
            "tap": self.entry.name,
            "package": {"name": self.entry.package, "version": self.entry.version},
            "tag": tag,
            "pixel": list(record.place),
            **({} if record.crystal is None else {"crystal": record.crystal}),
            "rendered": record.rendered,
            "oversample": record.plan.oversample,
            "subpixels": [list(subpixel) for subpixel in record.subpixels],
            "profile": record.plan.experiment.profile.value,
            "device": record.device,
            "dtype": record.dtype,
            "values": {
                field.name: {
                    "unit": field.unit,
                    "axes": list(field.axes),
                    "value": _plain(self.values[field.name]),
                }
                for field in self.entry.tap.fields
            },
        }


def read_tap(entry: TapEntry, record: PixelRecord) -> TapResult:
    """Has a tap read a record, and checks that it kept to its own fields.

    Raises InputError, with the names of tap and package, where it did not.
    """
    values = dict(entry.tap.read(record))
    where = f"tap {entry.name} of {entry.package}"
    fields = {field.name: field for field in entry.tap.fields}
    for name in [*fields, *values]:
        if name not in values or name not in fields:
            remedy = "the tap's `fields` and what `read` returns must have the same names"
            raise InputError(where, name, remedy)
    for name, value in values.items():
        _check_value(where, fields[name], value, record)
    return TapResult(entry, record, values)


def tap_schema() -> dict[str, Any]:
    """The JSON schema of a tap's result (draft 2020-12)."""
    text = resources.files("nb_taps").joinpath("schema/nb-tap-1.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    assert isinstance(schema, dict)
    return schema


def _check_value(where: str, field: Field, value: Value, record: PixelRecord) -> None:
    if value is None:
        return
    shape = tuple(value.shape) if isinstance(value, Tensor) else ()
    if len(shape) != len(field.axes):
        remedy = f"field {field.name} has the axes {field.axes}"
        raise InputError(where, f"shape {shape}", remedy)
    sizes = {
        "subpixel": len(record.subpixels),
        "source": record.plan.sources.wavelength.numel(),
        "phi": record.plan.phi_count,
        "domain": record.plan.mosaic_count,
    }
    for axis, size in zip(field.axes, shape, strict=True):
        if sizes.get(axis, size) != size:
            remedy = f"axis {axis} of field {field.name} has length {sizes[axis]}"
            raise InputError(where, f"shape {shape}", remedy)


def _plain(value: Any) -> Any:
    """Numbers and nested lists of them; None for what is not finite, which JSON cannot hold."""
    if isinstance(value, Tensor):
        return _plain(value.detach().cpu().tolist())
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
