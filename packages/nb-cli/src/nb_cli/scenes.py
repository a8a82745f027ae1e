"""What a picture shows: an image's values, and the geometry that its rings and title come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from nb_core import DetectorConfig, ImageData
from nb_core.units import rad_to_deg
from nb_physics import PanelPlan, Plan, cell_parameters
from nb_physics.formulas import (
    curved_positions,
    directions,
    flat_positions,
    length,
    scattering_vectors,
    sin_theta_over_lambda,
    subpixel_coordinates,
)

RING_POINTS = 500
"""Pixels of the longer side at which the spacing is computed."""

NANOBRAGG_PEDESTAL = 40.0
"""What nanoBragg adds to counts unless -adc says another; its headers do not say it."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What is drawn.

    values: shape (slow, fast), as in the file; unit: of the colour bar
    title: what it is, the file's name say; details: of the experiment, one line
    pedestal: what was added to every pixel; it is taken off before drawing
    valid: pixels that hold a measurement, shape (slow, fast); None: all
    spacing: d in Angstrom at the pixels of `ring_grid`, where the geometry is known
    beam: the direct beam as (slow, fast) pixels
    """

    values: np.ndarray
    unit: str
    title: str
    details: str = ""
    pedestal: float = 0.0
    valid: np.ndarray | None = None
    spacing: np.ndarray | None = None
    beam: tuple[float, float] | None = None


def ring_grid(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pixels between which rings are drawn."""
    step = max(1, max(shape) // RING_POINTS)
    return np.arange(0, shape[0], step), np.arange(0, shape[1], step)


def plan_spacing(plan: Plan) -> np.ndarray:
    """Spacing d (Angstrom) at the pixels of `ring_grid`, as the first source gives it."""
    _, _, spacing = panel_spacing(plan, plan.panels[0])
    return spacing


def panel_spacing(plan: Plan, panel: PanelPlan) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and columns of `ring_grid` on a panel's grid, and the spacing d (Angstrom) there."""
    frame, detector = panel.frame, plan.experiment.detector
    places = ring_grid(panel.shape)
    numbers = [own + first for own, first in zip(places, panel.first_pixel, strict=True)]
    rows, columns = (torch.from_numpy(number) for number in numbers)
    row, column = (part.flatten() for part in torch.meshgrid(rows, columns, indexing="ij"))
    slow = subpixel_coordinates(row, 0, 1, frame.pixel_size)
    fast = subpixel_coordinates(column, 0, 1, frame.pixel_size)
    position = flat_positions(fast, slow, torch.zeros_like(frame.pixel_size), frame)
    if isinstance(detector, DetectorConfig) and detector.curved_detector:
        position = curved_positions(position, fast, slow, frame, plan.experiment.profile)
    _, ray = directions(position)
    sources = plan.sources
    q = scattering_vectors(ray, sources.incident[:, :1], sources.wavelength[:1])
    stol = sin_theta_over_lambda(q)[:, 0].clamp(min=1e-12)
    spacing = (0.5 / stol).reshape(len(rows), len(columns)).detach().numpy()
    return numbers[0], numbers[1], spacing


def plan_beam(plan: Plan) -> tuple[float, float]:
    """Where the direct beam hits, (slow, fast) in pixels."""
    frame = plan.frame
    slow, fast = frame.beam_slow / frame.pixel_size, frame.beam_fast / frame.pixel_size
    return slow.item() - 0.5, fast.item() - 0.5


def plan_details(plan: Plan) -> str:
    """Cell, rotation, distance and wavelength of an experiment, one line."""
    experiment = plan.experiment
    edges = " ".join(f"{length(vector).item():.4g}" for vector in plan.cell.real)
    cell = cell_parameters(experiment.crystal)
    angles = () if cell is None else [f"{rad_to_deg(a.item()):.4g}" for a in cell.angles]
    parts = [
        f"cell {edges} Å {' '.join(angles)}{'°' if angles else ''}".replace(" °", "°").strip(),
        _rotation(float(experiment.crystal.phi_start_deg), float(rad_to_deg(plan.phi.range))),
        f"distance {_shortest(plan):.4g} mm",
        f"wavelength {float(experiment.beam.wavelength_A):.5g} Å",
    ]
    return ", ".join(parts)


def _shortest(plan: Plan) -> float:
    """Distance along the beam; of several panels, the least to a panel's plane. Millimetres."""
    if len(plan.panels) == 1:
        return plan.frame.distance.item() * 1000
    return min(float(panel.frame.close_distance.detach()) for panel in plan.panels) * 1000


def _rotation(start: float, width: float) -> str:
    return f"phi {start:g}° to {start + width:g}°" if width else f"phi {start:g}°"


def image_scene(image: ImageData, title: str) -> Scene:
    """An image; rings where it has an SMV header with a possible, untilted geometry."""
    pixel, distance, wavelength, slow_mm, fast_mm = (
        image.number(key)
        for key in ("PIXEL_SIZE", "DISTANCE", "WAVELENGTH", "DENZO_X_BEAM", "DENZO_Y_BEAM")
    )
    values, unit, valid = image.values.astype(np.float64), image.kind.value, image.measured
    details = _header_details(image, distance, wavelength)
    pedestal = _header_pedestal(image)
    plain = Scene(values, unit, title, details, pedestal, valid)
    if slow_mm is None or fast_mm is None or image.number("TWOTHETA"):
        return plain
    if pixel is None or distance is None or wavelength is None:
        return plain
    if min(pixel, distance, wavelength) <= 0:
        return plain
    slow, fast = slow_mm / pixel - 0.5, fast_mm / pixel - 0.5
    rows, columns = ring_grid(values.shape)
    radius = np.hypot(rows[:, None] - slow, columns[None, :] - fast) * pixel
    sine = np.sin(np.arctan2(radius, distance) / 2).clip(1e-12)
    spacing = wavelength / (2 * sine)
    return Scene(values, unit, title, details, pedestal, valid, spacing, (slow, fast))


def _header_pedestal(image: ImageData) -> float:
    """As the header says; of a file of nanoBragg's, its default where no pixel lies below it."""
    if image.pedestal is not None:
        return image.pedestal
    simulated = image.keys.get("BEAMLINE") == "fake"
    drawn = image.values[image.values > 0]
    if simulated and drawn.size and drawn.min() >= NANOBRAGG_PEDESTAL:
        return NANOBRAGG_PEDESTAL
    return 0.0


def _header_details(image: ImageData, distance: float | None, wavelength: float | None) -> str:
    parts = []
    start, width = image.number("OSC_START"), image.number("OSC_RANGE")
    if start is not None:
        parts.append(_rotation(start, width or 0.0))
    if distance is not None:
        parts.append(f"distance {distance:.4g} mm")
    if wavelength is not None:
        parts.append(f"wavelength {wavelength:.5g} Å")
    return ", ".join(parts)
