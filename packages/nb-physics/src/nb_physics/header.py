"""The SMV header of a simulated image."""

from __future__ import annotations

import torch
from torch import Tensor

from nb_core import Profile
from nb_core.configs import plain_number
from nb_core.formats import HeaderStyle, SmvHeader
from nb_core.units import m_to_mm, rad_to_deg
from nb_physics.plan import Plan

STRAIGHT = 1e-6
"""How far two unit vectors may differ and still count as parallel (0.2 seconds of arc)."""


def default_header_style(profile: Profile) -> HeaderStyle:
    """Whom headers are for where nobody says: nanoBragg's options in the reference profile."""
    return HeaderStyle.NANOBRAGG if profile is Profile.REFERENCE else HeaderStyle.DIALS


def smv_header(plan: Plan, style: HeaderStyle | None = None) -> SmvHeader:
    """What nanoBragg writes into its headers; the geometry is that after all rotations.

    style: whom it is for; default as the profile has it (`default_header_style`)
    A header for DIALS has the true start of the exposure: half its range before the middle of the
    phi angles that are computed.
    """
    style = style or default_header_style(plan.experiment.profile)
    frame, detector, crystal = plan.frame, plan.experiment.plane, plan.experiment.crystal
    half = 0.5 * frame.pixel_size
    start = plain_number(crystal.phi_start_deg)
    if style is HeaderStyle.DIALS:
        start = float(rad_to_deg(plan.phi_angles.mean().item() - 0.5 * plan.phi.range))
    return SmvHeader(
        fpixels=detector.fpixels,
        spixels=detector.spixels,
        pixel_size_mm=_mm(frame.pixel_size),
        distance_mm=_mm(frame.distance),
        wavelength_A=plain_number(plan.experiment.beam.wavelength_A),
        beam_center_x_mm=_mm(frame.beam_center_x),
        beam_center_y_mm=_mm(frame.beam_center_y),
        adxv_center_x_mm=_mm(frame.beam_fast),
        adxv_center_y_mm=_mm(frame.size_slow - frame.beam_slow),
        mosflm_center_x_mm=_mm(frame.beam_slow - half),
        mosflm_center_y_mm=_mm(frame.beam_fast - half),
        denzo_x_beam_mm=_mm(frame.beam_slow),
        denzo_y_beam_mm=_mm(frame.beam_fast),
        dials_origin_mm=frame.dials_origin_mm,
        xds_orgx=plain_number(frame.close_fast / frame.pixel_size + 0.5),
        xds_orgy=plain_number(frame.close_slow / frame.pixel_size + 0.5),
        close_distance_mm=_mm(frame.close_distance),
        phi_deg=plain_number(crystal.phi_start_deg),
        osc_start_deg=start,
        osc_range_deg=plain_number(rad_to_deg(plan.phi.range)),
        twotheta_deg=plain_number(detector.detector_twotheta_deg),
        style=style,
        adc_offset=plan.experiment.outputs.adc_offset,
    )


def dials_misreads(plan: Plan) -> list[str]:
    """What DIALS takes otherwise than it is, for an SMV header has no room to say it.

    DIALS places the detector of a simulated image across the beam, with the spindle along its
    fast axis and fast x slow along the beam.
    """
    frame = plan.frame
    if not _parallel(frame.normal, frame.beam):
        return ["the detector is tilted; DIALS places it at a right angle to the beam"]
    found = []
    if not _parallel(torch.linalg.cross(frame.fast, frame.slow), frame.beam):
        found.append("fast x slow points against the beam; DIALS sees the mirror image")
    if plan.phi.range and not _parallel(plan.axes.spindle, frame.fast):
        found.append("the spindle is not along the fast axis, where DIALS places it")
    return found


def _parallel(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).detach().norm() < STRAIGHT)


def _mm(length: Tensor) -> float:
    return m_to_mm(plain_number(length))
