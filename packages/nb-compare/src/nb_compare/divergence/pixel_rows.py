"""What the C program prints of a pixel, against what nb recorded of it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from nb_compare.divergence.printout import PixelPrintout
from nb_compare.divergence.rows import Printed, Row, compare_numbers
from nb_core.units import A_to_m
from nb_taps import PixelRecord

_POSITION_FLOOR = 1e-12
"""Metres: a coordinate of 0 comes out as the rounding of others a tenth of a metre long."""
_LATTICE_FLOOR = 1e-9
"""Of Na Nb Nc: at a zero of the gratings only the rounding of the phase h is left."""


def pixel_rows(printout: PixelPrintout, record: PixelRecord) -> list[Row]:
    """A row for each quantity of the print-out that the program computed for this pixel.

    Values are those of the last step, as the program prints them; what it left from an earlier
    pixel, because `-dmin` or F_latt = 0 let it skip the step, is not compared.
    """
    rows = list(_geometry_rows(printout, record))
    rows += _scattering_rows(printout, record)
    if not _skipped(printout, record):
        rows += _step_rows(printout, record)
    rows += _sum_rows(printout, record)
    return rows


def _geometry_rows(printout: PixelPrintout, record: PixelRecord) -> Iterator[Row]:
    sampling, numbers = record.plan.experiment.sampling, printout.numbers
    position, omega, capture = (_array(record, q) for q in ("position", "omega", "capture"))
    last = position[-1]
    yield compare_numbers(
        "geometry", "position", "m", numbers["position"], last.tolist(), floor=_POSITION_FLOOR
    )
    at = -1 if sampling.oversample_omega else 0
    yield _row("geometry", "omega", "sr", numbers["omega"], omega[at])
    of_layer = -1 if sampling.oversample_thick else -(record.plan.oversample**2)
    yield _row("geometry", "capture", "1", numbers["capture"], capture[of_layer])


def _scattering_rows(printout: PixelPrintout, record: PixelRecord) -> Iterator[Row]:
    stol = _array(record, "stol")[-1, -1]
    yield _row("scattering", "stol", "1/m", printout.stol_per_m, stol / A_to_m(1.0))
    theirs = 0.0 if _program_dropped_all(printout, record) else 1.0
    kept = record.array("within_dmin")
    ours = 1.0 if kept is None or bool((kept > 0).any()) else 0.0
    note = "0: all steps lie beyond -dmin"
    yield compare_numbers(
        "scattering", "within_dmin", "", Printed.whole([str(theirs)]), [ours], note=note
    )


def _step_rows(printout: PixelPrintout, record: PixelRecord) -> Iterator[Row]:
    """The last step that was taken, and the polarization of the first one."""
    vectors = _array(record, "cell_vectors")[-1, -1]
    for axis, printed, ours in zip("abc", printout.cell_vectors, vectors, strict=True):
        name = f"cell_vectors_{axis}"
        yield compare_numbers("orientation", name, "Angstrom", printed, ours.tolist(), floor=1e-8)
    hkl, nearest = _last(record, "hkl"), _last(record, "hkl_nearest")
    yield compare_numbers("miller", "hkl", "1", printout.hkl, hkl.tolist(), floor=1e-8)
    yield compare_numbers("miller", "hkl_nearest", "1", printout.hkl_nearest, nearest.tolist())
    F_latt = abs(_last(record, "F_latt").item())
    printed = printout.numbers["F_latt"]
    size = Printed((abs(printed.values[0]),), printed.units)
    floor = _LATTICE_FLOOR * record.plan.cells.prod().item()
    note = "up to its sign"
    yield compare_numbers("lattice", "F_latt", "1", size, [F_latt], floor=floor, note=note)
    water = bool(record.plan.background > 0)
    if (F_latt != 0 and size.values[0] != 0) or water:
        F_cell = _last(record, "F_cell")
        yield _row("structure", "F_cell", "electrons", printout.numbers["F_cell"], F_cell)
    polarization = _polarization(record)
    if polarization is not None:
        printed = printout.numbers["polarization"]
        yield compare_numbers("polarization", "polarization", "1", printed, [polarization])


def _sum_rows(printout: PixelPrintout, record: PixelRecord) -> Iterator[Row]:
    plan, numbers = record.plan, printout.numbers
    intensity = _plain_sum(record)
    floor = _sum_floor(record, intensity)
    if not (plan.corrected and _in_sum(record)):
        printed, row = numbers["intensity"], ("accumulate", "intensity", "electrons^2")
        yield compare_numbers(*row, printed, [intensity], floor=floor)
    yield from _weight_rows(record)
    whole, part = (printout.value(name) for name in ("intensity", "intensity_per_step"))
    if part != 0 and whole != 0 and math.isfinite(whole):
        steps = whole / part
        printed = Printed.significant([repr(steps)], 5)
        note = "C: I over I/steps"
        yield compare_numbers("scale", "steps", "", printed, [plan.steps], note=note)
    photons = record.number("photons")
    assert photons is not None
    with np.errstate(over="ignore"):
        single = np.float32(photons)
    floor *= abs(photons / intensity) if intensity else 0.0
    if np.isfinite(single):
        floor += 1.01 * float(np.spacing(np.abs(single)))
    row = ("scale", "photons", "photons")
    note = "as float32, which the C program keeps"
    yield compare_numbers(*row, numbers["photons"], [float(single)], floor=floor, note=note)


def _weight_rows(record: PixelRecord) -> Iterator[Row]:
    """The weights of the sources, which the C program ignores and the corrected profile uses."""
    weights = record.plan.sources.weight
    if not record.plan.corrected or weights.numel() == 1:
        return
    equal = torch.full_like(weights, 1.0 / weights.numel())
    c = Printed.significant([repr(value) for value in equal.tolist()], 10)
    note = "of the sources; the C program takes them as equal"
    yield compare_numbers("accumulate", "weight", "1", c, weights.tolist(), note=note)


def _plain_sum(record: PixelRecord) -> float:
    """I as the C program has it: in the corrected profile, the recorded terms without weights."""
    if not record.plan.corrected:
        value = record.number("intensity")
        assert value is not None
        return value
    terms, kept = _array(record, "term").double(), record.array("within_dmin")
    if kept is not None:
        terms = terms * kept[:, :, None, None]
    return float(terms.sum()) + record.plan.background.item()


def _sum_floor(record: PixelRecord, intensity: float) -> float:
    """What the rounding of the phases can change of a sum of terms (F_cell F_latt)^2."""
    if _in_sum(record):
        return 1e-9 * abs(intensity)
    largest = float(_array(record, "F_cell").abs().max())
    amplitude = largest * _LATTICE_FLOOR * record.plan.cells.prod().item()
    return 2.0 * abs(intensity) ** 0.5 * amplitude + amplitude**2


def _in_sum(record: PixelRecord) -> bool:
    """Whether -oversample_* multiplies factors into the running sum."""
    sampling = record.plan.experiment.sampling
    return sampling.oversample_omega or sampling.oversample_polar or sampling.oversample_thick


def _polarization(record: PixelRecord) -> float | None:
    """The factor that the program prints: the first, or with -oversample_polar the last."""
    if record.plan.experiment.beam.nopolar:
        return None
    value = record.number("polarization_used")
    if value is not None:
        return value
    factors = _array(record, "polarization")
    computed = factors[~factors.isnan()]
    last = record.plan.experiment.sampling.oversample_polar
    return float(computed[-1 if last else 0])


def _program_dropped_all(printout: PixelPrintout, record: PixelRecord) -> bool:
    """Whether the program took no step at all: its polarization factor is still 0."""
    if not record.plan.experiment.beam.nopolar:
        return printout.value("polarization") == 0
    if printout.value("intensity") != 0 or record.plan.background > 0:
        return False
    hkl = torch.tensor(printout.hkl.values, dtype=torch.float64)
    return bool((hkl - _last(record, "hkl")).abs().max() > 1e-5)


def _skipped(printout: PixelPrintout, record: PixelRecord) -> bool:
    """Whether one of the programs takes no step at all: all are beyond dmin."""
    kept = record.array("within_dmin")
    nothing = kept is not None and not bool((kept > 0).any())
    return nothing or _program_dropped_all(printout, record)


def _row(stage: str, name: str, unit: str, printed: Printed, value: Tensor) -> Row:
    return compare_numbers(stage, name, unit, printed, [value.item()])


def _last(record: PixelRecord, quantity: str) -> Tensor:
    """Of the last step that is taken: the last ray within dmin, its last phi and domain."""
    values, kept = _array(record, quantity), record.array("within_dmin")
    if kept is None or not bool((kept > 0).any()):
        return values[-1, -1, -1, -1]
    subpixel, source = torch.nonzero(kept)[-1].tolist()
    return values[subpixel, source, -1, -1]


def _array(record: PixelRecord, quantity: str) -> Tensor:
    value = record.array(quantity)
    assert value is not None
    return value
