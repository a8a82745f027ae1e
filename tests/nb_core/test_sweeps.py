"""Range, step and count: every rule, by numbers worked out by hand."""

import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from nb_core.errors import InputError
from nb_core.sweeps import (
    refuse_too_many,
    resolve_dispersion,
    resolve_divergence,
    resolve_layers,
    resolve_mosaic,
    resolve_phi,
    resolve_rotation,
    resolve_sensor,
)

DEGREE = math.pi / 180


@pytest.mark.parametrize(
    ("given_as", "expected"),
    [
        ((None, None, None), (0, 0, 1)),
        ((None, 0.0, None), (0, 0, 1)),
        ((None, 0.25, None), (0.25, 0.25, 2)),
        ((None, 0.25, 7), (0.25, 0.25, 2)),
        ((None, None, 4), (DEGREE, DEGREE / 4, 4)),
        ((None, 0.0, 4), (DEGREE, DEGREE / 4, 4)),
        ((None, None, 1), (DEGREE, DEGREE, 1)),
        ((None, None, 0), (DEGREE, DEGREE, 1)),
        ((-1.0, None, 4), (DEGREE, DEGREE / 4, 4)),
        ((-1.0, -1.0, None), (0, 0, 1)),
        ((0.5, None, None), (0.5, 0.25, 2)),
        ((0.5, 0.0, None), (0.5, 0.25, 2)),
        ((0.5, 0.25, None), (0.5, 0.25, 2)),
        ((0.5, 0.2, None), (0.5, 0.2, 3)),
        ((0.5, 2.0, None), (0.5, 2.0, 1)),
        ((0.0, 0.2, None), (0, 0.2, 1)),
        ((0.0, None, None), (0, 0, 2)),
        ((0.5, None, 4), (0.5, 0.125, 4)),
        ((0.5, None, 0), (0.5, 0.5, 1)),
        ((0.5, 0.2, 4), (0.5, 0.2, 4)),
        ((0.5, 0.0, 4), (0.5, 0.0, 4)),
    ],
)
def test_behaviour_20_rotation(given_as, expected):
    sweep = resolve_phi(*given_as)
    assert (sweep.range, sweep.step, sweep.count) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("given_as", "expected"),
    [
        ((None, 0.25, None), (0.5, 0.25, 2)),
        ((None, 0.25, 7), (0.5, 0.25, 2)),
        ((0.5, None, None), (0.5, 0.25, 2)),
        ((0.5, 0.0, None), (0.5, 0.25, 2)),
        ((0.5, 0.25, None), (0.5, 0.25, 2)),
        ((0.5, 0.2, None), (0.5, 0.5 / 3, 3)),
        ((0.5, 2.0, None), (0.5, 0.5, 1)),
        ((DEGREE, DEGREE / 10, None), (DEGREE, DEGREE / 10, 10)),
        ((0.5, None, 4), (0.5, 0.125, 4)),
        ((0.5, None, 0), (0.5, 0.5, 1)),
        ((0.5, 0.2, 4), (0.5, 0.125, 4)),
        ((0.5, 0.0, 4), (0.5, 0.125, 4)),
    ],
)
def test_behaviour_22_the_corrected_rotation_turns_either_way(given_as, expected, sign):
    """With the same signs for range and step: as many steps, to the other side."""
    osc, step, count = given_as
    turned = (None if part is None else sign * part for part in (osc, step))
    sweep = resolve_rotation(*turned, count)
    wanted = (sign * expected[0], sign * expected[1], expected[2])
    assert (sweep.range, sweep.step, sweep.count) == pytest.approx(wanted, rel=1e-12)


def test_behaviour_22_what_is_not_turned_stays():
    assert resolve_rotation(None, None, None).count == 1
    assert resolve_rotation(None, 0.0, None).range == 0
    assert (resolve_rotation(0.0, 0.2, None).count, resolve_rotation(0.0, None, 5).count) == (1, 5)
    assert resolve_rotation(None, None, 4).range == pytest.approx(DEGREE)


