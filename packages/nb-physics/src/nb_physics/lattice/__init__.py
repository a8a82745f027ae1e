"""The lattice factor F_latt: one file per crystal shape, one function each.

Every shape takes the distance from the nearest reflection, so that no digits are lost at high
indices, and returns F_latt up to its sign (only its square enters an intensity).
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from nb_core import CrystalShape
from nb_physics.lattice.gauss import gauss
from nb_physics.lattice.round import round_
from nb_physics.lattice.square import square
from nb_physics.lattice.tophat import tophat


@runtime_checkable
class LatticeFactor(Protocol):
    """The signature that all shapes share."""

    def __call__(
        self,
        offset: Float[Tensor, "3 *n"],
        cells: Float[Tensor, "3"],
        reciprocal: Float[Tensor, "3 3"],
        fudge: Float[Tensor, ""],
    ) -> Float[Tensor, "*n"]:
        """offset: h - h0, k - k0, l - l0; cells: Na, Nb, Nc; reciprocal: a*, b*, c*."""
        ...


LATTICE_FACTORS: dict[CrystalShape, LatticeFactor] = {
    CrystalShape.SQUARE: square,
    CrystalShape.ROUND: round_,
    CrystalShape.GAUSS: gauss,
    CrystalShape.TOPHAT: tophat,
}
