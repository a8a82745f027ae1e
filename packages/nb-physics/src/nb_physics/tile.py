"""One tile: the pixels' photons, summed over layers, sub-pixels, sources, phi and domains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_core import Recorder, Site
from nb_physics.rays import Offers, SubPixel, sub_pixel
from nb_physics.scene import Scene
from nb_physics.summation import summation_of
from nb_physics.tiles import StepBlock


@dataclass(frozen=True)
class Turn:
    """A block of steps of one sub-pixel, whose terms are added together.

    place: layer, slow, fast; block: its number; share: of the background, 1 with the first steps
    of a source, else 0
    """

    place: tuple[int, int, int]
    block: int
    share: int


def turns(scene: Scene, blocks: Sequence[StepBlock]) -> Iterator[Turn]:
    """Sub-pixels and blocks in the order in which their terms are added: nanoBragg's."""
    shares = [1 if block.steps.start == 0 else 0 for block in blocks]
    for place in scene.places():
        for number, share in enumerate(shares):
            yield Turn(place, number, share)


def tile_photons(
    scene: Scene,
    pixels: Int[Tensor, " pixels"],
    blocks: list[StepBlock],
    dtype: torch.dtype,
    recorder: Recorder | None = None,
) -> Float[Tensor, " pixels"]:
    """Photons of the pixels with these flat indices."""
    summation, parts = summation_of(scene.kind), [scene.part(block) for block in blocks]
    sums = summation.open(scene, pixels)
    ends: list[SubPixel] = []
    for turn in turns(scene, blocks):
        if turn.block == 0:
            sub = sub_pixel(scene, pixels, turn.place, Offers(recorder, Site(pixels, *turn.place)))
            if turn.place[1:] == (0, 0):
                ends = [*ends[:1], sub]
        block = blocks[turn.block]
        site = Site(pixels, *turn.place, block.sources.start, block.steps.start)
        offers = Offers(recorder, site)
        sums = summation.add(parts[turn.block], sub, sums, turn.share, dtype, offers)
    values = summation.finish(scene, sums, (ends[0], ends[-1]), Offers(recorder, Site(pixels)))
    return values.to(dtype)