@pytest.mark.parametrize(("osc", "step"), [(1.0, -0.1), (-1.0, 0.1)])
@pytest.mark.parametrize("count", [None, 10])
def test_behaviour_22_a_step_against_the_range_is_refused(osc, step, count):
    with pytest.raises(InputError, match=r"phi_step_deg: .*5.7.*turns against the range, .*57.29"):
        resolve_rotation(osc, step, count)


@pytest.mark.parametrize(
    ("given_as", "expected"),
    [
        ((None, None, None), (0, 0, 1)),
        ((None, 0.0, 0), (0, 0, 1)),
        ((None, 0.25, None), (0.25, 0.25, 2)),
        ((None, 0.25, 7), (0.25, 0.25, 2)),
        ((None, None, 4), (1.0, 0.25, 4)),
        ((-2.0, -1.0, 4), (1.0, 0.25, 4)),
        ((0.5, None, None), (0.5, 0.5, 2)),
        ((0.5, None, 0), (0.5, 0.5, 2)),
        ((0.5, 0.25, None), (0.5, 0.25, 2)),
        ((0.5, 0.2, None), (0.5, 0.2, 3)),
        ((0.5, None, 5), (0.5, 0.125, 5)),
        ((0.5, 0.0, 1), (0.5, 0.5, 2)),
        ((0.5, 0.2, 9), (0.5, 0.2, 9)),
        ((0.0, 0.2, None), (0, 0, 1)),
        ((0.0, 0.2, 3), (0, 0, 1)),
        ((0.0, None, 3), (0, 0, 1)),
    ],
)
def test_behaviour_20_divergence(given_as, expected):
    sweep = resolve_divergence(*given_as)
    assert (sweep.range, sweep.step, sweep.count) == expected


@pytest.mark.parametrize(
    ("given_as", "expected"),
    [
        ((0.0, None), (0, 0, 1)),
        ((0.0, 5), (0, 0, 1)),
        ((0.02, None), (0.02, 0.02, 2)),
        ((0.02, 0), (0.02, 0.02, 2)),
        ((0.02, 1), (0.02, 0.02, 2)),
        ((0.02, 5), (0.02, 0.005, 5)),
        ((-0.5, None), (0, 0, 1)),
        ((-0.5, 4), (1.0, 0.25, 4)),
    ],
)
def test_behaviour_20_dispersion(given_as, expected):
    sweep = resolve_dispersion(*given_as)
    assert (sweep.range, sweep.step, sweep.count) == expected


@pytest.mark.parametrize(
    ("given_as", "expected"),
    [
        ((0.0, None), (0, 0, 1)),
        ((0.0, 7), (0, 0, 1)),
        ((4e-4, None), (4e-4, 2e-4, 2)),
        ((4e-4, 0), (4e-4, 2e-4, 2)),
        ((4e-4, 1), (4e-4, 4e-4, 2)),
        ((4e-4, 5), (4e-4, 1e-4, 5)),
        ((-1.0, 5), (0.5e-6, 1e-7, 5)),
        ((-1.0, None), (0, 0, 1)),
    ],
)
def test_behaviour_20_layers(given_as, expected):
    sweep = resolve_layers(*given_as)
    assert (sweep.range, sweep.step, sweep.count) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("given_as", "expected"),
    [
        ((None, None), (0, 1)),
        ((None, 7), (0, 1)),
        ((-0.1, 7), (0, 1)),
        ((0.0, None), (0, 1)),
        ((0.0, 7), (0, 1)),
        ((0.1, None), (0.1, 10)),
        ((0.1, 0), (0.1, 10)),
        ((0.1, 1), (0.1, 1)),
        ((0.1, 7), (0.1, 7)),
    ],
)
def test_behaviour_20_mosaic(given_as, expected):
    assert resolve_mosaic(*given_as)[:2] == expected


