"""From an experiment to its plan: every number that is the same for all pixels, resolved once."""

from __future__ import annotations

import math
import warnings

from jaxtyping import Float
from torch import Tensor

from nb_core import (
    Detector,
    DetectorConfig,
    DetectorConvention,
    Experiment,
    InputError,
    NbWarning,
    Profile,
    SlipWarning,
)
from nb_core.configs import scalar_tensor
from nb_core.sweeps import Sweep, resolve_layers, resolve_sensor
from nb_core.units import mm_to_m, um_to_m
from nb_physics.arguments import expect_experiment
from nb_physics.axes import LabAxes, lab_axes
from nb_physics.background import Background, try_background
from nb_physics.crystals import crystal_plans, each_crystal, warn_of_rotation
from nb_physics.frame import place_detector
from nb_physics.geometry_checks import check_geometry, crystal_note, friedel_note
from nb_physics.panels import PanelPlan, panel_plans
from nb_physics.plausible import doubts, doubts_of_units
from nb_physics.resolved import Plan
from nb_physics.scale import fluence_from_flux, water_intensity
from nb_physics.slips import met_slips
from nb_physics.sources import Sources, beam_sources

__all__ = ["Plan", "make_plan"]


def make_plan(experiment: Experiment) -> Plan:
    """Resolves an experiment.

    Warns (SlipWarning) of nanoBragg's slips that change its image in the reference profile, and
    (NbWarning) of what is accepted and has no effect, and of values that look like those of another
    unit.
    """
    expect_experiment(experiment)
    for doubt in doubts_of_units(experiment):  # first, for they explain what is then refused
        warnings.warn(doubt, NbWarning, stacklevel=2)
    plan = _resolved(experiment)
    if not experiment.panels:
        check_geometry(experiment, plan.axes, plan.frame)
    for doubt in doubts(plan):
        warnings.warn(doubt, NbWarning, stacklevel=2)
    _warn_of_overrides(experiment)
    for message in met_slips(plan):
        warnings.warn(message, SlipWarning, stacklevel=2)
    return plan


def _resolved(experiment: Experiment) -> Plan:
    axes = lab_axes(experiment)
    told = (crystal_note(experiment, axes), friedel_note(experiment))
    notes = [note for note in told if note is not None]
    panels = _panels(experiment, axes)
    fluence, water = _fluence(experiment), scalar_tensor(experiment.background.water_size_um)
    sources = _sources(experiment, axes)
    crystals = crystal_plans(experiment, axes.spindle, panels, notes)
    return Plan(
        experiment=experiment,
        axes=axes,
        panels=panels,
        crystals=crystals,
        sources=sources,
        fluence=fluence,
        background=water_intensity(um_to_m(water), fluence),
        polarization=_kahn(experiment),
        backgrounds=_backgrounds(experiment),
        dmin=scalar_tensor(experiment.sampling.dmin_A),
        notes=tuple(notes),
    )


def _panels(experiment: Experiment, axes: LabAxes) -> tuple[PanelPlan, ...]:
    """The panels of the detector where they stand; nanoBragg's plane is one."""
    if isinstance(experiment.detector, Detector):
        return panel_plans(experiment.detector, axes.beam)
    detector = experiment.detector
    layers, attenuation = _sensor(experiment)
    return (
        PanelPlan(
            frame=place_detector(detector, axes, experiment.profile),
            layers=layers,
            absorbing=bool(layers.range > 0),
            attenuation=attenuation,
            layer_depth=scalar_tensor(layers.step),
            shape=(detector.spixels, detector.fpixels),
        ),
    )


def _backgrounds(experiment: Experiment) -> tuple[Background, ...]:
    """What computes other backgrounds than water, with their numbers as tensors."""
    terms = experiment.background.terms
    for term in terms:
        if not isinstance(term, Background):
            remedy = "it computes nothing; derive it from nb_physics.Background"
            raise InputError("terms", type(term).__name__, remedy)
    if terms and experiment.profile is Profile.REFERENCE:
        remedy = "nanoBragg has water only; choose the corrected profile (--profile corrected)"
        raise InputError("terms (-background)", terms[0].name, remedy)
    made = tuple(term.as_tensors() for term in terms if isinstance(term, Background))
    for background in made:
        try_background(background)
    return made


