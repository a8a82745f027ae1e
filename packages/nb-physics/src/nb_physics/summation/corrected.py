"""The sum in which every term has its own solid angle, capture, polarization and source weight."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_physics.accumulate import add_terms_weighted
from nb_physics.background import ScatteredRays
from nb_physics.rays import Offers, Rays, SubPixel, rays_of, terms_of
from nb_physics.scale import photons
from nb_physics.scene import Kind, Scene
from nb_physics.summation.summation import Share, Summation, Sums


class CorrectedSum(Summation):
    """Sums: the crystal's terms, the photons of the water, and those of other backgrounds, where
    there are some: apart from the crystal's.
    """

    def count(self, kind: Kind) -> int:
        return 3 if kind.backgrounds else 2

    def multiplies(self, kind: Kind) -> bool:
        return False

    def open(self, scene: Scene, pixels: Int[Tensor, " pixels"]) -> Sums:
        dtype, count = scene.fluence.dtype, self.count(scene.kind)
        return [torch.zeros_like(pixels, dtype=dtype) for _ in range(count)]

    def add(
        self,
        scene: Scene,
        sub: SubPixel,
        sums: Sums,
        share: Share,
        dtype: torch.dtype,
        offers: Offers,
    ) -> Sums:
        """Backgrounds are added with a source's first steps.

        Each is the whole pixel's, as if it had this one sub-pixel: `finish` averages over these.
        """
        total, water, *others = sums
        rays = rays_of(scene, sub, offers, polarized=True)
        weight = (sub.omega * sub.capture)[:, None] * scene.weight
        if not scene.kind.nopolar and rays.polarization is not None:
            weight = weight * rays.polarization
        water = water + share * (scene.background[..., None] * weight).sum(dim=1)
        if others:
            scattered = _scattered(scene, sub, rays)
            for background in scene.backgrounds:
                own = background.intensity(scattered) * weight
                others = [others[0] + share * own.sum(dim=1)]
        kept = weight if rays.kept is None else weight * rays.kept
        _, terms = terms_of(scene, rays, dtype, offers)
        total = add_terms_weighted(total, terms, kept)
        offers(weight=kept, running_sum=total)
        return [total, water, *others]

    def finish(
        self, scene: Scene, sums: Sums, ends: tuple[SubPixel, SubPixel], offers: Offers
    ) -> Float[Tensor, " pixels"]:
        """Backgrounds are averaged over sub-pixels and summed over layers and sources."""
        total, *backgrounds = sums
        water, *others = (b / (scene.oversample * scene.oversample) for b in backgrounds)
        offers(intensity=total, water_photons=water)
        value = photons(total, scene.fluence * scene.fraction, scene.divisor) + water
        for background in others:
            offers(background_photons=background)
            value = value + background
        return value


def _scattered(scene: Scene, sub: SubPixel, rays: Rays) -> ScatteredRays:
    return ScatteredRays(
        rays.q,
        rays.stol,
        sub.diffracted,
        scene.incident,
        scene.wavelength,
        scene.fluence,
        scene.arithmetic,
    )
