"""Crystals that are hexagonal plates, for nb."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from nb_core import CrystalConfig, InputError, Shape, hookimpl
from nb_physics import Domain, LatticeFactor


@dataclass(frozen=True)
class Hexagonal(LatticeFactor):
    """A plate whose edges run along a, b and a + b, of Na cells each, and Nc cells thick.

    Its cells are i a + j b with |i|, |j| and |i - j| less than Na. Their sum of exp(2 pi i
    (h i + k j)) is a difference of two products of three gratings, of Na and of Na - 1 slits, along
    h, k and h + k (Sun, Math. Comput. 75, 2006: a Dirichlet kernel on the hexagon).
    """

    name: ClassVar[str] = "hexagonal"
    label: ClassVar[str] = "hexagonal plate"
    summary: ClassVar[str] = "Na cells along each edge, Nc thick; a and b at 120 degrees"
    moves_with: ClassVar[frozenset[str]] = frozenset()

    def amplitude(self, offset: Tensor, domain: Domain) -> Tensor:
        h, k, l = offset[0], offset[1], offset[2]
        edge, height = domain.cells[0], domain.cells[2]
        whole = torch.round(h + k)
        third = h + k - whole
        outer = _slits(h, edge) * _slits(k, edge) * _slits(third, edge)
        inner = _slits(h, edge - 1.0) * _slits(k, edge - 1.0) * _slits(third, edge - 1.0)
        # Taking 1 off h + k turns the sign of one of the two: either Na or Na - 1 is even.
        plate = outer - torch.where(whole == 0.0, inner, -inner)
        return plate * _slits(l, height)

    def check(self, crystal: CrystalConfig) -> None:
        edge, other, _ = (float(count) for count in crystal.N_cells)
        if edge != other:
            remedy = "a hexagonal plate has as many cells along a as along b"
            raise InputError("N_cells", f"{edge:g}, {other:g}", remedy)


def _slits(x: Tensor, count: Tensor) -> Tensor:
    """sin(pi N x) / sin(pi x): the amplitude of N slits; x: -1/2 to 1/2."""
    return count * torch.sinc(count * x) / torch.sinc(x)


@hookimpl
def nb_register_shapes() -> list[type[Shape]]:
    return [Hexagonal]
