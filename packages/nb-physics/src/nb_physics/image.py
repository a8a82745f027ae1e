"""The image while its tiles come in."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from nb_physics.tiles import PixelSelection


class Image:
    """Pixels that are not selected are 0.

    selections: of each panel, or of the one plane
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        selections: Sequence[PixelSelection],
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.shape, self.selections, self.device = shape, selections, device
        self.values = torch.zeros(math.prod(shape), dtype=dtype, device=device)
        self._size = shape[-2] * shape[-1]

    def add(self, part: int, start: int, values: Float[Tensor, " pixels"]) -> None:
        """Takes the pixels of a panel from number `start` on: of one crystal after the other."""
        panel = part % len(self.selections)
        selection, first = self.selections[panel], panel * self._size
        values = values.to(self.device, self.values.dtype)
        stop = start + values.numel()
        if selection.count != self._size:
            place: Tensor | slice = first + selection.indices(start, stop, self.device)
        else:
            place = slice(first + start, first + stop)
        self.values[place] = values if part == panel else self.values[place] + values

    def finished(self) -> Float[Tensor, "*panel slow fast"]:
        """The image of all tiles."""
        return self.values.reshape(self.shape)


def placed(
    photons: Float[Tensor, "*images pixels"],
    selections: Sequence[PixelSelection],
    shape: tuple[int, ...],
) -> Float[Tensor, "..."]:
    """The image of all selected pixels, or several of the same ones, with the gradient they have.

    shape: of an image, ([panel,] slow, fast); the images keep their axis before it
    """
    whole = math.prod(shape)
    if photons.shape[-1] != whole:
        size, device = shape[-2] * shape[-1], photons.device
        indices = torch.cat(
            [
                number * size + selection.indices(0, selection.count, device)
                for number, selection in enumerate(selections)
            ]
        )
        empty = photons.new_zeros((*photons.shape[:-1], whole))
        photons = empty.index_copy(-1, indices, photons)
    return photons.reshape(*photons.shape[:-1], *shape)
