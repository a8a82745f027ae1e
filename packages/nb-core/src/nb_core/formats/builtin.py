"""The image formats that come with nb, brought through the hook that plugins use."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nb_core.errors import InputError
from nb_core.formats.atomic import AnyPath
from nb_core.formats.floats import read_floats, write_floats
from nb_core.formats.image_format import ImageData, ImageFormat, PixelKind
from nb_core.formats.pgm import read_pgm, write_pgm
from nb_core.formats.smv import read_smv, write_smv
from nb_core.formats.sniff import PGM, SMV, name_format
from nb_core.formats.structure_source import HklList, StructureSource
from nb_core.plugins import hookimpl

if TYPE_CHECKING:
    from nb_core.formats.experiment_format import ExperimentFormat

RAW = "raw"
"""Name of the format without a mark: what nothing else recognises may be of it."""


class RawFormat(ImageFormat):
    """float32 and nothing else; a file bears no mark, and its length must agree with the shape."""

    name = RAW
    title = "raw float32"
    summary = "photons as little-endian float32, without a header"
    endings = (".bin", ".f32")
    holds = (PixelKind.PHOTONS,)
    several_panels = True

    def sniff(self, head: bytes, path: AnyPath) -> bool:
        return False

    def read(self, path: AnyPath, shape: tuple[int, ...] | None = None) -> ImageData:
        return ImageData(read_floats(path, shape), PixelKind.PHOTONS, source=str(path))

    def write(self, path: AnyPath, image: ImageData, *, overwrite: bool = True) -> None:
        self.refuse_unheld(image)
        write_floats(path, image.values, overwrite)


class SmvFormat(ImageFormat):
    """What ADSC detectors write, and nanoBragg; read with pixels of any type."""

    name = "smv"
    title = "SMV"
    summary = "unsigned 16-bit counts behind a header of text, with the geometry of one panel"
    endings = (".img", ".smv")
    holds = (PixelKind.COUNTS,)

    def sniff(self, head: bytes, path: AnyPath) -> bool:
        return name_format(head) == SMV

    def read(self, path: AnyPath, shape: tuple[int, ...] | None = None) -> ImageData:
        image = read_smv(path)
        full = image.saturation if math.isfinite(image.saturation) else None
        return ImageData(
            image.data, PixelKind.COUNTS, image.pedestal, full, image.keys, image.source
        )

    def write(self, path: AnyPath, image: ImageData, *, overwrite: bool = True) -> None:
        self.refuse_unheld(image)
        if image.header is None:
            raise InputError("SMV image", "no header", "the format needs ImageData.header")
        write_smv(path, image.header, image.values, overwrite)


class PgmFormat(ImageFormat):
    """A picture; the scale that made it is in a comment."""

    name = "pgm"
    title = "PGM"
    summary = "an 8-bit grey picture"
    endings = (".pgm",)
    holds = (PixelKind.GREY_LEVELS,)

    def sniff(self, head: bytes, path: AnyPath) -> bool:
        return name_format(head) == PGM

    def read(self, path: AnyPath, shape: tuple[int, ...] | None = None) -> ImageData:
        image = read_pgm(path)
        return ImageData(image.data, PixelKind.GREY_LEVELS, source=image.source, scale=image.scale)

    def write(self, path: AnyPath, image: ImageData, *, overwrite: bool = True) -> None:
        self.refuse_unheld(image)
        write_pgm(path, image.values, 1.0 if image.scale is None else image.scale, overwrite)


@hookimpl
def nb_register_image_formats() -> list[ImageFormat]:
    return [RawFormat(), SmvFormat(), PgmFormat()]


@hookimpl
def nb_register_structure_sources() -> list[StructureSource]:
    return [HklList()]


@hookimpl
def nb_register_experiment_formats() -> list[ExperimentFormat]:
    from nb_core.formats.experiment_format import Toml  # which imports what reads images

    return [Toml()]
