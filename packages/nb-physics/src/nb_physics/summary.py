"""What an experiment comes to, in words: the resolved numbers, and why they were chosen."""

from __future__ import annotations

import math
import warnings

from torch import Tensor

from nb_core import (
    Detector,
    DetectorConvention,
    Experiment,
    NbWarning,
    Profile,
    config_to_text,
)
from nb_core.configs import Scalar
from nb_core.showing import Rows, rows_to_text
from nb_core.sweeps import Sweep, resolve_mosaic
from nb_core.units import m_to_mm, rad_to_deg
from nb_core.wording import counted
from nb_physics.crystal_summary import crystal_rows, crystal_words
from nb_physics.engine.choice import Choice
from nb_physics.formulas import dot, length, rectangle_solid_angle
from nb_physics.frame import DetectorFrame
from nb_physics.orientation import cell_parameters
from nb_physics.panel_summary import panel_rows
from nb_physics.plan import Plan, make_plan
from nb_physics.sources import beam_sweeps
from nb_physics.tiles import select_pixels
from nb_physics.unused import unused


def describe_plan(plan: Plan, engine: Choice | None = None) -> str:
    """An aligned account of the resolved experiment, and of the engine that computes it: what
    `nb config show` prints, and `print(plan)`.
    """
    rows = plan_rows(plan)
    if engine is not None:
        rows.append(("engine", str(engine)))
    return rows_to_text(rows)


def plan_rows(plan: Plan) -> Rows:
    """What each line of `describe_plan` is about, and what it says."""
    rows = [*_crystal_rows(plan), *_beam_rows(plan), *_detector_rows(plan)]
    rows += [("not used", text) for text in unused(plan.experiment)]
    return rows + _sampling_rows(plan)


