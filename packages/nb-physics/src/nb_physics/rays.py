"""The rays to one sub-pixel of some pixels, and what each step of a source scatters along them.

The stages that come before any sum: `summation` adds up what they give.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_core import Recorder, Site
from nb_physics.accumulate import step_terms
from nb_physics.geometry import (
    capture_fraction,
    curved_positions,
    directions,
    flat_positions,
    solid_angle,
    subpixel_coordinates,
)
from nb_physics.lattice import Domain
from nb_physics.miller import fractional_indices, nearest_indices
from nb_physics.pairs import Pair, joined
from nb_physics.polarization import kahn_factor
from nb_physics.scattering import scattering_vectors, sin_theta_over_lambda, within_dmin
from nb_physics.scene import Scene
from nb_physics.structure import amplitude_origin, nearest, tricubic

Number = Float[Tensor, ""] | int
"""A layer or sub-pixel: the eager walk counts with int, a compiled kernel is handed tensors."""


@dataclass(frozen=True, eq=False)
class Offers:
    """Shows quantities to a recorder, if there is one."""

    recorder: Recorder | None
    site: Site

    def wants(self, name: str) -> bool:
        return self.recorder is not None and self.recorder.wants(name)

    @property
    def opening(self) -> bool:
        """Whether what is shown belongs to a pixel's first terms."""
        site = self.site
        place = (site.layer, site.sub_slow, site.sub_fast, site.first_source, site.first_step)
        return place == (0, 0, 0, 0, 0)

    def __call__(self, **values: Tensor | None) -> None:
        if self.recorder is None:
            return
        for name, value in values.items():
            if value is not None and self.recorder.wants(name):
                shown = value.on_cpu() if isinstance(value, Pair) else value
                self.recorder.record(name, shown, self.site)


@dataclass(frozen=True, eq=False)
class SubPixel:
    """The rays of one sub-pixel and sensor layer of a tile, and the factors that go with them."""

    diffracted: Float[Tensor, "3 pixels"]
    omega: Float[Tensor, " pixels"]
    capture: Float[Tensor, " pixels"]


@dataclass(frozen=True, eq=False)
class Rays:
    """A sub-pixel's rays with some sources: what phi and mosaic do not change.

    q: 1/Angstrom; kept: 0 beyond dmin, else 1, None where there is no dmin
    polarization: Kahn factor; None where there is no use for it
    """

    q: Float[Tensor, "3 pixels sources"]
    kept: Float[Tensor, "pixels sources"] | None
    polarization: Float[Tensor, "pixels sources"] | None

    @property
    def stol(self) -> Float[Tensor, "pixels sources"]:
        """sin(theta) / lambda, 1/Angstrom."""
        return sin_theta_over_lambda(self.q)


def sub_pixel(
    scene: Scene,
    pixels: Int[Tensor, " pixels"],
    place: tuple[Number, Number, Number],
    offers: Offers,
) -> SubPixel:
    """The rays to one sub-pixel (layer, slow, fast) of each pixel."""
    kind, frame, n = scene.kind, scene.frame, scene.oversample
    layer, s, f = place
    slow_index, fast_index = _indices(pixels, scene.fpixels)
    slow = subpixel_coordinates(slow_index, s, n, frame.pixel_size)
    fast = subpixel_coordinates(fast_index, f, n, frame.pixel_size)
    depth = layer * scene.layer_depth
    position = flat_positions(fast, slow, depth, frame)
    if kind.curved:
        position = curved_positions(position, fast, slow, frame, kind.profile)
    airpath, diffracted = directions(position)
    omega = solid_angle(
        airpath,
        frame,
        point_pixel=kind.point_pixel,
        profile=kind.profile,
        depth=0.0 if kind.curved else depth,
    )
    if kind.absorbing:
        capture = capture_fraction(diffracted, frame, layer, scene.layer_depth, scene.attenuation)
    else:
        capture = torch.ones_like(airpath)
    offers(position=position, airpath=airpath, diffracted=diffracted, omega=omega, capture=capture)
    return SubPixel(diffracted, omega, capture)


def _indices(
    pixels: Int[Tensor, " pixels"], fpixels: Float[Tensor, ""]
) -> tuple[Float[Tensor, " pixels"], Float[Tensor, " pixels"]]:
    """Slow and fast of flat indices; whole numbers, which float64 divides exactly enough."""
    if fpixels.dtype == torch.float64:
        flat = pixels.to(fpixels.dtype)
        slow = torch.floor(flat / fpixels)
        return slow, flat - slow * fpixels
    whole = fpixels.to(pixels.dtype)
    rows = torch.div(pixels, whole, rounding_mode="floor")
    return rows.to(fpixels.dtype), (pixels - rows * whole).to(fpixels.dtype)


def rays_of(scene: Scene, sub: SubPixel, offers: Offers, *, polarized: bool) -> Rays:
    """A sub-pixel's rays with the sources of a scene; polarized: whether with the Kahn factor."""
    incident, wavelength = scene.incident, scene.wavelength
    q = scattering_vectors(sub.diffracted, incident, wavelength)
    polarization = source_polarization(scene, sub) if polarized else None
    rays, stol = Rays(q, None, polarization), None
    if scene.kind.limited or offers.wants("stol"):
        stol = rays.stol
    if stol is not None and scene.kind.limited:
        rays = dataclasses.replace(rays, kept=within_dmin(stol, scene.dmin))
    offers(incident=incident, wavelength=wavelength, q=q, stol=stol)
    offers(within_dmin=rays.kept, polarization=polarization)
    return rays


def source_polarization(scene: Scene, sub: SubPixel) -> Float[Tensor, "pixels sources"]:
    """The Kahn factor of a sub-pixel's rays with each source."""
    fields = (scene.electric, scene.magnetic)
    return kahn_factor(sub.diffracted, scene.incident, *fields, scene.polarization)


def terms_of(
    scene: Scene, rays: Rays, dtype: torch.dtype, offers: Offers
) -> tuple[Float[Tensor, "pixels sources steps"], Float[Tensor, "pixels sources steps"]]:
    """F_latt and F_cell^2 F_latt^2 of each step; past the phases, in `dtype`."""
    vectors, grid, interpolate = scene.cell_vectors, scene.structure, scene.kind.interpolate
    hkl = fractional_indices(rays.q, vectors)
    whole = nearest_indices(hkl)
    offset, shape, arithmetic = hkl - whole, scene.shape.as_tensors(dtype), scene.arithmetic
    if not (isinstance(offset, Pair) and shape.takes_pairs):
        offset = joined(offset).to(dtype)
    numbers = (scene.cells.to(dtype), scene.reciprocal.to(dtype), scene.fudge.to(dtype))
    domain = Domain(*numbers, arithmetic)
    F_latt = joined(shape.amplitude(offset, domain))
    if interpolate:
        F_cell = tricubic(hkl, whole, grid, arithmetic)
    else:
        F_cell = nearest(whole, grid, arithmetic)
    terms = step_terms(F_cell.to(dtype), F_latt)
    offers(cell_vectors=vectors, hkl=hkl, hkl_nearest=whole)
    offers(F_latt=F_latt, F_cell=F_cell, term=terms)
    if offers.recorder is not None:
        offers(**shape.factors(offset, domain))
    if offers.wants("F_cell_origin"):
        offers(F_cell_origin=amplitude_origin(hkl, whole, grid, interpolate=interpolate))
    return F_latt, terms
