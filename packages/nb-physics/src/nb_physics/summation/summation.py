"""How a pixel's terms become photons: the one order of summation, for whoever computes a tile."""

from __future__ import annotations

import abc
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_physics.rays import Offers, SubPixel
from nb_physics.scene import Kind, Scene

Sums = list[Float[Tensor, " pixels"]]
"""What a pixel keeps from one `add` to the next; how many, `Summation.count` says."""

Share = Float[Tensor, ""] | int
"""1 with the first steps of a source and sub-pixel, else 0; kernels are handed a tensor."""


class Summation(abc.ABC):
    """The sum of a pixel's terms over layers, sub-pixels, sources and steps: one class a profile.

    Its sums are opened once, `add` adds the terms of some steps of one sub-pixel, and `finish`
    makes photons of them. Eager tiles, kernels and derivatives call these three, with sub-pixels
    and blocks of steps in the order of `nb_physics.tile.turns`. They keep nothing themselves.

    opens_with: the tensor of the scene that the first sum begins with; None where it begins with 0
    """

    opens_with: ClassVar[str | None] = None

    @abc.abstractmethod
    def count(self, kind: Kind) -> int:
        """How many sums a pixel has."""

    @abc.abstractmethod
    def multiplies(self, kind: Kind) -> bool:
        """Whether the sum so far is multiplied at each step, which takes memory for each step."""

    def is_independent(self, kind: Kind) -> bool:
        """Whether what `add` adds depends on nothing that was added before."""
        return not (self.multiplies(kind) or kind.limited)

    @abc.abstractmethod
    def open(self, scene: Scene, pixels: Int[Tensor, " pixels"]) -> Sums:
        """The sums of pixels before any term."""

    @abc.abstractmethod
    def add(
        self,
        scene: Scene,
        sub: SubPixel,
        sums: Sums,
        share: Share,
        dtype: torch.dtype,
        offers: Offers,
    ) -> Sums:
        """The sums, with the terms of one sub-pixel and of all sources and steps of the scene.

        share: of what is added once a source and sub-pixel, however its steps are cut
        dtype: of a term, past its phases
        """

    @abc.abstractmethod
    def finish(
        self, scene: Scene, sums: Sums, ends: tuple[SubPixel, SubPixel], offers: Offers
    ) -> Float[Tensor, " pixels"]:
        """Photons of the sums; ends: the first sub-pixel of the first and of the last layer."""
