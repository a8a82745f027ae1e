"""Photon counting noise as nanoBragg draws it, pixel after pixel from one stream.

Small means count exponential waiting times, larger ones use rejection from a Lorentzian, and
those beyond a million photons a Gaussian (Press et al., Numerical Recipes in C, 2nd edition,
section 7.3). The program works in float32; each of its roundings is repeated here.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from nb_core.errors import InputError
from nb_core.ran1 import Ran1, float32_rounder

__all__ = [
    "poisson_image",
]

DIRECT_BELOW = 12.0
GAUSSIAN_ABOVE = 1.0e6

_LANCZOS = (
    76.18009172947146,
    -86.50532032941677,
    24.01409824083091,
    -1.231739572450155,
    0.1208650973866179e-2,
    -0.5395239384953e-5,
)


def poisson_image(photons: np.ndarray, seed: int | Ran1) -> np.ndarray:
    """Counted photons for expected ones, in the order of the array; float64, the same shape.

    photons: mean counts, rounded to float32; one below 0 counts as 0
    seed: as of `Ran1`; or a stream, which goes on where an earlier part of the image left it
    Raises InputError for a mean that is not finite.
    """
    means = np.asarray(photons, dtype=np.float32)
    if not np.isfinite(means).all():
        raise InputError("photons", "NaN or infinity", "the noise of a pixel needs a finite mean")
    generator = seed if isinstance(seed, Ran1) else Ran1(seed)
    to_float32 = float32_rounder()
    draw = generator.uniform
    counts = []
    for mean in means.reshape(-1).tolist():
        if mean <= 0.0:
            draw()
            counts.append(0.0)
        elif mean < DIRECT_BELOW:
            counts.append(_count_waits(mean, draw, to_float32))
        elif mean <= GAUSSIAN_ABOVE:
            counts.append(_count_by_rejection(mean, draw, to_float32))
        else:
            counts.append(to_float32(mean + math.sqrt(mean) * generator.gaussian()))
    return np.array(counts, dtype=np.float64).reshape(means.shape)


def _count_waits(
    mean: float, draw: Callable[[], float], to_float32: Callable[[float], float]
) -> float:
    """How many exponential waiting times fit into `mean`; a product of uniforms is their sum."""
    limit = to_float32(math.exp(-mean))
    product = draw()
    count = 0.0
    while product > limit:
        product = to_float32(product * draw())
        count += 1.0
    return count


def _count_by_rejection(
    mean: float, draw: Callable[[], float], to_float32: Callable[[float], float]
) -> float:
    """A Poisson deviate accepted from under a Lorentzian of the same mean and width."""
    width = to_float32(math.sqrt(2.0 * mean))
    log_mean = to_float32(math.log(mean))
    log_gamma = _log_gamma(to_float32(mean + 1.0), to_float32)
    peak = to_float32(to_float32(mean * log_mean) - log_gamma)
    while True:
        slope = to_float32(math.tan(math.pi * draw()))
        count = to_float32(to_float32(width * slope) + mean)
        if count < 0.0:
            continue
        count = float(math.floor(count))
        log_gamma = _log_gamma(to_float32(count + 1.0), to_float32)
        exponent = to_float32(to_float32(to_float32(count * log_mean) - log_gamma) - peak)
        square = to_float32(slope * slope)
        if draw() <= to_float32(0.9 * (1.0 + square) * math.exp(exponent)):
            return count


def _log_gamma(x: float, to_float32: Callable[[float], float]) -> float:
    """The logarithm of the gamma function, x > 0 (Lanczos' series of six terms)."""
    shifted = x + 5.5
    shifted -= (x + 0.5) * math.log(shifted)
    series = 1.000000000190015
    term = x
    for coefficient in _LANCZOS:
        term += 1.0
        series += coefficient / term
    return to_float32(-shifted + math.log(2.5066282746310005 * series / x))
