"""What a picture shows: an image's values, and the geometry that its rings and title come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from nb_core import ImageData
from nb_core.units import rad_to_deg
from nb_physics import Plan, cell_parameters, pixel_resolution, resolution_at
from nb_physics.formulas import length

RING_POINTS = 500
"""Pixels of the longer side at which the spacing is computed."""

BEAM_SPACING = 1e12
"""Angstrom, in the direct beam, where it is infinite."""

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


def panel_spacing(plan: Plan, number: int = 0) -> np.ndarray:
    """Spacing d (Angstrom) at the pixels of `ring_grid` of a panel, as the first source gives it;
    BEAM_SPACING in the direct beam.
    """
    rows, columns = map(torch.from_numpy, ring_grid(plan.panels[number].shape))
    row, column = (part.flatten() for part in torch.meshgrid(rows, columns, indexing="ij"))
    spacing = pixel_resolution(plan, row, column, number).detach().clamp(max=BEAM_SPACING)
    return spacing.reshape(len(rows), len(columns)).numpy()


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
    more = len(plan.crystals) - 1
    parts = [
        f"cell {edges} Å {' '.join(angles)}{'°' if angles else ''}".replace(" °", "°").strip(),
        *([f"{more} more crystal{'s' if more > 1 else ''}"] if more else []),
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
    spacing = _untilted_spacing(radius, distance, wavelength)
    return Scene(values, unit, title, details, pedestal, valid, spacing, (slow, fast))


def _untilted_spacing(radius: np.ndarray, distance: float, wavelength: float) -> np.ndarray:
    """Spacing d (Angstrom) at places so far from the direct beam, on a plane across it; mm."""
    across = torch.from_numpy(radius.ravel())
    position = torch.stack([across, torch.zeros_like(across), torch.full_like(across, distance)])
    beam = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    spacing = resolution_at(position, beam, torch.tensor(wavelength, dtype=torch.float64))
    return spacing.clamp(max=BEAM_SPACING).reshape(radius.shape).numpy()


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
