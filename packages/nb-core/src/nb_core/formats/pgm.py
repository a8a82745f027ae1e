"""PGM images: 8-bit grey, with the scale that made them in a comment."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from nb_core.errors import InputError
from nb_core.formats.atomic import AnyPath, atomic_write
from nb_core.formats.reading import MOST_PIXELS, RegularFile, open_regular
from nb_core.formats.sniff import PGM
from nb_core.showing import Brief

_FIELD = rb"(?:\s|#[^\n]*\n)+(\d{1,9})"
_HEADER = re.compile(rb"P5" + 3 * _FIELD + rb"\s")
_MOST_HEADER = 4096
_SCALE = re.compile(rb"# pixels scaled by (\S+)\n")


@dataclass(frozen=True, eq=False, repr=False)
class PgmImage(Brief):
    """Grey levels, uint8, shape (slow, fast), and the scale from photons where the file says it."""

    data: np.ndarray
    scale: float | None
    source: str


def pgm_bytes(image: np.ndarray, scale: float) -> bytes:
    """The file that nanoBragg writes of grey levels, uint8, shape (slow, fast).

    scale: grey levels a photon, for the comment
    Raises InputError for another type or shape.
    """
    return _header_bytes(image, scale) + image.tobytes()


def write_pgm(path: AnyPath, image: np.ndarray, scale: float, overwrite: bool = True) -> None:
    """Write grey levels as `pgm_bytes`; OutputError when it cannot be written."""
    header = _header_bytes(image, scale)
    with atomic_write(path, overwrite) as handle:
        handle.write(header)
        handle.write(np.ascontiguousarray(image).data)


def _header_bytes(image: np.ndarray, scale: float) -> bytes:
    if image.dtype != np.uint8 or image.ndim != 2:
        raise InputError("PGM image", f"{image.dtype} {image.shape}", "a uint8 image is needed")
    slow, fast = image.shape
    return f"P5\n{fast} {slow}\n# pixels scaled by {scale:g}\n255\n".encode()


def read_pgm(path: AnyPath) -> PgmImage:
    """An 8-bit binary PGM of any program's.

    Raises InputError for another format, empty sizes, more than 8 bits and missing pixels.
    """
    with open_regular(path, "PGM image", _MOST_HEADER + MOST_PIXELS) as file:
        return _read_open(file)


def _read_open(file: RegularFile) -> PgmImage:
    file.refuse_other_formats("a PGM picture is read here", own=(PGM,))
    name = file.name
    match = _HEADER.match(file.head)
    if match is None:
        raise InputError(file.what, name, "not a binary PGM file (P5)")
    fast, slow, deepest = (int(number) for number in match.groups())
    if fast == 0 or slow == 0 or not 0 < deepest < 256:
        raise InputError(name, f"{fast} {slow} {deepest}", "sizes and at most 255 grey levels")
    missing = match.end() + fast * slow - file.size
    if missing > 0:
        raise InputError(name, f"{slow} x {fast} pixels", f"{missing} of them are missing")
    data = np.frombuffer(file.read(), dtype=np.uint8, count=fast * slow, offset=match.end())
    return PgmImage(data.reshape(slow, fast).copy(), _scale(match.group()), name)


def _scale(header: bytes) -> float | None:
    found = _SCALE.search(header)
    try:
        return float(found.group(1)) if found else None
    except ValueError:
        return None