def experiment_rows(experiment: Experiment) -> Rows:
    """The same of an experiment's plan; no warnings. Raises InputError as `make_plan`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NbWarning)
        return plan_rows(make_plan(experiment))


def _crystal_rows(plan: Plan) -> Rows:
    crystal = plan.experiment.crystal
    edges = [_number(length(vector)) for vector in plan.cell.real]
    cell = cell_parameters(crystal)
    angles = "" if cell is None else "  " + _numbers(*(rad_to_deg(a) for a in cell.angles)) + " deg"
    cells = " x ".join(f"{_number(n)}" for n in plan.cells)
    rows = [
        ("unit cell", f"{' '.join(edges)} A{angles}, volume {_number(plan.cell.volume)} A^3"),
        ("misset", f"{_numbers(*(rad_to_deg(angle) for angle in plan.cell.misset))} deg"),
        ("crystal", f"{cells} cells, {plan.shape.label}, fudge {_number(plan.fudge)}"),
    ]
    if crystal.misset_deg == "random":
        rows[1] = (rows[1][0], f"{rows[1][1]}  (random, seed {crystal.misset_seed})")
    if own := crystal_words(crystal):
        rows.append(("", own))
    spread, _, why = resolve_mosaic(crystal.mosaic_spread_deg, crystal.mosaic_domains)
    seed = f", seed {crystal.mosaic_seed}" if plan.mosaic_count > 1 else ""
    domains = counted(plan.mosaic_count, "domain")
    rows.append(("mosaic", f"{domains} over {_number(spread)} deg{seed}  ({why})"))
    phi = _sweep_text(plan.phi, "deg", 1.0 / rad_to_deg(1.0))
    sampled = "middle" if plan.corrected else "start"
    place = f", each at its {sampled}" if plan.phi.range else ""
    rows.append(("phi", f"from {_number(crystal.phi_start_deg)} deg: {phi}{place}"))
    factors = plan.experiment.structure_factors
    if factors is None:
        text = f"all {_number(crystal.default_F)}"
    else:
        where = factors.source or "memory"
        text = f"{factors.count} from {where}; others {_number(crystal.default_F)}"
    interpolated = "tricubic" if plan.interpolate else "nearest"
    rows.append(("F", f"{text}; {interpolated}"))
    return [*rows, *crystal_rows(plan)]


def _beam_rows(plan: Plan) -> Rows:
    beam, sources = plan.experiment.beam, plan.sources
    rows = [("wavelength", f"{_number(beam.wavelength_A)} A")]
    if beam.sources is not None:
        rows.append(("sources", f"{sources.wavelength.numel()} from {beam.sources.source}"))
    else:
        horizontal, vertical, spectrum = beam_sweeps(beam)
        grid = f"directions {sources.divergence_points} x wavelengths {sources.wavelengths}"
        rows.append(("sources", f"{sources.wavelength.numel()} ({grid})"))
        sweeps = (
            ("horizontal", horizontal, "mrad", 1e-3),
            ("vertical", vertical, "mrad", 1e-3),
            ("dispersion", spectrum, "%", 1e-2),
        )
        rows += [
            (name, _sweep_text(sweep, unit, scale))
            for name, sweep, unit, scale in sweeps
            if sweep.range > 0
        ]
    if plan.experiment.panels:
        rows.append(("beam", f"along {_direction(plan.axes.beam)}"))
        rows.append(("goniometer", f"turns about {_direction(plan.axes.spindle)}"))
    kahn = "none" if beam.nopolar else f"Kahn factor {_number(plan.polarization)}"
    rows.append(("polarization", kahn))
    rows.append(("fluence", f"{_number(plan.fluence)} photons/m^2"))
    if plan.background > 0:
        water = plan.experiment.background.water_size_um
        rows.append(("water", f"cube of {_number(water)} um"))
    terms = plan.experiment.background.terms
    rows += [("background", f"{term.label} ({config_to_text(term)})") for term in terms]
    return rows


def _detector_rows(plan: Plan) -> Rows:
    if isinstance(plan.experiment.detector, Detector):
        return panel_rows(plan, plan.experiment.detector)
    detector, frame = plan.experiment.plane, plan.frame
    pixel = _number(detector.pixel_size_mm)
    convention = detector.detector_convention
    own = ", own vectors" if convention is DetectorConvention.CUSTOM else ""
    rows = [
        ("detector", f"{detector.spixels} x {detector.fpixels} pixels (slow, fast) of {pixel} mm"),
        ("convention", f"{convention.name}{own}; turns about the {frame.pivot.value}"),
        ("distance", _distance(frame)),
        ("beam centre", f"slow {_mm(frame.beam_slow)}, fast {_mm(frame.beam_fast)} mm"),
        ("solid angle", _solid_angle(plan)),
        ("pix0", f"{' '.join(f'{part:.9g}' for part in frame.origin.tolist())} m"),
    ]
    if plan.absorbing:
        depth = f"{1e6 / plan.attenuation.item():g} um" if plan.attenuation > 0 else "infinite"
        layers = _sweep_text(plan.layers, "um", 1e-6)
        rows.append(("sensor", f"attenuation depth {depth}; {layers}"))
    extras = [("curved", detector.curved_detector), ("point pixels", detector.point_pixel)]
    if any(given for _, given in extras):
        rows.append(("", ", ".join(name for name, given in extras if given)))
    return rows


def _distance(frame: DetectorFrame) -> str:
    """To where the beam meets the detector's plane, and to its nearest point.

    nanoBragg's own number, which it prints and writes into headers, is told where it is another:
    it leaves out the two-theta.
    """
    nearest = f"{_mm(frame.close_distance)} mm nearest"
    towards = dot(frame.beam, frame.normal)
    if towards.abs() < 1e-9:
        return f"{nearest}; the beam runs along the detector's plane"
    along = dot(frame.origin, frame.normal) / towards
    if along < 0:
        return f"{nearest}; the beam runs away from the detector's plane"
    theirs = f" (nanoBragg: {_mm(frame.distance)})" if _mm(frame.distance) != _mm(along) else ""
    return f"{_mm(along)} mm along the beam{theirs}, {_mm(frame.close_distance)} nearest"


def _solid_angle(plan: Plan) -> str:
    """Of the pixels that are rendered; a mask is not taken off."""
    selection = select_pixels(plan.experiment)
    fast = (selection.xmin, selection.xmin + selection.width)
    slow = (selection.ymin, selection.ymin + selection.height)
    angle = abs(rectangle_solid_angle(plan.frame, fast, slow).item())
    return f"{angle:.6g} sr, {100 * angle / (4 * math.pi):.4g} % of the sphere"


def _sampling_rows(plan: Plan) -> Rows:
    experiment = plan.experiment
    sampling = experiment.sampling
    per_term = [
        name
        for name, asked in (
            ("thick", sampling.oversample_thick),
            ("polar", sampling.oversample_polar),
            ("omega", sampling.oversample_omega),
        )
        if asked
    ]
    extra = f", each with its own {', '.join(per_term)}" if per_term else ""
    rows = [
        ("oversample", f"{plan.oversample} x {plan.oversample} sub-pixels{extra}"),
        ("steps", f"{plan.evaluations:.0f} evaluations a pixel"),
    ]
    if plan.dmin > 0:
        rows.append(("dmin", f"{_number(plan.dmin)} A"))
    if experiment.roi is not None:
        x, y = experiment.roi[:2], experiment.roi[2:]
        rows.append(("roi", f"fast {x[0]} to {x[1]}, slow {y[0]} to {y[1]}"))
    if experiment.mask is not None:
        kept = int(experiment.mask.values.sum())
        rows.append(("mask", f"{kept} of {experiment.mask.values.size} pixels kept"))
    profile = experiment.profile
    slips = "nanoBragg's slips kept" if profile is Profile.REFERENCE else "slips mended"
    rows.append(("profile", f"{profile.value}: {slips}"))
    rows += [("chosen", note) for note in plan.notes]
    return rows


def _sweep_text(sweep: Sweep, unit: str, scale: float) -> str:
    steps = counted(sweep.count, "step")
    spread = f"{_number(sweep.range / scale)} {unit}, step {_number(sweep.step / scale)} {unit}"
    return f"{steps} over {spread}  ({sweep.why})" if sweep.range else f"1 step  ({sweep.why})"


def _direction(vector: Tensor) -> str:
    return " ".join(f"{part + 0.0:.6g}" for part in vector.detach().tolist())


def _number(value: Scalar) -> str:
    return f"{value.detach().item() if isinstance(value, Tensor) else value:.6g}"


def _numbers(*values: Scalar) -> str:
    return " ".join(_number(value) for value in values)


def _mm(length_m: Tensor) -> str:
    return _number(m_to_mm(length_m))
