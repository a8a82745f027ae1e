"""Suspects in the beam and the detector: convention, sub-pixels, beam centre, wavelength, dmin."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator

import torch

from nb_compare.divergence.report import Cause
from nb_compare.divergence.rows import Row
from nb_compare.divergence.suspicion import Scene, Suspect, changed_plan, numbers
from nb_core import DetectorConvention
from nb_core.configs import vector_tensor
from nb_physics.formulas import unit

_UNITS = {10: "nanometres", 1e10: "metres", 1e-10: "metres"}
MOST_OVERSAMPLE = 8
MOST_SPACINGS = 64
"""Different spacings within a pixel that are tried as dmin."""


def detector_suspects(scene: Scene) -> Iterator[Suspect]:
    """What can put a sub-pixel or a scattering vector elsewhere."""
    if scene.differs("position", "pixel_pos_meters", "convention", "detector_convention"):
        yield from _position_suspects(scene)
    if scene.differs("oversample", "sub_slow", "sub_fast"):
        yield from _oversample_suspects(scene)
    if scene.differs("stol", "stol_A_inv", "scattering_vec_A_inv", "lambda_meters"):
        yield from _wavelength_suspects(scene)
    if scene.differs("within_dmin"):
        yield from _dmin_suspects(scene)
    elif not any(scene.stage_differs(stage) for stage in ("sources", "geometry", "scattering")):
        yield from _partial_dmin_suspects(scene)
    if scene.differs("capture", "capture_fraction", "sensor"):
        text = "sensor: another -detector_abs, -detector_thick or -thicksteps"
        detector = scene.experiment.plane
        blank = detector.detector_abs_um is not None and math.isinf(float(detector.detector_abs_um))
        yield Suspect(Cause(text, 10 if blank else None))


def _position_suspects(scene: Scene) -> Iterator[Suspect]:
    detector = scene.experiment.plane
    yield from _oversample_suspects(scene)
    row = next((r for r in scene.rows if r.quantity in ("convention", "detector_convention")), None)
    for convention in DetectorConvention:
        thinkable = row is None or row.c == convention.name
        if thinkable and convention is not detector.detector_convention:
            plan = changed_plan(scene.experiment, "detector", detector_convention=convention)
            text = f"convention: C has {convention.name}, nb {detector.detector_convention.name}"
            yield Suspect(Cause(text), plan)
    if detector.twotheta_axis is not None:
        angle = float(vector_tensor(detector.twotheta_axis)[0])
        plan = changed_plan(scene.experiment, "detector", detector_twotheta_deg=angle)
        text = f"C reads -twotheta_axis as -twotheta {angle:g} as well"
        yield Suspect(Cause(text, 2), plan)
    yield from _shift_suspects(scene)


def _oversample_suspects(scene: Scene) -> Iterator[Suspect]:
    ours = scene.plan.oversample
    for n in range(1, MOST_OVERSAMPLE + 1):
        if n != ours:
            plan = changed_plan(scene.experiment, "sampling", oversample=n)
            yield Suspect(Cause(f"oversample: C has {n}, nb {ours}"), plan)


def _shift_suspects(scene: Scene) -> Iterator[Suspect]:
    """The detector moved in its plane (the beam centre) or along its normal (the distance)."""
    row = scene.row("position", "pixel_pos_meters")
    if row is None:
        return
    frame = scene.plan.frame
    apart = torch.tensor(numbers(row.c), dtype=torch.float64)
    apart = apart - torch.tensor(numbers(row.nb), dtype=torch.float64)
    axes = (frame.fast, frame.slow, frame.normal)
    along = [round(float((apart * axis).sum()), 6) + 0.0 for axis in axes]
    moved = sum((a * axis for a, axis in zip(along, axes, strict=True)), torch.zeros_like(apart))
    fast, slow, normal = (1000.0 * part for part in along)
    what = "distance" if abs(normal) > max(abs(fast), abs(slow)) else "beam centre"
    text = (
        f"{what}: C's sub-pixel lies {fast:g} mm along fast, {slow:g} along slow and "
        f"{normal:g} along the normal from nb's"
    )
    half = frame.pixel_size.item() * 500.0
    is_half = all(math.isclose(abs(part), half, rel_tol=1e-2) for part in (fast, slow))
    shifted = dataclasses.replace(frame, origin=frame.origin + moved)
    panel = dataclasses.replace(scene.plan.panels[0], frame=shifted)
    plan = dataclasses.replace(scene.plan, panels=(panel,))
    yield Suspect(Cause(text, 8 if is_half and abs(normal) < half else None), plan, True)


def _wavelength_suspects(scene: Scene) -> Iterator[Suspect]:
    """C's wavelength from sin(theta)/lambda; it also decides how many sub-pixels are taken."""
    row = scene.row("lambda_meters", "wavelength") or scene.row("stol", "stol_A_inv")
    sources = scene.plan.sources
    ours = sources.wavelength[-1].item()
    ratio = None if row is None else _wavelength_ratio(scene, row)
    if row is None or ratio is None:
        return
    inverse = row.quantity.startswith("stol")
    power = round(math.log10(ratio))
    ratio = 10.0**power if math.isclose(ratio, 10.0**power, rel_tol=1e-4) else ratio
    theirs = float(f"{ours * ratio:.6g}")
    unit = _UNITS.get(ratio) or _UNITS.get(1.0 / ratio)
    what = f"; a factor of 10^{power}: wrong units ({unit})" if unit else _energy(theirs, ours)
    if scene.experiment.beam.sources is None and sources.wavelength.numel() == 1:
        plan = changed_plan(scene.experiment, "beam", wavelength_A=theirs)
    else:
        scaled = dataclasses.replace(sources, wavelength=sources.wavelength * (theirs / ours))
        plan = dataclasses.replace(scene.plan, sources=scaled)
    found = None
    if inverse:
        note = "C's follows from stol"
        head = ("sources", "wavelength", "Angstrom")
        found = Row(*head, (theirs,), (ours,), math.inf, note)
    cause = Cause(f"wavelength: C has {theirs:g} A, nb {ours:g}{what}", row_of_table=found)
    yield Suspect(cause, plan, True)


