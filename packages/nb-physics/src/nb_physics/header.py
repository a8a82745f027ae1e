"""The SMV header of a simulated image."""

from __future__ import annotations

from torch import Tensor

from nb_core.formats.smv import SmvHeader
from nb_core.units import m_to_mm, rad_to_deg
from nb_physics.plan import Plan


def smv_header(plan: Plan) -> SmvHeader:
    """What nanoBragg writes into its headers; the geometry is that after all rotations."""
    frame, detector, crystal = plan.frame, plan.experiment.detector, plan.experiment.crystal
    half = 0.5 * frame.pixel_size
    return SmvHeader(
        fpixels=detector.fpixels,
        spixels=detector.spixels,
        pixel_size_mm=_mm(frame.pixel_size),
        distance_mm=_mm(frame.distance),
        wavelength_A=_plain(plan.experiment.beam.wavelength_A),
        beam_center_x_mm=_mm(frame.beam_center_x),
        beam_center_y_mm=_mm(frame.beam_center_y),
        adxv_center_x_mm=_mm(frame.beam_fast),
        adxv_center_y_mm=_mm(frame.size_slow - frame.beam_slow),
        mosflm_center_x_mm=_mm(frame.beam_slow - half),
        mosflm_center_y_mm=_mm(frame.beam_fast - half),
        denzo_x_beam_mm=_mm(frame.beam_slow),
        denzo_y_beam_mm=_mm(frame.beam_fast),
        dials_origin_mm=frame.dials_origin_mm,
        xds_orgx=_plain(frame.close_fast / frame.pixel_size + 0.5),
        xds_orgy=_plain(frame.close_slow / frame.pixel_size + 0.5),
        close_distance_mm=_mm(frame.close_distance),
        phi_deg=_plain(crystal.phi_start_deg),
        osc_start_deg=_plain(crystal.phi_start_deg),
        osc_range_deg=_plain(rad_to_deg(plan.phi.range)),
        twotheta_deg=_plain(detector.detector_twotheta_deg),
    )


def _plain(value: float | Tensor) -> float:
    return value.detach().item() if isinstance(value, Tensor) else float(value)


def _mm(length: Tensor) -> float:
    return m_to_mm(_plain(length))
