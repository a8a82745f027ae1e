"""Standard uncertainties: from the Fisher information of counted photons.

The expected information of Poisson counts with mean m is J' diag(1/m) J, with J = dm/dparameters;
its inverse is the covariance of the most likely values (Cramer-Rao; e.g. Prince, Mathematical
Techniques in Crystallography and Materials Science, 1994, chapter 6).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from nb_refine.errors import FitError

LEAST_EIGENVALUE = 1e-10
"""Of the information scaled to a unit diagonal: below it a combination is not determined."""

SHARE = 0.3
"""Part of such a combination from which on a parameter is named in the message."""


def information(
    model: Float[Tensor, " pixels"], jacobian: Float[Tensor, "pixels parameters"]
) -> Float[Tensor, "parameters parameters"]:
    """Fisher information of counts with these means, which are greater than 0."""
    weighted = jacobian * torch.rsqrt(model)[:, None]
    return weighted.T @ weighted


def covariance(
    matrix: Float[Tensor, "parameters parameters"], names: Sequence[str]
) -> Float[Tensor, "parameters parameters"]:
    """The inverse of the information.

    Raises FitError, naming the parameters, where the image does not determine all of them.
    """
    size = torch.sqrt(torch.diagonal(matrix))
    if not bool((size > 0).all()) or not bool(size.isfinite().all()):
        name = names[int(torch.argmin(size.nan_to_num(0.0)))]
        raise FitError(f"{name} has no effect on the image; leave it out of --parameters")
    scaled = matrix / size[:, None] / size
    values, vectors = torch.linalg.eigh(scaled)
    if values[0] < LEAST_EIGENVALUE:
        parts = vectors[:, 0].abs()
        together = [n for n, part in zip(names, parts, strict=True) if part > SHARE]
        remedy = "leave one out of --parameters"
        raise FitError(f"{', '.join(together)}: the image does not tell them apart; {remedy}")
    return (vectors / values) @ vectors.T / size[:, None] / size


def correlation(
    matrix: Float[Tensor, "parameters parameters"],
) -> Float[Tensor, "parameters parameters"]:
    """Correlations of a covariance, -1 to 1."""
    size = torch.sqrt(torch.diagonal(matrix))
    return (matrix / size[:, None] / size).clamp(-1.0, 1.0)
