"""Flat spots: full height inside a radius, nothing outside. Their gradient is zero."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from nb_physics.lattice.gauss import scaled_radius_squared

RADIUS_SQUARED = 0.3969


def tophat(
    offset: Float[Tensor, "3 *n"],
    cells: Float[Tensor, "3"],
    reciprocal: Float[Tensor, "3 3"],
    fudge: Float[Tensor, ""],
) -> Float[Tensor, "*n"]:
    """Na Nb Nc where fudge r^2 < 0.3969, else 0."""
    inside = scaled_radius_squared(offset, cells, reciprocal) * fudge < RADIUS_SQUARED
    return cells[0] * cells[1] * cells[2] * inside.to(offset.dtype)
