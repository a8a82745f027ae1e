"""From scattering vectors to Miller indices."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def fractional_indices(
    q: Float[Tensor, "3 pixels sources"], cell_vectors: Float[Tensor, "3 3 steps"]
) -> Float[Tensor, "3 pixels sources steps"]:
    """h, k, l = q . a, q . b, q . c of every pixel, source and step; kept in q's precision."""
    x, y, z = q[..., None]
    return torch.stack([x * v[0] + y * v[1] + z * v[2] for v in cell_vectors])


def nearest_indices(
    hkl: Float[Tensor, "3 pixels sources steps"],
) -> Float[Tensor, "3 pixels sources steps"]:
    """The nearest reflection, as whole floating point numbers; halves round down."""
    return torch.ceil(hkl - 0.5)
