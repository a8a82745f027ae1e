"""One tile: the pixels' photons, summed over layers, sub-pixels, sources, phi and domains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_core import Recorder
from nb_core.recorder import Site
from nb_physics.accumulate import add_terms, add_terms_running, add_terms_weighted, step_terms
from nb_physics.geometry import (
    capture_fraction,
    curved_positions,
    directions,
    flat_positions,
    solid_angle,
    subpixel_coordinates,
)
from nb_physics.lattice import LATTICE_FACTORS, lattice_factor
from nb_physics.miller import fractional_indices, nearest_indices
from nb_physics.plan import Plan
from nb_physics.polarization import kahn_factor
from nb_physics.scale import photons
from nb_physics.scattering import scattering_vectors, sin_theta_over_lambda, within_dmin
from nb_physics.structure import amplitude_origin, nearest, tricubic
from nb_physics.tiles import StepBlock


@dataclass(frozen=True, eq=False)
class SubPixel:
    """The rays of one sub-pixel and sensor layer of a tile, and the factors that go with them."""

    site: Site
    first_of_pixel: bool
    first_of_layer: bool
    diffracted: Float[Tensor, "3 pixels"]
    omega: Float[Tensor, " pixels"]
    capture: Float[Tensor, " pixels"]


@dataclass(frozen=True, eq=False)
class Rays:
    """A sub-pixel's rays with the sources of one block: what phi and mosaic do not change.

    kept: 0 beyond dmin, else 1; None where there is no dmin
    polarization: None where there is no use for it
    """

    q: Float[Tensor, "3 pixels sources"]
    kept: Float[Tensor, "pixels sources"] | None
    polarization: Float[Tensor, "pixels sources"] | None


def tile_photons(
    plan: Plan,
    pixels: Int[Tensor, " pixels"],
    blocks: list[StepBlock],
    dtype: torch.dtype,
    recorder: Recorder | None,
) -> Float[Tensor, " pixels"]:
    """Photons of the pixels with these flat indices."""
    walk = _corrected_photons if plan.corrected else _reference_photons
    return walk(plan, pixels, blocks, dtype, recorder).to(dtype)


def _reference_photons(
    plan: Plan,
    pixels: Int[Tensor, " pixels"],
    blocks: list[StepBlock],
    dtype: torch.dtype,
    recorder: Recorder | None,
) -> Float[Tensor, " pixels"]:
    """nanoBragg's sum: solid angle and polarization of the first sub-pixel, capture of the last
    layer's first one; with `-oversample_*` those of every step, multiplied into the running sum.
    """
    sampling = plan.experiment.sampling
    total = plan.background.expand(pixels.shape)
    omega = capture = torch.ones_like(total)
    polarization = torch.full_like(total, float(plan.experiment.beam.nopolar))
    for sub in _subpixels(plan, pixels, recorder):
        omega = sub.omega if sub.first_of_pixel else omega
        capture = sub.capture if sub.first_of_layer else capture
        for block in blocks:
            first = sub.first_of_pixel and block is blocks[0]
            wanted = first or sampling.oversample_polar or bool(plan.dmin > 0)
            rays = _rays(plan, sub, block, recorder, polarized=wanted)
            polarization = _first_polarization(polarization, rays)
            F_latt, terms = _terms(plan, sub, rays, block, dtype, recorder)
            running = _running_factors(plan, sub, rays)
            if running is None:
                total = add_terms(total, terms, rays.kept)
            else:
                counted = _counted(plan, F_latt, rays.kept)
                total = add_terms_running(total, terms, running, counted)
            _offer(recorder, _block_site(sub, block), ("weight", "running_sum"), (running, total))
    late = (
        None if sampling.oversample_thick else capture,
        None if sampling.oversample_polar else polarization,
        None if sampling.oversample_omega else omega,
    )
    names = ("intensity", "capture_used", "polarization_used", "omega_used")
    _offer(recorder, Site(pixels), names, (total, *late))
    factors = [factor for factor in late if factor is not None]
    if recorder is not None and recorder.wants("water_photons") and len(factors) == 3:
        water = plan.background.expand(pixels.shape)
        share = photons(water, plan.fluence, plan.divisor, *factors)
        recorder.record("water_photons", share, Site(pixels))
    return photons(total, plan.fluence, plan.divisor, *factors)


def _corrected_photons(
    plan: Plan,
    pixels: Int[Tensor, " pixels"],
    blocks: list[StepBlock],
    dtype: torch.dtype,
    recorder: Recorder | None,
) -> Float[Tensor, " pixels"]:
    """The sum with every term's own solid angle, capture, polarization and source weight; the
    background is added once a pixel, averaged over sub-pixels and sources and summed over layers.
    """
    total = torch.zeros_like(pixels, dtype=plan.fluence.dtype)
    background = torch.zeros_like(total)
    for sub in _subpixels(plan, pixels, recorder):
        for block in blocks:
            rays = _rays(plan, sub, block, recorder, polarized=True)
            weight = (sub.omega * sub.capture)[:, None] * plan.sources.weight[block.sources]
            if not plan.experiment.beam.nopolar and rays.polarization is not None:
                weight = weight * rays.polarization
            if block.steps.start == 0:
                background = background + weight.sum(dim=1)
            kept = weight if rays.kept is None else weight * rays.kept
            _, terms = _terms(plan, sub, rays, block, dtype, recorder)
            total = add_terms_weighted(total, terms, kept)
            _offer(recorder, _block_site(sub, block), ("weight", "running_sum"), (kept, total))
    water = plan.background * background / plan.oversample**2
    _offer(recorder, Site(pixels), ("intensity", "water_photons"), (total, water))
    return photons(total, plan.fluence, plan.divisor) + water


def _subpixels(
    plan: Plan, pixels: Int[Tensor, " pixels"], recorder: Recorder | None
) -> Iterator[SubPixel]:
    """Every layer and sub-pixel of the pixels, in nanoBragg's order: layer, slow, fast."""
    frame, detector = plan.frame, plan.experiment.detector
    slow_index = torch.div(pixels, detector.fpixels, rounding_mode="floor")
    fast_index = pixels - slow_index * detector.fpixels
    n = plan.oversample
    order = (
        (layer, s, f) for layer in range(plan.layers.count) for s in range(n) for f in range(n)
    )
    for layer, s, f in order:
        slow = subpixel_coordinates(slow_index, s, n, frame.pixel_size)
        fast = subpixel_coordinates(fast_index, f, n, frame.pixel_size)
        position = flat_positions(fast, slow, layer * plan.layer_depth, frame)
        if detector.curved_detector:
            position = curved_positions(position, fast, slow, frame, plan.experiment.profile)
        airpath, diffracted = directions(position)
        omega = solid_angle(
            airpath,
            frame,
            point_pixel=detector.point_pixel,
            profile=plan.experiment.profile,
        )
        if plan.absorbing or (plan.experiment.sampling.oversample_thick and not plan.corrected):
            capture = capture_fraction(diffracted, frame, layer, plan.layer_depth, plan.attenuation)
        else:
            capture = torch.ones_like(airpath)
        site = Site(pixels, layer, s, f)
        offered = (position, airpath, diffracted, omega, capture)
        _offer(recorder, site, ("position", "airpath", "diffracted", "omega", "capture"), offered)
        first_of_layer = s == 0 and f == 0
        yield SubPixel(
            site, first_of_layer and layer == 0, first_of_layer, diffracted, omega, capture
        )


