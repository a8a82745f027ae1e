"""Compares a log of the C program with nb's record of the same pixel."""

from __future__ import annotations

from collections.abc import Callable

import torch

from nb_compare.divergence.causes import find_causes
from nb_compare.divergence.pixel_rows import pixel_rows
from nb_compare.divergence.printout import parse_log
from nb_compare.divergence.report import Divergence
from nb_compare.divergence.rows import Row, in_order
from nb_compare.divergence.set_up_rows import set_up_rows
from nb_compare.divergence.trace_log import has_trace, read_trace, trace_rows
from nb_core import Experiment, UnreadableError
from nb_physics import Plan, make_plan
from nb_taps import PixelRecord, record_pixels

MOST_OVERSAMPLE = 12


def find_divergence(
    experiment: Experiment | Plan,
    pixel: tuple[int, int],
    log: str,
    *,
    name: str = "log",
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
) -> Divergence:
    """Aligns all that a log says of a pixel (slow, fast) with what nb computes.

    log: text of nanoBragg -printout, whole or its pixel's lines only, or of an instrumented
        program's TRACE_C lines; name: its file, for errors
    Raises UnreadableError for a log that says nothing of the pixel, InputError as `probe` does.
    """
    plan = experiment if isinstance(experiment, Plan) else make_plan(experiment)
    compare = _comparison(log, pixel, name)

    def look(at: Plan) -> tuple[PixelRecord, list[Row]]:
        (record,) = record_pixels(at, [pixel], device=device, dtype=dtype)
        return record, compare(record)

    record, rows = look(plan)
    aligned = _aligned(plan, rows, look)
    if aligned is not None:
        record, rows = aligned
        rows = [*rows, _oversample_row(plan, record.plan)]
    set_up = [] if has_trace(log) else list(set_up_rows(parse_log(log, name), record.plan))
    found = find_causes(in_order([*set_up, *rows]), record, lambda changed: look(changed)[1])
    inferred = [cause.row_of_table for cause in found if cause.row_of_table is not None]
    return Divergence(pixel, tuple(in_order([*set_up, *inferred, *rows])), found)


def _aligned(
    plan: Plan, rows: list[Row], look: Callable[[Plan], tuple[PixelRecord, list[Row]]]
) -> tuple[PixelRecord, list[Row]] | None:
    """The comparison with as many sub-pixels as the C program took, where nb chose its own number.

    That number follows from cell, size, wavelength and distance, so that one of these differs:
    None where nothing else does, where the user gave the number, or where positions agree.
    """
    if plan.experiment.sampling.oversample is not None or not _elsewhere(rows):
        return None
    for n in range(1, MOST_OVERSAMPLE + 1):
        record, found = look(plan.with_crystal(oversample=n))
        if not _elsewhere(found):
            return (record, found) if any(row.differs for row in found) else None
    return None


def _elsewhere(rows: list[Row]) -> bool:
    """Whether the sub-pixels are not where the C program has them."""
    names = ("position", "pixel_pos_meters", "sub_slow", "sub_fast")
    return any(row.differs for row in rows if row.quantity in names)


def _oversample_row(plan: Plan, aligned: Plan) -> Row:
    note = f"nb chose {plan.oversample}; it follows from cell, size, wavelength and distance"
    theirs = (float(aligned.oversample),)
    return Row("geometry", "oversample_chosen", "", theirs, (float(plan.oversample),), 0.0, note)


def _comparison(log: str, pixel: tuple[int, int], name: str) -> Callable[[PixelRecord], list[Row]]:
    """What makes the rows of a record, from a log that is read once."""
    if has_trace(log):
        trace = read_trace(log, name)
        return lambda record: trace_rows(trace, record)
    found = parse_log(log, name)
    if pixel not in found.pixels:
        have = ", ".join(f"{slow} {fast}" for slow, fast in found.pixels)
        reason = f"pixel {pixel[0]} {pixel[1]} is not printed, but: {have} (slow fast)"
        raise UnreadableError(name, reason)
    return lambda record: pixel_rows(found.pixels[pixel], record)
