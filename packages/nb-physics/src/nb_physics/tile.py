"""One tile: the pixels' photons, summed over layers, sub-pixels, sources, phi and domains."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_core import Recorder, Site
from nb_physics.accumulate import add_terms, add_terms_running, add_terms_weighted, step_terms
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
from nb_physics.scale import photons
from nb_physics.scattering import scattering_vectors, sin_theta_over_lambda, within_dmin
from nb_physics.scene import Kind, Scene
from nb_physics.structure import amplitude_origin, nearest, tricubic
from nb_physics.tiles import StepBlock

Number = Float[Tensor, ""] | int
"""A layer or sub-pixel: the eager walk counts with int, a compiled kernel is handed tensors."""


@dataclass(frozen=True, eq=False)
class Offers:
    """Shows quantities to a recorder, if there is one."""

    recorder: Recorder | None
    site: Site

    def wants(self, name: str) -> bool:
        return self.recorder is not None and self.recorder.wants(name)

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

    kept: 0 beyond dmin, else 1; None where there is no dmin
    polarization: None where there is no use for it
    """

    q: Float[Tensor, "3 pixels sources"]
    kept: Float[Tensor, "pixels sources"] | None
    polarization: Float[Tensor, "pixels sources"] | None


def tile_photons(
    scene: Scene,
    pixels: Int[Tensor, " pixels"],
    blocks: list[StepBlock],
    dtype: torch.dtype,
    recorder: Recorder | None = None,
) -> Float[Tensor, " pixels"]:
    """Photons of the pixels with these flat indices."""
    walk = _corrected_photons if scene.kind.corrected else _reference_photons
    return walk(scene, pixels, blocks, dtype, recorder).to(dtype)


def _reference_photons(
    scene: Scene,
    pixels: Int[Tensor, " pixels"],
    blocks: list[StepBlock],
    dtype: torch.dtype,
    recorder: Recorder | None,
) -> Float[Tensor, " pixels"]:
    """nanoBragg's sum: see `add_reference` and `finish_reference`."""
    total = scene.background.expand(pixels.shape)
    omega = capture = torch.ones_like(total)
    polarization = no_polarization(scene, total)
    for place in scene.places():
        offers = Offers(recorder, Site(pixels, *place))
        sub = sub_pixel(scene, pixels, place, offers)
        omega = sub.omega if place == (0, 0, 0) else omega
        capture = sub.capture if place[1:] == (0, 0) else capture
        for block in blocks:
            first = place == (0, 0, 0) and block is blocks[0]
            offers = Offers(recorder, _block_site(pixels, place, block))
            total, polarization = add_reference(
                scene.part(block), sub, (total, polarization), dtype, offers, opening=first
            )
    offers = Offers(recorder, Site(pixels))
    return finish_reference(scene, total, (capture, polarization, omega), offers)


def add_reference(
    scene: Scene,
    sub: SubPixel,
    sums: tuple[Float[Tensor, " pixels"], Float[Tensor, " pixels"]],
    dtype: torch.dtype,
    offers: Offers,
    *,
    opening: bool,
) -> tuple[Float[Tensor, " pixels"], Float[Tensor, " pixels"]]:
    """The sum and the polarization factor of the pixel, with the terms of one sub-pixel added.

    With `-oversample_*` the factors of every step are multiplied into the running sum.
    opening: whether these are a pixel's first steps
    """
    total, polarization = sums
    kind = scene.kind
    polarized = opening or kind.oversample_polar or kind.limited
    rays = _rays(scene, sub, offers, polarized=polarized)
    polarization = first_polarization(polarization, rays)
    F_latt, terms = _terms(scene, rays, dtype, offers)
    running = _running_factors(kind, sub, rays)
    if running is None:
        total = add_terms(total, terms, rays.kept)
    else:
        counted = _counted(kind, F_latt, rays.kept)
        total = add_terms_running(total, terms, running, counted)
    offers(weight=running, running_sum=total)
    return total, polarization


def finish_reference(
    scene: Scene,
    total: Float[Tensor, " pixels"],
    factors: tuple[Float[Tensor, " pixels"], Float[Tensor, " pixels"], Float[Tensor, " pixels"]],
    offers: Offers,
) -> Float[Tensor, " pixels"]:
    """Photons of the sum, with the factors (capture, polarization, omega) not yet in it: those of
    the first sub-pixel, in the last layer for the capture.
    """
    kind = scene.kind
    in_sum = (kind.oversample_thick, kind.oversample_polar, kind.oversample_omega)
    late = [None if used else factor for used, factor in zip(in_sum, factors, strict=True)]
    offers(intensity=total, capture_used=late[0], polarization_used=late[1], omega_used=late[2])
    left = [factor for factor in late if factor is not None]
    if offers.wants("water_photons") and len(left) == 3:
        water = scene.background.expand(total.shape)
        offers(water_photons=photons(water, scene.fluence, scene.divisor, *left))
    return photons(total, scene.fluence, scene.divisor, *left)


