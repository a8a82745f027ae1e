"""Raw float images: little-endian float32 pixels and nothing else."""

from __future__ import annotations

import math

import numpy as np

from nb_core.errors import InputError
from nb_core.formats.atomic import AnyPath, atomic_write
from nb_core.formats.reading import MOST_PIXELS, RegularFile, open_regular
from nb_core.formats.sniff import is_text


def read_floats(path: AnyPath, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """A float image, float32, of a shape (slow, fast) or (panel, slow, fast); default square.

    Raises InputError when the file's length does not agree with the shape, and for a file that is
    of another format.
    """
    with open_regular(path, "float image", 4 * MOST_PIXELS) as file:
        return _read_open(file, shape)


def _read_open(file: RegularFile, shape: tuple[int, ...] | None) -> np.ndarray:
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
    elif count != math.prod(shape):
        axes = "(slow, fast)" if len(shape) == 2 else "(panel, slow, fast)"
        remedy = f"a shape {axes} of {shape} has {math.prod(shape)}"
        raise InputError(file.name, f"{count} pixels", remedy)
    return np.frombuffer(file.read(), dtype="<f4").reshape(shape).astype(np.float32)


def write_floats(path: AnyPath, image: np.ndarray, overwrite: bool = True) -> None:
    """Write an image, panel after panel, as float32. Raises OutputError when it cannot."""
    with atomic_write(path, overwrite) as handle:
        handle.write(np.ascontiguousarray(image, dtype="<f4").data)
