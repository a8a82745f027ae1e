"""A pixel's way from the beam to its photons, as an aligned table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from torch import Tensor

from nb_core.quantities import QUANTITIES, STAGES
from nb_taps import PixelRecord, TapResult
from nb_taps.tap import Value

Row = tuple[str, str, str, str, str]


def describe_record(record: PixelRecord) -> str:
    """Every quantity at the strongest term of the pixel, and its range over all terms.

    Vectors have no range, and run on into its columns.
    """
    rows = [("quantity", "unit", "strongest term", "smallest", "largest"), *_rows(record)]
    alone = [row for row in rows if row[3]]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    widths += [max(len(row[column]) for row in alone) for column in range(2, 5)]
    lines = [_title(record)]
    lines += [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


def describe_results(results: Sequence[TapResult]) -> str:
    """What the taps recorded: numbers as they are, arrays by their axes and range."""
    rows = [
        (f"{result.entry.name}.{field.name}", field.unit, _shown(result.values[field.name]))
        for result in results
        for field in result.entry.tap.fields
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(2)]
    return "\n".join(f"{r[0]:<{widths[0]}}  {r[1]:<{widths[1]}}  {r[2]}" for r in rows)


def _title(record: PixelRecord) -> str:
    plan, (slow, fast) = record.plan, record.pixel
    loops = (
        f"{len(record.subpixels)} sub-pixels and layers x {plan.sources.wavelength.numel()} sources"
        f" x {plan.phi_count} phi x {plan.mosaic_count} domains"
    )
    aside = "" if record.rendered else "; outside the ROI or mask: 0 in the image"
    return (
        f"pixel slow {slow}, fast {fast}: {record.number('photons'):.12g} photons{aside}\n"
        f"{loops}; {plan.experiment.profile.value} profile, {record.dtype} on {record.device}"
    )


def _rows(record: PixelRecord) -> Iterator[Row]:
    strongest = _strongest_term(record)
    for stage in STAGES:
        found = [q for q in QUANTITIES.values() if q.stage == stage and q.name in record.readings]
        if found:
            yield (f"-- {stage}", "", "", "", "")
        for quantity in found:
            value = record.array(quantity.name)
            assert value is not None
            yield _row(quantity.name, quantity.unit, value, record.axes(quantity.name), strongest)


def _row(
    name: str, unit: str, value: Tensor, axes: tuple[str, ...], strongest: dict[str, int]
) -> Row:
    steps = [axis for axis in axes if axis in strongest or axis == "addition"]
    picked = value
    for axis in steps:
        picked = picked[strongest.get(axis, -1)]
    if picked.ndim:
        rows = picked.reshape(-1, picked.shape[-1]).tolist()
        text = "; ".join(" ".join(_number(part) for part in row) for row in rows)
        return name, unit, text, "", ""
    present = value[~value.isnan()] if value.is_floating_point() else value
    if present.numel() < 2:
        return name, unit, _number(picked.item()), "", ""
    return (
        name,
        unit,
        _number(picked.item()),
        _number(present.min().item()),
        _number(present.max().item()),
    )


def _strongest_term(record: PixelRecord) -> dict[str, int]:
    """Where along each axis the largest F_cell^2 F_latt^2 stands."""
    terms = record.array("term")
    assert terms is not None
    place = int(terms.argmax())
    found = {}
    for axis, size in reversed(list(zip(record.axes("term"), terms.shape, strict=True))):
        place, found[axis] = divmod(place, size)
    return found


def _shown(value: Value) -> str:
    if not isinstance(value, Tensor):
        if isinstance(value, bool) or value is None:
            return {None: "-", True: "yes", False: "no"}[value]
        return _number(value) if isinstance(value, int | float) else value
    if value.numel() <= 3:
        return " ".join(_number(part) for part in value.flatten().tolist())
    numbers = value[~value.isnan()] if value.is_floating_point() else value
    shape = " x ".join(str(size) for size in value.shape)
    if not numbers.numel():
        return f"{shape} values, none computed"
    low, high = _number(numbers.min().item()), _number(numbers.max().item())
    return f"{shape} values, {low} to {high}"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value + 0.0:.9g}"
