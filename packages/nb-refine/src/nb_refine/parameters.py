"""What is refined: numbers with bounds, and the way from them to an experiment."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import (
    DetectorConvention,
    DetectorPivot,
    Experiment,
    InputError,
    OrientationMatrix,
    Profile,
)
from nb_core.units import m_to_mm
from nb_physics import Plan
from nb_refine.lattice import TERMS, TIES, Lattice, check_cell, free_terms
from nb_refine.panel_moves import REACH, UNITS, move_starts, moved, panels_of

Values = Mapping[str, Tensor]
"""The value of each parameter, a tensor of no dimensions, by its name."""


@dataclass(frozen=True)
class Parameter:
    """A number to refine, in the unit of its field.

    group: what the user asked for ("cell"); geometric: whether it moves spots
    """

    name: str
    group: str
    unit: str
    start: float
    lower: float
    upper: float
    geometric: bool


@dataclass(frozen=True, eq=False)
class Model:
    """An experiment as a function of its parameters; everything else is fixed.

    base: the experiment at the start, with its whole numbers (oversample) resolved
    """

    base: Experiment
    plan: Plan
    lattice: Lattice
    parameters: tuple[Parameter, ...]

    @property
    def names(self) -> list[str]:
        return [parameter.name for parameter in self.parameters]

    @property
    def start(self) -> Float[Tensor, " parameters"]:
        return torch.tensor([p.start for p in self.parameters], dtype=torch.float64)

    @property
    def groups(self) -> list[str]:
        return list(dict.fromkeys(parameter.group for parameter in self.parameters))

    def bounds(self) -> tuple[Float[Tensor, " parameters"], Float[Tensor, " parameters"]]:
        """Lower and upper."""
        lower = torch.tensor([p.lower for p in self.parameters], dtype=torch.float64)
        upper = torch.tensor([p.upper for p in self.parameters], dtype=torch.float64)
        return lower, upper

    def experiment(self, values: Float[Tensor, " parameters"]) -> Experiment:
        """The experiment with these values; gradients and tangents are kept."""
        named = dict(zip(self.names, values, strict=True))
        experiment = self.base
        for group in self.groups:
            experiment = GROUPS[group].apply(self, experiment, named)
        return experiment


@dataclass(frozen=True)
class Group:
    """What belongs to a name on the command line.

    describe: the parameters, or InputError where the experiment has none
    apply: the experiment with their values
    """

    describe: Callable[[Experiment, Plan, Lattice], list[Parameter]]
    apply: Callable[[Model, Experiment, Values], Experiment]


def make_model(
    experiment: Experiment,
    plan: Plan,
    groups: Sequence[str],
    lattice: Lattice = Lattice.TRICLINIC,
    limits: Mapping[str, tuple[float, float]] | None = None,
) -> Model:
    """The parameters of these groups, within their bounds.

    plan: of the experiment; limits: lower and upper bounds by parameter, in place of the defaults
    Raises InputError for a group that there is not, or that this experiment cannot have, and for
    several crystals.
    """
    if experiment.more_crystals:
        remedy = "one crystal is refined; leave the others out"
        raise InputError("more_crystals", f"{len(experiment.crystals)} crystals", remedy)
    if not groups:
        raise InputError("parameters", "none", f"name one or more of: {', '.join(GROUPS)}")
    for group in groups:
        if group not in GROUPS:
            raise InputError("parameters", group, f"expected some of: {', '.join(GROUPS)}")
    found = [
        p for g in GROUPS if g in groups for p in GROUPS[g].describe(experiment, plan, lattice)
    ]
    known = [parameter.name for parameter in found]
    for name in limits or {}:
        if name not in known:
            raise InputError("limits", name, f"the parameters are: {', '.join(known)}")
    limited = tuple(_limited(parameter, (limits or {}).get(parameter.name)) for parameter in found)
    sampling = dataclasses.replace(
        experiment.sampling, oversample=plan.oversample, interpolate=plan.interpolate
    )
    base = dataclasses.replace(experiment, sampling=sampling)
    return Model(base, plan, lattice, limited)


def _limited(parameter: Parameter, limit: tuple[float, float] | None) -> Parameter:
    if limit is None:
        return parameter
    if not limit[0] < parameter.start < limit[1]:
        remedy = f"must enclose the start, {parameter.start:g}"
        raise InputError(f"limits of {parameter.name}", limit, remedy)
    return dataclasses.replace(parameter, lower=limit[0], upper=limit[1])


def _around(
    name: str, group: str, unit: str, start: float, reach: float, *, geometric: bool = True
) -> Parameter:
    return Parameter(name, group, unit, start, start - reach, start + reach, geometric)


def _times(
    name: str, group: str, unit: str, start: float, low: float, high: float, geometric: bool = False
) -> Parameter:
    return Parameter(name, group, unit, start, start * low, start * high, geometric)


def _describe_misset(experiment: Experiment, plan: Plan, lattice: Lattice) -> list[Parameter]:
    angles = torch.rad2deg(plan.cell.misset.detach()).tolist()
    return [
        _around(f"misset_{axis}", "misset", "deg", angle, 5.0)
        for axis, angle in zip("xyz", angles, strict=True)
    ]


def _apply_misset(model: Model, experiment: Experiment, values: Values) -> Experiment:
    angles = torch.stack([values[f"misset_{axis}"] for axis in "xyz"])
    return _with(experiment, "crystal", misset_deg=angles)


def plain_cell(experiment: Experiment) -> dict[str, float]:
    """The cell with its defaults (Angstrom, degrees), by `TERMS`; InputError for a matrix."""
    crystal = experiment.crystal
    if crystal.vectors_A is not None:
        remedy = "they set cell and orientation; give the cell and U_matrix to refine it"
        raise InputError("crystal.vectors_A", "a, b, c", remedy)
    if isinstance(crystal.matrix, OrientationMatrix) or crystal.cell_a is None:
        remedy = "an A matrix sets the cell's directions; give the cell and misset_deg to refine it"
        raise InputError("crystal.matrix", crystal.matrix and crystal.matrix.source, remedy)
    a = float(crystal.cell_a)
    defaults = (a, a, a, 90.0, 90.0, 90.0)
    given = [getattr(crystal, f"cell_{term}") for term in TERMS]
    return {
        term: default if value is None else float(value)
        for term, value, default in zip(TERMS, given, defaults, strict=True)
    }


def _describe_cell(experiment: Experiment, plan: Plan, lattice: Lattice) -> list[Parameter]:
    cell = plain_cell(experiment)
    check_cell(lattice, cell)
    found = []
    for term in free_terms(lattice):
        edge = term in ("a", "b", "c")
        unit, reach = ("A", 0.05 * cell[term]) if edge else ("deg", 5.0)
        found.append(_around(f"cell_{term}", "cell", unit, cell[term], reach))
    return found


def _apply_cell(model: Model, experiment: Experiment, values: Values) -> Experiment:
    ties = zip(TERMS, TIES[model.lattice], strict=True)
    cell = {
        f"cell_{term}": values[f"cell_{tie}"] if isinstance(tie, str) else tie for term, tie in ties
    }
    return _with(experiment, "crystal", **cell)


def _describe_cells(experiment: Experiment, plan: Plan, lattice: Lattice) -> list[Parameter]:
    if any(experiment.crystal.sample_size_mm):
        remedy = "the sample's size sets N_cells; give N_cells instead to refine N"
        raise InputError("sample_size_mm", experiment.crystal.sample_size_mm, remedy)
    return [
        Parameter(f"N_{axis}", "N", "cells", number, max(1.0, 0.4 * number), 2.5 * number, False)
        for axis, number in zip("abc", plan.cells.detach().tolist(), strict=True)
    ]


def _apply_cells(model: Model, experiment: Experiment, values: Values) -> Experiment:
    return _with(experiment, "crystal", N_cells=tuple(values[f"N_{axis}"] for axis in "abc"))


def _describe_mosaic(experiment: Experiment, plan: Plan, lattice: Lattice) -> list[Parameter]:
    spread = float(experiment.crystal.mosaic_spread_deg or 0.0)
    if spread <= 0 or plan.mosaic_count < 2:
        remedy = "give a spread greater than 0 and two domains or more to refine mosaic"
        raise InputError("mosaic_spread_deg", spread, remedy)
    return [_times("mosaic_spread", "mosaic", "deg", spread, 0.1, 10.0)]


def _apply_mosaic(model: Model, experiment: Experiment, values: Values) -> Experiment:
    return _with(experiment, "crystal", mosaic_spread_deg=values["mosaic_spread"])


def _describe_scale(experiment: Experiment, plan: Plan, lattice: Lattice) -> list[Parameter]:
    if float(plan.fluence) <= 0:
        raise InputError("fluence", float(plan.fluence), "must be greater than 0 to refine scale")
    return [_times("scale", "scale", "", 1.0, 0.01, 100.0)]


def _apply_scale(model: Model, experiment: Experiment, values: Values) -> Experiment:
    beam, scale = experiment.beam, values["scale"]
    if float(beam.flux) > 0 and float(beam.exposure) > 0:
        changed = dataclasses.replace(beam, flux=beam.flux * scale)
    else:
        changed = dataclasses.replace(beam, fluence=beam.fluence * scale)
    return dataclasses.replace(experiment, beam=changed)


def _describe_background(experiment: Experiment, plan: Plan, lattice: Lattice) -> list[Parameter]:
    size = float(experiment.background.water_size_um)
    if size <= 0:
        remedy = "a background to refine needs some water to start with (-water)"
        raise InputError("water_size_um", size, remedy)
    return [_times("background", "background", "", 1.0, 0.01, 100.0)]


def _apply_background(model: Model, experiment: Experiment, values: Values) -> Experiment:
    """The water whose photons are `background` times those at the start, whatever the scale.

    They grow with the edge cubed and the fluence; in the reference profile with its square.
    """
    power = 2 if experiment.profile is Profile.REFERENCE else 1
    scale = values.get("scale", torch.ones((), dtype=torch.float64))
    factor = values["background"] / scale**power
    size = experiment.background.water_size_um * factor ** (1.0 / 3.0)
    background = dataclasses.replace(experiment.background, water_size_um=size)
    return dataclasses.replace(experiment, background=background)


def _describe_panels(experiment: Experiment, plan: Plan, lattice: Lattice) -> list[Parameter]:
    starts = move_starts(panels_of(experiment))
    return [
        _around(name, "detector", UNITS[kind], start, REACH[kind])
        for name, (kind, start) in starts.items()
    ]


def _apply_panels(model: Model, experiment: Experiment, values: Values) -> Experiment:
    return dataclasses.replace(experiment, detector=moved(panels_of(experiment), values))


def _describe_distance(experiment: Experiment, plan: Plan, lattice: Lattice) -> list[Parameter]:
    _refuse_fixed_origin(experiment, "distance")
    distance = float(getattr(experiment.plane, _distance_field(experiment)))
    return [_times("distance", "distance", "mm", distance, 0.95, 1.05, geometric=True)]


def _apply_distance(model: Model, experiment: Experiment, values: Values) -> Experiment:
    return _with(experiment, "detector", **{_distance_field(experiment): values["distance"]})


def _distance_field(experiment: Experiment) -> str:
    given = experiment.plane.close_distance_mm is not None
    return "close_distance_mm" if given else "distance_mm"


def _describe_centre(experiment: Experiment, plan: Plan, lattice: Lattice) -> list[Parameter]:
    _refuse_fixed_origin(experiment, "beam_centre")
    frame, pixel_mm = plan.frame, float(m_to_mm(plan.frame.pixel_size))
    if _counts_from_origin(experiment, plan):
        ends = [
            float(edge / frame.pixel_size) + 0.5 for edge in (frame.close_fast, frame.close_slow)
        ]
        unit, reach = "pixels", 20.0
    else:
        ends = [float(m_to_mm(edge)) for edge in (frame.beam_center_x, frame.beam_center_y)]
        unit, reach = "mm", 20.0 * pixel_mm
    return [
        _around(f"beam_centre_{axis}", "beam_centre", unit, end, reach)
        for axis, end in zip("xy", ends, strict=True)
    ]


def _apply_centre(model: Model, experiment: Experiment, values: Values) -> Experiment:
    x, y = values["beam_centre_x"], values["beam_centre_y"]
    if _counts_from_origin(experiment, model.plan):
        return _with(experiment, "detector", orgx_px=x, orgy_px=y)
    return _with(experiment, "detector", beam_center_x_mm=x, beam_center_y_mm=y)


def _counts_from_origin(experiment: Experiment, plan: Plan) -> bool:
    """Whether the point nearest to the sample places the detector (docs/conventions.md)."""
    custom = experiment.plane.detector_convention is DetectorConvention.CUSTOM
    return plan.frame.pivot is DetectorPivot.SAMPLE and not custom


def _refuse_fixed_origin(experiment: Experiment, group: str) -> None:
    if experiment.panels:
        remedy = "belongs to nanoBragg's one plane; refine `detector` to move panels"
        raise InputError("parameters", group, remedy)
    if experiment.plane.pix0_vector_m is not None and experiment.profile is Profile.CORRECTED:
        remedy = f"it places the detector; leave it out to refine {group}"
        raise InputError("pix0_vector_m", experiment.plane.pix0_vector_m, remedy)


def _with(experiment: Experiment, section: str, **fields: Any) -> Experiment:
    """The experiment with other fields of one section."""
    changed: Any = dataclasses.replace(getattr(experiment, section), **fields)
    return dataclasses.replace(experiment, **{section: changed})


GROUPS: dict[str, Group] = {
    "misset": Group(_describe_misset, _apply_misset),
    "cell": Group(_describe_cell, _apply_cell),
    "N": Group(_describe_cells, _apply_cells),
    "mosaic": Group(_describe_mosaic, _apply_mosaic),
    "scale": Group(_describe_scale, _apply_scale),
    "background": Group(_describe_background, _apply_background),
    "distance": Group(_describe_distance, _apply_distance),
    "beam_centre": Group(_describe_centre, _apply_centre),
    "detector": Group(_describe_panels, _apply_panels),
}

GROUP_NAMES = tuple(GROUPS)
"""The groups of parameters that a refinement takes."""
PARAMETERS = ("misset", "cell", "scale")
"""The groups that are refined where none are named."""
