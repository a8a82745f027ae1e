"""Which derivatives of the image are checked, of which fields: the table of the tests and the docs.

A field is moved by a fraction t of its scale. Fields of a group are checked together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from small_experiments import small_list
from torch import Tensor

from nb_core import (
    CrystalConfig,
    CrystalShape,
    Detector,
    DetectorConvention,
    DetectorPivot,
    GoniometerConfig,
    OrientationMatrix,
    Panel,
    PanelGroup,
    Profile,
    Sensor,
    SourceTable,
)

Values = dict[str, Tensor]
TORCH_WARNS = "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
"""What torch itself does when it makes its first tangent."""

SMOOTH = (CrystalShape.SQUARE, CrystalShape.ROUND, CrystalShape.GAUSS)
PROFILES = tuple(Profile)


def as_fields(values: Values) -> dict[str, Any]:
    """Tensors as fields of configs of the same names; three numbers of cells or widths apart."""
    apart = ("N_cells", "sample_size_mm")
    return {name: tuple(v) if name in apart else v for name, v in values.items()}


@dataclass(frozen=True)
class Group:
    """Fields that are checked together.

    fields: name -> (value, scale of its change); more: what else the experiment has
    build: from tensors to fields of an experiment
    unmoved: fields that the image does not follow; read_by: the profiles that read the fields
    profiles: those that the experiment can have
    fast: gradients are checked in a random direction of all elements at once
    """

    fields: dict[str, tuple[Any, float]]
    more: dict[str, Any] = field(default_factory=dict)
    build: Callable[[Values], dict[str, Any]] = as_fields
    unmoved: frozenset[str] = frozenset()
    read_by: tuple[Profile, ...] = PROFILES
    profiles: tuple[Profile, ...] = PROFILES
    fast: bool = False


CUSTOM = {"detector_convention": DetectorConvention.CUSTOM}
CLOSE = {**CUSTOM, "detector_pivot": DetectorPivot.SAMPLE}
XDS = {"detector_convention": DetectorConvention.XDS, "detector_roty_deg": 10.0}
CELL = ("cell_a", "cell_b", "cell_c", "cell_alpha", "cell_beta", "cell_gamma")
CORRECTED_ONLY = (Profile.CORRECTED,)
U_MATRIX = [[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]]
VECTORS = [[20.0, 3.0, -4.0], [-2.0, 22.0, 5.0], [4.0, -6.0, 18.0]]
MATRIX = [[0.045, 0.005, 0.0], [-0.004, 0.04, 0.006], [0.002, 0.001, 0.055]]
SOURCES = ([[-1.0, 0.0, 0.1], [-1.0, 0.1, 0.0]], [1.0, 3.0], [1.0e-10, 1.2e-10])


def _matrix(values: Values) -> dict[str, Any]:
    return {"matrix": OrientationMatrix(values["matrix.values"])}


def _sources(values: Values) -> dict[str, Any]:
    names = ("sources.positions_m", "sources.weights", "sources.wavelengths_m")
    return {"sources": SourceTable(*(values[name] for name in names))}


def _panels(values: Values) -> dict[str, Any]:
    """One panel of a group, which has moved, and then the whole detector."""
    named: dict[str, dict[str, Tensor]] = {}
    for name, value in values.items():
        home, _, part = name.rpartition(".")
        named.setdefault(home, {})[part] = value
    sensor = Sensor(**named["sensor"], layers=2)
    panel = Panel(shape=(3, 3), group="g", sensor=sensor, **named["panel"])
    detector = Detector((panel,), (PanelGroup("g", **named["group"]),), **named["detector"])
    axis = GoniometerConfig(**named["goniometer"])
    return {"detector": detector, "goniometer": axis, **named[""]}


def _crystals(values: Values) -> dict[str, Any]:
    """The fraction of the first crystal, and a second one."""
    second = {name.removeprefix("more."): v for name, v in values.items() if "." in name}
    more = CrystalConfig(**as_fields(second), mosaic_domains=2, phi_steps=2)
    return {"fraction": values["fraction"], "more_crystals": (more,)}


def _list(values: Values) -> dict[str, Any]:
    filled = dataclasses.replace(small_list(reach=3), F=values["structure_factors.F"])
    return {"structure_factors": filled, "default_F": values["default_F"]}


_LISTED = {"structure_factors.F": (small_list(reach=3).F, 1.0), "default_F": (10.0, 1.0)}

GROUPS = {
    "crystal": Group(
        {
            "cell_a": (21.0, 1.0),
            "cell_b": (24.0, 1.0),
            "cell_c": (19.0, 1.0),
            "cell_alpha": (81.0, 1.0),
            "cell_beta": (95.0, 1.0),
            "cell_gamma": (102.0, 1.0),
            "misset_deg": ((11.0, 23.0, -37.0), 1.0),
            "N_cells": ((3.0, 4.2, 5.0), 1.0),
            "fudge": (0.8, 0.1),
            "default_F": (10.0, 1.0),
            "phi_start_deg": (4.0, 1.0),
            "osc_range_deg": (3.0, 1.0),
        },
        {"phi_steps": 2},
    ),
    "mosaic": Group({"mosaic_spread_deg": (2.0, 0.5)}, {"mosaic_domains": 3}),
    "steps": Group(
        {"phi_step_deg": (2.0, 1.0), "hdiv_step_mrad": (20.0, 1.0), "vdiv_step_mrad": (20.0, 1.0)},
        {"hdiv_range_mrad": 50.0, "vdiv_range_mrad": 50.0, "hdiv_steps": 2, "vdiv_steps": 2},
    ),
    "matrix": Group(
        {"matrix.values": (MATRIX, 1e-3)}, dict.fromkeys((*CELL, "misset_deg")), _matrix
    ),
    "U matrix": Group(
        {"U_matrix": (U_MATRIX, 1e-4)}, read_by=CORRECTED_ONLY, profiles=CORRECTED_ONLY, fast=True
    ),
    "real vectors": Group(
        {"vectors_A": (VECTORS, 1.0)},
        dict.fromkeys(CELL),
        read_by=CORRECTED_ONLY,
        profiles=CORRECTED_ONLY,
    ),
    "place and beam": Group(
        {
            "pixel_size_mm": (2.0, 0.1),
            "detsize_f_mm": (6.2, 1.0),
            "detsize_s_mm": (5.9, 1.0),
            "distance_mm": (35.0, 1.0),
            "detector_rotx_deg": (5.0, 1.0),
            "detector_roty_deg": (0.0, 1.0),
            "detector_rotz_deg": (-8.0, 1.0),
            "detector_twotheta_deg": (12.0, 1.0),
            "detector_thick_um": (400.0, 10.0),
            "detector_abs_um": (300.0, 10.0),
            "wavelength_A": (1.0, 0.1),
            "polarization_factor": (0.5, 0.1),
            "fluence": (1e29, 1e28),
            "hdiv_range_mrad": (30.0, 1.0),
            "vdiv_range_mrad": (30.0, 1.0),
            "dispersion_percent": (5.0, 1.0),
            "water_size_um": (0.02, 0.001),
        },
        {"detector_thicksteps": 2, "hdiv_steps": 2, "vdiv_steps": 2, "dispersion_steps": 2},
    ),
    "beam centre": Group(
        {
            "beam_center_x_mm": (3.0, 1.0),
            "beam_center_y_mm": (2.0, 1.0),
            "close_distance_mm": (34.0, 1.0),
        },
        {"detector_rotx_deg": 10.0, "detector_roty_deg": 5.0},
    ),
    "close": Group({"close_x_mm": (2.5, 1.0), "close_y_mm": (3.5, 1.0)}, CLOSE),
    "origin": Group({"orgx_px": (1.7, 1.0), "orgy_px": (2.2, 1.0)}, XDS),
    "vectors": Group(
        {
            "fdet_vector": ((0.1, 0.0, 1.0), 0.1),
            "sdet_vector": ((0.0, -1.5, 0.1), 0.1),
            "odet_vector": ((1.1, 0.0, 0.0), 0.1),
            "twotheta_axis": ((0.0, 0.6, 0.8), 0.1),
            "beam_vector": ((1.2, 0.1, -0.1), 0.1),
            "polar_vector": ((0.1, 0.3, 1.1), 0.1),
            "spindle_axis": ((0.1, 0.2, 1.5), 0.1),
        },
        {
            "detector_twotheta_deg": 20.0,
            "polarization_factor": 0.7,
            "phi_start_deg": 30.0,
            **CUSTOM,
        },
        unmoved=frozenset({"odet_vector"}),
    ),
    "pix0": Group(
        {"pix0_vector_m": ((0.03, 0.002, -0.004), 0.001)}, CUSTOM, read_by=(Profile.CORRECTED,)
    ),
    "panels": Group(
        {
            "panel.origin_mm": ((-3.0, -2.5, 35.0), 1.0),
            "panel.fast_axis": ((1.0, 0.1, 0.2), 0.1),
            "panel.slow_axis": ((-0.1, 1.1, 0.1), 0.1),
            "panel.pixel_size_mm": (2.0, 0.1),
            "sensor.thickness_um": (400.0, 10.0),
            "sensor.attenuation_um": (300.0, 10.0),
            "group.shift_mm": ((0.1, -0.2, 0.3), 1.0),
            "group.tilt_deg": ((3.0, -4.0, 5.0), 1.0),
            "detector.shift_mm": ((-0.3, 0.1, 0.2), 1.0),
            "detector.tilt_deg": ((-2.0, 1.0, 3.0), 1.0),
            "goniometer.axis": ((1.0, 0.2, -0.1), 0.1),
            "direction": ((0.1, -0.05, 1.2), 0.1),
            "polarization_normal": ((0.1, 1.0, 0.2), 0.1),
            "polarization_fraction": (0.9, 0.05),
        },
        {"phi_start_deg": 30.0},
        _panels,
        read_by=CORRECTED_ONLY,
        profiles=CORRECTED_ONLY,
    ),
    "crystals": Group(
        {
            "fraction": (0.5, 0.1),
            "more.cell_a": (27.0, 1.0),
            "more.cell_b": (23.0, 1.0),
            "more.cell_gamma": (95.0, 1.0),
            "more.misset_deg": ((40.0, -5.0, 12.0), 1.0),
            "more.N_cells": ((4.0, 3.0, 5.2), 1.0),
            "more.default_F": (12.0, 1.0),
            "more.phi_start_deg": (7.0, 1.0),
            "more.osc_range_deg": (2.0, 1.0),
            "more.mosaic_spread_deg": (2.0, 0.5),
            "more.fraction": (0.25, 0.1),
        },
        build=_crystals,
        read_by=CORRECTED_ONLY,
        profiles=CORRECTED_ONLY,
    ),
    "flux": Group({"flux": (1e20, 1e19), "exposure": (2.0, 0.1), "beamsize_mm": (0.1, 0.01)}),
    "sources": Group(
        {
            "sources.positions_m": (SOURCES[0], 0.1),
            "sources.wavelengths_m": (SOURCES[2], 1e-11),
            "sources.weights": (SOURCES[1], 0.1),
        },
        build=_sources,
    ),
    "list, nearest": Group(_LISTED, {"interpolate": False}, _list, fast=True),
    "list, tricubic": Group(_LISTED, {"interpolate": True}, _list, fast=True),
    "whole numbers": Group(
        {"sample_size_mm": ((6e-6, 9e-6, 9e-6), 1e-7), "dmin_A": (2.0, 0.1)},
        unmoved=frozenset({"sample_size_mm", "dmin_A"}),
    ),
}

TURNED = frozenset({*CELL, "misset_deg", "fudge", "phi_start_deg", "osc_range_deg", "phi_step_deg"})
TURNED |= {"mosaic_spread_deg", "matrix.values", "wavelength_A", "dispersion_percent"}
TURNED |= {"U_matrix", "vectors_A", "spindle_axis", "goniometer.axis", "sources.wavelengths_m"}
"""What only moves a spot or changes its width: without effect on a flat top."""

LATER_SOURCES = frozenset({"hdiv_step_mrad", "vdiv_step_mrad"})
"""Move all sources but the first, from which the reference profile takes the polarization."""

SECOND = (*CELL, "misset_deg", "N_cells", "distance_mm", "wavelength_A")
"""Fields whose second derivatives are checked, mixed ones too."""


def follows(name: str, group: Group, shape: CrystalShape, profile: Profile) -> bool:
    """Whether the image follows a field; if not, its derivatives are 0."""
    if name in group.unmoved or profile not in group.read_by:
        return False
    if name == "sources.weights" and profile is Profile.REFERENCE:
        return False
    if name == "fudge" and shape is CrystalShape.SQUARE:
        return False
    flat = shape is CrystalShape.TOPHAT
    if flat and name in LATER_SOURCES and profile is Profile.REFERENCE:
        return False
    return not (flat and name.removeprefix("more.") in TURNED)


def table_rows() -> Iterator[tuple[str, ...]]:
    """Parameter, the profiles that read it, and for each shape which derivatives are checked."""
    for title, group in GROUPS.items():
        for name in group.fields:
            read = [p for p in group.profiles if follows(name, group, CrystalShape.GAUSS, p)]
            shown = f"`{name}`" + (f" ({title})" if group.fast else "")
            profiles = "none" if not read else "both" if len(read) == 2 else read[0].value
            cells = (_checked(name, group, shape, read or [*PROFILES]) for shape in CrystalShape)
            yield (shown, profiles, *cells)


def _checked(name: str, group: Group, shape: CrystalShape, profiles: list[Profile]) -> str:
    """For one shape; names the profile where it is not that of all."""
    following = [profile for profile in profiles if follows(name, group, shape, profile)]
    if not following:
        return "0"
    checked = "1 2 F" if name in SECOND and shape in SMOOTH else "1 F"
    return checked if following == profiles else f"{checked}, {following[0].value}"
