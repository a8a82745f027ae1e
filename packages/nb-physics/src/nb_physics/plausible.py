"""Values that look like those of another unit, and a beam that misses its detector.

All of them are possible, so they are warned of and not refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nb_core import DetectorPivot, Experiment
from nb_core.configs import plain_number
from nb_core.units import energy_eV_to_wavelength_A, m_to_mm, rad_to_mrad
from nb_physics.resolved import Plan
from nb_physics.sources import beam_sweeps

Reading = tuple[str, Callable[[float], float]]
"""Another unit, and the way from it to the field's own."""


def _times(factor: float) -> Callable[[float], float]:
    return lambda value: value * factor


_METRES_AS_MM: Reading = ("metres", _times(1e3))
_MICROMETRES_AS_MM: Reading = ("micrometres", _times(1e-3))
_MILLIMETRES_AS_UM: Reading = ("millimetres", _times(1e3))
_METRES_AS_UM: Reading = ("metres", _times(1e6))


CELL_EDGES_A = (2.0, 5000.0)
MOST_DIVERGENCE_MRAD = 100.0


@dataclass(frozen=True)
class Usual:
    """The range that a field has in practice, in its unit.

    name: of the field; option: of nanoBragg that sets it; readings: what other units would make it
    """

    section: str
    name: str
    option: str
    unit: str
    least: float
    most: float
    readings: tuple[Reading, ...]

    def doubt(self, experiment: Experiment) -> str | None:
        """What is odd about the experiment's value; None where nothing is, or it has none."""
        given = getattr(getattr(experiment, self.section), self.name, None)
        value = None if given is None else plain_number(given)
        if not value or self.least <= value <= self.most:
            return None
        outside = f"outside {self.least:g} to {self.most:g} {self.unit}"
        likely = [
            f"in {name} it would be {self.name} {read(value):.6g}"
            for name, read in self.readings
            if self.least <= read(value) <= self.most
        ]
        hint = likely[0] if likely else "is the unit right?"
        return f"{self.name} ({self.option}) {value:g} {self.unit} is {outside}: {hint}"


USUAL = (
    Usual(
        "beam",
        "wavelength_A",
        "-lambda",
        "A",
        0.05,
        20.0,
        (
            ("electronvolts (-energy)", energy_eV_to_wavelength_A),
            ("metres", _times(1e10)),
            ("nanometres", _times(10.0)),
            ("picometres", _times(0.01)),
        ),
    ),
    Usual(
        "beam", "beamsize_mm", "-beamsize", "mm", 1e-6, 10.0, (_MICROMETRES_AS_MM, _METRES_AS_MM)
    ),
    Usual(
        "detector",
        "distance_mm",
        "-distance",
        "mm",
        5.0,
        1e5,
        (_METRES_AS_MM, _MICROMETRES_AS_MM),
    ),
    Usual(
        "detector",
        "close_distance_mm",
        "-close_distance",
        "mm",
        5.0,
        1e5,
        (_METRES_AS_MM, _MICROMETRES_AS_MM),
    ),
    Usual(
        "detector",
        "pixel_size_mm",
        "-pixel",
        "mm",
        1e-3,
        5.0,
        (_MICROMETRES_AS_MM, _METRES_AS_MM),
    ),
    Usual(
        "detector",
        "detector_thick_um",
        "-detector_thick",
        "um",
        1.0,
        1e5,
        (_MILLIMETRES_AS_UM, _METRES_AS_UM),
    ),
)


def doubts_of_units(experiment: Experiment) -> Iterator[str]:
    """A sentence for each field whose value is usual in another unit, or in none."""
    for usual in USUAL:
        doubt = usual.doubt(experiment)
        if doubt is not None:
            yield doubt


def doubts(plan: Plan) -> Iterator[str]:
    """A sentence for each thing that a plan comes to and that is hardly meant."""
    yield from _of_the_cell(plan)
    yield from _of_divergence(plan)
    missed = None if plan.experiment.panels else _beam_beside_detector(plan)
    if missed is not None:
        yield missed


def _of_the_cell(plan: Plan) -> Iterator[str]:
    """Edges, of the cell or of its matrix, that no crystal has."""
    least, most = CELL_EDGES_A
    for number, crystal in enumerate(plan.crystals):
        where = f"crystal {number}: " if len(plan.crystals) > 1 else ""
        for name, vector in zip("abc", crystal.cell.real.detach(), strict=True):
            edge = vector.norm().item()
            if not least <= edge <= most:
                inverse = least <= 1.0 / edge <= most
                hint = "are these rows of real-space axes?" if inverse else "is the unit right?"
                outside = f"is outside {least:g} to {most:g} A: {hint}"
                yield f"{where}cell edge {name} of {edge:.6g} A {outside}"


def _of_divergence(plan: Plan) -> Iterator[str]:
    if plan.experiment.beam.sources is not None:
        return
    for name, sweep in zip(
        ("horizontal", "vertical"), beam_sweeps(plan.experiment.beam)[:2], strict=True
    ):
        width = rad_to_mrad(plain_number(sweep.range))
        if width > MOST_DIVERGENCE_MRAD:
            yield f"the {name} divergence covers {width:.6g} mrad ({sweep.why}): is the unit right?"


def _beam_beside_detector(plan: Plan) -> str | None:
    """The direct beam off the detector, where it was not turned away from the beam on purpose."""
    frame, detector = plan.frame, plan.experiment.plane
    rotations = (detector.detector_rotx_deg, detector.detector_roty_deg, detector.detector_rotz_deg)
    swung = frame.pivot is DetectorPivot.SAMPLE and any(map(plain_number, rotations))
    if swung or plain_number(detector.detector_twotheta_deg):
        return None
    size = [pixels * frame.pixel_size.item() for pixels in (detector.spixels, detector.fpixels)]
    beam = [frame.beam_slow.item(), frame.beam_fast.item()]
    margin = frame.pixel_size.item()  # MOSFLM's own default lies a pixel off the middle
    if all(-margin <= at <= edge + margin for at, edge in zip(beam, size, strict=True)):
        return None
    places = f"slow {m_to_mm(beam[0]):.6g}, fast {m_to_mm(beam[1]):.6g} mm"
    edges = f"{m_to_mm(size[0]):.6g} x {m_to_mm(size[1]):.6g} mm"
    counts = (detector.spixels, detector.fpixels)
    shares = [m_to_mm(place) / count for place, count in zip(beam, counts, strict=True)]
    in_pixels = all(0.1 <= share <= 0.9 for share in shares)
    hint = "; a beam centre is in mm, and these look like pixels" if in_pixels else ""
    return f"the direct beam passes beside the detector: {places} of {edges}{hint}"
