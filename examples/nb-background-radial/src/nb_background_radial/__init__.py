"""A background given by a table of its intensity, for nb."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from nb_core import BackgroundTerm, InputError, file_field, hookimpl
from nb_core.configs import Scalar
from nb_physics import Background, ScatteredRays

POINTS = 1024
"""Entries of the table that is looked up: the file's, interpolated at even steps."""


@dataclass(frozen=True)
class RadialTable(Background):
    """Photons per steradian by sin(theta) / lambda, interpolated linearly; 0 beyond the table.

    file: text with two columns, sin(theta) / lambda (1/Angstrom) and photons per steradian;
        comments begin with #
    scale: that multiplies it
    """

    name: ClassVar[str] = "radial"
    label: ClassVar[str] = "radial table"
    summary: ClassVar[str] = "photons per steradian by sin(theta) / lambda, from a file"
    tables: ClassVar[tuple[str, ...]] = ("values", "step")

    file: str = file_field()
    scale: Scalar = 1.0

    @classmethod
    def example_tables(cls) -> dict[str, Tensor]:
        return {"values": torch.ones(POINTS).double(), "step": torch.ones(()).double()}

    def read_tables(self) -> dict[str, Tensor]:
        stol, photons = self._columns()
        even = np.linspace(0.0, stol[-1], POINTS)
        values = np.interp(even, stol, photons, left=photons[0], right=0.0)
        step = torch.tensor(even[1], dtype=torch.float64)
        return {"values": torch.from_numpy(values), "step": step}

    def intensity(self, rays: ScatteredRays) -> Tensor:
        place, values = rays.stol / self.table("step"), self.table("values")
        left = place.detach().floor().clamp(0, POINTS - 2)
        entry = left.long()
        below = rays.arithmetic.take(values, entry)
        above = rays.arithmetic.take(values, entry + 1)
        found = below + (place - left) * (above - below)
        return self.scale * torch.where(place <= POINTS - 1, found, 0.0)

    def _columns(self) -> np.ndarray:
        if not self.file:
            raise InputError("radial.file", "(not given)", "name the file with the table")
        try:
            columns = np.loadtxt(self.file, dtype=np.float64, ndmin=2).T
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise InputError("radial.file", self.file, " ".join(str(error).split())) from error
        if columns.shape[0] != 2 or columns.shape[1] < 2:
            remedy = "expected two columns, sin(theta) / lambda and photons per steradian"
            raise InputError("radial.file", self.file, remedy)
        stol, photons = columns
        if not (np.isfinite(columns).all() and (np.diff(stol) > 0).all() and stol[0] >= 0):
            remedy = "sin(theta) / lambda must rise from line to line, from 0 or more"
            raise InputError("radial.file", self.file, remedy)
        if (photons < 0).any():
            raise InputError("radial.file", self.file, "photons per steradian must be 0 or more")
        return columns


@hookimpl
def nb_register_backgrounds() -> list[type[BackgroundTerm]]:
    return [RadialTable]
