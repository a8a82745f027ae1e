"""What a crystal's shape is to the simulation: one class, found through nb_register_shapes."""

from __future__ import annotations

import abc
import functools
import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import CrystalConfig, CrystalShape, InputError, Shape
from nb_core.showing import Brief
from nb_physics.elementary import EAGER, Arithmetic
from nb_physics.own_tensors import OwnTensors, tried


@dataclass(frozen=True, eq=False, repr=False)
class Domain(Brief):
    """What a mosaic domain is to its shape.

    cells: Na, Nb, Nc; reciprocal: a*, b*, c* (1/Angstrom) in the lab before phi and mosaic
    rotation, which leave distances as they are; fudge: the user's factor on squared distances
    arithmetic: how sines of multiples of pi are computed here
    """

    cells: Float[Tensor, "3"]
    reciprocal: Float[Tensor, "3 3"]
    fudge: Float[Tensor, ""]
    arithmetic: Arithmetic = EAGER


@dataclass(frozen=True)
class Operations:
    """What one amplitude takes: of additions, multiplications, divisions and the like, and of
    functions, which are polynomials of some terms.
    """

    plain: int = 24
    sines: int = 0
    cosines: int = 0
    exponentials: int = 0


@dataclass(frozen=True, eq=False, repr=False)
class LatticeFactor(Shape, OwnTensors):
    """The lattice factor F_latt of one crystal shape: what the cells of a domain give together.

    A frozen dataclass whose fields, annotated `Scalar`, are the shape's own numbers: they stand in
    TOML and on command lines, carry gradients, and reach `amplitude` as tensors without axes.

    moves_with: which of Domain's `reciprocal` and `fudge` the factor changes smoothly with
    flat: whether its gradient is 0 wherever there is one, so that nothing can be fitted by it
    takes_pairs: whether `amplitude` takes offsets as pairs of float32, which devices without
        float64 have (nb_physics.pairs); else they are joined before
    eager_ns, kernel_ns: nanoseconds of one core for one amplitude, by torch's operations and in a
        kernel, by which the engine is chosen; a rough figure will do
    operations: of one amplitude, for the least time that `nb bench` says an image can take
    """

    moves_with: ClassVar[frozenset[str]] = frozenset({"reciprocal", "fudge"})
    flat: ClassVar[bool] = False
    takes_pairs: ClassVar[bool] = False
    eager_ns: ClassVar[float] = 60.0
    kernel_ns: ClassVar[float] = 4.0
    operations: ClassVar[Operations] = Operations()

    @abc.abstractmethod
    def amplitude(self, offset: Float[Tensor, "3 *n"], domain: Domain) -> Float[Tensor, "*n"]:
        """F_latt, real and up to its sign (only its square enters an intensity).

        offset: h - h0, k - k0, l - l0, the distance from the nearest reflection, -1/2 to 1/2: so
            no digits are lost at high indices. Its precision is that of the result.
        Pure operations of torch, without a branch on values: kernels are made of them, too.
        """

    def factors(
        self, offset: Float[Tensor, "3 *n"], domain: Domain
    ) -> dict[str, Float[Tensor, "*n"]]:
        """What else is shown to taps, by the names of quantities."""
        return {}

    def check(self, crystal: CrystalConfig) -> None:
        """Refuses a crystal that has no such shape, with an InputError."""


def lattice_factor(shape: CrystalShape | Shape) -> LatticeFactor:
    """What computes a shape; InputError for one that computes nothing."""
    if isinstance(shape, CrystalShape):
        return _built_in()[shape.value]
    if not isinstance(shape, LatticeFactor):
        remedy = "it computes nothing; derive it from nb_physics.LatticeFactor"
        raise InputError("shape", type(shape).__name__, remedy)
    return shape


@functools.cache
def _built_in() -> dict[str, LatticeFactor]:
    """The shapes that this package brings."""
    from nb_physics.builtin import nb_register_shapes

    return {shape.name: lattice_factor(shape()) for shape in nb_register_shapes()}


def try_shape(shape: LatticeFactor, crystal: CrystalConfig) -> LatticeFactor:
    """The shape; InputError for a crystal that it refuses, and for one that gives something else
    than an amplitude of each step.
    """
    size = (5, 3, 2)
    offset = torch.linspace(-0.49, 0.5, 3 * math.prod(size), dtype=torch.float64).reshape(3, *size)
    cells = torch.tensor([float(count) for count in crystal.N_cells], dtype=torch.float64)
    one = torch.ones((), dtype=torch.float64)
    domain = Domain(cells, 0.02 * torch.eye(3, dtype=torch.float64), one)
    tried(shape, lambda: _checked_amplitude(shape, crystal, offset, domain), size, "amplitude")
    return shape


def _checked_amplitude(
    shape: LatticeFactor, crystal: CrystalConfig, offset: Float[Tensor, "3 *n"], domain: Domain
) -> Float[Tensor, "*n"]:
    shape.check(crystal)
    return shape.amplitude(offset, domain)
