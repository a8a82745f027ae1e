"""Raw float images: little-endian float32 pixels and nothing else."""

from __future__ import annotations

import math

import numpy as np

from nb_core.errors import InputError
from nb_core.formats.atomic import AnyPath, atomic_write
from nb_core.formats.reading import MOST_PIXELS, RegularFile, open_regular
from nb_core.formats.sniff import is_text


def read_floats(path: AnyPath, shape: tuple[int, int] | None = None) -> np.ndarray:
    """A float image, float32, shape (slow, fast); without a shape it must be square.

    Raises InputError when the file's length does not agree with the shape, and for a file that is
    of another format.
    """
    with open_regular(path, "float image", 4 * MOST_PIXELS) as file:
        return read_open_floats(file, shape)


def read_open_floats(file: RegularFile, shape: tuple[int, int] | None = None) -> np.ndarray:
    """As `read_floats`, of a file that is open."""
    file.refuse_other_formats("a raw float32 image is read here")
    if is_text(file.head) and file.head != file.head[:4] * (len(file.head) // 4):
        remedy = "the content is text; a raw float32 image is read here"
        raise InputError(file.what, file.name, remedy)
    count, rest = divmod(file.size, 4)
    if rest:
        remedy = "not a multiple of 4: not a whole float32 image"
        raise InputError(file.name, f"{file.size} bytes", remedy)
    if shape is None:
        side = math.isqrt(count)
        if side * side != count:
            raise InputError(file.name, f"{count} pixels", "not square: say its shape (slow, fast)")
        shape = (side, side)
    elif count != shape[0] * shape[1]:
        needed = shape[0] * shape[1]
        remedy = f"a shape (slow, fast) of {shape} has {needed}"
        raise InputError(file.name, f"{count} pixels", remedy)
    return np.frombuffer(file.read(), dtype="<f4").reshape(shape).astype(np.float32)


def write_floats(path: AnyPath, image: np.ndarray, overwrite: bool = True) -> None:
    """Write an image, shape (slow, fast), as float32. Raises OutputError when it cannot."""
    with atomic_write(path, overwrite) as handle:
        handle.write(np.ascontiguousarray(image, dtype="<f4").data)
