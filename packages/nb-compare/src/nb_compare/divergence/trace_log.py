"""Reads the TRACE_C lines of an instrumented nanoBragg, and aligns them with nb's own trace."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from nb_compare.divergence.rows import Printed, Row, compare_numbers, compare_texts
from nb_core import UnreadableError
from nb_taps import TRACE_LOOPS, TRACE_NAMES, PixelRecord, TraceLine, trace_lines

_LINE = re.compile(r"^\s*TRACE_(?:C|PY):\s*(\w+)\s*[=:\s]\s*(.+?)\s*$", re.MULTILINE)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|nan|inf)")

ALIASES = {
    "fdet_after_twotheta": "fdet_vec",
    "sdet_after_twotheta": "sdet_vec",
    "odet_after_twotheta": "odet_vec",
    "pix0_vector_meters": "pix0_vector",
    "distance_meters": "distance_m",
    "airpath_meters": "R_distance_meters",
    "omega_pixel": "omega_pixel_sr",
    "lambda_angstroms": "lambda_meters",
    "hkl_frac_A": "hkl_frac",
    "fluence_photons_per_m2": "fluence",
    "polarization_factor": "polar",
    "floatimage_accumulated": "I_pixel_final",
}
"""Other names under which instrumented copies print the same quantity."""

LARGEST_Q = 1e5
"""1/Angstrom, far beyond any X-ray: copies that print nanoBragg's 1/metre under this name exist."""

DIGITS = 12
"""Of the 15 that are printed: what two orders of the same operations leave in common."""
_NEAR_ZERO = 1e-12
_LATTICE_FLOOR = 1e-9


@dataclass(frozen=True)
class _Entry:
    """A line of either trace: where it is in the loops, its name, and its value."""

    place: tuple[int, ...]
    name: str
    text: str
    numbers: tuple[float, ...]


_Key = tuple[str, tuple[int, ...]]
_Keyed = dict[_Key, _Entry]
_LOOP_NAMES = (
    ("geometry", "layers"),
    ("geometry", "sub_slow"),
    ("geometry", "sub_fast"),
    ("sources", "sources"),
    ("orientation", "phi_steps"),
    ("orientation", "domains"),
)
"""The loops in the order of TRACE_LOOPS: the stage that decides how long each is, and its name."""
_WHERE_NEEDED = ("polar", "weight", "within_dmin")
"""Quantities that a program may compute or print at some places only."""
_STEP_STAGES = ("orientation", "miller", "lattice", "structure")


@dataclass(frozen=True)
class TraceLog:
    """The lines of an instrumented program by name and place.

    placed: whether it says where in the loops they belong
    converted: names whose unit was not nb's
    """

    entries: _Keyed
    placed: bool
    converted: frozenset[str]


def has_trace(text: str) -> bool:
    """Whether a log has lines of an instrumented program."""
    return _LINE.search(text) is not None


def read_trace(text: str, name: str = "log") -> TraceLog:
    """The lines of a log that nb knows; UnreadableError where there are none."""
    entries, converted = _read(text, name)
    placed = any(entry.name in TRACE_LOOPS for entry in entries)
    return TraceLog({_key(e): e for e in _placed(entries, placed)}, placed, frozenset(converted))


def trace_rows(log: TraceLog, record: PixelRecord) -> list[Row]:
    """Rows for every line that both traces can have, in the order of the C program.

    Lines belong together that stand at the same place in the loops, where the log says the place
    (thick_tic, subS, subF, source, phi_tic, mos_tic), else by their order. What only one of them
    has is a row without the other's value; names that the log never has are left out.
    """
    others, names = log.entries, {name for name, _ in log.entries}
    every = {_key(e): e for e in _placed([_own(line) for line in trace_lines(record)], log.placed)}
    mine = {key: entry for key, entry in every.items() if key[0] in names}
    dropped = _dropped_sources(every, others) if log.placed else {}
    common, rows = _common_loops(mine, others) if log.placed else ([], [])
    rows += dropped.values()
    for key in _merged(list(mine), list(others)):
        own, other = mine.get(key), others.get(key)
        one_sided = own is None or other is None
        beyond = any(i > end for i, end in zip(key[1], common, strict=False))
        if one_sided and (beyond or key[0] in _WHERE_NEEDED or key[1][:4] in dropped):
            continue
        rows.append(_row(own, other, record, log.converted))
    return rows


