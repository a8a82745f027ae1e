"""Images of any kind that nb reads, told apart by their content."""

from __future__ import annotations

import numpy as np

from nb_core.formats.atomic import AnyPath
from nb_core.formats.floats import read_open_floats
from nb_core.formats.pgm import PgmImage, read_open_pgm
from nb_core.formats.reading import open_regular
from nb_core.formats.smv import MOST_BYTES, SmvImage, read_open_smv
from nb_core.formats.sniff import PGM, SMV


def read_image(
    path: AnyPath, shape: tuple[int, int] | None = None
) -> SmvImage | PgmImage | np.ndarray:
    """An SMV image, a PGM picture, or else a raw float32 image as a plain array.

    shape: (slow, fast) of a raw image, which has no header; default square
    Raises InputError for a file of another format, which it names, and as the readers do.
    """
    with open_regular(path, "image", MOST_BYTES) as file:
        found = file.format()
        if found == SMV:
            return read_open_smv(file)
        if found == PGM:
            return read_open_pgm(file)
        file.refuse_other_formats("SMV, PGM and raw float32 images are read here")
        return read_open_floats(file, shape)
