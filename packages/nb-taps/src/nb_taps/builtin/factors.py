"""Taps on the two amplitudes: F_cell of the structure and F_latt of the lattice."""

from __future__ import annotations

from collections.abc import Mapping

from nb_physics.formulas import Origin
from nb_taps.record import PixelRecord
from nb_taps.tap import Field, Tap, Value

_STEP = ("subpixel", "source", "phi", "domain")


class FCellTap(Tap):
    """What the look-ups of structure factors found."""

    name = "f_cell"
    summary = "look-ups of F_cell: how many missed the list, found default_F or zero, and the range"
    quantities = ("F_cell", "F_cell_origin")
    fields = (
        Field("lookups", "1", (), "look-ups: sub-pixels x sources x phi x domains"),
        Field("out_of_bounds", "1", (), "of reflections outside the list's range (or no list)"),
        Field("gaps", "1", (), "of reflections within the range that the list does not have"),
        Field("interpolated", "1", (), "interpolated between 64 entries"),
        Field("default_F_hits", "1", (), "that found default_F: out of bounds and gaps"),
        Field("default_F", "electrons", (), "what these get"),
        Field("zero_hits", "1", (), "that found exactly 0"),
        Field("min", "electrons", (), "smallest F_cell"),
        Field("max", "electrons", (), "largest F_cell"),
        Field("mean", "electrons", (), "mean F_cell"),
    )

    def read(self, record: PixelRecord) -> Mapping[str, Value]:
        F, origin = record.array("F_cell"), record.array("F_cell_origin")
        assert F is not None
        assert origin is not None
        counts = {kind: int((origin == kind).sum()) for kind in Origin}
        return {
            "lookups": F.numel(),
            "out_of_bounds": counts[Origin.OUTSIDE],
            "gaps": counts[Origin.GAP],
            "interpolated": counts[Origin.INTERPOLATED],
            "default_F_hits": counts[Origin.OUTSIDE] + counts[Origin.GAP],
            "default_F": float(record.plan.experiment.crystal.default_F),
            "zero_hits": int((F == 0).sum()),
            "min": F.min(),
            "max": F.max(),
            "mean": F.mean(),
        }


class FLattTap(Tap):
    """The lattice factor and, for a parallelepiped, its three gratings."""

    name = "f_latt"
    summary = "lattice factor of each step: along a, b, c, and the product"
    quantities = ("F_latt_a", "F_latt_b", "F_latt_c", "F_latt")
    fields = (
        Field("F_latt_a", "1", _STEP, "grating of Na cells, up to its sign; null if not square"),
        Field("F_latt_b", "1", _STEP, "grating of Nb cells, up to its sign; null if not square"),
        Field("F_latt_c", "1", _STEP, "grating of Nc cells, up to its sign; null if not square"),
        Field("F_latt", "1", _STEP, "lattice factor, up to its sign"),
    )

    def read(self, record: PixelRecord) -> Mapping[str, Value]:
        return {name: record.array(name) for name in self.quantities}
