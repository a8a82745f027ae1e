"""Flat spots: full height inside a radius, nothing outside. Their gradient is zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from nb_physics.lattice.gauss import scaled_radius_squared
from nb_physics.lattice.lattice_factor import Domain, LatticeFactor, Operations

RADIUS_SQUARED = 0.3969


@dataclass(frozen=True, eq=False, repr=False)
class TopHat(LatticeFactor):
    """Na Nb Nc where fudge r^2 < 0.3969, else 0; r: see `scaled_radius_squared`."""

    name: ClassVar[str] = "tophat"
    label: ClassVar[str] = "flat-topped spots"
    summary: ClassVar[str] = "spots of full height within a radius, and nothing outside"
    moves_with: ClassVar[frozenset[str]] = frozenset()
    flat: ClassVar[bool] = True
    takes_pairs: ClassVar[bool] = True
    eager_ns: ClassVar[float] = 24.0
    kernel_ns: ClassVar[float] = 1.2
    operations: ClassVar[Operations] = Operations(plain=24)

    def amplitude(self, offset: Float[Tensor, "3 *n"], domain: Domain) -> Float[Tensor, "*n"]:
        cells = domain.cells
        radius_squared = scaled_radius_squared(offset, cells, domain.reciprocal)
        inside = radius_squared * domain.fudge < RADIUS_SQUARED
        return cells[0] * cells[1] * cells[2] * inside.to(offset.dtype)