@pytest.mark.parametrize(
    ("given_as", "expected"),
    [
        ((0.0, None), (0, 0, 1)),
        ((0.0, 7), (0, 0, 1)),
        ((4e-4, None), (4e-4, 2e-4, 2)),
        ((4e-4, 0), (4e-4, 2e-4, 2)),
        ((4e-4, 1), (4e-4, 4e-4, 1)),
        ((4e-4, 2), (4e-4, 2e-4, 2)),
        ((4e-4, 5), (4e-4, 0.8e-4, 5)),
    ],
)
def test_behaviour_20_corrected_layers_fill_the_thickness(given_as, expected):
    sweep = resolve_sensor(*given_as)
    assert (sweep.range, sweep.step, sweep.count) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("resolve", "field"),
    [
        (resolve_phi, "phi_step_deg"),
        (resolve_rotation, "phi_step_deg"),
        (resolve_divergence, "hdiv_step_mrad"),
    ],
)
def test_more_steps_than_fit_in_memory_are_refused(resolve, field):
    assert resolve(1e7 - 1.0, 1.0, None).count == 10**7 - 1
    for width, step in ((2e7, 1.0), (1e300, 1e-300), (1.0, 1e-320)):
        with pytest.raises(InputError, match=f"{field} .*: .*too many steps for a range"):
            resolve(width, step, None)


def test_a_vertical_step_is_named_as_such():
    with pytest.raises(InputError, match=r"vdiv_step_mrad .-vdivstep.: 1e-06: .* range of 1000;"):
        resolve_divergence(1.0, 1e-9, None, "vdiv")


def test_sweeps_that_are_gone_through_together_have_a_limit():
    refuse_too_many({"phi_steps": 10**4, "mosaic_domains": 10**3})
    with pytest.raises(InputError, match=r"phi_steps, mosaic_domains: 10001 x 1000: 1e\+07 in all"):
        refuse_too_many({"phi_steps": 10**4 + 1, "mosaic_domains": 10**3})


def test_a_range_and_a_step_keep_their_gradient():
    width = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    step = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)
    assert resolve_phi(width, step, None).count == 3
    for resolve in (resolve_phi, resolve_divergence):
        sweep = resolve(width, None, 5)
        (gradient,) = torch.autograd.grad(sweep.step, width)
        assert gradient == (0.2 if resolve is resolve_phi else 0.25)
        assert resolve(width, step, 5).step is step
    assert resolve_dispersion(width, 3).range is width
    assert resolve_layers(width, 3).step.requires_grad
    assert resolve_mosaic(width, None)[0] is width


lengths = st.none() | st.floats(-10, 10)
counts = st.none() | st.integers(0, 1000)


@given(lengths, lengths, counts)
def test_any_sweep_has_a_sample_and_a_finite_step(width, step, count):
    assume(width is None or step is None or not 0 < step < 1e-6)
    for resolve in (resolve_phi, resolve_divergence):
        _check(resolve(width, step, count))
    _check(resolve_layers(width or 0.0, count))
    _check(resolve_sensor(width or 0.0, count))
    _check(resolve_dispersion(width or 0.0, count))
    spread, domains, why = resolve_mosaic(width, count)
    assert domains >= 1
    assert spread >= 0
    assert why


def _check(sweep):
    assert sweep.count >= 1
    assert math.isfinite(sweep.step)
    assert sweep.step >= 0
    assert math.isfinite(sweep.range)
    assert sweep.range >= 0
    assert sweep.why


@given(st.floats(1e-3, 10), st.floats(1e-3, 10))
def test_a_step_covers_its_range(width, step):
    for resolve in (resolve_phi, resolve_divergence):
        sweep = resolve(width, step, None)
        assert (sweep.count - 1) * step < width * (1 + 1e-12)
        assert sweep.count * step >= width * (1 - 1e-12)
