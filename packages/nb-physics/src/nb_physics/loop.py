"""The loop over the tiles of an image, and the gradient of all of them."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
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

Taker = Callable[[int, int, Tensor], None]
"""Called with the number of a part, that of a tile's first pixel in it, and the tile's photons."""


@dataclass(frozen=True, eq=False)
class TilePart:
    """The pixels of one panel, and one crystal.

    scene: what gradients are taken by; walks: one for each device, which take tiles in turns, the
    first of them on the device of the scene
    """

    scene: Scene
    walks: list[Walk]
    selection: PixelSelection


@dataclass(frozen=True)
class Tile:
    """Pixels number `start` to `stop` of a part; number: of the tile, among those of all parts."""

    number: int
    part: int
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class TileLoop:
    """Computes the pixels of one or several parts, tile by tile.

    The tiles of all parts are shared out together, so that threads wait for each other once.
    dtype: of the photons; largest: most pixels of a tile
    """

    parts: Sequence[TilePart]
    dtype: torch.dtype
    device: torch.device
    largest: int | None = None
    progress: Progress | None = None

    @property
    def counts(self) -> list[int]:
        """How many pixels each part has."""
        return [part.selection.count for part in self.parts]

    @property
    def alone(self) -> bool:
        """Whether operations have to be seen one by one."""
        return any(part.walks[0].alone for part in self.parts)

    def photons(self) -> Float[Tensor, " pixels"]:
        """Photons of all pixels, in one piece; with a gradient where a scene has one."""
        if self.alone:
            parts = [torch.zeros(0, dtype=self.dtype, device=self.device)]
            self.each(lambda part, start, values: parts.append(values))
            return torch.cat(parts)
        if not any(has_gradient(part.scene) for part in self.parts):
            return self._values()
        return torch.cat([self._with_gradient(number) for number in range(len(self.parts))])

    def each(self, take: Taker) -> None:
        """Calls `take` with the photons of each tile, in order.

        These carry a gradient only where operations are seen one by one.
        """
        starts = list(itertools.accumulate(self.counts, initial=0))

        def compute(tile: Tile) -> Tensor:
            part = self.parts[tile.part]
            walk = part.walks[tile.number % len(part.walks)]
            return walk.values.photons(part.selection, tile.start, tile.stop)

        def finish(tile: Tile, values: Tensor) -> None:
            take(tile.part, tile.start, values)
            if self.progress is not None:
                self.progress(starts[tile.part] + tile.stop, starts[-1])

        tiles = self._tiles(torch.get_num_threads() if self.device.type == "cpu" else 1)
        share_out(tiles, compute, finish, device=self.device, alone=self.alone)

    def _tiles(self, threads: int) -> Iterator[Tile]:
        """The tiles of all parts; of few parts each thread gets as many."""
        number, threads = 0, threads if len(self.parts) < threads else 1
        for place, part in enumerate(self.parts):
            values, count = part.walks[0].values, part.selection.count
            for start, stop in values.ranges(count, self.largest, threads):
                yield Tile(number, place, start, stop)
                number += 1

    def _values(self) -> Float[Tensor, " pixels"]:
        """Photons without a graph."""
        starts = list(itertools.accumulate(self.counts, initial=0))
        values = torch.zeros(starts[-1], dtype=self.dtype, device=self.device)

        def keep(part: int, start: int, some: Tensor) -> None:
            first = starts[part] + start
            values[first : first + some.numel()] = some

        with torch.no_grad():
            self.each(keep)
        return values

    def _with_gradient(self, number: int) -> Float[Tensor, " pixels"]:
        """Photons of one part, with a gradient that computes them anew."""
        part = self.parts[number]
        own = dataclasses.replace(self, parts=[part], progress=None)
        if not has_gradient(part.scene):
            return own._values()
        return recomputed_photons(part.scene, own._values, own._graph, own._backward)

    def _graph(self, scene: Scene) -> Float[Tensor, " pixels"]:
        """Photons of another scene of the one part, with a graph of every operation."""
        (part,) = self.parts
        eager, selection = part.walks[0].eager, part.selection
        tiles = eager.ranges(selection.count, self.largest)
        parts = [eager.photons(selection, *pixels, scene) for pixels in tiles]
        return torch.cat([torch.zeros(0, dtype=self.dtype, device=self.device), *parts])

    def _backward(self, cotangent: Float[Tensor, " pixels"]) -> dict[str, Tensor]:
        """Gradients by the tensors of the one part's scene, summed in the order of the tiles."""
        (part,) = self.parts
        tensors = scene_tensors(part.scene)
        total = {name: torch.zeros_like(t) for name, t in tensors.items() if t.requires_grad}
        names = list(total)

        def compute(tile: tuple[int, tuple[int, int]]) -> dict[str, Tensor]:
            number, (start, stop) = tile
            walk = part.walks[number % len(part.walks)]
            own = cotangent[start:stop].to(walk.eager.device)
            return walk.slopes.vjp(part.selection, start, stop, own, names)

        def add(tile: tuple[int, tuple[int, int]], slopes: dict[str, Tensor]) -> None:
            for name in names:
                if name in slopes:
                    total[name] += slopes[name].to(self.device)

        tiles = enumerate(part.walks[0].slopes.vjp_ranges(part.selection.count, self.largest))
        share_out(tiles, compute, add, device=self.device)
        return total
