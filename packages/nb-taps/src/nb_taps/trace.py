"""A pixel as lines name=value, in the order in which the C program computes them.

The names are those that instrumented copies of nanoBragg print; docs/reference/trace.md lists them
with their units.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from nb_core.showing import Brief
from nb_core.units import A_to_m
from nb_physics.formulas import ELECTRON_RADIUS_SQUARED_M2
from nb_taps.record import PixelRecord

TRACE_PREFIX = "TRACE_PY: "
"""What each printed line of a trace begins with."""


@dataclass(frozen=True)
class TraceName:
    """A name of the trace: its unit, the stage that computes it, and what it is."""

    name: str
    unit: str
    stage: str
    meaning: str


_NAMES = (
    TraceName("detector_convention", "", "geometry", "the convention, in capitals"),
    TraceName("fdet_vec", "1", "geometry", "fast axis of the detector in the lab"),
    TraceName("sdet_vec", "1", "geometry", "slow axis"),
    TraceName("odet_vec", "1", "geometry", "normal"),
    TraceName("distance_m", "m", "geometry", "distance along the beam"),
    TraceName("close_distance_meters", "m", "geometry", "distance along the normal"),
    TraceName("pix0_vector", "m", "geometry", "corner of the first pixel"),
    TraceName("thick_tic", "", "geometry", "sensor layer that follows"),
    TraceName("subS", "", "geometry", "sub-pixel that follows, along slow"),
    TraceName("subF", "", "geometry", "sub-pixel that follows, along fast"),
    TraceName("pixel_pos_meters", "m", "geometry", "sub-pixel centre"),
    TraceName("R_distance_meters", "m", "geometry", "air path"),
    TraceName("diffracted_vec", "1", "geometry", "unit vector towards the sub-pixel"),
    TraceName("omega_pixel_sr", "sr", "geometry", "solid angle, at this sub-pixel"),
    TraceName("capture_fraction", "1", "geometry", "of this layer, at this sub-pixel"),
    TraceName("source", "", "sources", "source that follows"),
    TraceName("incident_vec", "1", "sources", "unit vector along the incident beam"),
    TraceName("lambda_meters", "m", "sources", "wavelength"),
    TraceName("scattering_vec_A_inv", "1/Angstrom", "scattering", "scattering vector"),
    TraceName("stol_A_inv", "1/Angstrom", "scattering", "sin(theta)/lambda"),
    TraceName("within_dmin", "", "scattering", "0 where dmin drops the source; given a dmin"),
    TraceName("polar", "1", "polarization", "Kahn factor, where one is computed"),
    TraceName("phi_tic", "", "orientation", "phi step that follows"),
    TraceName("mos_tic", "", "orientation", "mosaic domain that follows"),
    TraceName("rot_a_angstroms", "Angstrom", "orientation", "cell vector a in the lab"),
    TraceName("rot_b_angstroms", "Angstrom", "orientation", "cell vector b"),
    TraceName("rot_c_angstroms", "Angstrom", "orientation", "cell vector c"),
    TraceName("hkl_frac", "1", "miller", "fractional Miller indices"),
    TraceName("hkl_rounded", "1", "miller", "nearest reflection"),
    TraceName("F_latt_a", "1", "lattice", "grating of Na cells, up to its sign"),
    TraceName("F_latt_b", "1", "lattice", "grating of Nb cells, up to its sign"),
    TraceName("F_latt_c", "1", "lattice", "grating of Nc cells, up to its sign"),
    TraceName("F_latt", "1", "lattice", "lattice factor, up to its sign"),
    TraceName("F_cell", "electrons", "structure", "structure factor amplitude"),
    TraceName("I_term", "electrons^2", "accumulate", "F_cell^2 F_latt^2"),
    TraceName("I_before_scaling", "electrons^2", "accumulate", "sum of the pixel"),
    TraceName("r_e_sqr", "m^2", "scale", "square of the classical electron radius"),
    TraceName("fluence", "photons/m^2", "scale", "incident photons, times the crystal's fraction"),
    TraceName("steps", "1", "scale", "what the sum is divided by"),
    TraceName("capture_fraction_used", "1", "scale", "what multiplies the sum"),
    TraceName("polar_used", "1", "scale", "what multiplies the sum"),
    TraceName("omega_pixel_sr_used", "sr", "scale", "what multiplies the sum"),
    TraceName("I_pixel_final", "photons", "scale", "the pixel of the image"),
)

TRACE_NAMES: dict[str, TraceName] = {entry.name: entry for entry in _NAMES}
"""What the lines of a trace are called, with unit, stage and meaning, by their name."""

TRACE_LOOPS = ("thick_tic", "subS", "subF", "source", "phi_tic", "mos_tic")
"""The names that say where in the loops the following lines belong, outermost first."""


_OF_A_STEP = (
    ("hkl_frac", "hkl"),
    ("hkl_rounded", "hkl_nearest"),
    ("F_latt_a", "F_latt_a"),
    ("F_latt_b", "F_latt_b"),
    ("F_latt_c", "F_latt_c"),
    ("F_latt", "F_latt"),
    ("F_cell", "F_cell"),
    ("I_term", "term"),
)


@dataclass(frozen=True, repr=False)
class TraceLine(Brief):
    """One line: a name of TRACE_NAMES, and a text or numbers (three for a vector)."""

    name: str
    value: str | tuple[float, ...]

    def __str__(self) -> str:
        if isinstance(self.value, str):
            return f"{self.name}={self.value}"
        return f"{self.name}={' '.join(f'{number:.15g}' for number in self.value)}"


def trace_lines(record: PixelRecord) -> Iterator[TraceLine]:
    """The lines of a pixel whose record has every quantity; loops as in the C program."""
    yield from _set_up(record)
    arrays = _Lists(record)
    for number, (layer, sub_slow, sub_fast) in enumerate(record.subpixels):
        yield _line("thick_tic", layer)
        yield _line("subS", sub_slow)
        yield _line("subF", sub_fast)
        yield from _subpixel(record, arrays, number)
    yield from _scaling(record)


def _set_up(record: PixelRecord) -> Iterator[TraceLine]:
    frame, detector = record.plan.frame, record.plan.experiment.plane
    yield TraceLine("detector_convention", detector.detector_convention.name)
    for name, value in (
        ("fdet_vec", frame.fast),
        ("sdet_vec", frame.slow),
        ("odet_vec", frame.normal),
        ("distance_m", frame.distance),
        ("close_distance_meters", frame.close_distance),
        ("pix0_vector", frame.origin),
    ):
        yield _line(name, value)


def _subpixel(record: PixelRecord, arrays: _Lists, number: int) -> Iterator[TraceLine]:
    for name, quantity in (
        ("pixel_pos_meters", "position"),
        ("R_distance_meters", "airpath"),
        ("diffracted_vec", "diffracted"),
        ("omega_pixel_sr", "omega"),
        ("capture_fraction", "capture"),
    ):
        yield _line(name, arrays[quantity][number])
    for source in range(record.plan.sources.wavelength.numel()):
        yield _line("source", source)
        yield _line("incident_vec", arrays["incident"][source])
        yield _line("lambda_meters", A_to_m(arrays["wavelength"][source]))
        yield _line("scattering_vec_A_inv", arrays["q"][number][source])
        yield _line("stol_A_inv", arrays["stol"][number][source])
        kept = arrays["within_dmin"]
        if kept is not None:
            yield _line("within_dmin", kept[number][source])
            if kept[number][source] == 0:
                continue
        polar = arrays["polarization"]
        if polar is not None and not math.isnan(polar[number][source]):
            yield _line("polar", polar[number][source])
        yield from _steps(record, arrays, number, source)


def _steps(record: PixelRecord, arrays: _Lists, number: int, source: int) -> Iterator[TraceLine]:
    for phi in range(record.plan.phi_count):
        yield _line("phi_tic", phi)
        for domain in range(record.plan.mosaic_count):
            yield _line("mos_tic", domain)
            for axis, vector in zip("abc", arrays["cell_vectors"][phi][domain], strict=True):
                yield _line(f"rot_{axis}_angstroms", vector)
            for name, quantity in _OF_A_STEP:
                values = arrays[quantity]
                if values is not None:
                    yield _line(name, values[number][source][phi][domain])


def _scaling(record: PixelRecord) -> Iterator[TraceLine]:
    used = {
        "capture_fraction_used": record.number("capture_used"),
        "polar_used": record.number("polarization_used"),
        "omega_pixel_sr_used": record.number("omega_used"),
    }
    yield _line("I_before_scaling", record.number("intensity"))
    yield _line("r_e_sqr", ELECTRON_RADIUS_SQUARED_M2)
    yield _line("fluence", record.plan.crystal_fluence)
    yield _line("steps", record.plan.divisor)
    for name, value in used.items():
        if value is not None:
            yield _line(name, value)
    yield _line("I_pixel_final", record.number("photons"))


class _Lists:
    """The arrays of a record as nested lists, each converted once; None for what there is not."""

    def __init__(self, record: PixelRecord) -> None:
        self._record = record
        self._found: dict[str, Any] = {}

    def __getitem__(self, quantity: str) -> Any:
        if quantity not in self._found:
            values = self._record.array(quantity)
            self._found[quantity] = None if values is None else values.tolist()
        return self._found[quantity]


def _line(name: str, value: Any) -> TraceLine:
    if isinstance(value, Tensor):
        value = value.detach().cpu().tolist()
    numbers = value if isinstance(value, list) else [value]
    return TraceLine(name, tuple(float(number) + 0.0 for number in numbers))
