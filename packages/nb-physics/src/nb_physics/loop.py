"""The loop over the tiles of an image, and the gradient of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nb_physics.gradient import has_gradient, recomputed_photons
from nb_physics.scene import Scene, scene_tensors
from nb_physics.sharing import share_out
from nb_physics.tiles import PixelSelection
from nb_physics.walk import Walk

Progress = Callable[[int, int], None]
"""Called after each tile with the pixels done and the pixels in all."""

Tile = tuple[int, tuple[int, int]]
"""Its number, and the pixel numbers where it starts and stops."""


@dataclass(frozen=True, eq=False)
class TileLoop:
    """Computes the pixels of a selection, tile by tile.

    scene: what gradients are taken by; walks: one for each device, which take tiles in turns, the
    first of them on the device of the scene; dtype: of the photons; largest: most pixels of a tile
    """

    scene: Scene
    walks: list[Walk]
    selection: PixelSelection
    dtype: torch.dtype
    device: torch.device
    largest: int | None = None
    progress: Progress | None = None

    def photons(self) -> Float[Tensor, " pixels"]:
        """Photons of all pixels, in one piece; with a gradient where the scene has one."""
        if self.walks[0].alone:
            parts = [torch.zeros(0, dtype=self.dtype, device=self.device)]
            self.each(lambda start, values: parts.append(values))
            return torch.cat(parts)
        if not has_gradient(self.scene):
            return self._values()
        return recomputed_photons(self.scene, self._values, self._graph, self._backward)

    def each(self, take: Callable[[int, Tensor], None]) -> None:
        """Calls `take` with the photons of each tile and the number of its first pixel, in order.

        These carry a gradient only where operations are seen one by one.
        """
        count = self.selection.count

        def compute(tile: Tile) -> Tensor:
            number, pixels = tile
            walk = self.walks[number % len(self.walks)]
            return walk.values.photons(self.selection, *pixels)

        def finish(tile: Tile, values: Tensor) -> None:
            _, (start, stop) = tile
            take(start, values)
            if self.progress is not None:
                self.progress(stop, count)

        first = self.walks[0]
        tiles = enumerate(first.values.ranges(count, self.largest))
        share_out(tiles, compute, finish, device=self.device, alone=first.alone)

    def _values(self) -> Float[Tensor, " pixels"]:
        """Photons without a graph."""
        values = torch.zeros(self.selection.count, dtype=self.dtype, device=self.device)

        def keep(start: int, part: Tensor) -> None:
            values[start : start + part.numel()] = part

        with torch.no_grad():
            self.each(keep)
        return values

    def _graph(self, scene: Scene) -> Float[Tensor, " pixels"]:
        """Photons of another scene, with a graph of every operation."""
        eager, count = self.walks[0].eager, self.selection.count
        tiles = eager.ranges(count, self.largest)
        parts = [eager.photons(self.selection, *pixels, scene) for pixels in tiles]
        return torch.cat([torch.zeros(0, dtype=self.dtype, device=self.device), *parts])

    def _backward(self, cotangent: Float[Tensor, " pixels"]) -> dict[str, Tensor]:
        """Gradients by the scene's tensors, summed in the order of the tiles."""
        tensors = scene_tensors(self.scene)
        total = {name: torch.zeros_like(t) for name, t in tensors.items() if t.requires_grad}
        names = list(total)

        def compute(tile: Tile) -> dict[str, Tensor]:
            number, (start, stop) = tile
            walk = self.walks[number % len(self.walks)]
            own = cotangent[start:stop].to(walk.eager.device)
            return walk.slopes(self.selection, (start, stop), own, names)

        def add(tile: Tile, slopes: dict[str, Tensor]) -> None:
            for name in names:
                if name in slopes:
                    total[name] += slopes[name].to(self.device)

        tiles = enumerate(self.walks[0].slope_ranges(self.selection.count, self.largest))
        share_out(tiles, compute, add, device=self.device)
        return total
