"""From expected photons to counted ones."""

from __future__ import annotations

from enum import Enum

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from nb_core.poisson import poisson_image


class NoiseGenerator(Enum):
    """Whose random numbers are drawn.

    TORCH: fast, on the device of the image; NANOBRAGG: the C program's stream, pixel by pixel
    """

    TORCH = "torch"
    NANOBRAGG = "nanobragg"


def counted_photons(
    image: Float[Tensor, "slow fast"], generator: NoiseGenerator, seed: int
) -> Float64[np.ndarray, "slow fast"]:
    """A Poisson draw of every pixel; the same seed gives the same counts.

    TORCH draws on the image's device in one piece, so tiling does not matter; each kind of device
    has a stream of its own. NANOBRAGG draws in pixel order from the float32 image.
    """
    if generator is NoiseGenerator.NANOBRAGG:
        return poisson_image(image.detach().cpu().to(torch.float32).numpy(), seed)
    stream = torch.Generator(device=image.device).manual_seed(seed)
    return torch.poisson(image.detach(), generator=stream).cpu().to(torch.float64).numpy()
