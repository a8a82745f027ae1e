"""The set-up that the C program prints, against nb's plan: numbers that all pixels share."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from nb_compare.divergence.printout import ProgramLog
from nb_compare.divergence.rows import Printed, Row, compare_numbers, compare_texts
from nb_core import DetectorConvention
from nb_core.sweeps import resolve_mosaic
from nb_core.units import A_to_m, rad_to_deg, um_to_m
from nb_physics import Plan

_SHAPES = {
    "square": "parallelpiped",
    "round": "ellipsoidal",
    "gauss": "gaussian",
    "tophat": "tophat-spot",
}
_ROUNDING = 1e-12
"""Of a direction or a length in metres; %g prints a 0 as 6e-17."""


def set_up_rows(log: ProgramLog, plan: Plan) -> Iterator[Row]:
    """A row for each number of the set-up that the log has, in no particular order."""
    yield from _detector_rows(log, plan)
    yield from _crystal_rows(log, plan)
    yield from _beam_rows(log, plan)


def _numbers(
    log: ProgramLog, key: str, stage: str, unit: str, values: object, note: str = ""
) -> Iterator[Row]:
    """The row of a key that the log has; whole numbers are printed in full, others with %g."""
    texts = log.set_up.get(key)
    if texts is None:
        return
    ours = _floats(values)
    printed = Printed.significant(texts, 6)
    yield compare_numbers(stage, key, unit, printed, ours, floor=_ROUNDING, note=note)


def _detector_rows(log: ProgramLog, plan: Plan) -> Iterator[Row]:
    frame, detector = plan.frame, plan.experiment.plane
    if "convention" in log.set_up:
        ours, theirs = detector.detector_convention, log.set_up["convention"][0].upper()
        yield compare_texts("geometry", "convention", theirs, ours.name)
    yield from _numbers(log, "pixels", "geometry", "", (detector.fpixels, detector.spixels))
    yield from _numbers(log, "pixel_size", "geometry", "m", frame.pixel_size)
    yield from _numbers(log, "distance", "geometry", "m", frame.distance)
    if detector.detector_convention is not DetectorConvention.CUSTOM:
        centre = (frame.beam_fast, frame.beam_slow)
        yield from _numbers(log, "beam_centre", "geometry", "m", centre, "fast, slow")
    yield from _numbers(log, "fast_axis", "geometry", "1", frame.fast)
    yield from _numbers(log, "slow_axis", "geometry", "1", frame.slow)
    yield from _numbers(log, "normal", "geometry", "1", frame.normal)
    yield from _numbers(log, "oversample", "geometry", "", plan.oversample)
    if plan.absorbing and "sensor" in log.set_up:
        sensor = (plan.layers.range, plan.layers.count, plan.attenuation)
        note = "thickness, layers, attenuation (1/m)"
        yield from _numbers(log, "sensor", "geometry", "m", sensor, note)


def _crystal_rows(log: ProgramLog, plan: Plan) -> Iterator[Row]:
    crystal = plan.experiment.crystal
    if log.cell_vectors is not None:
        for axis, printed, ours in zip("abc", log.cell_vectors, plan.cell.real, strict=True):
            yield compare_numbers(
                "orientation",
                f"cell_vector_{axis}",
                "Angstrom",
                printed,
                _floats(ours),
                floor=1e-8,
                note="before phi and mosaic rotation",
            )
    yield from _numbers(log, "spindle", "orientation", "1", plan.axes.spindle)
    sweep = (plan.phi_count, *_phi_range(plan))
    yield from _numbers(log, "phi", "orientation", "deg", sweep, "steps, from, to")
    spread, _, _ = resolve_mosaic(crystal.mosaic_spread_deg, crystal.mosaic_domains)
    mosaic = (plan.mosaic_count, spread)
    yield from _numbers(log, "mosaic", "orientation", "deg", mosaic, "domains, spread")
    factors = plan.experiment.structure_factors
    if "listed" in log.set_up:
        theirs = "yes" if log.set_up["listed"][0] != "0" else "no"
        note = f"C read {log.set_up['dump_read'][0]}" if "dump_read" in log.set_up else ""
        yield compare_texts("structure", "has_list", theirs, "yes" if factors else "no", note)
    yield from _numbers(log, "default_F", "structure", "electrons", crystal.default_F)
    yield from _numbers(log, "cells", "lattice", "", plan.cells, "Na Nb Nc")
    if "shape" in log.set_up:
        ours = _SHAPES.get(plan.shape.name, plan.shape.label)
        yield compare_texts("lattice", "shape", log.set_up["shape"][0], ours)


def _beam_rows(log: ProgramLog, plan: Plan) -> Iterator[Row]:
    beam = plan.experiment.beam
    yield from _numbers(log, "wavelength", "sources", "m", A_to_m(_floats(beam.wavelength_A)[0]))
    yield from _numbers(log, "beam_direction", "sources", "1", plan.axes.beam)
    yield from _numbers(log, "sources", "sources", "", plan.sources.wavelength.numel())
    if "kahn_factor" in log.set_up and not beam.nopolar:
        printed = Printed.fixed(log.set_up["kahn_factor"], 6)
        ours = _floats(plan.polarization)
        yield compare_numbers("polarization", "kahn_factor", "1", printed, ours)
    yield from _numbers(log, "fluence", "scale", "photons/m^2", plan.fluence)
    water = um_to_m(_floats(plan.experiment.background.water_size_um)[0])
    yield from _numbers(log, "water_size", "scale", "m", water)


def _phi_range(plan: Plan) -> tuple[float, float]:
    start = rad_to_deg(plan.phi_angles[0].item())
    (sweep,) = _floats(plan.phi.range)
    return start, start + rad_to_deg(sweep)


def _floats(values: object) -> tuple[float, ...]:
    """Numbers, tensors, or tuples of them, as plain numbers."""
    if isinstance(values, Tensor):
        return tuple(values.detach().cpu().flatten().tolist())
    if isinstance(values, tuple):
        return tuple(number for value in values for number in _floats(value))
    assert isinstance(values, int | float)
    return (float(values),)
