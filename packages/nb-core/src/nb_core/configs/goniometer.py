"""The axis that the crystal turns about."""

from __future__ import annotations

from dataclasses import dataclass

from nb_core.configs import checks
from nb_core.configs.base import Config
from nb_core.configs.checks import Vector


@dataclass(frozen=True, eq=False, repr=False)
class GoniometerConfig(Config):
    """The rotation axis of an experiment with panels, which has no convention to set it.

    axis: direction in the lab, about which phi turns right-handed; default +x
    """

    axis: Vector | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.direction("goniometer.axis", self.axis)
