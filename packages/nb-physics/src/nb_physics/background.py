"""What else than the crystal scatters into a pixel: terms of their own in the corrected sum."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from nb_physics.rays import Rays, SubPixel
from nb_physics.scene import Scene


def background_photons(
    scene: Scene, sub: SubPixel, rays: Rays, weight: Float[Tensor, "pixels sources"]
) -> Float[Tensor, "pixels sources"]:
    """Photons of the background along the rays of one sub-pixel, of each source.

    The whole pixel's, as if it had this one sub-pixel: the sum averages over sub-pixels.
    weight: solid angle x capture x polarization x weight of the source, which photons of any origin
        have that are scattered once; sub and rays hold these apart, and q and stol
    It may depend on nothing that differs from one step to another, for it is added once a source.
    """
    return water_photons(scene, weight)


def water_photons(
    scene: Scene, weight: Float[Tensor, "pixels sources"]
) -> Float[Tensor, "pixels sources"]:
    """Of the water (`scale.water_intensity`), which scatters alike in all directions."""
    return scene.background[..., None] * weight
