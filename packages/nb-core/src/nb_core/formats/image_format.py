"""What a format of image files is: one class, found through nb_register_image_formats."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

import numpy as np

from nb_core.errors import InputError
from nb_core.formats.atomic import AnyPath
from nb_core.formats.file_format import FileFormat, FileFormatKind
from nb_core.formats.numbers import text_to_number
from nb_core.formats.smv import SmvHeader
from nb_core.plugins import PLUGINS
from nb_core.showing import Brief


class PixelKind(Enum):
    """What the numbers of an image are: photons (float), counts of a detector, or grey levels."""

    PHOTONS = "photons"
    COUNTS = "counts"
    GREY_LEVELS = "grey levels"


@dataclass(frozen=True, eq=False, repr=False)
class ImageData(Brief):
    """An image as it is read from a file or written to one.

    values: shape (slow, fast), or (panel, slow, fast); counts and grey levels in the file's type
    kind: what the values are
    pedestal: counts of no photon, saturation: counts from which on a pixel is full; None: unknown
    keys: what a header says, as text; source: the file's name
    scale: counts or grey levels a photon, where known
    header: the geometry, for formats that write it
    """

    values: np.ndarray
    kind: PixelKind
    pedestal: float | None = None
    saturation: float | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    source: str = "image"
    scale: float | None = None
    header: SmvHeader | None = None

    @property
    def measured(self) -> np.ndarray | None:
        """Pixels that hold a measurement, shape of the values; None: all of them.

        Gaps and bad pixels have negative whole numbers.
        """
        return self.values >= 0 if self.values.dtype.kind == "i" else None

    def _repr_html_(self) -> str:
        """In a notebook: a picture on a logarithmic scale, and the figures of the image."""
        from nb_core.notebook import image_to_html

        return image_to_html(self)

    def number(self, key: str) -> float | None:
        """The value of a key, None when there is no such key; InputError when it is no number."""
        if key not in self.keys:
            return None
        return text_to_number(self.keys[key], f"{self.source} {key}")


class ImageFormat(FileFormat):
    """A format of image files.

    holds: the kinds of values that can be written; `nb simulate --out` writes the first
    several_panels: whether images of shape (panel, slow, fast) can be written
    """

    holds: ClassVar[tuple[PixelKind, ...]]
    several_panels: ClassVar[bool] = False

    @abc.abstractmethod
    def read(self, path: AnyPath, shape: tuple[int, ...] | None = None) -> ImageData:
        """The image of a file.

        shape: what is expected, (slow, fast) or (panel, slow, fast); for formats that do not say it
        Raises InputError for a file that cannot be read, is damaged or is of another format.
        """

    @abc.abstractmethod
    def write(self, path: AnyPath, image: ImageData, *, overwrite: bool = True) -> None:
        """Writes an image whole or not at all (nb_core.formats.atomic).

        Raises InputError for an image that the format cannot hold (`refuse_unheld`), OutputError
        for a file that cannot be written, or that exists where overwrite is False.
        """

    def refuse_unheld(self, image: ImageData) -> None:
        """InputError for values of a kind, or a number of panels, that the format cannot hold."""
        if image.kind not in self.holds:
            kinds = " or ".join(kind.value for kind in self.holds)
            raise InputError(f"{self.title} image", image.kind.value, f"the format holds {kinds}")
        axes = image.values.ndim
        if axes == 3 and not self.several_panels:
            remedy = "the format holds one panel, (slow, fast); choose another for several"
            raise InputError(f"{self.title} image", image.values.shape, remedy)
        if axes not in (2, 3) or 0 in image.values.shape:
            remedy = "an image has the shape (slow, fast) or (panel, slow, fast)"
            raise InputError(f"{self.title} image", image.values.shape, remedy)


@dataclass(frozen=True)
class ImageFormatKind(FileFormatKind[ImageFormat]):
    """The kind of image formats, of which it is known what they hold."""

    def check(self, thing: object, plugin: str) -> ImageFormat:
        """The format; refuses what is not a complete one, and names its plugin."""
        checked = super().check(thing, plugin)
        for kind in checked.holds:
            if not isinstance(kind, PixelKind):
                remedy = f"{checked.name}.holds: expected nb_core.PixelKind's"
                raise InputError(f"{PLUGINS.what} {plugin}", kind, remedy)
        return checked


IMAGE_FORMATS = ImageFormatKind("nb_register_image_formats", ImageFormat, "image", ("holds",))
