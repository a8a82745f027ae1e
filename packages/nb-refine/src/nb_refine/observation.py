"""The measured image: photons per pixel, and which pixels can be used."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nb_core import (
    Experiment,
    ImageData,
    ImageFormats,
    InputError,
    NbWarning,
    PixelKind,
    image_formats,
)
from nb_core.configs import plain_number
from nb_core.formats import AnyPath
from nb_core.showing import Brief
from nb_physics import rendered_indices

MOST_BELOW_OFFSET = 0.01
"""Share of the pixels that may lie below the offset; more say that the offset is wrong."""


@dataclass(frozen=True, eq=False, repr=False)
class Observation(Brief):
    """A measured image.

    photons: shape (slow, fast), or (panel, slow, fast) of several panels
    usable: pixels that may be fitted, same shape
    name: of its file, for messages
    """

    photons: Float[Tensor, "*panel slow fast"]
    usable: Bool[Tensor, "*panel slow fast"]
    name: str = "image"


def read_image(
    path: AnyPath,
    experiment: Experiment,
    *,
    gain: float = 1.0,
    adc_offset: float | None = None,
    formats: ImageFormats | None = None,
) -> Observation:
    """An image of photons (raw float32), or of counts = photons x gain + adc_offset (SMV).

    Of several panels a raw float image holds one after the other.
    adc_offset: default that of the image's header (ADC_OFFSET), else the experiment's
    formats: that may be read; default all, those of installed plugins too
    Saturated pixels and those below the offset cannot be used. Raises InputError for a file that
    is no image, has another size than the experiment's detector, or does not agree with the
    offset; warns (NbWarning) where header and experiment have different offsets.
    """
    if not gain > 0:
        raise InputError("gain", gain, "counts per photon; must be greater than 0")
    formats = image_formats() if formats is None else formats
    image = formats.read(path, experiment.shape)
    if image.kind is PixelKind.GREY_LEVELS:
        remedy = "a PGM picture has but 256 grey levels; give an SMV or raw float32 image"
        raise InputError("image", str(path), remedy)
    photons = image.values.astype(np.float64)
    if image.kind is PixelKind.COUNTS:
        offset = _offset(image, experiment) if adc_offset is None else adc_offset
        photons = (photons - offset) / gain
    usable = torch.from_numpy(_usable(image))
    return observe(torch.from_numpy(photons), experiment, usable=usable, name=str(path))


def _usable(image: ImageData) -> np.ndarray:
    """Which pixels hold a measurement, and are not full."""
    measured, full = image.measured, image.saturation
    usable = np.ones(image.values.shape, dtype=np.bool_) if measured is None else measured
    return usable if full is None else usable & (image.values < full)


def _offset(image: ImageData, experiment: Experiment) -> float:
    """The offset that the header says, else the experiment's."""
    own = experiment.outputs.adc_offset
    said = image.pedestal
    if said is None or said == own:
        return own
    message = f"{image.source}: its header says an offset of {said:g}, the model {own:g}: {said:g}"
    warnings.warn(f"{message} is taken off; --adc-offset overrides both", NbWarning, stacklevel=3)
    return said


def observe(
    photons: Float[Tensor, "*panel slow fast"] | Float[np.ndarray, "*panel slow fast"],
    experiment: Experiment,
    *,
    usable: Bool[Tensor, "*panel slow fast"] | None = None,
    name: str = "image",
) -> Observation:
    """An image in photons, of which the experiment's region of interest and mask are used.

    A panel's trusted range, in its ADU (gain times photons), leaves out what lies outside.
    Raises InputError where it has another size than the detector, holds what is no number, is
    blank, or lies below 0 in more than one pixel in a hundred.
    """
    values = torch.as_tensor(photons, dtype=torch.float64)
    shape = experiment.shape
    if tuple(values.shape) != shape:
        axes = "panel, slow, fast" if len(shape) == 3 else "slow, fast"
        remedy = f"the model's detector has {shape} pixels ({axes})"
        raise InputError(name, tuple(values.shape), remedy)
    chosen = torch.zeros(values.numel(), dtype=torch.bool)
    chosen[rendered_indices(experiment)] = True
    chosen = chosen.reshape(shape) & _trusted(values, experiment)
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


def _trusted(
    photons: Float[Tensor, "*panel slow fast"], experiment: Experiment
) -> Bool[Tensor, "*panel slow fast"]:
    """Which pixels lie in the trusted range of their panel, where it has one."""
    trusted = torch.ones(photons.shape, dtype=torch.bool)
    stack, marks = photons.reshape(-1, *photons.shape[-2:]), trusted.view(-1, *photons.shape[-2:])
    for number, panel in enumerate(experiment.panels):
        if panel.trusted_range is not None:
            low, high = (plain_number(end) for end in panel.trusted_range)
            counts = stack[number] * plain_number(panel.gain)
            marks[number] = (counts >= low) & (counts <= high)
    return trusted
