"""The X-ray sources: directions and wavelengths of beam divergence and spectral dispersion."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import BeamConfig, InputError, SourceTable
from nb_core.configs import Scalar, scalar_tensor
from nb_core.showing import Brief
from nb_core.sweeps import Sweep, refuse_too_many, resolve_dispersion, resolve_divergence
from nb_core.units import m_to_A, mrad_to_rad, percent_to_fraction
from nb_physics.axes import LabAxes
from nb_physics.vectors import rotate_about, unit

SOURCE_DISTANCE_M = 10.0
"""Where nanoBragg puts its sources; only their directions matter."""


@dataclass(frozen=True, eq=False, repr=False)
class Sources(Brief):
    """Point sources of the beam.

    incident: unit vectors along each beam, shape (3, sources)
    wavelength: Angstrom, shape (sources,)
    weight: share of each source, sum 1, shape (sources,)
    divergence_points, wavelengths: how many of each the grid has (0: from a file)
    """

    incident: Float[Tensor, "3 sources"]
    wavelength: Float[Tensor, " sources"]
    weight: Float[Tensor, " sources"]
    divergence_points: int = 0
    wavelengths: int = 0


def beam_sweeps(beam: BeamConfig) -> tuple[Sweep, Sweep, Sweep]:
    """Horizontal and vertical divergence (radians) and dispersion (fraction), resolved."""

    def rad(value: Scalar | None) -> Scalar | None:
        return None if value is None else mrad_to_rad(value)

    horizontal = beam.hdiv_range_mrad, beam.hdiv_step_mrad
    vertical = beam.vdiv_range_mrad, beam.vdiv_step_mrad
    return (
        resolve_divergence(rad(horizontal[0]), rad(horizontal[1]), beam.hdiv_steps, "hdiv"),
        resolve_divergence(rad(vertical[0]), rad(vertical[1]), beam.vdiv_steps, "vdiv"),
        resolve_dispersion(percent_to_fraction(beam.dispersion_percent), beam.dispersion_steps),
    )


def beam_sources(beam: BeamConfig, axes: LabAxes) -> Sources:
    """The sources of a beam: from its file, or a grid of divergence times wavelengths.

    Raises InputError where the ellipse of a round divergence leaves no point of the grid, or the
    grid has more points than fit in memory.
    """
    if beam.sources is not None:
        return table_sources(beam.sources, axes, scalar_tensor(beam.wavelength_A))
    horizontal, vertical, spectrum = beam_sweeps(beam)
    names = ("hdiv_steps (-hdivsteps)", "vdiv_steps (-vdivsteps)", "dispersion_steps (-dispsteps)")
    sweeps = (horizontal, vertical, spectrum)
    refuse_too_many({name: sweep.count for name, sweep in zip(names, sweeps, strict=True)})
    hdiv, vdiv = divergence_grid(horizontal, vertical, round_div=beam.round_div)
    if not hdiv.numel():
        steps = (horizontal.count, vertical.count)
        remedy = "no point of the grid lies in the ellipse; take more steps, or -square_div"
        raise InputError("hdiv_steps, vdiv_steps", steps, remedy)
    towards_source = -SOURCE_DISTANCE_M * axes.beam[:, None]
    tilted = rotate_about(towards_source, axes.polarization[:, None], vdiv)
    tilted = rotate_about(tilted, axes.vertical[:, None], hdiv)
    wavelength = scalar_tensor(beam.wavelength_A) * (
        1.0 + scalar_tensor(spectrum.step) * _ticks(spectrum.count) - spectrum.range / 2.0
    )
    points, count = hdiv.numel(), spectrum.count
    return Sources(
        incident=-unit(tilted).repeat_interleave(count, dim=1),
        wavelength=wavelength.repeat(points),
        weight=torch.full((points * count,), 1.0 / (points * count), dtype=torch.float64),
        divergence_points=points,
        wavelengths=count,
    )


def divergence_grid(
    horizontal: Sweep, vertical: Sweep, *, round_div: bool
) -> tuple[Float[Tensor, " points"], Float[Tensor, " points"]]:
    """Angles (radians) of the divergence points, vertical fastest.

    A range and a step make a grid from -range/2 on, which need not be symmetric. With `round_div`
    the points outside an ellipse are left out, but only where both ranges are finite.
    """
    hdiv = scalar_tensor(horizontal.step) * _ticks(horizontal.count) - horizontal.range / 2.0
    vdiv = scalar_tensor(vertical.step) * _ticks(vertical.count) - vertical.range / 2.0
    h, v = torch.broadcast_tensors(hdiv[:, None], vdiv[None, :])
    outside = _ellipse_share(h.detach(), horizontal) + _ellipse_share(v.detach(), vertical)
    keep = ~(outside * 4.0 > 1.1) if round_div else torch.ones_like(h, dtype=torch.bool)
    return h[keep], v[keep]


def table_sources(table: SourceTable, axes: LabAxes, wavelength: Float[Tensor, ""]) -> Sources:
    """Sources of a file; what a line leaves out is the beam's direction, weight 1, wavelength."""
    default = -SOURCE_DISTANCE_M * axes.beam
    positions = torch.where(table.positions_m.isnan(), default, table.positions_m)
    weights = torch.where(table.weights.isnan(), torch.ones_like(table.weights), table.weights)
    lengths = m_to_A(table.wavelengths_m)
    return Sources(
        incident=-unit(positions.T.contiguous()),
        wavelength=torch.where(lengths.isnan(), wavelength, lengths),
        weight=weights / weights.sum(),
    )


def _ticks(count: int) -> Float[Tensor, " count"]:
    return torch.arange(count, dtype=torch.float64)


def _ellipse_share(angle: Float[Tensor, "h v"], sweep: Sweep) -> Float[Tensor, "h v"]:
    width, step = scalar_tensor(sweep.range).detach(), scalar_tensor(sweep.step).detach()
    half_step_squared = step * step / 4.0 * (1 - sweep.count % 2)
    return (angle * angle - half_step_squared) / width / width
