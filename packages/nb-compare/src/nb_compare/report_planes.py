"""Pixels as text for a page: rounded, reduced to a size that can be mailed, and compressed."""

from __future__ import annotations

import base64
import gzip
from dataclasses import dataclass

import numpy as np

from nb_compare.pictures import averaged, block_side, largest_magnitudes

LARGEST_SIDE = 1024
"""Cells of the longer side; larger images are reduced."""

LARGEST_TEXT = 5_500_000
"""Characters of the three planes together; they are reduced further until they fit."""

VALUE_BITS = 13
DIFFERENCE_BITS = 10
"""Bits of the mantissa that are kept: within 6.2e-5 of a value, and 4.9e-4 of a difference."""

_MANTISSA = 23
_EXPONENT = np.uint32(0x7F800000)


@dataclass(frozen=True, eq=False)
class Planes:
    """Two images and their difference as a page shows them, in cells of block x block pixels.

    shown: the cells of the reference, shape (slow, fast)
    reference, image, difference: see `pack`; the image's codes are combined with the
        reference's by exclusive or, which leaves mostly zeros of images that agree
    """

    block: int
    shown: np.ndarray
    reference: str
    image: str
    difference: str


def make_planes(image: np.ndarray, reference: np.ndarray) -> Planes:
    """The mean of each cell's pixels, and the difference of largest magnitude in each cell."""
    difference = image.astype(np.float64)
    difference -= reference
    side = min(LARGEST_SIDE, max(reference.shape))
    while True:
        shown = averaged(reference, side)
        theirs = round_floats(shown, VALUE_BITS)
        ours = round_floats(averaged(image, side), VALUE_BITS)
        apart = round_floats(largest_magnitudes(difference, side), DIFFERENCE_BITS)
        texts = pack(theirs), pack(ours ^ theirs), pack(apart)
        if sum(map(len, texts)) <= LARGEST_TEXT:
            return Planes(block_side(reference.shape, side), shown, *texts)
        side = int(side * 0.85)


def round_floats(values: np.ndarray, bits: int) -> np.ndarray:
    """The codes (uint32) of float32 numbers, rounded to `bits` of their mantissa."""
    dropped = _MANTISSA - bits
    codes = values.astype(np.float32).view(np.uint32)
    kept = np.uint32(0xFFFFFFFF << dropped & 0xFFFFFFFF)
    rounded = (codes + np.uint32(1 << (dropped - 1))) & kept
    return np.where(rounded & _EXPONENT == _EXPONENT, codes & kept, rounded)


def pack(codes: np.ndarray) -> str:
    """Codes whose lowest 8 bits are 0, as text: all first bytes, then all second, then all third,
    compressed by gzip, in base64.
    """
    planes = codes.astype(">u4").reshape(-1, 1).view(np.uint8)[:, :3].T
    return base64.b64encode(gzip.compress(planes.tobytes(), 6, mtime=0)).decode("ascii")