def _common_loops(mine: _Keyed, others: _Keyed) -> tuple[list[float], list[Row]]:
    """The last index of each loop that both traces reach, and a row where they do not agree.

    A loop that one of them never enters, for dmin drops all, is as long as in the other.
    """
    common, rows = [], []
    for level, (stage, loop) in enumerate(_LOOP_NAMES):
        ends = [
            max((p[level] for _, p in side if len(p) > level), default=None)
            for side in (others, mine)
        ]
        found = [end for end in ends if end is not None]
        common.append(float(min(found, default=math.inf)))
        if len(set(found)) == 2:
            c, nb = ((end + 1.0,) for end in found)
            rows.append(Row(stage, loop, "", c, nb, math.inf, "how often it is run through"))
    return common, rows


def _dropped_sources(mine: _Keyed, others: _Keyed) -> dict[tuple[int, ...], Row]:
    """The sources of sub-pixels that one of the traces alone follows to the steps: beyond dmin."""
    rays, steps = [], []
    for entries in (mine, others):
        places = [(name, place) for name, place in entries]
        rays.append({p for n, p in places if TRACE_NAMES[n].stage == "scattering"})
        steps.append({p[:4] for n, p in places if TRACE_NAMES[n].stage in _STEP_STAGES})
    found = {}
    for place in rays[0] & rays[1]:
        kept = tuple((1.0 if place in side else 0.0,) for side in steps)
        if kept[0] != kept[1]:
            note = _place_note(_Entry(place, "within_dmin", "", ()))
            found[place] = Row("scattering", "within_dmin", "", kept[1], kept[0], math.inf, note)
    return found


def _read(text: str, name: str) -> tuple[list[_Entry], set[str]]:
    """The entries of a log under nb's names, and the names whose unit was converted."""
    entries, converted = [], set()
    for label, value in _LINE.findall(text):
        known = ALIASES.get(label, label)
        if known not in TRACE_NAMES:
            continue
        numbers = tuple(float(number) for number in _NUMBER.findall(value))
        factor = _factor(label, numbers)
        if factor != 1.0:
            converted.add(known)
        entries.append(_Entry((), known, value, tuple(factor * number for number in numbers)))
    if not entries:
        known = ", ".join(list(TRACE_NAMES)[:12])
        raise UnreadableError(name, f"no TRACE_C line that nb knows; it knows {known}, ...")
    return entries, converted


def _factor(label: str, numbers: tuple[float, ...]) -> float:
    """What brings a log's numbers to the unit of nb's trace."""
    if label == "lambda_angstroms":
        return 1e-10
    if label == "scattering_vec_A_inv" and max(map(abs, numbers), default=0.0) > LARGEST_Q:
        return 1e-10
    return 1.0


def _own(line: TraceLine) -> _Entry:
    if isinstance(line.value, str):
        return _Entry((), line.name, line.value, ())
    return _Entry((), line.name, "", line.value)


def _placed(entries: list[_Entry], by_loops: bool) -> list[_Entry]:
    """The entries without the loops' own lines, each with its place."""
    found, counters, seen = [], [0] * len(TRACE_LOOPS), defaultdict[str, int](int)
    for entry in entries:
        if entry.name in TRACE_LOOPS:
            level = TRACE_LOOPS.index(entry.name)
            counters[level:] = [int(entry.numbers[0]), *([0] * (len(TRACE_LOOPS) - level - 1))]
            continue
        place = _loop_place(entry.name, counters) if by_loops else (seen[entry.name],)
        seen[entry.name] += 1
        found.append(_Entry(place, entry.name, entry.text, entry.numbers))
    return found


