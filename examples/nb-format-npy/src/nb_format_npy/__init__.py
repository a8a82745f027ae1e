"""Images as numpy's .npy files, for nb."""

from __future__ import annotations

import os

import numpy as np

from nb_core import ImageData, ImageFormat, InputError, PixelKind, hookimpl
from nb_core.formats import AnyPath, atomic_write

MARK = b"\x93NUMPY"


class NpyFormat(ImageFormat):
    """One array, (slow, fast) or (panel, slow, fast): floats are photons, whole numbers counts."""

    name = "npy"
    title = "NumPy"
    summary = "an array of numpy's: photons or counts, of one panel or several"
    endings = (".npy",)
    holds = (PixelKind.PHOTONS, PixelKind.COUNTS)
    several_panels = True

    def sniff(self, head: bytes, path: AnyPath) -> bool:
        return head.startswith(MARK)

    def read(self, path: AnyPath, shape: tuple[int, ...] | None = None) -> ImageData:
        name = os.fspath(path)
        try:  # mapped: a false header takes no memory
            values = np.array(np.load(name, mmap_mode="r", allow_pickle=False))
        except Exception as error:  # of a damaged header, numpy raises many kinds
            reason = " ".join(str(error).split())
            raise InputError("NumPy image", name, f"no array can be read: {reason}") from error
        if values.dtype.kind not in "fiu" or values.ndim not in (2, 3):
            found = f"{values.dtype} {values.shape}"
            remedy = f"{found}; an image has numbers of a shape (slow, fast) or (panel, slow, fast)"
            raise InputError("NumPy image", name, remedy)
        kind = PixelKind.PHOTONS if values.dtype.kind == "f" else PixelKind.COUNTS
        return ImageData(values, kind, source=name)

    def write(self, path: AnyPath, image: ImageData, *, overwrite: bool = True) -> None:
        self.refuse_unheld(image)
        with atomic_write(path, overwrite) as handle:
            np.save(handle, image.values, allow_pickle=False)


@hookimpl
def nb_register_image_formats() -> list[ImageFormat]:
    return [NpyFormat()]
