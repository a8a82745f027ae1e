"""Brings an image to the number of pixels of another one."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from nb_core import InputError


def resample_to(
    image: Float[np.ndarray, "slow fast"], shape: tuple[int, int]
) -> Float[np.ndarray, "new_slow new_fast"]:
    """The image as a detector of the same area with another number of pixels would record it.

    shape: (slow, fast) of the result, whose dtype is the image's
    Interpolates linearly, after a Gaussian blur along each axis that gets fewer pixels. A pixel
    of twice the side collects four times the photons: photons per area of the detector stay what
    they are, so that the sum is kept to rounding, while values per pixel change.
    Raises InputError for an empty shape, and for an image that is empty or not finite.
    """
    from skimage.transform import resize

    if len(shape) != 2 or min(shape) < 1:
        raise InputError("shape", shape, "expected two positive numbers of pixels (slow, fast)")
    if not image.size or not np.isfinite(image).all():
        raise InputError("image", image.shape, "only finite pixels can be resampled")
    if image.shape == tuple(shape):
        return image.copy()
    found = resize(
        image.astype(np.float64),
        shape,
        order=1,
        mode="edge",
        anti_aliasing=True,
        preserve_range=True,
    )
    total, reached = float(image.sum(dtype=np.float64)), float(found.sum())
    pixels = image.size / found.size
    scale = total / reached if total > 0 and reached > 0 else pixels
    return (found * scale).astype(image.dtype)
