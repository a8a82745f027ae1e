"""Conversions between the units that users write and those the physics computes in.

Inside: metres for the detector and the beam, Angstrom for cell and wavelength, radians. Each
function takes a float or a tensor and returns the same; the order of operations is nanoBragg's,
so that the last bit agrees.
"""

from __future__ import annotations

from typing import TypeVar

import torch

Value = TypeVar("Value", float, torch.Tensor, float | torch.Tensor)

DEGREES_PER_RADIAN = 180.0 * (1.0 / 3.14159265358979323846)
HC_EV_ANGSTROM = 12398.42
"""Photon energy (eV) times wavelength (Angstrom), as nanoBragg rounds it."""


def mm_to_m(length: Value) -> Value:
    return length / 1000.0


def um_to_m(length: Value) -> Value:
    return length / 1e6


def m_to_mm(length: Value) -> Value:
    return length * 1000.0


def m_to_A(length: Value) -> Value:
    return length * 1e10


def A_to_m(length: Value) -> Value:
    return length / 1e10


def cell_A_to_m(length: Value) -> Value:
    """Of a cell's edges, which nanoBragg multiplies where it divides a wavelength."""
    return length * 1e-10


def deg_to_rad(angle: Value) -> Value:
    return angle / DEGREES_PER_RADIAN


def rad_to_deg(angle: Value) -> Value:
    return angle * DEGREES_PER_RADIAN


def mrad_to_rad(angle: Value) -> Value:
    return angle / 1000.0


def rad_to_mrad(angle: Value) -> Value:
    return angle * 1000.0


def percent_to_fraction(percentage: Value) -> Value:
    return percentage / 100.0


def energy_eV_to_wavelength_A(energy: Value) -> Value:
    return HC_EV_ANGSTROM / energy
