"""Which files an image is written to, and the writing of them."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from nb_core import Experiment, NbWarning, OutputConfig, OutputError
from nb_core.formats.fdump import write_dump
from nb_core.formats.floats import write_floats
from nb_core.formats.pgm import write_pgm
from nb_core.formats.smv import HeaderStyle, SmvHeader, write_smv
from nb_physics import Figures, NoiseGenerator, Plan
from nb_physics.digital import DigitalImage, digital_image, image_files
from nb_physics.header import default_header_style, dials_misreads, smv_header

DEFAULT_FILES = {
    "float": "floatimage.bin",
    "int": "intimage.img",
    "pgm": "image.pgm",
    "noise": "noiseimage.img",
}


NUMBERED_FILES = {
    **DEFAULT_FILES,
    "int": "intimage_0001.img",
    "noise": "noiseimage_0001.img",
}
"""For DIALS, which takes an image of a rotation only where its name has a number."""


@dataclass(frozen=True)
class Written:
    """A file that was written, and what it holds."""

    path: str
    what: str


def header_style(experiment: Experiment, asked: str | None = None) -> HeaderStyle:
    """Whom SMV headers are written for: as asked, else by the experiment's profile."""
    return default_header_style(experiment.profile) if asked is None else HeaderStyle(asked)


def chosen_files(
    outputs: OutputConfig, *more: str | None, style: HeaderStyle = HeaderStyle.NANOBRAGG
) -> dict[str, str]:
    """The image files to write, by kind: those named, else nanoBragg's four.

    more: other files that the user named (a PNG, say), which also count as named
    style: names end in a number where their readers ask for one
    """
    defaults = NUMBERED_FILES if style is HeaderStyle.DIALS else DEFAULT_FILES
    return image_files(outputs, {} if any(more) else defaults)


def input_files(experiment: Experiment) -> list[str]:
    """The files that an experiment was read from."""
    things = (
        experiment.structure_factors,
        experiment.crystal.matrix,
        experiment.beam.sources,
        experiment.mask,
    )
    return [thing.source for thing in things if thing is not None and thing.source is not None]


def check_targets(paths: list[str], *, overwrite: bool, inputs: Sequence[str] = ()) -> None:
    """Refuses early what could not be written late, or is an input; the error names the file."""
    taken: set[str] = set()
    for path in paths:
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            raise OutputError(path, f"there is no folder {folder}; make it first")
        if os.path.isdir(path):
            raise OutputError(path, "is a folder; name a file")
        if not overwrite and os.path.exists(path):
            raise OutputError(path, "exists; leave out --no-overwrite, or name another file")
        if os.path.exists(path) and not os.path.isfile(path):
            continue
        if not os.access(folder, os.W_OK):
            raise OutputError(path, f"the folder {folder} is read-only; choose another one")
        if any(_same_file(path, name) for name in inputs):
            raise OutputError(path, "is an input; give the output a name of its own")
        if os.path.normpath(path) in taken:
            raise OutputError(path, "is named for two outputs; give each its own name")
        taken.add(os.path.normpath(path))


def check_folder(path: str) -> None:
    """Refuses early a folder for results that could not be made or written to."""
    place = os.path.abspath(path)
    while not os.path.exists(place):
        place = os.path.dirname(place)
    if not os.path.isdir(place):
        raise OutputError(path, f"{place} is a file, not a folder; choose another name")
    if not os.access(place, os.W_OK):
        raise OutputError(path, f"the folder {place} is read-only; choose another one")


def _same_file(path: str, name: str) -> bool:
    return os.path.exists(path) and os.path.exists(name) and os.path.samefile(path, name)


@dataclass(frozen=True, eq=False)
class ImageWriter:
    """Writes a simulated image as nanoBragg does, each file whole or not at all.

    Each writer takes a path and returns, in words, what the file holds.
    """

    image: DigitalImage
    generator: NoiseGenerator
    header: SmvHeader
    overwrite: bool

    @property
    def outputs(self) -> OutputConfig:
        return self.image.plan.experiment.outputs

    def write_float(self, path: str) -> str:
        write_floats(path, self.image.single, self.overwrite)
        return "photons, raw float32"

    def write_int(self, path: str) -> str:
        counts = self.image.integers()
        write_smv(path, self.header, counts, self.overwrite)
        _warn(self.image.integer_doubt(counts))
        return f"SMV, photons x {self.image.scale:g} + {self.outputs.adc_offset:g}"

    def write_pgm(self, path: str) -> str:
        levels, factor = self.image.picture()
        write_pgm(path, levels, factor, self.overwrite)
        return f"8-bit picture, photons x {factor:g}"

    def write_noise(self, path: str) -> str:
        given = self.outputs.noise_seed
        seed = int(time.time()) if given is None else given
        counts, photons, overloads = self.image.noise(self.generator, seed)
        write_smv(path, self.header, counts, self.overwrite)
        _warn(self.image.noise_doubt(photons, overloads))
        return (
            f"SMV, {photons:.0f} photons counted + {self.outputs.adc_offset:g}, "
            f"{overloads} overloads, seed {seed} ({self.generator.value})"
        )


def _warn(doubt: str | None) -> None:
    """Says what is odd about the counts of a file that was written."""
    if doubt is not None:
        warnings.warn(doubt, NbWarning, stacklevel=3)


def write_outputs(
    plan: Plan,
    image: Tensor,
    files: dict[str, str],
    generator: NoiseGenerator,
    *,
    style: HeaderStyle = HeaderStyle.NANOBRAGG,
    overwrite: bool,
) -> tuple[Figures, list[Written]]:
    """Writes the files (by kind: float, int, pgm, noise) and the dump, if one is named.

    style: of the SMV headers; warns (NbWarning) of a geometry that DIALS cannot read from one
    Raises InputError for an image that float32 cannot hold, OutputError as the formats do.
    """
    digital = digital_image(plan, image)
    if style is HeaderStyle.DIALS and {"int", "noise"} & set(files):
        for reason in dials_misreads(plan):
            warnings.warn(f"SMV header for DIALS: {reason}", NbWarning, stacklevel=2)
    writer = ImageWriter(digital, generator, smv_header(plan, style), overwrite)
    writers: dict[str, Callable[[str], str]] = {
        "float": writer.write_float,
        "int": writer.write_int,
        "pgm": writer.write_pgm,
        "noise": writer.write_noise,
    }
    written = [Written(path, writers[kind](path)) for kind, path in files.items()]
    dump, factors = plan.experiment.outputs.dumpfile, plan.experiment.structure_factors
    if dump is not None and factors is not None:
        write_dump(dump, factors, float(plan.experiment.crystal.default_F))
        written.append(Written(dump, "structure factors, binary"))
    return digital.figures, written
