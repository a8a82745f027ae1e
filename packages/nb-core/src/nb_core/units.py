"""Conversions between the units that users write and those the physics computes in.

Inside: metres for the detector and the beam, Angstrom for cell and wavelength, radians. Each
function takes a float or a tensor and returns the same; the order of operations is nanoBragg's,
so that the last bit agrees.
"""

from __future__ import annotations

from typing import TypeVar

import torch

__all__ = [
    "A_to_m",
    "cell_A_to_m",
    "deg_to_rad",
    "energy_eV_to_wavelength_A",
    "m_to_A",
    "m_to_mm",
    "mm_to_m",
    "mrad_to_rad",
    "percent_to_fraction",
    "rad_to_deg",
    "rad_to_mrad",
    "um_to_m",
]

Value = TypeVar("Value", float, torch.Tensor, float | torch.Tensor)

DEGREES_PER_RADIAN = 180.0 * (1.0 / 3.14159265358979323846)
HC_EV_ANGSTROM = 12398.42
"""Photon energy (eV) times wavelength (Angstrom), as nanoBragg rounds it."""


def mm_to_m(length: Value) -> Value:
    """Millimetres as metres."""
    return length / 1000.0


def um_to_m(length: Value) -> Value:
    """Micrometres as metres."""
    return length / 1e6


def m_to_mm(length: Value) -> Value:
    """Metres as millimetres."""
    return length * 1000.0


def m_to_A(length: Value) -> Value:
    """Metres as Angstrom."""
    return length * 1e10


def A_to_m(length: Value) -> Value:
    """Angstrom as metres."""
    return length / 1e10


def cell_A_to_m(length: Value) -> Value:
    """Angstrom as metres: of a cell's edges, which nanoBragg multiplies where it divides others."""
    return length * 1e-10


def deg_to_rad(angle: Value) -> Value:
    """Degrees as radians."""
    return angle / DEGREES_PER_RADIAN


def rad_to_deg(angle: Value) -> Value:
    """Radians as degrees."""
    return angle * DEGREES_PER_RADIAN


def mrad_to_rad(angle: Value) -> Value:
    """Milliradians as radians."""
    return angle / 1000.0


def rad_to_mrad(angle: Value) -> Value:
    """Radians as milliradians."""
    return angle * 1000.0


def percent_to_fraction(percentage: Value) -> Value:
    """Per cent as a fraction of 1."""
    return percentage / 100.0


def energy_eV_to_wavelength_A(energy: Value) -> Value:
    """The wavelength (Angstrom) of photons of an energy (eV)."""
    return HC_EV_ANGSTROM / energy
