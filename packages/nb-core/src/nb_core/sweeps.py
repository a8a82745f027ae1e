"""How many steps a sweep takes: nanoBragg's rules for range, step and count.

Each sweep (rotation, divergence, dispersion, sensor layers) may be given by any of its range, its
step and its count; the rest is resolved here. None, or a negative number, means "not given"; only a
rotation of the corrected profile may turn backwards.
Angles are in radians, dispersion is a fraction, thickness is in metres.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from nb_core.configs.checks import Scalar, plain_number
from nb_core.errors import InputError
from nb_core.showing import Brief
from nb_core.units import deg_to_rad, rad_to_deg, rad_to_mrad

__all__ = [
    "MOST_STEPS",
    "Sweep",
    "refuse_too_many",
    "resolve_dispersion",
    "resolve_divergence",
    "resolve_layers",
    "resolve_mosaic",
    "resolve_phi",
    "resolve_rotation",
    "resolve_sensor",
]

MOST_STEPS = 10_000_000
"""Of one sweep, and of sweeps that are gone through together: more would not fit in memory."""

_ROUNDING = 1e-12
"""By how much a range of whole steps may exceed them, after degrees have become radians."""


@dataclass(frozen=True, repr=False)
class Sweep(Brief):
    """A resolved sweep: `count` samples, `step` apart, that stand for `range`.

    why: which rule decided, in words
    """

    range: Scalar
    step: Scalar
    count: int
    why: str


def resolve_phi(osc: Scalar | None, step: Scalar | None, count: int | None) -> Sweep:
    """The rotation about the spindle as nanoBragg has it; samples lie at the start of each step."""
    osc, step = _or_unset(osc), _or_unset(step)
    if osc < 0:
        if step > 0:
            return Sweep(step, step, 2, "a step without a range makes 2 steps")
        if count is None:
            return Sweep(0.0, 0.0, 1, "no rotation")
        osc = deg_to_rad(1.0)
        return Sweep(osc, osc / max(count, 1), max(count, 1), "a count alone covers 1 degree")
    if count is None:
        if step <= 0:
            return Sweep(osc, osc / 2.0, 2, "a range alone makes 2 steps")
        count = _steps(osc, step, "phi_step_deg (-phistep)", rad_to_deg)
        return Sweep(osc, step, max(1, count), "range and step given")
    count = max(count, 1)
    if step < 0:
        return Sweep(osc, osc / count, count, "range and count given")
    return Sweep(osc, step, count, "range, step and count given")


def resolve_rotation(osc: Scalar | None, step: Scalar | None, count: int | None) -> Sweep:
    """The rotation about the spindle, either way; samples lie in the middle of each step.

    As many steps as by nanoBragg's rules; a range that is given is filled with equal ones.
    Raises InputError for a step that turns against the range.
    """
    width, stride = (0.0 if given is None else plain_number(given) for given in (osc, step))
    if osc is None:
        if step is not None and stride:
            return Sweep(2 * step, step, 2, "a step without a range makes 2 steps")
        if count is None:
            return Sweep(0.0, 0.0, 1, "no rotation")
        degree, steps = deg_to_rad(1.0), max(count, 1)
        return Sweep(degree, degree / steps, steps, "a count alone covers 1 degree")
    if width * stride < 0:
        remedy = f"turns against the range, {rad_to_deg(width):.6g} degrees; give both one sign"
        raise InputError("phi_step_deg", round(rad_to_deg(stride), 9), remedy)
    if count is not None:
        steps = max(count, 1)
        return Sweep(osc, osc / steps, steps, "range and count given")
    if not width:
        return Sweep(osc, osc, 1, "a range of 0 is no rotation")
    if not stride:
        return Sweep(osc, osc / 2, 2, "a range alone makes 2 steps")
    wide = abs(width) * (1 - _ROUNDING)
    steps = max(1, _steps(wide, abs(stride), "phi_step_deg (-phistep)", rad_to_deg))
    return Sweep(osc, osc / steps, steps, "range and step given")


def resolve_divergence(
    width: Scalar | None, step: Scalar | None, count: int | None, axis: str = "hdiv"
) -> Sweep:
    """Horizontal or vertical beam divergence; axis: `hdiv` or `vdiv`, for errors."""
    grid = _grid(
        _or_unset(width), _or_unset(step), count or 0, 1.0, f"{axis}_step_mrad (-{axis}step)"
    )
    return _something(grid)


def resolve_dispersion(width: Scalar, count: int | None) -> Sweep:
    """Spectral dispersion; there is no way to give its step."""
    return _something(_grid(width, -1.0, count or 0, alone=1.0))


def resolve_layers(thickness: Scalar, count: int | None) -> Sweep:
    """Sensor layers as nanoBragg has them; with no count there are 2, of half the thickness each.

    A count of n makes them thickness / (n - 1) thick, so that they reach deeper than the sensor.
    """
    if not count:
        return _something(Sweep(thickness, thickness / 2, 2, "2 layers where no count is given"))
    return _something(_grid(thickness, -1.0, count, alone=0.5e-6))


def resolve_sensor(thickness: Scalar, count: int | None) -> Sweep:
    """Sensor layers that fill the thickness, all alike; 2 where no count is given."""
    layers = count or 2
    why = "count given" if count else "2 layers where no count is given"
    return _something(Sweep(thickness, thickness / layers, layers, why))


def refuse_too_many(counts: dict[str, int]) -> None:
    """InputError where sweeps that are gone through together make more than MOST_STEPS.

    counts: number of steps, by the name of the field that sets it
    """
    total = math.prod(counts.values())
    if total > MOST_STEPS:
        shown = " x ".join(f"{count}" for count in counts.values())
        remedy = f"{total:.3g} in all, at most {MOST_STEPS:.0e} are possible; take fewer"
        raise InputError(", ".join(counts), shown, remedy)


def resolve_mosaic(spread_deg: Scalar | None, domains: int | None) -> tuple[Scalar, int, str]:
    """Mosaic spread (degrees) and number of domains, with the rule that decided."""
    spread_deg = _or_unset(spread_deg)
    if spread_deg < 0:
        return 0.0, 1, "no mosaic spread"
    if spread_deg == 0:
        return spread_deg, 1, "a mosaic spread of 0 needs one domain"
    if not domains:
        return spread_deg, 10, "a mosaic spread without a number of domains makes 10"
    return spread_deg, domains, "as given"


def _steps(width: Scalar, step: Scalar, field: str, shown: Callable[[float], float]) -> int:
    """How many steps cover a range; InputError where they are more than MOST_STEPS.

    field: that sets the step; shown: turns radians into its unit
    """
    wide, apart = plain_number(width), plain_number(step)
    ratio = wide / apart if apart > 0 else math.inf
    if ratio > MOST_STEPS:
        remedy = f"too many steps for a range of {shown(wide):.6g}; make it larger"
        raise InputError(field, float(f"{shown(apart):.6g}"), remedy)
    return math.ceil(ratio)


def _or_unset(value: Scalar | None) -> Scalar:
    return -1.0 if value is None else value


def _grid(width: Scalar, step: Scalar, count: int, alone: float, field: str = "step") -> Sweep:
    """The rules that divergence, dispersion and layers share.

    alone: range of a bare count; field: that sets a divergence's step
    """
    if width < 0:
        if step > 0:
            return Sweep(step, step, 2, "a step without a range makes 2 steps")
        if count <= 0:
            return Sweep(0.0, 0.0, 1, "not given")
        return Sweep(alone, alone / count, count, f"a count alone covers {alone:g}")
    if step > 0:
        if count > 0:
            return Sweep(width, step, count, "range, step and count given")
        steps = _steps(width, step, field, rad_to_mrad)
        return Sweep(width, step, steps, "range and step given")
    if count <= 0:
        return Sweep(width, width, 2, "a range alone makes 2 steps")
    count = max(count, 2)
    return Sweep(width, width / (count - 1), count, "range and count given")


def _something(sweep: Sweep) -> Sweep:
    """A sweep over nothing is one sample."""
    if sweep.range <= 0 or sweep.step <= 0 or sweep.count <= 0:
        return Sweep(0.0, 0.0, 1, "no width, one step")
    return sweep
