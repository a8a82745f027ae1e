"""Where on the detector two images differ: the largest difference in each block of pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from nb_compare.metrics import check_images

BLOCKS = 32
"""Blocks along each side."""


@dataclass(frozen=True, eq=False)
class BlockMap:
    """The largest difference in each block.

    size: pixels of a block (slow, fast); the last block of a side may have fewer
    max_relative: largest absolute difference over the maximum of the reference, shape (slow
        blocks, fast blocks); infinity where they differ and that maximum is 0
    """

    size: tuple[int, int]
    max_relative: Float[np.ndarray, "slow_blocks fast_blocks"]


def block_map(
    image: Float[np.ndarray, "slow fast"],
    reference: Float[np.ndarray, "_ _"],
    blocks: int = BLOCKS,
) -> BlockMap:
    """Splits both images into at most `blocks` blocks a side, and compares each block.

    Raises InputError as `compare_images` does.
    """
    check_images(image, reference)
    difference = image.astype(np.float64)
    difference -= reference
    np.abs(difference, out=difference)
    slow, fast = (-(-side // blocks) for side in image.shape)
    largest = reduce_blocks(difference, (slow, fast), np.maximum)
    brightest = float(reference.max())
    if brightest == 0:
        return BlockMap((slow, fast), np.where(largest > 0, np.inf, 0.0))
    return BlockMap((slow, fast), largest / brightest)


def reduce_blocks(values: np.ndarray, size: tuple[int, int], operation: np.ufunc) -> np.ndarray:
    """One value for each block of `size` pixels (slow, fast), such as np.maximum or np.add gives.

    The last block of a side has the pixels that are left.
    """
    for axis, pixels in enumerate(size):
        if pixels > 1:
            starts = np.arange(0, values.shape[axis], pixels)
            values = operation.reduceat(values, starts, axis=axis)
    return values
