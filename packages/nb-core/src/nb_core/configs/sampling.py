"""How finely the detector is sampled, what lies behind the spots, and which pixels count."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from nb_core.configs import checks
from nb_core.configs.base import Config
from nb_core.configs.checks import Scalar


class Profile(Enum):
    """Whose physics: `reference` keeps nanoBragg's slips, `corrected` (the default) mends them."""

    REFERENCE = "reference"
    CORRECTED = "corrected"


class Roi(NamedTuple):
    """Pixels to render; x counts along the fast axis, y along the slow one, bounds inclusive."""

    xmin: int
    xmax: int
    ymin: int
    ymax: int


@dataclass(frozen=True, eq=False, repr=False)
class SamplingConfig(Config):
    """Sampling of the image.

    oversample: sub-pixels along each pixel edge; None chooses from crystal and pixel size
    oversample_thick, _polar, _omega: capture fraction, polarization and solid angle of each
        sub-pixel (the corrected profile always does so)
    dmin_A: leave out what scatters to a smaller spacing; 0 keeps all
    interpolate: structure factors between the reciprocal lattice points; None: if a crystal edge
        has two cells or fewer
    """

    oversample: int | None = None
    oversample_thick: bool = False
    oversample_polar: bool = False
    oversample_omega: bool = False
    dmin_A: Scalar = 0.0
    interpolate: bool | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.optional_count("oversample", self.oversample)
        for name in ("oversample_thick", "oversample_polar", "oversample_omega"):
            checks.flag(name, getattr(self, name))
        checks.not_negative("dmin_A", self.dmin_A, "Angstrom")
        if self.interpolate is not None:
            checks.flag("interpolate", self.interpolate)