def _rays(
    plan: Plan, sub: SubPixel, block: StepBlock, recorder: Recorder | None, *, polarized: bool
) -> Rays:
    incident = plan.sources.incident[:, block.sources]
    wavelength = plan.sources.wavelength[block.sources]
    q = scattering_vectors(sub.diffracted, incident, wavelength)
    stol = kept = polarization = None
    if plan.dmin > 0 or (recorder is not None and recorder.wants("stol")):
        stol = sin_theta_over_lambda(q)
        kept = within_dmin(stol, plan.dmin) if plan.dmin > 0 else None
    if polarized:
        polarization = kahn_factor(
            sub.diffracted, incident, plan.axes.polarization, plan.polarization
        )
    names = ("incident", "wavelength", "q", "stol", "within_dmin", "polarization")
    values = (incident, wavelength, q, stol, kept, polarization)
    _offer(recorder, _block_site(sub, block), names, values)
    return Rays(q, kept, polarization)


def _terms(
    plan: Plan,
    sub: SubPixel,
    rays: Rays,
    block: StepBlock,
    dtype: torch.dtype,
    recorder: Recorder | None,
) -> tuple[Float[Tensor, "pixels sources steps"], Float[Tensor, "pixels sources steps"]]:
    """F_latt and F_cell^2 F_latt^2 of each step; past the phases, in `dtype`."""
    vectors = plan.cell_vectors[:, :, block.steps]
    hkl = fractional_indices(rays.q, vectors)
    whole = nearest_indices(hkl)
    shape = LATTICE_FACTORS[plan.experiment.crystal.shape]
    offset = (hkl - whole).to(dtype)
    factors = shape(offset, plan.cells.to(dtype), plan.cell.reciprocal.to(dtype), plan.fudge)
    F_latt = lattice_factor(factors).to(dtype)
    grid = plan.structure
    F_cell = tricubic(hkl, whole, grid) if plan.interpolate else nearest(whole, grid)
    terms = step_terms(F_cell.to(dtype), F_latt)
    if recorder is not None:
        site = _block_site(sub, block)
        names = ("cell_vectors", "hkl", "hkl_nearest", "F_latt", "F_cell", "term")
        _offer(recorder, site, names, (vectors, hkl, whole, F_latt, F_cell, terms))
        if len(factors) == 3:
            _offer(recorder, site, ("F_latt_a", "F_latt_b", "F_latt_c"), factors)
        if recorder.wants("F_cell_origin"):
            origin = amplitude_origin(hkl, whole, grid, interpolate=plan.interpolate)
            recorder.record("F_cell_origin", origin, site)
    return F_latt, terms