def _wavelength_ratio(scene: Scene, row: Row) -> float | None:
    """C's wavelength over nb's: as printed, or from sin(theta)/lambda at C's own position."""
    c, nb = numbers(row.c)[0], numbers(row.nb)[0]
    if not (c > 0 and nb > 0):
        return None
    if not row.quantity.startswith("stol"):
        return c / nb
    place = scene.row("position", "pixel_pos_meters")
    if place is None or not place.differs:
        return nb / c
    beam = scene.plan.sources.incident[:, -1]
    theirs, ours = (
        unit(torch.tensor(numbers(side), dtype=torch.float64)) for side in (place.c, place.nb)
    )
    return float((theirs - beam).norm() / (ours - beam).norm()) * nb / c


def _energy(theirs: float, ours: float) -> str:
    """Whether one program took an energy for a wavelength."""
    product = theirs * ours
    names = {12398.42: "eV", 12.39842: "keV"}
    for value, name in names.items():
        if math.isclose(product, value, rel_tol=1e-4):
            return f"; one is the other's energy in {name}"
    return ""


def _partial_dmin_suspects(scene: Scene) -> Iterator[Suspect]:
    """A dmin that drops some rays of the pixel: any that lies between the spacings of two.

    Not for traces, which show each ray that is dropped.
    """
    stol = scene.record.array("stol")
    assert stol is not None
    if any(row.quantity == "I_before_scaling" for row in scene.rows):
        return
    ours = scene.plan.dmin.item()
    spacings = sorted({0.5 / value for value in stol.flatten().tolist() if value > 0})
    limits = [0.0] if ours > 0 else []
    limits += [(a + b) / 2.0 for a, b in itertools.pairwise(spacings[: MOST_SPACINGS + 1])]
    for limit in limits:
        dmin = torch.full_like(scene.plan.dmin, limit)
        counts = [float((0.5 / stol >= value).sum()) for value in (limit, ours)]
        note = "rays of the pixel within dmin; C's follows from what it printed"
        row = Row("scattering", "within_dmin", "", (counts[0],), (counts[1],), math.inf, note)
        what = f"about {limit:.4g} A" if limit else "none"
        cause = Cause(f"dmin: C has {what}, nb {ours:g}", row_of_table=row)
        yield Suspect(cause, dataclasses.replace(scene.plan, dmin=dmin))


def _dmin_suspects(scene: Scene) -> Iterator[Suspect]:
    row = scene.row("within_dmin")
    ours = scene.plan.dmin.item()
    if row is None:
        return
    if numbers(row.c)[0] == 0:
        text = f"dmin: C drops what nb keeps; nb has {ours:g} A, C a larger -dmin"
        dmin = torch.full_like(scene.plan.dmin, 1e10)
    else:
        text = f"dmin: C keeps what nb drops; nb has {ours:g} A, C a smaller -dmin or none"
        dmin = torch.zeros_like(scene.plan.dmin)
    yield Suspect(Cause(text), dataclasses.replace(scene.plan, dmin=dmin), True)