_LEVELS = {"geometry": 3, "sources": 4, "scattering": 4, "polarization": 4}


def _loop_place(name: str, counters: list[int]) -> tuple[int, ...]:
    """How far into the loops a quantity's place matters."""
    if TRACE_NAMES[name].stage == "scale" or name in _ONCE:
        return ()
    if name == "weight":
        return tuple(counters[:4])
    return tuple(counters[: _LEVELS.get(TRACE_NAMES[name].stage, len(TRACE_LOOPS))])


_ONCE = {
    "detector_convention",
    "fdet_vec",
    "sdet_vec",
    "odet_vec",
    "distance_m",
    "close_distance_meters",
    "pix0_vector",
    "I_before_scaling",
}


def _key(entry: _Entry) -> _Key:
    return entry.name, entry.place


def _merged(ours: list[_Key], theirs: list[_Key]) -> Iterator[_Key]:
    """All keys, in the order of the longer trace; those of the other alone before what follows."""
    longer, shorter = (ours, theirs) if len(ours) >= len(theirs) else (theirs, ours)
    known = set(longer)
    before: dict[_Key, list[_Key]] = defaultdict(list)
    waiting: list[_Key] = []
    for key in shorter:
        if key in known:
            before[key] += waiting
            waiting = []
        else:
            waiting.append(key)
    for key in longer:
        yield from before[key]
        yield key
    yield from waiting


def _row(
    ours: _Entry | None, theirs: _Entry | None, record: PixelRecord, converted: frozenset[str]
) -> Row:
    entry = ours or theirs
    assert entry is not None
    known = TRACE_NAMES[entry.name]
    note = _place_note(entry)
    if entry.name in converted:
        note = f"{note}; the log's unit converted".removeprefix("; ")
    head = (known.stage, entry.name, known.unit)
    if ours is None or theirs is None:
        values = [None if e is None else e.numbers or e.text for e in (theirs, ours)]
        return Row(*head, values[0], values[1], math.inf, note)
    if not ours.numbers:
        return compare_texts(known.stage, entry.name, theirs.text.upper(), ours.text, note)
    signed = entry.name.startswith("F_latt")
    numbers = [tuple(map(abs, e.numbers)) if signed else e.numbers for e in (theirs, ours)]
    size = max((abs(number) for number in numbers[1]), default=0.0)
    unit = max(size * 10.0**-DIGITS, 1e-300)
    printed = Printed(numbers[0], tuple(unit for _ in numbers[0]))
    floor = _floor(entry.name, record)
    return compare_numbers(*head, printed, numbers[1], floor=floor, note=note)


def _floor(name: str, record: PixelRecord) -> float:
    """What the rounding of the phases, or of the float32 image, can change."""
    lattice = _LATTICE_FLOOR * record.plan.cells.prod().item()
    if name.startswith("F_latt"):
        return lattice
    F_cell = record.array("F_cell")
    assert F_cell is not None
    amplitude = float(F_cell.abs().max()) * lattice
    if name in ("I_term", "I_before_scaling"):
        value = record.array("term" if name == "I_term" else "intensity")
        assert value is not None
        return float(2.0 * value.abs().max() ** 0.5 * amplitude + amplitude**2)
    if name == "I_pixel_final":
        return abs(record.number("photons") or 0.0) * 2.0**-23
    if name == "hkl_frac":
        return 1e-9
    return _NEAR_ZERO if name.endswith(("_vec", "_meters", "_m", "_vector")) else 0.0


def _place_note(entry: _Entry) -> str:
    if not any(entry.place):
        return ""
    names = ("layer", "sub_slow", "sub_fast", "source", "phi", "domain")
    if len(entry.place) == 1:
        return f"occurrence {entry.place[0]}"
    return ", ".join(f"{n} {i}" for n, i in zip(names, entry.place, strict=False) if i)
