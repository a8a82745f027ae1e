"""Suspects in the crystal: cell, orientation, mosaic domains, structure factors, shape."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import torch
from torch import Tensor

from nb_compare.divergence.report import Cause
from nb_compare.divergence.suspicion import Scene, Suspect, changed_plan, numbers
from nb_core import CrystalShape
from nb_core.sweeps import resolve_mosaic
from nb_core.units import rad_to_deg
from nb_physics import Plan
from nb_physics.formulas import grid_index

_SAME_CELL = 1e-6
"""Relative: vectors are printed to 1e-8 Angstrom, of some ten."""


def crystal_suspects(scene: Scene) -> Iterator[Suspect]:
    """What can turn or change the crystal, and what it is made of."""
    if scene.differs(*_vector_names("abc")):
        yield from _vector_suspects(scene)
    elif scene.differs("F_cell") and not scene.stage_differs("miller"):
        yield from _amplitude_suspects(scene)
    if scene.differs("has_list") and not scene.differs("F_cell"):
        yield Suspect(Cause(_dump_text(scene), 14))
    if scene.stage_differs("lattice") and not scene.stage_differs("miller"):
        yield from _shape_suspects(scene)


def _vector_names(axes: str) -> list[str]:
    patterns = ("cell_vectors_{}", "rot_{}_angstroms")
    return [pattern.format(axis) for axis in axes for pattern in patterns]


def _vector_suspects(scene: Scene) -> Iterator[Suspect]:
    """Another cell, or the same one turned; tried by the map from nb's vectors to C's."""
    rows = [scene.row(*_vector_names(axis)) for axis in "abc"]
    if any(row is None for row in rows):
        return
    c, nb = (
        torch.tensor([numbers(getattr(row, side)) for row in rows], dtype=torch.float64)
        for side in ("c", "nb")
    )
    plan = scene.plan
    change = torch.linalg.solve(nb, c).T
    vectors = torch.einsum("ij,ajs->ais", change, plan.cell_vectors)
    mapped = plan.with_crystal(cell_vectors=vectors)
    cells = [_cell(part) for part in (c, nb)]
    if not torch.allclose(cells[0], cells[1], rtol=_SAME_CELL, atol=0.0):
        shown = [" ".join(f"{value:.6g}" for value in cell.tolist()) for cell in cells]
        yield Suspect(Cause(f"unit cell: C has {shown[0]}, nb {shown[1]}"), mapped, True)
        return
    yield from _turn_suspects(scene, change, mapped)


def _turn_suspects(scene: Scene, change: Tensor, mapped: Plan) -> Iterator[Suspect]:
    crystal, plan = scene.experiment.crystal, scene.plan
    angle, axis = _rotation(change)
    spread, _, _ = resolve_mosaic(crystal.mosaic_spread_deg, crystal.mosaic_domains)
    along = abs(float((axis * plan.axes.spindle).sum()))
    turned = f"C's crystal is turned by {angle:.6g} deg from nb's"
    if along > 1.0 - 1e-6:
        text = f"{turned}, about the spindle: phi, -osc or -phisteps"
    elif crystal.misset_deg == "random":
        text = f"{turned}: another random misset; C takes its seed from the clock"
    else:
        text = f"{turned}: misset or matrix"
    row = 12 if crystal.misset_deg == "random" else None
    if crystal.misset_seed is not None and crystal.misset_deg != "random":
        row = 3
    yield Suspect(Cause(text, row), mapped)
    if plan.mosaic_count > 1 and angle <= 2.0 * float(spread) + 1e-6:
        text = f"{turned}, within the mosaic spread: another -mosaic_seed, or other domains"
        yield Suspect(Cause(text))
    else:
        yield Suspect(Cause(text, row))


def _amplitude_suspects(scene: Scene) -> Iterator[Suspect]:
    row = scene.row("F_cell")
    plan = scene.plan
    if row is None:
        return
    (theirs,), (ours,) = numbers(row.c), numbers(row.nb)
    if scene.experiment.structure_factors is not None:
        text = "interpolation of structure factors: C and nb differ in it"
        near = 21 if plan.corrected else 40
        yield Suspect(Cause(text, near), plan.with_crystal(interpolate=not plan.interpolate))
    hkl = _reflection(scene)
    values = plan.structure.values.clone()
    index = grid_index(hkl[:, None], plan.structure)
    values[index] = theirs
    structure = dataclasses.replace(plan.structure, values=values)
    changed = plan.with_crystal(structure=structure)
    where = " ".join(f"{value + 0.0:.0f}" for value in hkl.tolist())
    if scene.experiment.structure_factors is None:
        yield Suspect(Cause(_dump_text(scene, where, theirs), 14), changed, True)
        return
    listed = bool(plan.structure.listed[index])
    kind = "the lists differ there" if listed else "nb's list does not have it: default_F"
    text = f"structure factor of ({where}): C has {theirs:g}, nb {ours:g}; {kind}"
    yield Suspect(Cause(text), changed, True)


def _dump_text(scene: Scene, where: str = "", theirs: float | None = None) -> str:
    noted = next((r.note for r in scene.rows if r.quantity == "has_list" and r.note), "")
    found = f"C found {theirs:g} for ({where}) in" if where else "C has"
    read = noted.removeprefix("C read ") or "Fdump.bin, if one lay in its folder,"
    default = float(scene.experiment.crystal.default_F)
    return (
        f"{found} a list that nb was not given: it reads {read} where -hkl is absent "
        f"(or another -default_F; nb has {default:g})"
    )


def _reflection(scene: Scene) -> Tensor:
    """The reflection at which F_cell differs first."""
    F_row = scene.row("F_cell")
    rows = [r for r in scene.rows if r.quantity in ("hkl_nearest", "hkl_rounded")]
    rows = [r for r in rows if F_row is None or r.note == F_row.note] or rows
    if rows and isinstance(rows[-1].nb, tuple):
        return torch.tensor(rows[-1].nb, dtype=torch.float64)
    nearest = scene.record.array("hkl_nearest")
    assert nearest is not None
    return nearest[-1, -1, -1, -1].double()


def _shape_suspects(scene: Scene) -> Iterator[Suspect]:
    crystal = scene.experiment.crystal
    for shape in CrystalShape:
        if shape is not crystal.shape:
            plan = changed_plan(scene.experiment, "crystal", shape=shape)
            text = f"crystal shape: C has {shape.value}, nb {scene.record.plan.shape.name}"
            yield Suspect(Cause(text), plan)
    row = scene.row("cells")
    if row is not None and row.differs:
        cells = numbers(row.c)
        plan = changed_plan(
            scene.experiment, "crystal", N_cells=cells, sample_size_mm=(None, None, None)
        )
        shown = [" x ".join(f"{value:g}" for value in numbers(v)) for v in (row.c, row.nb)]
        yield Suspect(Cause(f"size of the crystal: C has {shown[0]} cells, nb {shown[1]}"), plan)
    yield Suspect(Cause("size, shape or -fudge of the crystal"))


def _cell(vectors: Tensor) -> Tensor:
    """a b c (Angstrom) alpha beta gamma (degrees) of three vectors, one a row."""
    lengths = vectors.norm(dim=1)
    pairs = ((1, 2), (0, 2), (0, 1))
    cosines = [(vectors[i] * vectors[j]).sum() / (lengths[i] * lengths[j]) for i, j in pairs]
    angles = [rad_to_deg(math.acos(max(-1.0, min(1.0, float(cosine))))) for cosine in cosines]
    return torch.cat([lengths, torch.tensor(angles, dtype=torch.float64)])


def _rotation(matrix: Tensor) -> tuple[float, Tensor]:
    """Angle (degrees) and unit axis of a rotation matrix."""
    twist = torch.stack(
        [matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]]
    )
    sine, cosine = float(twist.norm()) / 2.0, (float(matrix.trace()) - 1.0) / 2.0
    axis = twist / twist.norm() if sine > 0 else torch.zeros_like(twist)
    return rad_to_deg(math.atan2(sine, cosine)), axis
