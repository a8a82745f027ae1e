"""Resolution: the spacing d of lattice planes that scatter to a place of the detector."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_core import DetectorConfig, InputError
from nb_physics import arguments
from nb_physics.geometry import curved_positions, directions, flat_positions, subpixel_coordinates
from nb_physics.resolved import Plan
from nb_physics.scattering import scattering_vectors, sin_theta_over_lambda


def pixel_resolution(
    plan: Plan,
    slow: Float[Tensor, " pixels"] | Int[Tensor, " pixels"],
    fast: Float[Tensor, " pixels"] | Int[Tensor, " pixels"],
    panel: int = 0,
) -> Float[Tensor, " pixels"]:
    """Resolution d = lambda / (2 sin theta) in the middle of pixels, Angstrom, by Bragg's law.

    slow, fast: numbers of the pixels on their panel; fractions of a pixel count too
    panel: number of the panel; nanoBragg's plane, flat or curved, is number 0
    2 theta is the angle to the first source's rays, lambda its wavelength; on the front of the
    sensor. Infinite in the direct beam. Gradients of the plan are kept.
    Raises InputError for a panel that there is not.
    """
    number = arguments.whole("panel", panel, "expected the number of a panel")
    if not 0 <= number < len(plan.panels):
        raise InputError("panel", number, f"the panels are numbered 0 to {len(plan.panels) - 1}")
    placed, detector = plan.panels[number], plan.experiment.detector
    frame, (first_slow, first_fast) = placed.frame, placed.first_pixel
    along_slow = subpixel_coordinates(slow + first_slow, 0, 1, frame.pixel_size)
    along_fast = subpixel_coordinates(fast + first_fast, 0, 1, frame.pixel_size)
    front = torch.zeros_like(frame.pixel_size)
    position = flat_positions(along_fast, along_slow, front, frame)
    if isinstance(detector, DetectorConfig) and detector.curved_detector:
        profile = plan.experiment.profile
        position = curved_positions(position, along_fast, along_slow, frame, profile)
    return resolution_at(position, plan.sources.incident[:, 0], plan.sources.wavelength[0])


def resolution_at(
    position: Float[Tensor, "3 places"],
    incident: Float[Tensor, "3"],
    wavelength: Float[Tensor, ""],
) -> Float[Tensor, " places"]:
    """Resolution d = lambda / (2 sin theta), Angstrom, at places seen from the sample.

    position: in any unit; incident: unit vector along the beam; wavelength: Angstrom
    """
    _, ray = directions(position)
    q = scattering_vectors(ray, incident[:, None], wavelength[None])
    return 0.5 / sin_theta_over_lambda(q)[:, 0]
