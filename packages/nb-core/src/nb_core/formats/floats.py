"""Raw float images: little-endian float32 pixels and nothing else."""

from __future__ import annotations

import math
import os

import numpy as np

from nb_core.errors import InputError
from nb_core.formats.atomic import AnyPath, atomic_write, read_bytes


def read_floats(path: AnyPath, shape: tuple[int, int] | None = None) -> np.ndarray:
    """A float image, float32, shape (slow, fast); without a shape it must be square.

    Raises InputError when the file's length does not agree with the shape.
    """
    content = read_bytes(path, "float image")
    name = os.fspath(path)
    count, rest = divmod(len(content), 4)
    if rest:
        raise InputError(
            name, f"{len(content)} bytes", "not a multiple of 4: not a whole float32 image"
        )
    if shape is None:
        side = math.isqrt(count)
        if side * side != count:
            raise InputError(name, f"{count} pixels", "not square: say its shape (slow, fast)")
        shape = (side, side)
    elif count != shape[0] * shape[1]:
        needed = shape[0] * shape[1]
        raise InputError(name, f"{count} pixels", f"a shape (slow, fast) of {shape} has {needed}")
    return np.frombuffer(content, dtype="<f4").reshape(shape).astype(np.float32)


def write_floats(path: AnyPath, image: np.ndarray, overwrite: bool = True) -> None:
    """Write an image, shape (slow, fast), as float32. Raises OutputError when it cannot."""
    with atomic_write(path, overwrite) as handle:
        handle.write(np.ascontiguousarray(image, dtype="<f4").data)
