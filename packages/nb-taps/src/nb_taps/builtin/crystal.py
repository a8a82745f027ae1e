"""Taps on the crystal: its orientations, and where they put a pixel in reciprocal space."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from nb_core.units import rad_to_deg
from nb_physics.formulas import Origin
from nb_taps.record import PixelRecord
from nb_taps.tap import Field, Tap, Value

_STEP = ("subpixel", "source", "phi", "domain")


class OrientationTap(Tap):
    """The cell in the laboratory."""

    name = "orientation"
    summary = "cell vectors of each phi step and mosaic domain"
    quantities = ("cell_vectors",)
    fields = (
        Field("phi", "deg", ("phi",), "spindle angle of each step"),
        Field("cell_vectors", "Angstrom", ("phi", "domain", "abc", "xyz"), "a, b, c in the lab"),
    )

    def read(self, record: PixelRecord) -> Mapping[str, Value]:
        return {
            "phi": rad_to_deg(record.plan.phi_angles),
            "cell_vectors": record.array("cell_vectors"),
        }


class HklSubpixelTap(Tap):
    """The Miller indices, and what was found there."""

    name = "hkl_subpixel"
    summary = "h k l of each sub-pixel and step, its reflection, and F_cell there"
    quantities = ("hkl", "hkl_nearest", "F_cell", "F_cell_origin")
    fields = (
        Field("hkl", "1", (*_STEP, "hkl"), "fractional Miller indices"),
        Field("hkl_nearest", "1", (*_STEP, "hkl"), "nearest reflection"),
        Field("F_cell", "electrons", _STEP, "structure factor amplitude used"),
        Field("in_list", "1", _STEP, "1 where F_cell is from the list, 0 where it is default_F"),
    )

    def read(self, record: PixelRecord) -> Mapping[str, Value]:
        origin = record.array("F_cell_origin")
        assert origin is not None
        return {
            "hkl": record.array("hkl"),
            "hkl_nearest": record.array("hkl_nearest"),
            "F_cell": record.array("F_cell"),
            "in_list": (origin >= Origin.LISTED).to(torch.int64),
        }


class HklBoundsTap(Tap):
    """Whether the list of structure factors reaches as far as the pixel does."""

    name = "hkl_bounds"
    summary = "range of reflections that the pixel touches, against the range of the list"
    quantities = ("hkl_nearest",)
    fields = (
        Field("touched_min", "1", ("hkl",), "lowest h, k, l looked up"),
        Field("touched_max", "1", ("hkl",), "highest h, k, l looked up"),
        Field("list_min", "1", ("hkl",), "lowest h, k, l of the list; null without one"),
        Field("list_max", "1", ("hkl",), "highest h, k, l of the list; null without one"),
        Field("within", "1", (), "whether the list covers all that is touched; null without one"),
    )

    def read(self, record: PixelRecord) -> Mapping[str, Value]:
        nearest = record.array("hkl_nearest")
        assert nearest is not None
        touched = nearest.reshape(-1, 3).to(torch.int64)
        lowest, highest = touched.amin(dim=0), touched.amax(dim=0)
        found: dict[str, Value] = {"touched_min": lowest, "touched_max": highest}
        factors = record.plan.experiment.structure_factors
        if factors is None:
            return {**found, "list_min": None, "list_max": None, "within": None}
        first = torch.tensor([factors.h_min, factors.k_min, factors.l_min])
        last = first + torch.tensor(factors.F.shape) - 1
        within = bool((lowest >= first).all() and (highest <= last).all())
        return {**found, "list_min": first, "list_max": last, "within": within}
