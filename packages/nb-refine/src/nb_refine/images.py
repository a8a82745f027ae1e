"""Photons of chosen pixels as a function of the parameters, with their derivatives."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd import forward_ad

from nb_core import Experiment, NbWarning
from nb_physics import photons_at

Build = Callable[[Float[Tensor, " parameters"]], Experiment]
"""The experiment of some values of the parameters."""


@contextmanager
def said_once() -> Iterator[None]:
    """Keeps nb_physics from repeating, at each step, what it warned of at the start."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NbWarning)
        yield


def photons(
    build: Build, values: Float[Tensor, " parameters"], pixels: Int[Tensor, " pixels"]
) -> Float[Tensor, " pixels"]:
    """Photons of the pixels; a gradient of the values is kept."""
    with said_once():
        return photons_at(build(values), pixels, engine="eager")


def photons_and_jacobian(
    build: Build, values: Float[Tensor, " parameters"], pixels: Int[Tensor, " pixels"]
) -> tuple[Float[Tensor, " pixels"], Float[Tensor, "pixels parameters"]]:
    """Photons, and their derivatives by the parameters: one pass in forward mode for each.

    So memory is that of the image and its derivatives, whatever the number of steps.
    """
    values = values.detach()
    columns = torch.zeros((pixels.numel(), values.numel()), dtype=torch.float64)
    primal = torch.zeros(pixels.numel(), dtype=torch.float64)
    for number in range(values.numel()):
        direction = torch.zeros_like(values)
        direction[number] = 1.0
        with forward_ad.dual_level():
            result = photons(build, forward_ad.make_dual(values, direction), pixels)
            parts = forward_ad.unpack_dual(result)
            primal = parts.primal.clone()
            if parts.tangent is not None:
                columns[:, number] = parts.tangent
    return primal, columns
