"""Masks: SMV images in which a zero skips the pixel."""

from __future__ import annotations

import numpy as np

from nb_core.data import Mask
from nb_core.errors import InputError
from nb_core.formats.atomic import AnyPath
from nb_core.formats.smv import SmvHeader, SmvImage, read_smv, write_smv


def read_mask(path: AnyPath) -> tuple[Mask, SmvImage]:
    """A mask, and the image it came from with its header.

    Raises InputError as `read_smv`, and where a pixel is no number.
    """
    image = read_smv(path)
    if not np.isfinite(image.data).all():
        remedy = "a pixel of a mask is 0 (left out) or another number"
        raise InputError(image.source, "NaN or infinity", remedy)
    return Mask(values=image.data != 0, source=image.source), image


def write_mask(path: AnyPath, header: SmvHeader, mask: Mask, overwrite: bool = True) -> None:
    """Write 1 where a pixel is rendered and 0 where it is skipped. Raises as `write_smv`."""
    write_smv(path, header, mask.values.astype(np.uint16), overwrite)
