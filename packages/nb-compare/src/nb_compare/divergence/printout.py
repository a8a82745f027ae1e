"""Reads what nanoBragg prints with -printout, and what it prints of its set-up before."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nb_compare.divergence.rows import Printed
from nb_core import UnreadableError
from nb_core.showing import Brief

_NUMBER = r"\s*([-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|nan|inf))"
_START = re.compile(rf"(\d+) +(\d+) : stol ={_NUMBER}")
"""Not at the start of a line: a warning that nanoBragg does not end may stand before it."""

_PIXEL = {
    "position": ("at", 3, 6),
    "F_cell": (" F_cell=", 1, 6),
    "F_latt": ("F_latt=", 1, 6),
    "intensity": (" I =", 1, 6),
    "intensity_per_step": ("I/steps", 1, 10),
    "polarization": ("polar", 1, 10),
    "omega": ("omega", 1, 10),
    "capture": ("capfrac", 1, 10),
    "photons": ("pixel", 1, 10),
}
"""Label, how many numbers follow it, and their significant digits."""

_SET_UP = {
    "convention": r"^(\w+) convention selected",
    "wavelength": r"wave=(\S+) meters",
    "sources": r"^ +(\d+) sources$",
    "beam_direction": r"INCIDENT_BEAM_DIRECTION= (\S+) (\S+) (\S+)",
    "kahn_factor": r"Kahn polarization factor: (\S+)",
    "fluence": r"incident fluence: (\S+) photons",
    "distance": r"distance=(\S+) detsize",
    "pixel_size": r"pixel=(\S+) meters",
    "pixels": r"meters \((\d+)x(\d+) pixels\)",
    "sensor": r"sensor is (\S+) m thick in (\d+) layers with mu= (\S+)",
    "beam_centre": r"Fbeam=(\S+) Sbeam=(\S+)",
    "fast_axis": r"DIRECTION_OF_DETECTOR_X-AXIS= (\S+) (\S+) (\S+)",
    "slow_axis": r"DIRECTION_OF_DETECTOR_Y-AXIS= (\S+) (\S+) (\S+)",
    "normal": r"DIRECTION_OF_DETECTOR_Z-AXIS= (\S+) (\S+) (\S+)",
    "oversample": r"^ +(\d+)x\d+ pixel oversample",
    "spindle": r"spindle ROTATION_AXIS= (\S+) (\S+) (\S+)",
    "phi": r"^ +(\d+) phi steps from (\S+) to (\S+) degrees",
    "mosaic": r"^ +(\d+) mosaic domains over mosaic spread of (\S+) degrees",
    "listed": r"^ +(\d+) initialized hkls",
    "default_F": r"initialized hkls \(all others =(\S+)\)",
    "dump_read": r"^reading Fs from (.+)$",
    "cells": r"xtal: (\d+)x(\d+)x(\d+) cells",
    "shape": r"^ +(\S+) xtal:",
    "water_size": r"water droplet size: (\S+) m",
}


@dataclass(frozen=True, repr=False)
class PixelPrintout(Brief):
    """What -printout says of a pixel (slow, fast): the values of the last step that it took.

    Except the solid angle and polarization, which are those of the first, and the capture
    fraction, of the last layer's first sub-pixel; with -oversample_* they are the last, too.
    cell_vectors: a, b, c as rows, Angstrom
    """

    pixel: tuple[int, int]
    stol_per_m: Printed
    numbers: dict[str, Printed]
    hkl: Printed
    hkl_nearest: Printed
    cell_vectors: tuple[Printed, Printed, Printed]

    def value(self, name: str) -> float:
        """The first number of that name."""
        return self.numbers[name].values[0]


@dataclass(frozen=True, repr=False)
class ProgramLog(Brief):
    """All that a log of the C program says.

    set_up: texts by name, as printed; cell_vectors: those before any rotation, where printed
    """

    pixels: dict[tuple[int, int], PixelPrintout]
    set_up: dict[str, tuple[str, ...]]
    cell_vectors: tuple[Printed, Printed, Printed] | None


def parse_log(text: str, name: str = "log") -> ProgramLog:
    """Reads a log of nanoBragg -printout, whole or only the lines of its pixels.

    name: the file's, for errors
    Raises UnreadableError where there is no pixel, or one is cut off.
    """
    starts = list(_START.finditer(text))
    if not starts:
        remedy = "no pixel is printed; run nanoBragg with -printout -printout_pixel FAST SLOW"
        raise UnreadableError(name, remedy)
    ends = [*(match.start() for match in starts[1:]), len(text)]
    pixels = {}
    for start, end in zip(starts, ends, strict=True):
        found = _pixel(start, text[start.start() : end], name)
        pixels[found.pixel] = found
    head = text[: starts[0].start()]
    set_up = {}
    for key, pattern in _SET_UP.items():
        match = re.search(pattern, head, re.MULTILINE)
        if match:
            set_up[key] = match.groups()
    vectors = _vectors(head, name) if "real-space cell vectors" in head else None
    return ProgramLog(pixels, set_up, vectors)


def _pixel(start: re.Match[str], text: str, name: str) -> PixelPrintout:
    fast, slow, stol = start.groups()
    numbers = {
        key: Printed.significant(_after(text, label, count, name), digits)
        for key, (label, count, digits) in _PIXEL.items()
    }
    return PixelPrintout(
        (int(slow), int(fast)),
        Printed.significant([stol], 6),
        numbers,
        Printed.fixed(_after(text, "hkl=", 3, name), 6),
        Printed.whole(_after(text, "hkl0=", 3, name)),
        _vectors(text, name),
    )


def _vectors(text: str, name: str) -> tuple[Printed, Printed, Printed]:
    """a, b, c from the rows X, Y, Z of a table that has them as columns."""
    rows = [_after(text, f"{axis}:", 3, name) for axis in "XYZ"]
    a, b, c = (Printed.fixed(column, 8) for column in zip(*rows, strict=True))
    return a, b, c


def _after(text: str, label: str, count: int, name: str) -> tuple[str, ...]:
    match = re.search(re.escape(label) + count * _NUMBER, text)
    if not match:
        raise UnreadableError(name, f"a pixel is printed without {label.strip()!r}; cut off?")
    return match.groups()
