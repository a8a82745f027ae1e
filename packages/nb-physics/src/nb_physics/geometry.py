"""From pixels to diffracted rays: positions, directions, solid angle and capture fraction."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_core import Profile
from nb_physics.frame import DetectorFrame
from nb_physics.vectors import dot, length, rotate_about

_NEAR = 0.01
_COSINE = tuple((-1) ** n / math.factorial(2 * n) for n in range(6))
_SINE_OVER = tuple((-1) ** n / math.factorial(2 * n + 1) for n in range(6))
"""Their power series in a^2; below _NEAR what follows is less than 1e-20."""


def subpixel_coordinates(
    index: Float[Tensor, " pixels"] | Int[Tensor, " pixels"],
    sub: Float[Tensor, ""] | int,
    oversample: Float[Tensor, ""] | int,
    pixel_size: Float[Tensor, ""],
) -> Float[Tensor, " pixels"]:
    """Distance (metres) of sub-pixel centres from the detector's edge, along one axis.

    index: pixel numbers along the axis; sub: 0 to oversample - 1
    """
    width = pixel_size / oversample
    return width * (index * oversample + sub) + width / 2.0


def flat_positions(
    fast: Float[Tensor, " pixels"],
    slow: Float[Tensor, " pixels"],
    depth: Float[Tensor, ""],
    frame: DetectorFrame,
) -> Float[Tensor, "3 pixels"]:
    """Lab positions (metres) of points at detector coordinates fast, slow and a sensor depth."""
    return torch.stack(
        [
            fast * frame.fast[i] + slow * frame.slow[i] + depth * frame.normal[i] + frame.origin[i]
            for i in range(3)
        ]
    )


def curved_positions(
    flat: Float[Tensor, "3 pixels"],
    fast: Float[Tensor, " pixels"],
    slow: Float[Tensor, " pixels"],
    frame: DetectorFrame,
    profile: Profile,
) -> Float[Tensor, "3 pixels"]:
    """Lab positions (metres) on a sphere about the sample; coordinates become angles.

    Reference: turns a vector along the beam, `distance` long, about slow and fast by lab y and z,
    whatever the convention. Corrected: turns the nearest point of the plane straight towards the
    pixel's place on it, by how far that is, so that the order of fast and slow does not count.
    """
    if profile is Profile.REFERENCE:
        centre = (frame.distance * frame.beam)[:, None]
        turned = rotate_about(centre, frame.slow[:, None], flat[1] / frame.distance)
        return rotate_about(turned, frame.fast[:, None], flat[2] / frame.distance)
    nearest = (frame.close_distance * frame.normal)[:, None]
    across = (fast - frame.close_fast) * frame.fast[:, None]
    across = across + (slow - frame.close_slow) * frame.slow[:, None]
    angle_squared = dot(across, across) / (frame.close_distance * frame.close_distance)
    cosine, sine_over_angle = _turn(angle_squared)
    return nearest * cosine + across * sine_over_angle


def _turn(
    angle_squared: Float[Tensor, " pixels"],
) -> tuple[Float[Tensor, " pixels"], Float[Tensor, " pixels"]]:
    """cos a and sin a / a, as functions of a^2 (radians) that are smooth at 0."""
    near = angle_squared < _NEAR
    small = torch.where(near, angle_squared, torch.zeros_like(angle_squared))
    angle = torch.sqrt(torch.where(near, torch.ones_like(angle_squared), angle_squared))
    cosine, over = torch.full_like(small, _COSINE[-1]), torch.full_like(small, _SINE_OVER[-1])
    for of_cosine, of_sine in zip(_COSINE[-2::-1], _SINE_OVER[-2::-1], strict=True):
        cosine, over = cosine * small + of_cosine, over * small + of_sine
    over = torch.where(near, over, torch.sin(angle) / angle)
    return torch.where(near, cosine, torch.cos(angle)), over


def directions(
    position: Float[Tensor, "3 pixels"],
) -> tuple[Float[Tensor, " pixels"], Float[Tensor, "3 pixels"]]:
    """Path through air (metres) and unit vector of the ray to each position."""
    airpath = length(position)
    return airpath, position / airpath


def solid_angle(
    airpath: Float[Tensor, " pixels"],
    frame: DetectorFrame,
    *,
    point_pixel: bool,
    profile: Profile,
    depth: Float[Tensor, ""] | float = 0.0,
) -> Float[Tensor, " pixels"]:
    """Solid angle (steradian) of a pixel: (pixel / R)^2 times the obliquity, (Z + depth) / R.

    Z: the close distance; depth: metres, of the sensor layer that the rays of length R go to.
    On a curved detector it is 0, for all layers lie on one sphere and face the sample: Z / R is 1.
    point_pixel: without the obliquity; the reference profile then also leaves out the area.
    The reference profile takes Z / R at every depth.
    Never negative, for the close distance of a placed detector is not.
    """
    if not point_pixel:
        area = frame.pixel_size * frame.pixel_size
        plane = frame.close_distance
        if profile is Profile.CORRECTED:
            plane = plane + depth
        return area / airpath / airpath * plane / airpath
    if profile is Profile.REFERENCE:
        return 1.0 / airpath / airpath
    return frame.pixel_size * frame.pixel_size / airpath / airpath


def capture_fraction(
    diffracted: Float[Tensor, "3 pixels"],
    frame: DetectorFrame,
    layer: Float[Tensor, ""] | int,
    layer_depth: Float[Tensor, ""],
    attenuation: Float[Tensor, ""],
) -> Float[Tensor, " pixels"]:
    """Share of the photons that sensor layer number `layer` absorbs (Beer-Lambert).

    layer_depth: thickness of a layer, metres; attenuation: 1/metre
    A ray may come from either side: the far pixels of a curved detector show it their back.
    """
    normal = frame.normal
    cosine = diffracted[0] * normal[0] + diffracted[1] * normal[1] + diffracted[2] * normal[2]
    cosine = torch.abs(cosine).clamp(min=torch.finfo(cosine.dtype).tiny)
    before = torch.exp(-layer * layer_depth * attenuation / cosine)
    return before - torch.exp(-(layer + 1) * layer_depth * attenuation / cosine)


def rectangle_solid_angle(
    frame: DetectorFrame, fast: tuple[int, int], slow: tuple[int, int]
) -> Float[Tensor, ""]:
    """Solid angle (steradian) of a rectangle of pixels of a flat detector; bounds exclusive.

    The sum over its corners of atan(x y / (z r)), x and y from the point nearest the sample, z the
    close distance and r the distance of the corner (Khadjavi, J. Opt. Soc. Am. 58 (1968) 1417).
    """
    z = frame.close_distance
    total = torch.zeros_like(z)
    for fast_edge, fast_sign in zip(fast, (-1, 1), strict=True):
        for slow_edge, slow_sign in zip(slow, (-1, 1), strict=True):
            x = fast_edge * frame.pixel_size - frame.close_fast
            y = slow_edge * frame.pixel_size - frame.close_slow
            r = torch.sqrt(x * x + y * y + z * z)
            total = total + fast_sign * slow_sign * torch.atan2(x * y, z * r)
    return total.clamp(min=0.0)