def _corrected_photons(
    scene: Scene,
    pixels: Int[Tensor, " pixels"],
    blocks: list[StepBlock],
    dtype: torch.dtype,
    recorder: Recorder | None,
) -> Float[Tensor, " pixels"]:
    """The corrected sum: see `add_corrected` and `finish_corrected`."""
    total = torch.zeros_like(pixels, dtype=scene.fluence.dtype)
    background = torch.zeros_like(total)
    for place in scene.places():
        sub = sub_pixel(scene, pixels, place, Offers(recorder, Site(pixels, *place)))
        for block in blocks:
            share = 1.0 if block.steps.start == 0 else 0.0
            offers = Offers(recorder, _block_site(pixels, place, block))
            sums = (total, background)
            total, background = add_corrected(scene.part(block), sub, sums, dtype, offers, share)
    return finish_corrected(scene, total, background, Offers(recorder, Site(pixels)))


def add_corrected(
    scene: Scene,
    sub: SubPixel,
    sums: tuple[Float[Tensor, " pixels"], Float[Tensor, " pixels"]],
    dtype: torch.dtype,
    offers: Offers,
    share: Float[Tensor, ""] | float,
) -> tuple[Float[Tensor, " pixels"], Float[Tensor, " pixels"]]:
    """The sum and the background, with the terms of one sub-pixel added.

    Every term has its own solid angle, capture, polarization and source weight.
    share: 1 with a source's first steps, else 0, for the background is added once a source
    """
    total, background = sums
    rays = _rays(scene, sub, offers, polarized=True)
    weight = (sub.omega * sub.capture)[:, None] * scene.weight
    if not scene.kind.nopolar and rays.polarization is not None:
        weight = weight * rays.polarization
    background = background + share * weight.sum(dim=1)
    kept = weight if rays.kept is None else weight * rays.kept
    _, terms = _terms(scene, rays, dtype, offers)
    total = add_terms_weighted(total, terms, kept)
    offers(weight=kept, running_sum=total)
    return total, background


def finish_corrected(
    scene: Scene,
    total: Float[Tensor, " pixels"],
    background: Float[Tensor, " pixels"],
    offers: Offers,
) -> Float[Tensor, " pixels"]:
    """Photons of the sum, and the water's: averaged over sub-pixels, summed over layers."""
    water = scene.background * background / (scene.oversample * scene.oversample)
    offers(intensity=total, water_photons=water)
    return photons(total, scene.fluence, scene.divisor) + water


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


def _rays(scene: Scene, sub: SubPixel, offers: Offers, *, polarized: bool) -> Rays:
    incident, wavelength = scene.incident, scene.wavelength
    q = scattering_vectors(sub.diffracted, incident, wavelength)
    stol = kept = None
    if scene.kind.limited or offers.wants("stol"):
        stol = sin_theta_over_lambda(q)
        kept = within_dmin(stol, scene.dmin) if scene.kind.limited else None
    polarization = source_polarization(scene, sub) if polarized else None
    offers(incident=incident, wavelength=wavelength, q=q, stol=stol)
    offers(within_dmin=kept, polarization=polarization)
    return Rays(q, kept, polarization)


def source_polarization(scene: Scene, sub: SubPixel) -> Float[Tensor, "pixels sources"]:
    """The Kahn factor of a sub-pixel's rays with each source."""
    fields = (scene.electric, scene.magnetic)
    return kahn_factor(sub.diffracted, scene.incident, *fields, scene.polarization)


def _terms(
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


def no_polarization(scene: Scene, total: Float[Tensor, " pixels"]) -> Float[Tensor, " pixels"]:
    """The polarization factor before any is computed: 0, or 1 where none shall be."""
    return torch.full_like(total, float(scene.kind.nopolar))


def first_polarization(so_far: Float[Tensor, " pixels"], rays: Rays) -> Float[Tensor, " pixels"]:
    """The first polarization factor computed for a pixel stays; steps beyond dmin compute none."""
    if rays.polarization is None:
        return so_far
    first = rays.polarization[:, 0]
    if rays.kept is not None:
        source = rays.kept.argmax(dim=1, keepdim=True)
        first = (rays.polarization * rays.kept).gather(1, source)[:, 0]
    return torch.where(so_far == 0, first, so_far)


def _running_factors(
    kind: Kind, sub: SubPixel, rays: Rays
) -> Float[Tensor, "pixels sources"] | None:
    """What `-oversample_*` multiplies into the running sum at each step; None without them."""
    factors = []
    if kind.oversample_thick:
        factors.append(sub.capture[:, None])
    if kind.oversample_polar and rays.polarization is not None:
        factors.append(rays.polarization)
    if kind.oversample_omega:
        factors.append(sub.omega[:, None])
    if not factors:
        return None
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    return product.expand(rays.q.shape[1:])


def _counted(
    kind: Kind,
    F_latt: Float[Tensor, "pixels sources steps"],
    kept: Float[Tensor, "pixels sources"] | None,
) -> Float[Tensor, "pixels sources steps"]:
    """0 for the steps that nanoBragg skips: beyond dmin, and F_latt = 0 without water."""
    counted = (F_latt != 0).to(F_latt.dtype) if kind.dry else torch.ones_like(F_latt)
    return counted if kept is None else counted * kept[:, :, None].to(F_latt.dtype)


def _block_site(
    pixels: Int[Tensor, " pixels"], place: tuple[int, int, int], block: StepBlock
) -> Site:
    return Site(pixels, *place, block.sources.start, block.steps.start)
