"""From expected photons to counted ones."""

from __future__ import annotations

from enum import Enum

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from nb_core import InputError
from nb_core.configs import choice
from nb_core.poisson import poisson_image
from nb_core.ran1 import Ran1

CERTAIN_ABOVE = 1e18
"""Photons beyond which PyTorch counts in too few bits; the scatter, 1e9, is lost in float32."""


class NoiseGenerator(Enum):
    """Whose random numbers are drawn.

    TORCH: fast, on the device of the image; NANOBRAGG: the C program's stream, pixel by pixel
    """

    TORCH = "torch"
    NANOBRAGG = "nanobragg"

    @classmethod
    def _missing_(cls, value: object) -> NoiseGenerator:
        return choice("generator", value, cls)


def counted_photons(
    image: Float[Tensor, "slow fast"], generator: NoiseGenerator, seed: int
) -> Float64[np.ndarray, "slow fast"]:
    """A Poisson draw of every pixel; the same seed gives the same counts.

    Both draw in pixel order from the image as float32; each kind of device has a TORCH stream of
    its own.
    """
    return PhotonCounter(generator, seed, image.device).count(image)


class PhotonCounter:
    """Counts photons, one part of an image after the other, as of the whole in one piece."""

    def __init__(self, generator: NoiseGenerator, seed: int, device: torch.device) -> None:
        chosen = NoiseGenerator(generator)
        self._program = Ran1(seed) if chosen is NoiseGenerator.NANOBRAGG else None
        self._stream = torch.Generator(device=device).manual_seed(seed)

    def count(self, part: Float[Tensor, "rows fast"]) -> Float64[np.ndarray, "rows fast"]:
        """A Poisson draw of every pixel of the next rows; a mean below 0 counts as 0.

        Raises InputError for a mean that is not finite.
        """
        expected = part.detach().to(torch.float32)
        if self._program is not None:
            return poisson_image(expected.cpu().numpy(), self._program)
        if not expected.isfinite().all():
            raise InputError(
                "photons", "NaN or infinity", "the noise of a pixel needs a finite mean"
            )
        means = expected.clamp(min=0.0)
        drawn = torch.poisson(means.clamp(max=CERTAIN_ABOVE), generator=self._stream)
        counts = torch.where(means > CERTAIN_ABOVE, means, drawn)
        return counts.cpu().to(torch.float64).numpy()
