"""A small crystal on a small detector near it, its noisy image, and a start that is off."""

import dataclasses
import warnings

import pytest
import torch

from nb_core import (
    BackgroundConfig,
    BeamConfig,
    CrystalConfig,
    DetectorConfig,
    Experiment,
    NbWarning,
    SamplingConfig,
)
from nb_physics import simulate

FIELDS = {
    "cell_a": 20.0,
    "cell_b": 24.0,
    "cell_c": 28.0,
    "cell_alpha": 82.0,
    "cell_beta": 95.0,
    "cell_gamma": 101.0,
    "misset_deg": (10.0, 20.0, 30.0),
    "N_cells": (6, 7, 5),
    "default_F": 100.0,
}


def make_experiment(**crystal):
    """Peaks of some 800 photons on a background of one."""
    return Experiment(
        CrystalConfig(**{**FIELDS, **crystal}),
        DetectorConfig(fpixels=160, spixels=160, pixel_size_mm=0.4, distance_mm=40.0),
        BeamConfig(wavelength_A=1.0, fluence=7.5e26),
        SamplingConfig(oversample=1),
        BackgroundConfig(water_size_um=0.024),
    )


@pytest.fixture(scope="session")
def truth():
    return make_experiment()


@pytest.fixture(scope="session")
def image(truth):
    with warnings.catch_warnings(action="ignore", category=NbWarning):
        expected = simulate(truth)
    return torch.poisson(expected, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="session")
def start(truth):
    """Off by a quarter of a degree, and by up to 0.4 % in the cell."""
    crystal = dataclasses.replace(
        truth.crystal, misset_deg=(10.25, 19.8, 30.2), cell_a=20.06, cell_b=23.93, cell_c=28.1
    )
    beam = dataclasses.replace(truth.beam, fluence=1.3 * truth.beam.fluence)
    return dataclasses.replace(truth, crystal=crystal, beam=beam)


@pytest.fixture(scope="session")
def near(truth):
    """Off by no more than a spot's width, in its orientation alone; quick to refine."""
    crystal = dataclasses.replace(truth.crystal, misset_deg=(10.1, 19.95, 30.05))
    return dataclasses.replace(truth, crystal=crystal)
