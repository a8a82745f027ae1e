"""What an experiment reads from files, held as tensors and arrays.

Each object remembers the file it came from (`source`), so that a command line or a TOML file can
name it again; one made in memory has `source=None`. Arrays and lists are taken where tensors stand;
InputError for what has another shape, and for numbers that are none.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nb_core.errors import InputError

Shape = tuple[Any, ...]
"""The edges of an array: numbers, or names of edges that may have any length."""


@dataclass(frozen=True, eq=False, repr=False)
class StructureFactors:
    """Structure factor amplitudes of a P1 list, on a dense grid of h, k, l.

    F: amplitudes, electrons, shape (h, k, l); entries that the list lacks hold 0
    present: whether the list has an entry, shape (h, k, l)
    h_min, k_min, l_min: the indices of F[0, 0, 0]
    count: how many entries the list has
    source: the file, and kind: "hkl" (text) or "dump" (nanoBragg's Fdump.bin)
    friedel: whether Friedel mates that the file lacks were added
    """

    F: Float[Tensor, "h k l"]
    present: Bool[Tensor, "h k l"]
    h_min: int
    k_min: int
    l_min: int
    count: int
    source: str | None = None
    kind: Literal["hkl", "dump"] = "hkl"
    friedel: bool = False

    __no_type_check__ = True  # the arguments are checked here, and may be arrays or lists

    def __post_init__(self) -> None:
        shape = ("h", "k", "l")
        _set(self, F=_numbers("F", self.F, shape), present=_flags("present", self.present, shape))
        if self.present.shape != self.F.shape:
            remedy = f"expected the shape of F, {tuple(self.F.shape)}"
            raise InputError("present", tuple(self.present.shape), remedy)
        for name in ("h_min", "k_min", "l_min", "count"):
            _set(self, **{name: _whole(name, getattr(self, name))})
        if not self.F.detach()[self.present].isfinite().all():
            raise InputError(
                "F", "NaN or infinity", "an amplitude that is present must be a number"
            )

    def __repr__(self) -> str:
        where = self.source or "memory"
        size = " x ".join(str(edge) for edge in self.F.shape)
        return f"StructureFactors({self.count} in a grid of {size} (h, k, l), from {where})"


@dataclass(frozen=True, eq=False, repr=False)
class OrientationMatrix:
    """A MOSFLM A matrix: the columns are a*, b*, c* times the wavelength (dimensionless).

    values: shape (3, 3), rows x, y, z and columns a*, b*, c*
    """

    values: Float[Tensor, "3 3"]
    source: str | None = None

    __no_type_check__ = True  # the arguments are checked here, and may be arrays or lists

    def __post_init__(self) -> None:
        _set(self, values=_numbers("matrix", self.values, (3, 3)))
        if not self.values.detach().isfinite().all():
            raise InputError("matrix", "NaN or infinity", "expected nine numbers")

    def __repr__(self) -> str:
        rows = "; ".join(" ".join(f"{v:.6g}" for v in row) for row in self.values.tolist())
        return f"OrientationMatrix([{rows}], from {self.source or 'memory'})"


@dataclass(frozen=True, eq=False, repr=False)
class SourceTable:
    """Point sources of X-rays; NaN where the file leaves a column out.

    positions_m: where each source stands, metres, shape (source, 3); only the direction matters
    weights: relative intensity, shape (source,)
    wavelengths_m: metres, shape (source,)
    """

    positions_m: Float[Tensor, "source 3"]
    weights: Float[Tensor, " source"]
    wavelengths_m: Float[Tensor, " source"]
    source: str | None = None

    __no_type_check__ = True  # the arguments are checked here, and may be arrays or lists

    def __post_init__(self) -> None:
        count = len(_numbers("positions_m", self.positions_m, ("source", 3)))
        columns = {"positions_m": (count, 3), "weights": (count,), "wavelengths_m": (count,)}
        for name, shape in columns.items():
            column = _numbers(name, getattr(self, name), shape)
            if column.detach().isinf().any():
                raise InputError(name, "infinity", "expected numbers, or NaN for the default")
            _set(self, **{name: column})

    def __repr__(self) -> str:
        return f"SourceTable({len(self.weights)} sources, from {self.source or 'memory'})"


@dataclass(frozen=True, eq=False, repr=False)
class Mask:
    """Which pixels to render: True where the pixel is computed, shape (slow, fast)."""

    values: Bool[np.ndarray, "slow fast"]
    source: str | None = None

    __no_type_check__ = True  # the arguments are checked here, and may be arrays or lists

    def __post_init__(self) -> None:
        try:
            _set(self, values=np.asarray(self.values, dtype=bool))
        except (TypeError, ValueError):
            raise InputError("mask", type(self.values).__name__, "expected an array") from None
        if self.values.ndim != 2:
            raise InputError("mask", self.values.shape, "expected two axes, (slow, fast)")

    def __repr__(self) -> str:
        kept, shape = int(self.values.sum()), self.values.shape
        return f"Mask({kept} of {shape[0]} x {shape[1]} pixels, from {self.source or 'memory'})"


def _set(frozen: object, **fields: object) -> None:
    for name, value in fields.items():
        object.__setattr__(frozen, name, value)


def _numbers(field: str, value: Any, shape: Shape) -> Tensor:
    """A tensor of floating-point numbers, as it is; anything else as a new one in float64."""
    if not (isinstance(value, Tensor) and value.is_floating_point()):
        plain = value.detach().cpu().numpy() if isinstance(value, Tensor) else value
        try:
            value = torch.from_numpy(np.array(plain, dtype=np.float64))
        except (TypeError, ValueError, RuntimeError):
            remedy = f"expected numbers of the shape {_shown(shape)}"
            raise InputError(field, type(plain).__name__, remedy) from None
    _check_shape(field, value, shape)
    return value


def _flags(field: str, value: Any, shape: Shape) -> Tensor:
    if not (isinstance(value, Tensor) and value.dtype is torch.bool):
        try:
            value = torch.from_numpy(np.array(value, dtype=bool))
        except (TypeError, ValueError, RuntimeError):
            raise InputError(field, type(value).__name__, "expected true or false") from None
    _check_shape(field, value, shape)
    return value


def _check_shape(field: str, value: Tensor, shape: Shape) -> None:
    """Refuses another shape; a name stands for an edge of any length."""
    fits = value.ndim == len(shape) and all(
        isinstance(edge, str) or edge == size for edge, size in zip(shape, value.shape, strict=True)
    )
    if not fits:
        raise InputError(field, tuple(value.shape), f"expected the shape {_shown(shape)}")


def _shown(shape: Shape) -> str:
    return f"({', '.join(str(edge) for edge in shape)})"


def _whole(field: str, value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    try:
        return operator.index(value)
    except TypeError:
        raise InputError(field, value, "expected a whole number") from None
