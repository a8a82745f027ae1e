"""What an experiment says that does not change its photons."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nb_core import BeamConfig, CrystalConfig, Detector, DetectorConfig, Experiment, Sensor


def unused(experiment: Experiment) -> list[str]:
    """A phrase for each thing that is accepted and does not change photons: what, and why."""
    detector = experiment.detector
    of_detector = _of_panels(detector) if isinstance(detector, Detector) else _of_plane(detector)
    return [*_of_crystals(experiment.crystals), *_of_beam(experiment.beam), *of_detector]


def _of_crystals(crystals: tuple[CrystalConfig, ...]) -> Iterator[str]:
    if any(crystal.space_group is not None for crystal in crystals):
        yield "space_group: it is kept, and nothing is computed from it"


def _of_beam(beam: BeamConfig) -> Iterator[str]:
    if not beam.nopolar:
        return
    given = {
        "polarization_factor": bool(beam.polarization_factor),
        "polarization_fraction": beam.polarization_fraction is not None,
        "polarization_normal": beam.polarization_normal is not None,
        "polar_vector": beam.polar_vector is not None,
    }
    names = [name for name, said in given.items() if said]
    if names:
        yield f"{' and '.join(names)}: nopolar takes the polarization away"


def _of_plane(plane: DetectorConfig) -> Iterator[str]:
    given = {
        "detector_abs_um": plane.detector_abs_um not in (None, math.inf),
        "detector_thicksteps": plane.detector_thicksteps is not None,
    }
    names = [name for name, said in given.items() if said]
    if names and not plane.detector_thick_um:
        yield f"{' and '.join(names)}: the sensor has no thickness (detector_thick_um)"


def _of_panels(detector: Detector) -> Iterator[str]:
    panels = detector.panels
    given = {
        "gain": any(float(panel.gain) != 1.0 for panel in panels),
        "trusted_range": any(panel.trusted_range is not None for panel in panels),
    }
    names = [name for name, said in given.items() if said]
    if names:
        them = "it" if len(names) == 1 else "them"
        yield f"{' and '.join(names)} of panels: photons are simulated, and do not depend on {them}"
    for why, found in (
        ("it absorbs nothing (attenuation_um = inf)", _endless),
        ("it has no thickness (thickness_um = 0)", _flat),
    ):
        named = [panel.name for panel in panels if panel.sensor is not None and found(panel.sensor)]
        if named:
            more = f" and {len(named) - 1} more" if len(named) > 1 else ""
            yield f"sensor of {named[0]}{more}: {why}, so every photon counts"


def _endless(sensor: Sensor) -> bool:
    depth = sensor.attenuation_um
    return depth is not None and float(depth) == math.inf


def _flat(sensor: Sensor) -> bool:
    return float(sensor.thickness_um) == 0.0 and not _endless(sensor)
