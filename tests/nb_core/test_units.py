"""Conversions of units, by numbers that can be looked up."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nb_core import units


@pytest.mark.parametrize(
    ("convert", "value", "expected"),
    [
        (units.mm_to_m, 102.4, 0.1024),
        (units.um_to_m, 450.0, 4.5e-4),
        (units.m_to_mm, 0.1024, 102.4),
        (units.m_to_A, 1e-10, 1.0),
        (units.A_to_m, 1.5, 1.5e-10),
        (units.cell_A_to_m, 70.0, 7e-9),
        (units.deg_to_rad, 180.0, math.pi),
        (units.rad_to_deg, math.pi, 180.0),
        (units.mrad_to_rad, 2.0, 0.002),
        (units.percent_to_fraction, 2.0, 0.02),
        (units.energy_eV_to_wavelength_A, 12398.42, 1.0),
        (units.energy_eV_to_wavelength_A, 2000.0, 6.19921),
    ],
)
def test_a_float_and_a_tensor_convert_alike(convert, value, expected):
    plain = convert(value)
    assert type(plain) is float
    assert plain == pytest.approx(expected, rel=1e-15)
    tensor = torch.tensor(value, dtype=torch.float64, requires_grad=True)
    converted = convert(tensor)
    assert converted.item() == plain
    (gradient,) = torch.autograd.grad(converted, tensor)
    assert gradient.isfinite()
    assert gradient != 0


def test_a_degree_is_nanobragg_s_to_the_last_bit():
    assert units.DEGREES_PER_RADIAN == 180.0 * 0.31830988618379067154
    assert units.deg_to_rad(1.0) == 1.0 / units.DEGREES_PER_RADIAN


@given(st.floats(-1e6, 1e6))
def test_there_and_back(value):
    pairs = (
        (units.mm_to_m, units.m_to_mm),
        (units.A_to_m, units.m_to_A),
        (units.deg_to_rad, units.rad_to_deg),
    )
    for there, back in pairs:
        assert back(there(value)) == pytest.approx(value, rel=1e-14)