def _kahn(experiment: Experiment) -> Float[Tensor, ""]:
    """Kahn's factor; with panels from the fraction in the plane of polarization (0.5: none)."""
    if not experiment.panels:
        return scalar_tensor(experiment.beam.polarization_factor)
    fraction = experiment.beam.polarization_fraction
    return 2.0 * scalar_tensor(0.5 if fraction is None else fraction) - 1.0


def _warn(message: str) -> None:
    warnings.warn(message, NbWarning, stacklevel=4)


def _sources(experiment: Experiment, axes: LabAxes) -> Sources:
    """The sources; the corrected profile needs the weights of a table to add up to something."""
    sources = beam_sources(experiment.beam, axes)
    if experiment.profile is Profile.CORRECTED and not sources.weight.isfinite().all():
        table = experiment.beam.sources
        name = (table.source if table else None) or "a table from memory"
        remedy = "all weights are 0; give at least one source a weight"
        raise InputError("-sourcefile (beam.sources)", name, remedy)
    return sources


def _sensor(experiment: Experiment) -> tuple[Sweep, Float[Tensor, ""]]:
    """Sensor layers and attenuation (1/metre); infinite depth means no absorption at all.

    With no depth given it is the thickness itself.
    """
    detector = experiment.plane
    thickness = um_to_m(scalar_tensor(detector.detector_thick_um))
    depth = detector.detector_abs_um
    if isinstance(depth, float) and math.isinf(depth):
        return resolve_layers(0.0, detector.detector_thicksteps), scalar_tensor(0.0)
    resolve = resolve_layers if experiment.profile is Profile.REFERENCE else resolve_sensor
    layers = resolve(thickness, detector.detector_thicksteps)
    if depth is not None:
        return layers, 1.0 / um_to_m(scalar_tensor(depth))
    if layers.count == 1 and not layers.range:
        return layers, scalar_tensor(0.0)
    _warn(f"attenuation depth not given: taken as the sensor's thickness, {thickness.item():g} m")
    return layers, 1.0 / thickness


def _fluence(experiment: Experiment) -> Float[Tensor, ""]:
    """photons/m^2: from the flux where there is one, else as given."""
    beam = experiment.beam
    flux, exposure = scalar_tensor(beam.flux), scalar_tensor(beam.exposure)
    if flux != 0 and exposure == 0:
        if experiment.profile is Profile.CORRECTED:
            raise InputError(
                "exposure (-exposure)", 0.0, "a flux needs an exposure greater than 0 s"
            )
        _warn(f"flux {flux.item():g} does not count without an exposure: the fluence does")
    if flux != 0 and exposure > 0:
        return fluence_from_flux(flux, exposure, mm_to_m(scalar_tensor(beam.beamsize_mm)))
    return scalar_tensor(beam.fluence)


def _warn_of_overrides(experiment: Experiment) -> None:
    reference = experiment.profile is Profile.REFERENCE
    if not experiment.panels:
        _warn_of_beam_centre(experiment.plane, reference=reference)
    for _, alone, tell in each_crystal(experiment):
        warn_of_rotation(alone, tell)
    _warn_of_negative_widths(experiment)


def _warn_of_negative_widths(experiment: Experiment) -> None:
    """A width or step has no sign, so a negative one counts as not given, as in nanoBragg."""
    names = ("hdiv_range_mrad", "hdiv_step_mrad", "vdiv_range_mrad", "vdiv_step_mrad")
    for name in (*names, "dispersion_percent"):
        width = getattr(experiment.beam, name)
        if width is not None and width < 0:
            _warn(f"{name} {float(width):g} is negative: it counts as not given")


def _warn_of_beam_centre(detector: DetectorConfig, *, reference: bool) -> None:
    """A beam centre that the convention does not read; silent where the one it reads is given."""
    beam = (detector.beam_center_x_mm, detector.beam_center_y_mm)
    origin = (detector.orgx_px, detector.orgy_px)
    convention = detector.detector_convention
    if convention in (DetectorConvention.XDS, DetectorConvention.DIALS):
        unread, read, names = beam, origin, "beam_center_x_mm and beam_center_y_mm (-Xbeam, -Ybeam)"
        instead = ""
    elif reference and convention is not DetectorConvention.CUSTOM:
        unread, read, names = origin, beam, "orgx_px and orgy_px (-ORGX, -ORGY)"
        instead = "; the corrected profile takes them as the beam centre (behaviour.md, row 25)"
    else:
        return
    if any(part is not None for part in unread) and all(part is None for part in read):
        _warn(f"{names} do not move the detector in the {convention.value} convention{instead}")
