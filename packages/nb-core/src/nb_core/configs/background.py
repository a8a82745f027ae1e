"""What scatters beside the crystal: nanoBragg's water, and terms that packages bring."""

from __future__ import annotations

import os
from dataclasses import dataclass

from nb_core.configs import checks
from nb_core.configs.base import Config
from nb_core.configs.checks import Scalar
from nb_core.configs.plugin_config import PluginConfig, PluginConfigKind
from nb_core.errors import InputError


@dataclass(frozen=True, eq=False, repr=False)
class BackgroundTerm(PluginConfig):
    """A term with fields of its own. What it computes is nb_physics.Background's."""


BACKGROUNDS: PluginConfigKind[BackgroundTerm] = PluginConfigKind(
    "nb_register_backgrounds", BackgroundTerm, "background"
)


def terms_of(
    field: str, value: object, folder: str | os.PathLike[str] = ""
) -> tuple[BackgroundTerm, ...]:
    """The backgrounds that a value stands for: one or several, as `PluginConfigKind.make` has them.

    Raises InputError as that does.
    """
    several = value if isinstance(value, list | tuple) else [value]
    return tuple(BACKGROUNDS.make(field, one, folder=folder) for one in several)


@dataclass(frozen=True, eq=False, repr=False)
class BackgroundConfig(Config):
    """What scatters beside the crystal.

    water_size_um: edge of a cube of water in the beam, micrometres
    terms: other backgrounds, which packages bring; corrected profile only
    """

    water_size_um: Scalar = 0.0
    terms: tuple[BackgroundTerm, ...] = ()

    __no_type_check__ = True  # checked here

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.not_negative("water_size_um", self.water_size_um, "micrometres")
        if not isinstance(self.terms, tuple):
            raise InputError("terms", self.terms, "expected a tuple of backgrounds")
        for term in self.terms:
            checks.instance("terms", term, BackgroundTerm)
