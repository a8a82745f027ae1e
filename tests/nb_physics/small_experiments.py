"""Small experiments for tests: large pixels near the crystal, so that a few of them see it all."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch

from nb_core import (
    BackgroundConfig,
    BeamConfig,
    CrystalConfig,
    CrystalShape,
    DetectorConfig,
    Experiment,
    Profile,
    SamplingConfig,
    Site,
    StructureFactors,
)
from nb_core.configs import Scalar
from nb_core.quantities import QUANTITIES
from nb_physics import Background, ScatteredRays

PROFILES = list(Profile)
_CONFIGS = {
    "crystal": CrystalConfig,
    "detector": DetectorConfig,
    "beam": BeamConfig,
    "sampling": SamplingConfig,
    "background": BackgroundConfig,
}
_HOME = {
    field.name: section for section, kind in _CONFIGS.items() for field in dataclasses.fields(kind)
}
_DEFAULTS: dict[str, Any] = {
    "cell_a": 21.0,
    "cell_b": 24.0,
    "cell_c": 19.0,
    "cell_alpha": 81.0,
    "cell_beta": 95.0,
    "cell_gamma": 102.0,
    "misset_deg": (11.0, 23.0, -37.0),
    "N_cells": (3, 4, 5),
    "default_F": 10.0,
    "fpixels": 6,
    "spixels": 5,
    "pixel_size_mm": 2.0,
    "distance_mm": 35.0,
    "oversample": 1,
    "profile": Profile.REFERENCE,
}


def small_experiment(**fields: Any) -> Experiment:
    """An experiment of 5 x 6 pixels (slow, fast); any field of any config can be given by name,
    and a whole config in place of one that its fields make.

    The profile is `reference` unless another is named.
    """
    sections: dict[str, dict[str, Any]] = {section: {} for section in _CONFIGS}
    rest = {}
    for name, value in {**_DEFAULTS, **fields}.items():
        if name in _HOME:
            sections[_HOME[name]][name] = value
        else:
            rest[name] = value
    configs = {section: kind(**sections[section]) for section, kind in _CONFIGS.items()}
    return Experiment(**{**configs, **rest})


def small_list(seed: int = 1, reach: int = 3, gaps: float = 0.2) -> StructureFactors:
    """Random amplitudes for h, k, l from -reach to reach (h from 1 - reach), some missing."""
    generator = torch.Generator().manual_seed(seed)
    shape = (2 * reach, 2 * reach + 1, 2 * reach + 1)
    F = 50.0 * torch.rand(shape, generator=generator, dtype=torch.float64) + 5.0
    present = torch.rand(shape, generator=generator) >= gaps
    F = torch.where(present, F, 0.0)
    return StructureFactors(F, present, 1 - reach, -reach, -reach, int(present.sum()))


def rich_experiment(**fields: Any) -> Experiment:
    """As `small_experiment`, with a list and more than one sub-pixel, source, phi and domain."""
    given = {
        "oversample": 2,
        "detector_thick_um": 400.0,
        "detector_abs_um": 300.0,
        "dispersion_percent": 5.0,
        "phi_steps": 2,
        "mosaic_spread_deg": 1.0,
        "mosaic_domains": 3,
        "structure_factors": small_list(),
    }
    return small_experiment(**{**given, **fields})


@dataclass(frozen=True)
class Slope(Background):
    """A background that grows with sin(theta) / lambda."""

    name = "slope"
    label = "slope"
    summary = "grows with sin(theta) / lambda"

    slope: Scalar = 1e9

    def intensity(self, rays: ScatteredRays) -> torch.Tensor:
        return torch.as_tensor(self.slope) * rays.stol


RICH: dict[str, dict[str, Any]] = {
    "reference": {},
    "corrected": {"profile": Profile.CORRECTED},
    "backgrounds": {"profile": Profile.CORRECTED, "terms": (Slope(), Slope(slope=2e8))},
    "dmin": {"dmin_A": 6.0},
    "dmin, corrected": {"dmin_A": 6.0, "profile": Profile.CORRECTED},
    "oversample_thick": {"oversample_thick": True},
    "oversample_polar": {"oversample_polar": True},
    "oversample_omega": {"oversample_omega": True},
    "interpolated": {"interpolate": True},
    "water and no list": {"water_size_um": 0.01, "structure_factors": None},
    **{shape.value: {"shape": shape} for shape in CrystalShape},
}
"""Fields of rich experiments that differ in what they offer to a recorder."""


def offered(experiment: Experiment) -> set[str]:
    """The quantities that an experiment has: most of them, some only where they mean something."""
    sampling, corrected = experiment.sampling, experiment.profile is Profile.CORRECTED
    in_sum = {
        "capture_used": sampling.oversample_thick,
        "polarization_used": sampling.oversample_polar,
        "omega_used": sampling.oversample_omega,
    }
    lacking = {name for name, summed in in_sum.items() if corrected or summed}
    if not experiment.background.terms:
        lacking.add("background_photons")
    if sampling.dmin_A == 0:
        lacking.add("within_dmin")
    if experiment.crystal.shape is not CrystalShape.SQUARE:
        lacking |= {"F_latt_a", "F_latt_b", "F_latt_c"}
    if not corrected:
        lacking.add("water_photons" if any(in_sum.values()) else "weight")
    return set(QUANTITIES) - lacking


class Collector:
    """A recorder that keeps what it is given: quantity -> list of (site, value)."""

    def __init__(self, *quantities: str) -> None:
        self.quantities = quantities
        self.values: dict[str, list[tuple[Site, torch.Tensor]]] = {}

    def wants(self, quantity: str) -> bool:
        return not self.quantities or quantity in self.quantities

    def record(self, quantity: str, value: torch.Tensor, site: Site) -> None:
        self.values.setdefault(quantity, []).append((site, value.clone()))

    def all(self, quantity: str) -> list[torch.Tensor]:
        """The values in the order in which they came."""
        return [value for _, value in self.values[quantity]]
