"""The crystal of `nb demo`: a small tetragonal protein with amplitudes out of a random model."""

from __future__ import annotations

import numpy as np
import torch

from nb_core import (
    BackgroundConfig,
    BeamConfig,
    CrystalConfig,
    DetectorConfig,
    Experiment,
    OutputConfig,
    SamplingConfig,
    StructureFactors,
)

CELL_A = (79.1, 79.1, 37.9)
"""Edges of a cell of lysozyme's size, Angstrom."""

ATOMS = 1000
MEAN_F_PER_ATOM = 6.7
TEMPERATURE_FACTOR_A2 = 20.0
SMALLEST_SPACING_A = 1.9


def demo_experiment() -> Experiment:
    """A one-degree rotation image of a lysozyme-sized crystal with some water about it."""
    return Experiment(
        CrystalConfig(
            cell_a=CELL_A[0],
            cell_b=CELL_A[1],
            cell_c=CELL_A[2],
            misset_deg=(12.0, 23.0, 41.0),
            N_cells=(12, 12, 22),
            phi_start_deg=0.0,
            osc_range_deg=1.0,
            phi_steps=15,
            mosaic_spread_deg=0.25,
            mosaic_domains=16,
        ),
        DetectorConfig(fpixels=1000, spixels=1000, pixel_size_mm=0.172, distance_mm=160.0),
        BeamConfig(wavelength_A=0.9795, polarization_factor=0.9, fluence=4e27),
        SamplingConfig(oversample=1),
        BackgroundConfig(water_size_um=0.061),
        structure_factors=demo_amplitudes(),
        outputs=OutputConfig(noise_seed=2026),
    )


def demo_amplitudes(seed: int = 79) -> StructureFactors:
    """Wilson-distributed amplitudes with 4/mmm symmetry, to 1.9 Angstrom.

    Wilson, Acta Cryst. 2 (1949) 318: acentric intensities are exponentially distributed about a
    mean that falls off with the temperature factor.
    """
    limits = [int(edge / SMALLEST_SPACING_A) for edge in CELL_A]
    h, k, l = np.meshgrid(*(np.arange(-n, n + 1) for n in limits), indexing="ij")
    inverse_d2 = (h / CELL_A[0]) ** 2 + (k / CELL_A[1]) ** 2 + (l / CELL_A[2]) ** 2
    wilson_mean = ATOMS * MEAN_F_PER_ATOM**2 * np.exp(-TEMPERATURE_FACTOR_A2 * inverse_d2 / 2)
    low, high = np.minimum(abs(h), abs(k)), np.maximum(abs(h), abs(k))
    draws = np.random.default_rng(seed).exponential(size=[n + 1 for n in (*limits[:2], limits[2])])
    amplitudes = np.sqrt(wilson_mean * draws[low, high, abs(l)])
    present = inverse_d2 <= 1 / SMALLEST_SPACING_A**2
    present &= ~((h == 0) & (k == 0) & (l == 0))
    return StructureFactors(
        F=torch.from_numpy(np.where(present, amplitudes, 0.0).round(2)),
        present=torch.from_numpy(present),
        h_min=-limits[0],
        k_min=-limits[1],
        l_min=-limits[2],
        count=int(present.sum()),
    )
