"""A pixel's way from the beam to its photons: why it is bright, and an aligned table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from torch import Tensor

from nb_core import QUANTITIES, STAGES
from nb_core.units import rad_to_deg
from nb_core.wording import aligned, counted
from nb_taps import Explanation, PixelRecord, Reflection, TapResult, Value, explain_pixel

Row = tuple[str, str, str, str, str]

MOST_NAMED = 3
"""Reflections, domains, steps and sources that are named; the others are summed."""


def describe_record(record: PixelRecord) -> str:
    """Every quantity at the strongest term of the pixel, and its range over all terms.

    Vectors have no range, and run on into its columns.
    """
    rows = [("quantity", "unit", "strongest term", "smallest", "largest"), *_rows(record)]
    return "\n".join(aligned([row if row[3] else row[:3] for row in rows]))


def describe_reason(record: PixelRecord) -> str:
    """Why a pixel is as bright as it is, in a sentence, and what brings how much of its photons."""
    found = explain_pixel(record)
    lines = [f"why: {_reason(found)}"]
    reflections = [(_indices(entry), entry.share) for entry in found.reflections]
    rows = [("reflections", reflections if found.photons > 0 else [])]
    degrees = rad_to_deg(record.plan.phi_angles).tolist()
    for kind, axis, name in (
        ("sources", "source", "{}"),
        ("phi steps", "phi", "{} ({:.6g} deg)"),
        ("domains", "domain", "{}"),
        ("sub-pixels", "subpixel", "{}"),
    ):
        shares = found.shares[axis]
        named = [(name.format(n, degrees[n % len(degrees)]), s) for n, s in enumerate(shares)]
        rows.append((kind, named if len(named) > 1 and found.photons > 0 else []))
    lines += [f"  {kind:<11}  {_largest(entries)}" for kind, entries in rows if entries]
    if found.water > 0:
        lines.append(f"  {'water':<11}  {_percent(found.water)}")
    return "\n".join(lines)


def _reason(found: Explanation) -> str:
    first = found.reflections[0]
    if found.photons <= 0:
        return (
            f"no photons. The nearest reflection is {_indices(first)}, d {first.d:.5g} A, "
            f"{first.fringes_from_pixel:.3g} fringe widths away, with F_cell {first.F_cell:g}"
        )
    if found.water > first.share:
        lead = f"{_percent(found.water)} of the photons are the water's, "
        lead += f"{_percent(first.share)} are of the reflection"
    else:
        lead = f"{_percent(first.share)} of the photons are of the reflection"
    side = "outside" if first.from_sphere > 0 else "inside"
    return (
        f"{lead} {_indices(first)}, d {first.d:.5g} A, F_cell {first.F_cell:.5g}. At its strongest "
        f"term it lies {abs(first.from_sphere):.3g} 1/A ({first.fringes_from_sphere:.3g} fringe "
        f"widths) {side} the Ewald sphere, and {first.fringes_from_pixel:.3g} fringe widths from "
        "the pixel"
    )


def _indices(reflection: Reflection) -> str:
    return f"({' '.join(str(index) for index in reflection.hkl)})"


def _largest(entries: list[tuple[str, float]]) -> str:
    """The largest shares by name, and the sum of the others."""
    ordered = sorted(entries, key=lambda entry: -entry[1])
    named, others = ordered[:MOST_NAMED], ordered[MOST_NAMED:]
    parts = [f"{name}: {_percent(share)}" for name, share in named]
    if others:
        parts.append(
            f"{counted(len(others), 'other')}: {_percent(sum(share for _, share in others))}"
        )
    return ", ".join(parts)


def _percent(share: float) -> str:
    return f"{100.0 * share:.3g} %"


def describe_results(results: Sequence[TapResult]) -> str:
    """What the taps recorded: numbers as they are, arrays by their axes and range."""
    rows = [
        (f"{result.entry.name}.{field.name}", field.unit, _shown(result.values[field.name]))
        for result in results
        for field in result.entry.tap.fields
    ]
    return "\n".join(aligned(rows))


def describe_pixel(record: PixelRecord) -> str:
    """Which pixel it is, its photons, and how many terms they are the sum of."""
    plan, (slow, fast) = record.plan, record.pixel
    panel = "" if record.panel is None else f"panel {record.panel}, "
    photons = "photons" if record.crystal is None else f"photons of crystal {record.crystal}"
    loops = (
        f"{len(record.subpixels)} sub-pixels and layers x {plan.sources.wavelength.numel()} sources"
        f" x {plan.phi_count} phi x {plan.mosaic_count} domains"
    )
    aside = "" if record.rendered else "; outside the ROI or mask: 0 in the image"
    return (
        f"pixel {panel}slow {slow}, fast {fast}: {record.number('photons'):.12g} {photons}{aside}\n"
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
