"""MOSFLM orientation matrices: the nine numbers that a .mat file begins with."""

from __future__ import annotations

import itertools
import os

import numpy as np
import torch

from nb_core.data import OrientationMatrix
from nb_core.errors import InputError
from nb_core.formats.atomic import AnyPath, atomic_write
from nb_core.formats.numbers import part_glued_numbers, text_to_number
from nb_core.formats.reading import MOST_TEXT_BYTES, read_text

SINGULAR = 1e-12
"""The least volume of three columns, as a fraction of the product of their lengths."""


def read_matrix(path: AnyPath) -> OrientationMatrix:
    """The A matrix of a file, rows x y z; comments (from a # on) and what follows the nine
    numbers are ignored.

    Numbers in columns of fixed width may touch: `0.01214963-0.02546154`.

    Raises InputError for fewer than nine numbers, for words that are not finite numbers and for
    columns that span no volume.
    """
    reads = "a MOSFLM matrix is read here: a text that begins with nine numbers"
    text = part_glued_numbers(read_text(path, "orientation matrix", MOST_TEXT_BYTES, reads))
    lines = ((n, line.partition("#")[0]) for n, line in enumerate(text.split("\n"), 1))
    words = ((n, word) for n, line in lines for word in line.split())
    numbers = [
        text_to_number(word, f"{os.fspath(path)} line {n}")
        for n, word in itertools.islice(words, 9)
    ]
    if len(numbers) < 9:
        raise InputError(os.fspath(path), f"{len(numbers)} numbers", "a matrix needs nine")
    values = np.array(numbers, dtype=np.float64).reshape(3, 3)
    _check_volume(values, path)
    return OrientationMatrix(values=torch.from_numpy(values), source=os.fspath(path))


def write_matrix(path: AnyPath, matrix: OrientationMatrix) -> None:
    """Write the nine numbers, three a line, so that they read back equal.

    Raises OutputError when the file cannot be written.
    """
    rows = matrix.values.detach().cpu().double().tolist()
    lines = [" ".join(repr(value) for value in row) + "\n" for row in rows]
    with atomic_write(path) as handle:
        handle.write("".join(lines).encode())


def _check_volume(values: np.ndarray, path: AnyPath) -> None:
    lengths = np.linalg.norm(values, axis=0)
    if not lengths.all() or abs(np.linalg.det(values / lengths)) < SINGULAR:
        raise InputError(os.fspath(path), values.tolist(), "singular: a*, b* and c* span no volume")
