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
        *,
        keeps_graph: bool,
    ) -> None:
        self.shape, self.selection, self.device = shape, selection, device
        self.parts: list[Tensor] | None = [] if keeps_graph else None
        self.values = torch.zeros(shape[0] * shape[1], dtype=dtype, device=device)

    def add(self, start: int, values: Float[Tensor, " pixels"]) -> None:
        """Takes the pixels from number `start` on; a gradient needs them joined at the end."""
        values = values.to(self.device, self.values.dtype)
        if self.parts is not None:
            self.parts.append(values)
            return
        stop = start + values.numel()
        if self.selection.count != self.values.numel():
            self.values[self.selection.indices(start, stop, self.device)] = values
        elif self.device.type == "cpu":  # one thread copies a tile sooner than several start to
            self.values.numpy()[start:stop] = values.detach().numpy()
        else:
            self.values[start:stop] = values

    def finished(self) -> Float[Tensor, "slow fast"]:
        """The image of all tiles."""
        if not self.parts:
            return self.values.reshape(self.shape)
        joined = torch.cat(self.parts)
        if joined.numel() != self.values.numel():
            indices = self.selection.indices(0, self.selection.count, self.device)
            joined = self.values.index_put((indices,), joined)
        return joined.reshape(self.shape)
