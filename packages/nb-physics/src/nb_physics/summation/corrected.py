"""The sum in which every term has its own solid angle, capture, polarization and source weight."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_physics.accumulate import add_terms_weighted
from nb_physics.background import background_photons
from nb_physics.rays import Offers, SubPixel, rays_of, terms_of
from nb_physics.scale import photons
from nb_physics.scene import Kind, Scene
from nb_physics.summation.summation import Share, Summation, Sums


class CorrectedSum(Summation):
    """Sums: the crystal's terms, and the photons of the background, which are apart from them."""

    def count(self, kind: Kind) -> int:
        return 2

    def multiplies(self, kind: Kind) -> bool:
        return False

    def open(self, scene: Scene, pixels: Int[Tensor, " pixels"]) -> Sums:
        total = torch.zeros_like(pixels, dtype=scene.fluence.dtype)
        return [total, torch.zeros_like(total)]

    def add(
        self,
        scene: Scene,
        sub: SubPixel,
        sums: Sums,
        share: Share,
        dtype: torch.dtype,
        offers: Offers,
    ) -> Sums:
        """The background is added with a source's first steps."""
        total, background = sums
        rays = rays_of(scene, sub, offers, polarized=True)
        weight = (sub.omega * sub.capture)[:, None] * scene.weight
        if not scene.kind.nopolar and rays.polarization is not None:
            weight = weight * rays.polarization
        own = background_photons(scene, sub, rays, weight)
        background = background + share * own.sum(dim=1)
        kept = weight if rays.kept is None else weight * rays.kept
        _, terms = terms_of(scene, rays, dtype, offers)
        total = add_terms_weighted(total, terms, kept)
        offers(weight=kept, running_sum=total)
        return [total, background]

    def finish(
        self, scene: Scene, sums: Sums, ends: tuple[SubPixel, SubPixel], offers: Offers
    ) -> Float[Tensor, " pixels"]:
        """The background is averaged over sub-pixels and summed over layers and sources."""
        total, background = sums
        water = background / (scene.oversample * scene.oversample)
        offers(intensity=total, water_photons=water)
        return photons(total, scene.fluence, scene.divisor) + water
