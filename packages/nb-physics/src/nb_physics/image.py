"""The image while its tiles come in."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from nb_physics.tiles import PixelSelection


class Image:
    """Pixels that are not selected are 0."""

    def __init__(
        self,
        shape: tuple[int, int],
        selection: PixelSelection,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.shape, self.selection, self.device = shape, selection, device
        self.values = torch.zeros(shape[0] * shape[1], dtype=dtype, device=device)

    def add(self, start: int, values: Float[Tensor, " pixels"]) -> None:
        """Takes the pixels from number `start` on."""
        values = values.to(self.device, self.values.dtype)
        stop = start + values.numel()
        if self.selection.count != self.values.numel():
            self.values[self.selection.indices(start, stop, self.device)] = values
        else:
            self.values[start:stop] = values

    def finished(self) -> Float[Tensor, "slow fast"]:
        """The image of all tiles."""
        return self.values.reshape(self.shape)


def placed(
    photons: Float[Tensor, " pixels"], selection: PixelSelection, shape: tuple[int, int]
) -> Float[Tensor, "slow fast"]:
    """The image of all selected pixels, with the gradient that they have."""
    if photons.numel() != shape[0] * shape[1]:
        indices = selection.indices(0, selection.count, photons.device)
        photons = photons.new_zeros(shape[0] * shape[1]).index_put((indices,), photons)
    return photons.reshape(shape)
