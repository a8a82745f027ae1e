"""Where panels stand, as parameters: three shifts and three tilts of each group of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor

from nb_core import Detector, Experiment, InputError, PanelGroup
from nb_core.configs import vector_tensor

AXES = ("fast", "across", "beam")
"""Along and about which groups move: see nb_core.PanelGroup."""

REACH = {"shift": 2.0, "tilt": 2.0}
"""How far from the start a shift (mm) and a tilt (degrees) may go."""

UNITS = {"shift": "mm", "tilt": "deg"}

WHOLE = "detector"
"""Stands for the group in the names of a detector whose panels have none."""


def panels_of(experiment: Experiment) -> Detector:
    """The detector of panels. Raises InputError for nanoBragg's plane."""
    if not isinstance(experiment.detector, Detector):
        remedy = "moves panels, and nanoBragg's plane has none; refine distance and beam_centre"
        raise InputError("parameters", "detector", remedy)
    return experiment.detector


def group_names(detector: Detector) -> list[str]:
    """The groups of its panels, in the order in which they are named; none: the whole moves."""
    return list(dict.fromkeys(p.group for p in detector.panels if p.group is not None))


def move_starts(detector: Detector) -> dict[str, tuple[str, float]]:
    """Kind of move ("shift", "tilt") and start of each parameter, by its name."""
    found: dict[str, tuple[str, float]] = {}
    for name, move in _moves(detector).items():
        for kind in REACH:
            values = vector_tensor(getattr(move, f"{kind}_{UNITS[kind]}")).detach().tolist()
            for axis, value in zip(AXES, values, strict=True):
                found[f"{name}_{kind}_{axis}"] = (kind, value)
    return found


def moved(detector: Detector, values: Mapping[str, Tensor]) -> Detector:
    """The detector with these values of the parameters; gradients are kept."""

    def vector(name: str, kind: str) -> Tensor:
        return torch.stack([values[f"{name}_{kind}_{axis}"] for axis in AXES])

    names = group_names(detector)
    if not names:
        shift, tilt = vector(WHOLE, "shift"), vector(WHOLE, "tilt")
        return dataclasses.replace(detector, shift_mm=shift, tilt_deg=tilt)
    groups = tuple(PanelGroup(n, vector(n, "shift"), vector(n, "tilt")) for n in names)
    return dataclasses.replace(detector, groups=groups)


def _moves(detector: Detector) -> dict[str, PanelGroup | Detector]:
    """What moves, by name: the groups, or the whole detector."""
    names = group_names(detector)
    if not names:
        return {WHOLE: detector}
    given = {group.name: group for group in detector.groups}
    return {name: given.get(name, PanelGroup(name)) for name in names}
