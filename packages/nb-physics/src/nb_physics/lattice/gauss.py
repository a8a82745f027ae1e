"""Gaussian spots, without subsidiary maxima."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from nb_physics.lattice.lattice_factor import Domain, LatticeFactor, Operations

WIDTH_SQUARED = 0.63
"""Of the scaled distance from a reflection: there the amplitude is 1/e of its height."""


@dataclass(frozen=True, eq=False, repr=False)
class Gauss(LatticeFactor):
    """Na Nb Nc exp(-fudge r^2 / 0.63), r: see `scaled_radius_squared`."""

    name: ClassVar[str] = "gauss"
    label: ClassVar[str] = "Gaussian spots"
    summary: ClassVar[str] = "spots without subsidiary maxima, 1/e of the amplitude at r^2 = 0.63"
    takes_pairs: ClassVar[bool] = True
    eager_ns: ClassVar[float] = 40.0
    kernel_ns: ClassVar[float] = 4.0
    operations: ClassVar[Operations] = Operations(plain=24, exponentials=1)

    def amplitude(self, offset: Float[Tensor, "3 *n"], domain: Domain) -> Float[Tensor, "*n"]:
        cells = domain.cells
        radius_squared = scaled_radius_squared(offset, cells, domain.reciprocal)
        peak = cells[0] * cells[1] * cells[2]
        return peak * torch.exp(-(radius_squared / WIDTH_SQUARED * domain.fudge))


def scaled_radius_squared(
    offset: Float[Tensor, "3 *n"], cells: Float[Tensor, "3"], reciprocal: Float[Tensor, "3 3"]
) -> Float[Tensor, "*n"]:
    """Squared distance (1/Angstrom) from the reflection, times (Na Nb Nc)^2.

    reciprocal: a*, b*, c* before phi and mosaic rotation, which leave the distance as it is
    """
    a_star, b_star, c_star = reciprocal
    x, y, z = (
        offset[0] * a_star[i] + offset[1] * b_star[i] + offset[2] * c_star[i] for i in range(3)
    )
    scale = cells[0] * cells[0] * cells[1] * cells[1] * cells[2] * cells[2]
    return (torch.square(x) + torch.square(y) + torch.square(z)) * scale
