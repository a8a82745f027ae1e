"""The crystals of an experiment, in words."""

from __future__ import annotations

from torch import Tensor

from nb_core import CrystalConfig
from nb_core.showing import Rows
from nb_core.units import rad_to_deg
from nb_physics.crystals import CrystalPlan
from nb_physics.formulas import length
from nb_physics.plan import Plan

MOST_LISTED = 8
"""Crystals that have a line of their own; of more, the first and the last do."""


def crystal_words(crystal: CrystalConfig) -> str:
    """Space group and fraction of a crystal, where they are given."""
    parts = []
    if crystal.space_group is not None:
        parts.append(f"space group {crystal.space_group}")
    if float(crystal.fraction) != 1.0:
        parts.append(f"fraction {_number(crystal.fraction)} of the illuminated volume")
    return ", ".join(parts)


def crystal_rows(plan: Plan) -> Rows:
    """How many crystals there are, where there are several, and a line for each after the first."""
    count = len(plan.crystals)
    if count == 1:
        return []
    rows: Rows = [("crystals", f"{count}, numbered from 0; what stands above is crystal 0")]
    numbers = list(range(1, count))
    shown = numbers if count <= MOST_LISTED else [*numbers[: MOST_LISTED - 2], count - 1]
    rows += [(f"crystal {number}", _crystal(plan, number)) for number in shown]
    if len(shown) < len(numbers):
        rows.insert(-1, ("", f"... {len(numbers) - len(shown)} more ..."))
    return rows


def _crystal(plan: Plan, number: int) -> str:
    crystal, config = plan.crystals[number], plan.experiment.crystals[number]
    edges = " ".join(_number(length(vector)) for vector in crystal.cell.real)
    misset = " ".join(_number(rad_to_deg(angle)) for angle in crystal.cell.misset)
    cells = " x ".join(map(_number, crystal.cells))
    parts = [
        f"cell {edges} A",
        f"misset {misset} deg",
        f"{cells} cells, {crystal.shape.label}",
        f"{crystal.mosaic_count} domain{'s' if crystal.mosaic_count > 1 else ''}",
        _rotation(crystal, config),
        f"oversample {crystal.oversample}",
    ]
    own = crystal_words(config)
    return ", ".join([*parts, *([own] if own else [])])


def _rotation(crystal: CrystalPlan, config: CrystalConfig) -> str:
    """Where phi begins and ends, and in how many steps."""
    start = float(config.phi_start_deg)
    width = float(rad_to_deg(crystal.phi.range))
    if not width:
        return f"phi {start:.6g} deg"
    return f"phi {start:.6g} to {start + width:.6g} deg in {crystal.phi.count} steps"


def _number(value: float | Tensor) -> str:
    return f"{value.detach().item() if isinstance(value, Tensor) else value:.6g}"
