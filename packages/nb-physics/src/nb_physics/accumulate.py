"""From F_cell and F_latt to a sum over steps, sources, sub-pixels and layers."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def step_terms(
    F_cell: Float[Tensor, "pixels sources steps"], F_latt: Float[Tensor, "pixels sources steps"]
) -> Float[Tensor, "pixels sources steps"]:
    """F_cell^2 F_latt^2 of every step, electrons^2."""
    return torch.square(F_cell * F_latt)


def add_terms(
    total: Float[Tensor, " pixels"],
    terms: Float[Tensor, "pixels sources steps"],
    kept: Float[Tensor, "pixels sources"] | None,
) -> Float[Tensor, " pixels"]:
    """The sum so far plus all terms, in the precision of the sum; `kept`: 0 beyond dmin, else 1."""
    by_source = terms.sum(dim=2, dtype=total.dtype)
    if kept is not None:
        by_source = by_source * kept
    return total + by_source.sum(dim=1)


def add_terms_running(
    total: Float[Tensor, " pixels"],
    terms: Float[Tensor, "pixels sources steps"],
    factor: Float[Tensor, "pixels sources"],
    counted: Float[Tensor, "pixels sources steps"],
) -> Float[Tensor, " pixels"]:
    """nanoBragg's sum with `-oversample_*`: after each term the whole sum is multiplied.

    total <- (total + term) factor, step by step; `counted`: 0 where the program skips the step
    """
    factors = torch.where(counted != 0, factor[:, :, None], 1.0).flatten(1)
    following = factors.flip(1).cumprod(1).flip(1)
    terms = torch.where(counted != 0, terms, 0.0).flatten(1).to(total.dtype)
    return total * following[:, 0] + (terms * following).sum(dim=1)


def add_terms_weighted(
    total: Float[Tensor, " pixels"],
    terms: Float[Tensor, "pixels sources steps"],
    weight: Float[Tensor, "pixels sources"],
) -> Float[Tensor, " pixels"]:
    """The corrected sum: every term carries its own solid angle, polarization, capture, source."""
    return total + (terms.sum(dim=2, dtype=total.dtype) * weight).sum(dim=1)
