"""The measured image: photons per pixel, and which pixels can be used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nb_core import Experiment, InputError
from nb_core.formats.atomic import AnyPath, read_bytes
from nb_core.formats.floats import read_floats
from nb_core.formats.smv import is_smv, read_smv
from nb_physics import select_pixels

SATURATED = 65535
MOST_BELOW_OFFSET = 0.01
"""Share of the pixels that may lie below the offset; more say that the offset is wrong."""


@dataclass(frozen=True, eq=False)
class Observation:
    """A measured image.

    photons: shape (slow, fast); usable: pixels that may be fitted, same shape
    name: of its file, for messages
    """

    photons: Float[Tensor, "slow fast"]
    usable: Bool[Tensor, "slow fast"]
    name: str = "image"


def read_image(
    path: AnyPath, experiment: Experiment, *, gain: float = 1.0, adc_offset: float | None = None
) -> Observation:
    """A raw float image (photons), or an SMV image of counts = photons x gain + adc_offset.

    adc_offset: default the experiment's. Saturated pixels and those below the offset cannot be
    used. Raises InputError for a file that is no image, has another size than the experiment's
    detector, or does not agree with the offset.
    """
    detector = experiment.detector
    if not gain > 0:
        raise InputError("gain", gain, "counts per photon; must be greater than 0")
    if not is_smv(read_bytes(path, "image")):
        photons = torch.from_numpy(read_floats(path, (detector.spixels, detector.fpixels)))
        return observe(photons.to(torch.float64), experiment, name=str(path))
    counts = read_smv(path).data
    offset = experiment.outputs.adc_offset if adc_offset is None else adc_offset
    photons = torch.from_numpy((counts.astype(np.float64) - offset) / gain)
    usable = torch.from_numpy(counts < SATURATED)
    return observe(photons, experiment, usable=usable, name=str(path))


def observe(
    photons: Float[Tensor, "slow fast"] | Float[np.ndarray, "slow fast"],
    experiment: Experiment,
    *,
    usable: Bool[Tensor, "slow fast"] | None = None,
    name: str = "image",
) -> Observation:
    """An image in photons, of which the experiment's region of interest and mask are used.

    Raises InputError where it has another size than the detector, holds what is no number, is
    blank, or lies below 0 in more than one pixel in a hundred.
    """
    values = torch.as_tensor(photons, dtype=torch.float64)
    shape = (experiment.detector.spixels, experiment.detector.fpixels)
    if tuple(values.shape) != shape:
        remedy = f"the model's detector has {shape} pixels (slow, fast)"
        raise InputError(name, tuple(values.shape), remedy)
    selection = select_pixels(experiment)
    chosen = torch.zeros(values.numel(), dtype=torch.bool)
    chosen[selection.indices(0, selection.count, torch.device("cpu"))] = True
    chosen = chosen.reshape(shape)
    if usable is not None:
        chosen &= usable
    if not values[chosen].isfinite().all():
        raise InputError(name, "NaN or infinity", "every pixel needs a number; mask the others")
    below = chosen & (values < 0)
    if below.sum() > MOST_BELOW_OFFSET * chosen.sum():
        remedy = "these pixels lie below 0 photons; give the detector's --adc-offset"
        raise InputError(name, f"{int(below.sum())} pixels", remedy)
    chosen &= ~below
    inside = values[chosen]
    if not inside.numel() or bool(inside.min() == inside.max()):
        what = "no pixel can be used" if not inside.numel() else f"all pixels are {inside[0]:g}"
        raise InputError(name, what, "the image is blank; there is nothing to fit")
    return Observation(values, chosen, name)
