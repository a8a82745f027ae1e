"""A panel by itself, as an experiment with one plane: what looks at pixels one by one takes it."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from nb_core import (
    Detector,
    DetectorConfig,
    DetectorConvention,
    Experiment,
    GoniometerConfig,
    InputError,
    Mask,
    Panel,
    Profile,
    Roi,
    Sensor,
)
from nb_core.units import m_to_mm
from nb_physics import arguments
from nb_physics.panels import PanelPlan
from nb_physics.plan import Plan, make_plan
from nb_physics.tiles import chosen_of_panels, roi_within
from nb_physics.vectors import cross


def plan_of_panel(experiment: Experiment | Plan, panel: int | str) -> Plan:
    """The plan of one panel, with a CUSTOM plane where the panel stands; a plane's own plan.

    panel: its number or name
    Its pixels are computed as those of the whole, bit for bit. A panel whose `first_pixel` is not
    (0, 0) is a region of interest of a larger plane, and keeps its place on that.
    Raises InputError for a panel that there is not.
    """
    plan = experiment if isinstance(experiment, Plan) else make_plan(experiment)
    panels, detector = plan.experiment.panels, plan.experiment.detector
    if isinstance(panel, str) and isinstance(detector, Detector):
        panel = detector.index(panel)
    number = arguments.whole("panel", panel, "expected the number or the name of a panel")
    if not 0 <= number < len(plan.panels):
        raise InputError("panel", number, f"the panels are numbered 0 to {len(plan.panels) - 1}")
    if not panels:
        return plan
    placed = plan.panels[number]
    own = _experiment(plan, panels[number], placed)
    size = own.plane.spixels, own.plane.fpixels
    whole = dataclasses.replace(placed, shape=size, first_pixel=(0, 0))
    return dataclasses.replace(plan, experiment=own, panels=(whole,))


def panel_experiment(experiment: Experiment, panel: int | str) -> Experiment:
    """The experiment of one panel: the same crystal and beam, and a CUSTOM plane where that panel
    stands after all moves. See `plan_of_panel`.
    """
    return plan_of_panel(experiment, panel).experiment


def as_panels(experiment: Experiment) -> Experiment:
    """The experiment with nanoBragg's plane as a detector of one panel, where the plane stands.

    In the corrected profile, which panels take; regions of interest, cut to the plane, and masks
    become the panel's.
    Tensors keep their gradients. An experiment with panels stays as it is. Raises InputError for a
    curved detector, which no panel is.
    """
    if experiment.panels:
        return experiment
    corrected = dataclasses.replace(experiment, profile=Profile.CORRECTED)
    plane, plan = corrected.plane, make_plan(corrected)
    if plane.curved_detector:
        raise InputError("curved_detector", True, "a panel is flat; leave it out")
    frame, axes = plan.frame, plan.axes
    thick, absorbed = plane.detector_thick_um, plan.panels[0].absorbing
    depth, size = plane.detector_abs_um, (plane.spixels, plane.fpixels)
    panel = Panel(
        origin_mm=m_to_mm(frame.origin),
        fast_axis=frame.fast,
        slow_axis=frame.slow,
        pixel_size_mm=plane.pixel_size_mm,
        shape=size,
        sensor=Sensor(thick, thick if depth is None else depth, plan.layers.count)
        if absorbed
        else None,
        mask=experiment.mask,
        roi=None if experiment.roi is None else roi_within(experiment.roi, size),
    )
    beam = dataclasses.replace(
        experiment.beam,
        beam_vector=None,
        polar_vector=None,
        polarization_factor=0.0,
        direction=axes.beam,
        polarization_normal=cross(axes.beam, axes.polarization),
        polarization_fraction=(1.0 + plan.polarization) / 2.0,
    )
    return dataclasses.replace(
        corrected,
        detector=Detector((panel,), point_pixel=plane.point_pixel),
        beam=beam,
        crystal=dataclasses.replace(experiment.crystal, spindle_axis=None),
        goniometer=GoniometerConfig(axes.spindle),
        roi=None,
        mask=None,
    )


def parted_by_panel(
    plan: Plan, pixels: Int[Tensor, " pixels"]
) -> list[tuple[Plan, Int[Tensor, " place"], Int[Tensor, " place"]]]:
    """For each panel that flat indices of the image fall on: its plan, where in `pixels` they
    stand, and their flat indices on its plane.
    """
    found = []
    for number, places, selection in chosen_of_panels(pixels, plan.experiment.shape):
        panel = plan.panels[number]
        grid = selection.moved(panel.first_pixel, panel.fpixels)
        own = grid.indices(0, grid.count, pixels.device)
        found.append((plan_of_panel(plan, number), places, own))
    return found


def _experiment(plan: Plan, panel: Panel, placed: PanelPlan) -> Experiment:
    experiment, axes, frame = plan.experiment, plan.axes, placed.frame
    sensor = panel.sensor
    plane = DetectorConfig(
        fpixels=placed.fpixels,
        spixels=placed.first_pixel[0] + placed.shape[0],
        pixel_size_mm=panel.pixel_size_mm,
        distance_mm=torch.abs(m_to_mm(frame.distance)),
        detector_convention=DetectorConvention.CUSTOM,
        fdet_vector=frame.fast,
        sdet_vector=frame.slow,
        pix0_vector_m=frame.origin,
        twotheta_axis=axes.twotheta,
        point_pixel=experiment.detector.point_pixel,
        detector_thick_um=sensor.thickness_um if sensor else 0.0,
        detector_abs_um=sensor.attenuation_um if sensor else None,
        detector_thicksteps=sensor.layers if sensor else None,
    )
    beam = dataclasses.replace(
        experiment.beam,
        direction=None,
        polarization_normal=None,
        polarization_fraction=None,
        beam_vector=axes.beam,
        polar_vector=axes.polarization,
        polarization_factor=plan.polarization,
    )
    return dataclasses.replace(
        experiment,
        detector=plane,
        beam=beam,
        crystal=dataclasses.replace(experiment.crystal, spindle_axis=axes.spindle),
        goniometer=GoniometerConfig(),
        roi=_region(panel),
        mask=_mask(panel),
    )


def _region(panel: Panel) -> Roi | None:
    """The panel's region of interest on its grid; all of its pixels, where it begins later."""
    slow, fast = panel.first_pixel
    if panel.roi is None and (slow, fast) == (0, 0):
        return None
    xmin, xmax, ymin, ymax = panel.roi or (0, panel.shape[1] - 1, 0, panel.shape[0] - 1)
    return Roi(xmin + fast, xmax + fast, ymin + slow, ymax + slow)


def _mask(panel: Panel) -> Mask | None:
    if panel.mask is None:
        return None
    before = [(first, 0) for first in panel.first_pixel]
    return Mask(np.pad(panel.mask.values, before), panel.mask.source)
