"""Suspects in the sums: steps, profile, polarization, background, fluence."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import torch

from nb_compare.divergence.report import Cause
from nb_compare.divergence.suspicion import Scene, Suspect, changed_plan, numbers
from nb_core import Profile
from nb_physics import Plan

_SUMS = ("accumulate", "scale", "polarization")


def sum_suspects(scene: Scene) -> Iterator[Suspect]:
    """What can change a sum whose terms agree."""
    if scene.differs("polarization", "polar", "polar_used", "kahn_factor"):
        yield from _polarization_suspects(scene)
    if any(scene.stage_differs(stage) for stage in _SUMS):
        yield from _phi_suspects(scene)
        yield from _step_suspects(scene)
        yield from _water_suspects(scene)
        yield from _fluence_suspects(scene)


def profile_suspects(scene: Scene) -> Iterator[Suspect]:
    """nb runs the corrected profile, and the C program has the slips that it mends."""
    if not scene.plan.corrected:
        return
    plan = changed_plan(scene.experiment, "", profile=Profile.REFERENCE)
    row, what = _mended(scene)
    text = f"nb runs the corrected profile; {what}"
    yield Suspect(Cause(text, row), plan, True)


def _mended(scene: Scene) -> tuple[int | None, str]:
    """The slip that shows in the first quantity that differs: its line of behaviour.md."""
    plan, experiment = scene.plan, scene.experiment
    detector, sampling = experiment.plane, experiment.sampling
    in_sum = sampling.oversample_omega or sampling.oversample_polar or sampling.oversample_thick
    of_sums = scene.first.stage in _SUMS
    slips = (
        *_of_orientation(scene),
        (scene.first.stage == "structure", 21, "C chooses interpolation before the sample size"),
        (detector.curved_detector, 38, "C bends the detector about lab y and z"),
        (detector.pix0_vector_m is not None, 7, "C overwrites -pix0_vector"),
        (detector.detector_pivot is not None, 6, "C overrides -pivot"),
        (detector.point_pixel, 37, "C leaves the pixel's area out with -point_pixel"),
        (of_sums and _weighted(plan), 36, "C ignores the weights of the sources"),
        (of_sums and in_sum, 32, "C multiplies the running sum with -oversample_*"),
        (of_sums and plan.layers.count > 1, 33, "C takes the last layer's capture for all"),
        (of_sums and bool(plan.background > 0), 34, "C scales the water background twice"),
        (of_sums, 31, "C takes the factors of the first sub-pixel and source for all"),
    )
    return next(((row, text) for holds, row, text in slips if holds), (None, "C keeps its slips"))


def _of_orientation(scene: Scene) -> Iterator[tuple[bool, int, str]]:
    """Slips that show in the cell's vectors: whether each is met, its line, and what C does."""
    crystal, turned = scene.experiment.crystal, scene.first.stage == "orientation"
    angles = (crystal.cell_alpha, crystal.cell_beta, crystal.cell_gamma)
    oblique = crystal.matrix is None and sum(float(angle or 0.0) != 90.0 for angle in angles) >= 2
    stepped = bool(scene.plan.phi.step != 0)
    random = crystal.misset_deg == "random"
    yield turned and random, 13, "C takes random missets from another range"
    yield turned and oblique, 44, "C builds another cell where two or more angles are oblique"
    yield turned and stepped, 45, "C takes phi at the start of each step"


def _weighted(plan: Plan) -> bool:
    weights = plan.sources.weight
    return bool((weights != weights[0]).any())


def _polarization_suspects(scene: Scene) -> Iterator[Suspect]:
    beam = scene.experiment.beam
    plan = changed_plan(scene.experiment, "beam", nopolar=not beam.nopolar)
    which = "off" if not beam.nopolar else "on"
    yield Suspect(Cause(f"polarization: C has it {which}"), plan)
    row = scene.row("kahn_factor")
    if row is not None and row.differs:
        factor = numbers(row.c)[0]
        plan = changed_plan(scene.experiment, "beam", polarization_factor=factor)
        yield Suspect(Cause(f"Kahn factor: C has {factor:g}"), plan)
    yield Suspect(Cause("polarization: another -polar or -polar_vector"))


def _phi_suspects(scene: Scene) -> Iterator[Suspect]:
    """A scan through phi = 0, where the C program keeps the orientation of the pixel before."""
    plan = scene.plan
    zero = plan.phi_angles == 0
    if plan.phi_count > 1 and bool(zero.any()) and not bool(zero[-1]):
        yield Suspect(
            Cause("C does not reset the crystal at phi = 0, so it keeps the last pixel's", 30),
            _unreset(plan, zero),
            True,
        )


def _unreset(plan: Plan, zero: torch.Tensor) -> Plan:
    """Every step at phi = 0 with the orientation of the step before it, the last for the first."""
    vectors = plan.cell_vectors.reshape(3, 3, plan.phi_count, plan.mosaic_count).clone()
    for step in torch.nonzero(zero).flatten().tolist():
        vectors[:, :, step] = vectors[:, :, step - 1]
    return plan.with_crystal(cell_vectors=vectors.flatten(2))


def _step_suspects(scene: Scene) -> Iterator[Suspect]:
    row = scene.row("steps")
    if row is None or not row.differs:
        return
    theirs, ours = numbers(row.c)[0], numbers(row.nb)[0]
    text = (
        f"steps: C takes {theirs:.6g} a pixel, nb {ours:.6g}; they are oversample^2 x sources x "
        "phi steps x mosaic domains"
    )
    yield Suspect(Cause(text, 20))


def _water_suspects(scene: Scene) -> Iterator[Suspect]:
    row = scene.row("intensity", "I_before_scaling")
    if row is None or not row.differs:
        return
    without = torch.zeros_like(scene.plan.background)
    if scene.plan.background > 0:
        plan = dataclasses.replace(scene.plan, background=without)
        yield Suspect(Cause("water: nb has a background, C has none"), plan)
        return
    more = numbers(row.c)[0] - numbers(row.nb)[0]
    if more > 0 and not scene.differs("term", "I_term", "F_cell", "F_latt"):
        text = f"sum: C has {more:.6g} more than nb; a water background, or steps that nb lacks"
        yield Suspect(Cause(text, 34))


def _fluence_suspects(scene: Scene) -> Iterator[Suspect]:
    row = scene.row("photons", "I_pixel_final")
    if row is None or not row.differs or scene.stage_differs("accumulate"):
        return
    c, nb = numbers(row.c)[0], numbers(row.nb)[0]
    if nb > 0 and not scene.differs("steps"):
        text = f"fluence: C's photons are {c / nb:.6g} times nb's; -fluence, -flux, -exposure"
        yield Suspect(Cause(text))
