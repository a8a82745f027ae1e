"""What else than the crystal scatters into a pixel: one class a kind, found through
nb_register_backgrounds.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import BackgroundTerm
from nb_core.showing import Brief
from nb_physics.elementary import EAGER, Arithmetic
from nb_physics.own_tensors import OwnTensors, tried


@dataclass(frozen=True, eq=False, repr=False)
class ScatteredRays(Brief):
    """The rays from the sample to one sub-pixel of some pixels, with each source.

    q: scattering vector, 1/Angstrom (its length is 1/d); stol: sin(theta) / lambda, 1/Angstrom
    diffracted: unit vectors from the sample to the pixels; incident: along each source's beam
    wavelength: Angstrom, of each source; fluence: photons/m^2 of the whole beam
    arithmetic: `arithmetic.take(table, index)` looks up a table, in kernels too
    """

    q: Float[Tensor, "3 pixels sources"]
    stol: Float[Tensor, "pixels sources"]
    diffracted: Float[Tensor, "3 pixels"]
    incident: Float[Tensor, "3 sources"]
    wavelength: Float[Tensor, " sources"]
    fluence: Float[Tensor, ""]
    arithmetic: Arithmetic = EAGER


@dataclass(frozen=True, eq=False, repr=False)
class Background(BackgroundTerm, OwnTensors):
    """What something in the beam besides the crystal scatters.

    A frozen dataclass whose fields, annotated `Scalar`, are its own numbers: they stand in TOML and
    on command lines, carry gradients, and reach `intensity` as tensors without axes. Tables reach
    it likewise (`tables`, `read_tables`).

    eager_ns, kernel_ns: nanoseconds of one core for one ray and source, by torch's operations and
        in a kernel, by which the engine is chosen; a rough figure will do
    """

    eager_ns: ClassVar[float] = 60.0
    kernel_ns: ClassVar[float] = 4.0

    @abc.abstractmethod
    def intensity(self, rays: ScatteredRays) -> Float[Tensor, "pixels sources"]:
        """Photons per steradian along each ray, as if all of the beam had its source's direction
        and wavelength, before polarization.

        Solid angle, polarization, capture by the sensor and the weight of the source are multiplied
        in afterwards. Pure operations of torch, without a branch on values: kernels are made of
        them, too. It may depend on nothing that the crystal's rotation or mosaic spread changes.
        """


def try_background(background: Background) -> None:
    """InputError for a background that gives something else than photons of each ray and source."""
    pixels, sources = 5, 3
    q = torch.linspace(0.01, 0.5, 3 * pixels * sources, dtype=torch.float64)
    q = q.reshape(3, pixels, sources)
    along = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)[:, None]
    rays = ScatteredRays(
        q,
        torch.linalg.vector_norm(q, dim=0) / 2,
        along.expand(3, pixels),
        along.expand(3, sources),
        torch.ones(sources, dtype=torch.float64),
        torch.ones((), dtype=torch.float64),
    )
    tried(background, lambda: background.intensity(rays), (pixels, sources), "intensity")
