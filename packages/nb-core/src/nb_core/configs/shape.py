"""Shapes of crystals: nanoBragg's four by name, and those that packages bring."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum

from nb_core.configs.plugin_config import PluginConfig, PluginConfigKind


class CrystalShape(Enum):
    """How the crystal ends, and so the shape of its spots: those that nanoBragg has."""

    SQUARE = "square"
    ROUND = "round"
    GAUSS = "gauss"
    TOPHAT = "tophat"


@dataclass(frozen=True, eq=False, repr=False)
class Shape(PluginConfig):
    """A shape with fields of its own. What it computes is nb_physics.LatticeFactor's."""


SHAPES: PluginConfigKind[Shape] = PluginConfigKind("nb_register_shapes", Shape, "CrystalShape")
"""The shapes of a crystal, as packages bring them."""


def shape_of(
    field: str, value: object, folder: str | os.PathLike[str] = ""
) -> CrystalShape | Shape:
    """What a value stands for: one of nanoBragg's shapes, by itself, its name or value in any case;
    or a shape that a package brings (`PluginConfigKind.make`). InputError for another.
    """
    if isinstance(value, CrystalShape):
        return value
    if isinstance(value, str):
        for member in CrystalShape:
            if value.strip().lower() in (member.name.lower(), member.value):
                return member
    return SHAPES.make(field, value, [member.value for member in CrystalShape], folder)
