"""From an experiment to its plan: every number that is the same for all pixels, resolved once."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import (
    CrystalConfig,
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
from nb_core.sweeps import Sweep, refuse_too_many, resolve_layers, resolve_mosaic, resolve_sensor
from nb_core.units import A_to_m, cell_A_to_m, mm_to_m, um_to_m
from nb_physics.arguments import expect_experiment
from nb_physics.axes import LabAxes, lab_axes
from nb_physics.background import Background
from nb_physics.frame import DetectorFrame, meets_the_beam, place_detector
from nb_physics.geometry_checks import check_geometry, crystal_note, friedel_note
from nb_physics.lattice import LatticeFactor, lattice_factor
from nb_physics.orientation import (
    UnitCell,
    mosaic_rotations,
    phi_angles,
    phi_sweep,
    step_vectors,
    unit_cell,
)
from nb_physics.panels import PanelPlan, panel_plans
from nb_physics.plausible import doubts, doubts_of_units
from nb_physics.resolved import Plan
from nb_physics.scale import fluence_from_flux, water_intensity
from nb_physics.slips import met_slips
from nb_physics.sources import Sources, beam_sources
from nb_physics.structure import structure_grid
from nb_physics.vectors import length

__all__ = ["Plan", "make_plan"]


MOST_SUBPIXELS = 1_000_000
"""Along a pixel's edge: what asks for more has a length of another unit."""


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
    crystal, beam = experiment.crystal, experiment.beam
    axes = lab_axes(experiment)
    told = (crystal_note(experiment, axes), friedel_note(experiment))
    notes = [note for note in told if note is not None]
    panels = _panels(experiment, axes)
    cell = unit_cell(crystal, beam.wavelength_A, experiment.profile)
    _refuse_steps(experiment)
    mosaic = mosaic_rotations(crystal, experiment.profile)
    phi = phi_angles(crystal, experiment.profile)
    given = _given_cells(experiment)
    cells = _sample_cells(experiment, cell, given)
    fluence, water = _fluence(experiment), scalar_tensor(experiment.background.water_size_um)
    return Plan(
        experiment=experiment,
        axes=axes,
        panels=panels,
        sources=_sources(experiment, axes),
        cell=cell,
        cell_vectors=step_vectors(cell, axes.spindle, phi, mosaic),
        cells=cells,
        structure=structure_grid(experiment.structure_factors, scalar_tensor(crystal.default_F)),
        interpolate=_interpolates(experiment, given, cells, notes),
        oversample=_oversample(experiment, panels, cell, cells, notes),
        phi=phi_sweep(crystal, experiment.profile),
        phi_angles=phi,
        mosaic_count=mosaic.shape[2],
        fluence=fluence,
        background=water_intensity(um_to_m(water), fluence),
        polarization=_kahn(experiment),
        fudge=scalar_tensor(crystal.fudge),
        shape=_shape(crystal),
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


def _shape(crystal: CrystalConfig) -> LatticeFactor:
    """What computes the crystal's shape, with its numbers as tensors."""
    shape = lattice_factor(crystal.shape)
    shape.check(crystal)
    return shape.as_tensors()


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
    return tuple(term.as_tensors() for term in terms if isinstance(term, Background))


def _kahn(experiment: Experiment) -> Float[Tensor, ""]:
    """Kahn's factor; with panels from the fraction in the plane of polarization (0.5: none)."""
    if not experiment.panels:
        return scalar_tensor(experiment.beam.polarization_factor)
    fraction = experiment.beam.polarization_fraction
    return 2.0 * scalar_tensor(0.5 if fraction is None else fraction) - 1.0


def _refuse_steps(experiment: Experiment) -> None:
    """InputError for more steps of the crystal, phi times domains, than fit in memory."""
    crystal = experiment.crystal
    _, domains, _ = resolve_mosaic(crystal.mosaic_spread_deg, crystal.mosaic_domains)
    phi = phi_sweep(crystal, experiment.profile).count
    refuse_too_many({"phi_steps (-phisteps)": phi, "mosaic_domains (-mosaic_domains)": domains})


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


def _given_cells(experiment: Experiment) -> Float[Tensor, "3"]:
    return torch.stack([scalar_tensor(cells) for cells in experiment.crystal.N_cells])


def _sample_cells(
    experiment: Experiment, cell: UnitCell, given: Float[Tensor, "3"]
) -> Float[Tensor, "3"]:
    """Na, Nb, Nc: as given, or as many as cover the sample size; at least 1.

    The sample's height and width are clipped to the beam.
    """
    beamsize = mm_to_m(scalar_tensor(experiment.beam.beamsize_mm))
    cells = []
    for axis, size_mm in enumerate(experiment.crystal.sample_size_mm):
        count = given[axis]
        if size_mm is not None and size_mm > 0:
            size = mm_to_m(scalar_tensor(size_mm))
            if axis > 0 and beamsize < size:
                name = "abc"[axis]
                _warn(f"sample of {size.item():g} m along {name} is clipped to the beam's size")
                size = beamsize
            count = torch.ceil(size / length(cell_A_to_m(cell.real[axis])))
        cells.append(count)
    return torch.stack(cells).clamp(min=1.0)


def _interpolates(
    experiment: Experiment,
    given: Float[Tensor, "3"],
    cells: Float[Tensor, "3"],
    notes: list[str],
) -> bool:
    """Tricubic interpolation: as asked, else where an edge has two cells or fewer.

    Reference: judged by the numbers of cells given, before a sample size replaces them.
    """
    asked = experiment.sampling.interpolate
    judged = given if experiment.profile is Profile.REFERENCE else cells
    thin = bool((judged.detach() <= 2).any())
    wanted = thin if asked is None else asked
    if experiment.structure_factors is None:
        return False
    if asked is None:
        edge = "a crystal edge has 2 cells or fewer" if thin else "all edges have over 2 cells"
        notes.append(f"interpolation of structure factors {'on' if wanted else 'off'}: {edge}")
    return wanted


def _oversample(
    experiment: Experiment,
    panels: Sequence[PanelPlan],
    cell: UnitCell,
    cells: Float[Tensor, "3"],
    notes: list[str],
) -> int:
    """Sub-pixels a pixel edge: as given, or three for each fringe that a pixel can hold, in the
    panel where it holds most.
    """
    frame = max((panel.frame for panel in panels), key=_pixel_angle)
    edges = torch.stack([length(cell_A_to_m(vector)) for vector in cell.real]) * cells
    wavelength = A_to_m(scalar_tensor(experiment.beam.wavelength_A))
    resolvable = wavelength * _viewing_distance(experiment, frame) / frame.pixel_size
    ratio = float((3.0 * edges.max() / resolvable).detach())
    recommended = max(1, math.ceil(min(ratio, MOST_SUBPIXELS)))
    if experiment.sampling.oversample is None and recommended >= MOST_SUBPIXELS:
        remedy = (
            f"a crystal of {edges.max().item():.3g} m at this wavelength and distance needs "
            f"{ratio:.3g} sub-pixels a pixel's edge; correct these, or give oversample"
        )
        raise InputError("oversample (-oversample)", "not given", remedy)
    if experiment.sampling.oversample is None:
        notes.append(f"oversample {recommended}: three sub-pixels for each fringe of the crystal")
        return recommended
    if experiment.sampling.oversample < recommended:
        _warn(
            f"oversample {experiment.sampling.oversample}: intensity may vary across a pixel; "
            f"{recommended} is recommended for a crystal of this size"
        )
    return experiment.sampling.oversample


def _pixel_angle(frame: DetectorFrame) -> float:
    """The largest angle (radians) that a pixel may take up."""
    return float(frame.pixel_size.detach()) / float(frame.close_distance.detach() or 1.0)


def _viewing_distance(experiment: Experiment, frame: DetectorFrame) -> Float[Tensor, ""]:
    """The distance (metres) that sub-pixels are chosen by.

    Reference: with its sign, and infinite where the beam never meets the detector, as in nanoBragg.
    """
    if experiment.profile is Profile.CORRECTED:
        return frame.close_distance
    met = meets_the_beam(frame.beam, frame.normal)
    return frame.distance if met else torch.full_like(frame.distance, torch.inf)


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
    _warn_of_negative_widths(experiment)
    _warn_of_phi_step(experiment)


def _warn_of_negative_widths(experiment: Experiment) -> None:
    """A width or step has no sign, so a negative one counts as not given, as in nanoBragg."""
    beam, spread = experiment.beam, experiment.crystal.mosaic_spread_deg
    names = ("hdiv_range_mrad", "hdiv_step_mrad", "vdiv_range_mrad", "vdiv_step_mrad")
    widths = {name: getattr(beam, name) for name in (*names, "dispersion_percent")}
    for name, width in {**widths, "mosaic_spread_deg": spread}.items():
        if width is not None and width < 0:
            _warn(f"{name} {float(width):g} is negative: it counts as not given")


def _warn_of_phi_step(experiment: Experiment) -> None:
    """Corrected: range and number of steps come before a step that says otherwise."""
    crystal = experiment.crystal
    osc, step, count = crystal.osc_range_deg, crystal.phi_step_deg, crystal.phi_steps
    if experiment.profile is Profile.REFERENCE or osc is None or count is None or not step:
        return
    right = float(osc or 0.0) / max(count or 1, 1)
    if not math.isclose(float(step), right, rel_tol=1e-6):
        _warn(f"phi_step_deg {float(step):g} does not count: range and steps make it {right:g}")


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