def _first_polarization(so_far: Float[Tensor, " pixels"], rays: Rays) -> Float[Tensor, " pixels"]:
    """The first polarization factor computed for a pixel stays; steps beyond dmin compute none."""
    if rays.polarization is None:
        return so_far
    first = rays.polarization[:, 0]
    if rays.kept is not None:
        source = rays.kept.argmax(dim=1, keepdim=True)
        first = (rays.polarization * rays.kept).gather(1, source)[:, 0]
    return torch.where(so_far == 0, first, so_far)


def _running_factors(
    plan: Plan, sub: SubPixel, rays: Rays
) -> Float[Tensor, "pixels sources"] | None:
    """What `-oversample_*` multiplies into the running sum at each step; None without them."""
    sampling = plan.experiment.sampling
    factors = []
    if sampling.oversample_thick:
        factors.append(sub.capture[:, None])
    if sampling.oversample_polar and rays.polarization is not None:
        factors.append(rays.polarization)
    if sampling.oversample_omega:
        factors.append(sub.omega[:, None])
    if not factors:
        return None
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    return product.expand(rays.q.shape[1:])


def _counted(
    plan: Plan,
    F_latt: Float[Tensor, "pixels sources steps"],
    kept: Float[Tensor, "pixels sources"] | None,
) -> Float[Tensor, "pixels sources steps"]:
    """0 for the steps that nanoBragg skips: beyond dmin, and F_latt = 0 without water."""
    counted = torch.ones_like(F_latt)
    if plan.experiment.background.water_size_um == 0:
        counted = (F_latt != 0).to(F_latt.dtype)
    return counted if kept is None else counted * kept[:, :, None].to(F_latt.dtype)


def _block_site(sub: SubPixel, block: StepBlock) -> Site:
    site = sub.site
    return Site(
        site.pixels,
        site.layer,
        site.sub_slow,
        site.sub_fast,
        block.sources.start,
        block.steps.start,
    )


def _offer(
    recorder: Recorder | None,
    site: Site,
    names: tuple[str, ...],
    values: tuple[Tensor | None, ...],
) -> None:
    if recorder is None:
        return
    for name, value in zip(names, values, strict=True):
        if value is not None and recorder.wants(name):
            recorder.record(name, value, site)
