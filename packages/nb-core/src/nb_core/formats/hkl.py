"""Structure factor lists: a P1 list in text, one "h k l F" a line."""

from __future__ import annotations

import io
import os

import numpy as np
import torch

from nb_core.data import StructureFactors
from nb_core.errors import InputError
from nb_core.formats.atomic import AnyPath, atomic_write
from nb_core.formats.hkl_text import COLUMNS, numbers_of_list, warn_of_columns
from nb_core.formats.numbers import text_to_number
from nb_core.formats.reading import read_text

GRID_LIMIT = 2**28
"""The most entries that a dense grid of h, k, l may have (2 GiB of amplitudes)."""

_INDEX_LIMIT = 2**31
_MOST_BYTES = 2**31


def read_hkl(path: AnyPath) -> StructureFactors:
    """A list of structure factors on a dense grid; F in electrons, float64.

    Comments (#, ;, !), a first line of titles, columns after F and numbers that touch in columns
    of fixed width are read as `numbers_of_list` says.
    Raises InputError, with the line at fault, for anything that is not three whole indices and a
    finite amplitude, for a reflection given twice and for a grid beyond `GRID_LIMIT` entries.
    """
    reads = 'a text list is read here, "h k l F" on each line (and a dump of nanoBragg\'s by -dump)'
    content = read_text(path, "structure factor list", _MOST_BYTES, reads)
    text = numbers_of_list(content, os.fspath(path))
    rows = _parse_rows(text, path)
    indices = _check_indices(rows, text, path)
    lowest = indices.min(axis=0)
    shape = tuple(int(n) for n in indices.max(axis=0) - lowest + 1)
    check_grid(path, tuple(int(n) for n in lowest), shape)
    flat = np.ravel_multi_index(tuple((indices - lowest).T), shape)
    present = np.zeros(shape, dtype=np.bool_)
    present.reshape(-1)[flat] = True
    if np.count_nonzero(present) != len(rows):
        raise _duplicate_error(flat, text, path)
    amplitudes = np.zeros(shape)
    amplitudes.reshape(-1)[flat] = rows[:, 3]
    return StructureFactors(
        F=torch.from_numpy(amplitudes),
        present=torch.from_numpy(present),
        h_min=int(lowest[0]),
        k_min=int(lowest[1]),
        l_min=int(lowest[2]),
        count=len(rows),
        source=os.fspath(path),
    )


def write_hkl(path: AnyPath, factors: StructureFactors) -> None:
    """Write the entries that are present, in the order of h, k, l, so that they read back equal.

    Raises OutputError when the file cannot be written.
    """
    found = np.argwhere(factors.present.cpu().numpy())
    amplitudes = factors.F.detach().cpu().double().numpy()[tuple(found.T)].tolist()
    indices = (found + np.array([factors.h_min, factors.k_min, factors.l_min])).tolist()
    with atomic_write(path) as handle:
        for index, amplitude in zip(indices, amplitudes, strict=True):
            handle.write(f"{index[0]} {index[1]} {index[2]} {amplitude!r}\n".encode())


def check_grid(path: AnyPath, lowest: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """Raises InputError, with the ranges, when a grid has more than `GRID_LIMIT` entries."""
    entries = shape[0] * shape[1] * shape[2]
    if entries <= GRID_LIMIT:
        return
    ranges = ", ".join(
        f"{name} {low} to {low + n - 1}" for name, low, n in zip("hkl", lowest, shape, strict=True)
    )
    raise InputError(
        os.fspath(path), ranges, f"{entries} grid entries, more than {GRID_LIMIT}: cut the list"
    )


def _parse_rows(text: str, path: AnyPath) -> np.ndarray:
    """The first four columns as finite numbers, shape (line, 4)."""
    many = len(text.lstrip().partition("\n")[0].split()) > COLUMNS
    columns = range(COLUMNS) if many else None
    try:
        rows = np.loadtxt(
            io.StringIO(text), dtype=np.float64, ndmin=2, comments=None, usecols=columns
        )
    except ValueError:
        rows = np.empty((0, 0))
    if rows.shape[1] == COLUMNS and np.isfinite(rows).all():
        return rows
    lines = _numbered_lines(text)
    if not many:
        warn_of_columns(max(len(line.split()) for _, line in lines), os.fspath(path))
    return np.array([_parse_line(line, _where(path, n)) for n, line in lines])


def _parse_line(line: str, field: str) -> list[float]:
    words = line.split()
    if len(words) < COLUMNS:
        commas = "; blanks part them, not commas" if "," in line else ""
        raise InputError(field, line, f"{len(words)} columns, where h k l F are four{commas}")
    return [text_to_number(word, field) for word in words[:COLUMNS]]


def _check_indices(rows: np.ndarray, text: str, path: AnyPath) -> np.ndarray:
    """The indices as integers, shape (line, 3)."""
    whole = rows[:, :3] == np.rint(rows[:, :3])
    small = np.abs(rows[:, :3]) < _INDEX_LIMIT
    bad = np.flatnonzero(~(whole & small).all(axis=1))
    if bad.size:
        number, line = _numbered_lines(text)[bad[0]]
        remedy = (
            "h, k and l fit into 32 bits" if whole[bad[0]].all() else "h, k and l are whole numbers"
        )
        raise InputError(_where(path, number), line, remedy)
    return rows[:, :3].astype(np.int64)


def _duplicate_error(flat: np.ndarray, text: str, path: AnyPath) -> InputError:
    order = np.argsort(flat, kind="stable")
    repeats = np.flatnonzero(flat[order][1:] == flat[order][:-1])
    second = int(order[repeats + 1].min())
    first = int(np.flatnonzero(flat == flat[second])[0])
    lines = _numbered_lines(text)
    number, line = lines[second]
    return InputError(
        _where(path, number), line, f"the same h k l as line {lines[first][0]}; keep one of them"
    )


def _numbered_lines(text: str) -> list[tuple[int, str]]:
    return [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]


def _where(path: AnyPath, number: int) -> str:
    return f"{os.fspath(path)} line {number}"
