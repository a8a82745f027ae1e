"""nanoBragg's sum, with all that it does to water and to factors."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_physics.accumulate import add_terms, add_terms_running
from nb_physics.rays import Offers, Rays, SubPixel, rays_of, source_polarization, terms_of
from nb_physics.scale import photons
from nb_physics.scene import Kind, Scene
from nb_physics.summation.summation import Share, Summation, Sums
from nb_physics.tiles import StepBlock

_FIRST_SOURCE = StepBlock(slice(0, 1), slice(0, 1))


class ReferenceSum(Summation):
    """Sums: of all terms, from the water on; and, with dmin, the first polarization factor that was
    computed, which steps beyond dmin do not do.

    With `-oversample_*` the factors of every step are multiplied into the running sum, the water
    and all terms before among it. Factors that are not in it are those of the first sub-pixel and
    source, the capture that of the last layer.
    """

    opens_with: ClassVar[str | None] = "background"

    def count(self, kind: Kind) -> int:
        return 2 if kind.limited else 1

    def multiplies(self, kind: Kind) -> bool:
        return kind.oversample_thick or kind.oversample_polar or kind.oversample_omega

    def open(self, scene: Scene, pixels: Int[Tensor, " pixels"]) -> Sums:
        total = scene.background.expand(pixels.shape)
        return [total, _no_polarization(scene, total)][: self.count(scene.kind)]

    def add(
        self,
        scene: Scene,
        sub: SubPixel,
        sums: Sums,
        share: Share,
        dtype: torch.dtype,
        offers: Offers,
    ) -> Sums:
        kind, (total, *factor) = scene.kind, sums
        shown = offers.opening and offers.wants("polarization")
        polarized = kind.oversample_polar or kind.limited or shown
        rays = rays_of(scene, sub, offers, polarized=polarized)
        F_latt, terms = terms_of(scene, rays, dtype, offers)
        running = _running_factors(kind, sub, rays)
        if running is None:
            total = add_terms(total, terms, rays.kept)
        else:
            counted = _counted(kind, F_latt, rays.kept)
            total = add_terms_running(total, terms, running, counted)
        offers(weight=running, running_sum=total)
        return [total, *(_first_polarization(so_far, rays) for so_far in factor)]

    def finish(
        self, scene: Scene, sums: Sums, ends: tuple[SubPixel, SubPixel], offers: Offers
    ) -> Float[Tensor, " pixels"]:
        kind, (total, *factor), (first, last) = scene.kind, sums, ends
        polarization = factor[0] if factor else _polarization(scene, first)
        factors = (last.capture, polarization, first.omega)
        in_sum = (kind.oversample_thick, kind.oversample_polar, kind.oversample_omega)
        late = [None if used else factor for used, factor in zip(in_sum, factors, strict=True)]
        offers(intensity=total, capture_used=late[0], polarization_used=late[1], omega_used=late[2])
        left = [factor for factor in late if factor is not None]
        if offers.wants("water_photons") and len(left) == 3:
            water = scene.background.expand(total.shape)
            offers(water_photons=photons(water, scene.fluence, scene.divisor, *left))
        return photons(total, scene.fluence, scene.divisor, *left)


def _no_polarization(scene: Scene, total: Float[Tensor, " pixels"]) -> Float[Tensor, " pixels"]:
    """The polarization factor before any is computed: 0, or 1 where none shall be."""
    return torch.full_like(total, float(scene.kind.nopolar))


def _polarization(scene: Scene, first: SubPixel) -> Float[Tensor, " pixels"]:
    """The factor of the first sub-pixel and source, or 1 where there shall be none."""
    if scene.kind.nopolar:
        return torch.ones_like(first.omega)
    return source_polarization(scene.part(_FIRST_SOURCE), first)[:, 0]


def _first_polarization(so_far: Float[Tensor, " pixels"], rays: Rays) -> Float[Tensor, " pixels"]:
    """The first polarization factor computed for a pixel stays; steps beyond dmin compute none."""
    if rays.polarization is None or rays.kept is None:
        return so_far
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
