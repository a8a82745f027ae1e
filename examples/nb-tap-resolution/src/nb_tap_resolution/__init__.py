"""A tap for nb that shows the resolution of a pixel."""

from __future__ import annotations

from collections.abc import Mapping

from nb_taps import Field, PixelRecord, Tap, Value, hookimpl

RINGS = 10
FINEST_A = 2.0
"""Rings are shells of equal volume in reciprocal space: RINGS of them down to this spacing."""


class ResolutionTap(Tap):
    """Ring n goes from d = FINEST_A (RINGS / n)^(1/3) to FINEST_A (RINGS / (n + 1))^(1/3)."""

    name = "resolution"
    summary = "d-spacing and resolution ring of each sub-pixel"
    quantities = ("stol",)
    fields = (
        Field("d", "Angstrom", ("subpixel", "source"), "d-spacing; null at the direct beam"),
        Field("d_min", "Angstrom", (), "finest spacing in the pixel"),
        Field("d_max", "Angstrom", (), "coarsest; null with the direct beam in the pixel"),
        Field("ring", "1", ("subpixel", "source"), "0 to 9 down to 2 Angstrom, 10 on beyond"),
    )

    def read(self, record: PixelRecord) -> Mapping[str, Value]:
        stol = record.array("stol")
        assert stol is not None
        d = 1 / (2 * stol)
        ring = (RINGS * (FINEST_A / d) ** 3).floor().long()
        return {"d": d, "d_min": d.min(), "d_max": d.max(), "ring": ring}


@hookimpl
def nb_register_taps() -> list[Tap]:
    return [ResolutionTap()]
