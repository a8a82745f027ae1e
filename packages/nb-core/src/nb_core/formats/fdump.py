"""nanoBragg's binary dump of structure factors (Fdump.bin).

A line of text "h_min h_max k_min k_max l_min l_max", a form feed, then float64 little-endian
amplitudes over h, k, l, with one plane of padding at the end of each dimension.
"""

from __future__ import annotations

import os
import re

import numpy as np
import torch

from nb_core.data import StructureFactors
from nb_core.errors import InputError
from nb_core.formats.atomic import AnyPath, atomic_write
from nb_core.formats.hkl import GRID_LIMIT, check_grid
from nb_core.formats.reading import open_regular
from nb_core.formats.sniff import DUMP

_HEADER = re.compile(rb"(-?\d{1,10}) (-?\d{1,10}) " * 2 + rb"(-?\d{1,10}) (-?\d{1,10})\n\f")

_MOST_BYTES = 128 + 8 * 8 * GRID_LIMIT
"""Of a grid of the largest size; a plane of padding at most doubles each dimension."""


def read_dump(path: AnyPath) -> StructureFactors:
    """The structure factors of a dump: every entry of the grid counts as present.

    Raises InputError for a file that is no dump, for empty or too wide ranges, a wrong length,
    and amplitudes that are not finite.
    """
    with open_regular(path, "structure factor dump", _MOST_BYTES) as file:
        file.refuse_other_formats("nanoBragg's Fdump.bin is read here", own=(DUMP,))
        lowest, shape, start = _parse_header(file.head, path)
        padded = tuple(n + 1 for n in shape)
        needed = start + 8 * padded[0] * padded[1] * padded[2]
        if file.size != needed:
            state = "cut short" if file.size < needed else "followed by other data"
            remedy = f"the dump is {state}: {needed} are needed"
            raise InputError(os.fspath(path), f"{file.size} bytes", remedy)
        content = file.read()
    values = np.frombuffer(content, dtype="<f8", offset=start).reshape(padded)
    amplitudes = values[:-1, :-1, :-1].astype(np.float64)
    if not np.isfinite(amplitudes).all():
        h, k, l_ = np.argwhere(~np.isfinite(amplitudes))[0] + lowest
        raise InputError(os.fspath(path), f"F of {h} {k} {l_}", "not a finite number")
    return StructureFactors(
        F=torch.from_numpy(amplitudes),
        present=torch.ones(shape, dtype=torch.bool),
        h_min=lowest[0],
        k_min=lowest[1],
        l_min=lowest[2],
        count=amplitudes.size,
        source=os.fspath(path),
        kind="dump",
    )


def write_dump(path: AnyPath, factors: StructureFactors, default_F: float = 0.0) -> None:
    """Write the dump that nanoBragg writes for the same list and the same -default_F.

    default_F: electrons, for the entries that the list lacks
    Raises OutputError when the file cannot be written.
    """
    present = factors.present.cpu().numpy()
    amplitudes = np.where(present, factors.F.detach().cpu().double().numpy(), default_F)
    shape = amplitudes.shape
    ranges = [
        f"{low} {low + n - 1}"
        for low, n in zip((factors.h_min, factors.k_min, factors.l_min), shape, strict=True)
    ]
    padded = np.pad(amplitudes, ((0, 1),) * 3).astype("<f8")
    with atomic_write(path) as handle:
        handle.write(f"{' '.join(ranges)}\n\f".encode())
        handle.write(padded.tobytes())


def _parse_header(
    content: bytes, path: AnyPath
) -> tuple[tuple[int, int, int], tuple[int, int, int], int]:
    """The lowest h k l, the shape of the grid, and where the amplitudes start."""
    match = _HEADER.match(content)
    if match is None:
        raise InputError("structure factor dump", os.fspath(path), "not a dump of nanoBragg's")
    low_h, high_h, low_k, high_k, low_l, high_l = (int(number) for number in match.groups())
    lowest = (low_h, low_k, low_l)
    shape = (high_h - low_h + 1, high_k - low_k + 1, high_l - low_l + 1)
    if min(shape) < 1:
        ranges = match.group().decode().strip()
        raise InputError(os.fspath(path), ranges, "a range of indices ends before it begins")
    check_grid(path, lowest, shape)
    return lowest, shape, match.end()
