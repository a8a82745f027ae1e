"""What an experiment reads from files, held as tensors and arrays.

Each object remembers the file it came from (`source`), so that a command line or a TOML file can
name it again; one made in memory has `source=None`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
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


@dataclass(frozen=True, eq=False)
class OrientationMatrix:
    """A MOSFLM A matrix: the columns are a*, b*, c* times the wavelength (dimensionless).

    values: shape (3, 3), rows x, y, z and columns a*, b*, c*
    """

    values: Float[Tensor, "3 3"]
    source: str | None = None


@dataclass(frozen=True, eq=False)
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


@dataclass(frozen=True, eq=False)
class Mask:
    """Which pixels to render: True where the pixel is computed, shape (slow, fast)."""

    values: Bool[np.ndarray, "slow fast"]
    source: str | None = None
