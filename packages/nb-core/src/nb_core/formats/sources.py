"""Tables of X-ray sources: up to five columns X Y Z weight wavelength, lengths in metres."""

from __future__ import annotations

import math
import os
import re
import warnings

import numpy as np
import torch

from nb_core.data import SourceTable
from nb_core.errors import InputError, NbWarning
from nb_core.formats.atomic import AnyPath, atomic_write
from nb_core.formats.numbers import part_glued_numbers, text_to_number
from nb_core.formats.reading import MOST_TEXT_BYTES, read_text

LONGEST_WAVELENGTH_M = 1e-6
"""A longer wavelength is taken for one in Angstrom, and refused."""

_DELIMITERS = re.compile(r"[ \t,;:!]+")
_COLUMNS, _DIRECTION = 5, 3
_WANTED = (
    "fewer than three columns; a line is X Y Z weight wavelength: where the source stands and its "
    "wavelength, both in metres (of a spectrum, wavelength and weight, write each line as "
    "-1 0 0 WEIGHT WAVELENGTH, where the beam runs along x)"
)


def read_sources(path: AnyPath) -> SourceTable:
    """The sources of a file, float64; NaN where a line leaves out its weight or wavelength.

    Columns are parted by blanks, tabs and any of , ; : ! as nanoBragg parts them; comments
    (from a # on) and lines without a number are skipped, columns beyond the fifth are ignored
    with a warning.
    Raises InputError, with the line at fault, for words that are not finite numbers, fewer than
    three of them (a spectrum of wavelength and weight, say), a source at the origin, a negative
    weight, a wavelength that is not in metres, and a file with no source.
    """
    reads = "a table of sources is read here: x y z weight wavelength on each line"
    text = read_text(path, "source table", MOST_TEXT_BYTES, reads)
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        numbers = part_glued_numbers(line.partition("#")[0])
        words = [word for word in _DELIMITERS.split(numbers.strip()) if word]
        if words:
            rows.append(_parse_row(words, f"{os.fspath(path)} line {number}"))
    if not rows:
        raise InputError("source table", os.fspath(path), "the file has no source")
    table = torch.tensor(rows, dtype=torch.float64)
    return SourceTable(
        positions_m=table[:, :3].contiguous(),
        weights=table[:, 3].contiguous(),
        wavelengths_m=table[:, 4].contiguous(),
        source=os.fspath(path),
    )


def write_sources(path: AnyPath, sources: SourceTable) -> None:
    """Write one line a source, leaving out the missing columns at its end.

    Raises InputError for a missing column before one that is there (the format has no way to say
    so), OutputError when the file cannot be written.
    """
    columns = [sources.positions_m, sources.weights[:, None], sources.wavelengths_m[:, None]]
    table = np.concatenate([c.detach().cpu().double().numpy() for c in columns], axis=1)
    lines = [_format_row(row) for row in table.tolist()]
    with atomic_write(path) as handle:
        handle.write("".join(lines).encode())


def _parse_row(words: list[str], field: str) -> list[float]:
    """Five numbers, NaN for those that are not given."""
    if len(words) > _COLUMNS:
        surplus = " ".join(words[_COLUMNS:])
        warnings.warn(f"{field}: ignored after the fifth column: {surplus}", NbWarning, 4)
    row = [text_to_number(word, field) for word in words[:_COLUMNS]]
    if len(row) < _DIRECTION:
        raise InputError(field, " ".join(words), _WANTED)
    row += [math.nan] * (_COLUMNS - len(row))
    x, y, z, weight, wavelength = row
    if x == y == z == 0.0:
        raise InputError(field, "0 0 0", "a source at the origin has no direction")
    if weight < 0.0:
        raise InputError(field, weight, "a weight is not negative")
    if wavelength <= 0.0 or wavelength > LONGEST_WAVELENGTH_M:
        raise InputError(field, wavelength, "a wavelength in metres, not Angstrom (1 A = 1e-10)")
    return row


def _format_row(row: list[float]) -> str:
    given = [value for value in row if not math.isnan(value)]
    if len(given) < _DIRECTION or any(math.isnan(value) for value in row[: len(given)]):
        raise InputError(
            "source table",
            row,
            "only columns at the end of a line can be missing, and X Y Z cannot",
        )
    return " ".join(repr(value) for value in given) + "\n"
