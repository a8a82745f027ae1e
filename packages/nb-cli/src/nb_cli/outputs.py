"""Which files an image is written to, and the writing of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from nb_core import Experiment, InputError, OutputConfig, OutputError
from nb_core.formats.fdump import write_dump
from nb_core.formats.floats import write_floats
from nb_core.formats.pgm import write_pgm
from nb_core.formats.smv import write_smv
from nb_physics import Figures, NoiseGenerator, Plan, counted_photons, image_figures, smv_header
from nb_physics.digitize import (
    integer_image,
    integer_scale,
    noise_image,
    picture,
    picture_scale,
)
from nb_physics.figures import roi_part
from nb_physics.tiles import PixelSelection, select_pixels

DEFAULT_FILES = {
    "float": "floatimage.bin",
    "int": "intimage.img",
    "pgm": "image.pgm",
    "noise": "noiseimage.img",
}


@dataclass(frozen=True)
class Written:
    """A file that was written, and what it holds."""

    path: str
    what: str


def chosen_files(outputs: OutputConfig, *more: str | None) -> dict[str, str]:
    """The image files to write, by kind: those named, else nanoBragg's four.

    more: other files that the user named (a PNG, say), which also count as named
    """
    named = {
        "float": outputs.floatfile,
        "int": outputs.intfile,
        "pgm": outputs.pgmfile,
        "noise": outputs.noisefile,
    }
    files = {kind: name for kind, name in named.items() if name is not None}
    if not files and not any(more):
        files = dict(DEFAULT_FILES)
    if not outputs.write_pgm:
        files.pop("pgm", None)
    if not outputs.calculate_noise:
        files.pop("noise", None)
    return files


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


def _same_file(path: str, name: str) -> bool:
    return os.path.exists(path) and os.path.exists(name) and os.path.samefile(path, name)


@dataclass(frozen=True, eq=False)
class ImageWriter:
    """Writes a simulated image as nanoBragg does, each file whole or not at all.

    image: photons, shape (slow, fast); single: the same as float32, as nanoBragg stores it
    Each writer takes a path and returns, in words, what the file holds.
    """

    plan: Plan
    image: Tensor
    single: np.ndarray
    selection: PixelSelection
    figures: Figures
    generator: NoiseGenerator
    overwrite: bool

    @property
    def scale(self) -> float:
        return integer_scale(self.plan.experiment.outputs.scale, self.figures)

    def write_float(self, path: str) -> str:
        write_floats(path, self.single, self.overwrite)
        return "photons, raw float32"

    def write_int(self, path: str) -> str:
        offset = self.plan.experiment.outputs.adc_offset
        counts = integer_image(self.single, self.selection, self.scale, offset)
        write_smv(path, smv_header(self.plan), counts, self.overwrite)
        return f"SMV, photons x {self.scale:g} + {offset:g}"

    def write_pgm(self, path: str) -> str:
        asked = self.plan.experiment.outputs.pgm_scale
        factor = picture_scale(asked, self.scale, self.figures)
        write_pgm(path, picture(self.single, self.selection, factor), factor, self.overwrite)
        return f"8-bit picture, photons x {factor:g}"

    def write_noise(self, path: str) -> str:
        """Only the region of interest is drawn, row by row, as in the C program."""
        outputs = self.plan.experiment.outputs
        seed = int(time.time()) if outputs.noise_seed is None else outputs.noise_seed
        counts = counted_photons(roi_part(self.image, self.selection), self.generator, seed)
        shape = self.single.shape
        digital, overloads = noise_image(counts, shape, self.selection, outputs.adc_offset)
        write_smv(path, smv_header(self.plan), digital, self.overwrite)
        return (
            f"SMV, {counts.sum():.0f} photons counted + {outputs.adc_offset:g}, "
            f"{overloads} overloads, seed {seed} ({self.generator.value})"
        )


def write_outputs(
    plan: Plan,
    image: Tensor,
    files: dict[str, str],
    generator: NoiseGenerator,
    *,
    overwrite: bool,
) -> tuple[Figures, list[Written]]:
    """Writes the files (by kind: float, int, pgm, noise) and the dump, if one is named.

    Raises InputError for an image that float32 cannot hold, OutputError as the formats do.
    """
    single = image.detach().cpu().float().numpy()
    if not np.isfinite(single).all():
        remedy = "a pixel exceeds float32; lower the fluence, the crystal size or the amplitudes"
        raise InputError("image", float(np.abs(single).max()), remedy)
    selection = select_pixels(plan.experiment)
    figures = image_figures(single, selection)
    writer = ImageWriter(plan, image, single, selection, figures, generator, overwrite)
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
    return figures, written
