"""Which files an image is written to, and the writing of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from nb_core import InputError, OutputConfig, OutputError
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
from nb_physics.tiles import select_pixels

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


def check_targets(paths: list[str], *, overwrite: bool) -> None:
    """Refuses early what could not be written late; an OutputError names the file."""
    for path in paths:
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            raise OutputError(path, f"there is no folder {folder}; make it first")
        if not os.access(folder, os.W_OK) and not os.path.exists(path):
            raise OutputError(path, f"the folder {folder} is read-only; choose another one")
        if os.path.isdir(path):
            raise OutputError(path, "is a folder; name a file")
        if not overwrite and os.path.exists(path):
            raise OutputError(path, "exists; leave out --no-overwrite, or name another file")


def write_outputs(
    plan: Plan,
    image: Tensor,
    files: dict[str, str],
    generator: NoiseGenerator,
    *,
    overwrite: bool,
) -> tuple[Figures, list[Written]]:
    """Writes the files as nanoBragg does, each whole or not at all."""
    outputs, selection = plan.experiment.outputs, select_pixels(plan.experiment)
    single = image.detach().cpu().float().numpy()
    if not np.isfinite(single).all():
        remedy = "a pixel exceeds float32; lower the fluence, the crystal size or the amplitudes"
        raise InputError("image", float(np.abs(single).max()), remedy)
    figures = image_figures(single, selection)
    scale = integer_scale(outputs.scale, figures)
    written: list[Written] = []

    def float_file(path: str) -> str:
        write_floats(path, single, overwrite)
        return "photons, raw float32"

    def int_file(path: str) -> str:
        counts = integer_image(single, selection, scale, outputs.adc_offset)
        write_smv(path, smv_header(plan), counts, overwrite)
        return f"SMV, photons x {scale:g} + {outputs.adc_offset:g}"

    def pgm_file(path: str) -> str:
        factor = picture_scale(outputs.pgm_scale, scale, figures)
        write_pgm(path, picture(single, selection, factor), factor, overwrite)
        return f"8-bit picture, photons x {factor:g}"

    def noise_file(path: str) -> str:
        return _write_noise(plan, image, path, generator, overwrite)

    writers: dict[str, Callable[[str], str]] = {
        "float": float_file,
        "int": int_file,
        "pgm": pgm_file,
        "noise": noise_file,
    }
    for kind, path in files.items():
        written.append(Written(path, writers[kind](path)))
    if outputs.dumpfile is not None and plan.experiment.structure_factors is not None:
        default_F = float(plan.experiment.crystal.default_F)
        write_dump(outputs.dumpfile, plan.experiment.structure_factors, default_F)
        written.append(Written(outputs.dumpfile, "structure factors, binary"))
    return figures, written


def _write_noise(
    plan: Plan, image: Tensor, path: str, generator: NoiseGenerator, overwrite: bool
) -> str:
    """Only the region of interest is drawn, row by row, as in the C program."""
    outputs, selection = plan.experiment.outputs, select_pixels(plan.experiment)
    seed = int(time.time()) if outputs.noise_seed is None else outputs.noise_seed
    inside = roi_part(np.empty(image.shape, dtype=np.uint8), selection).shape
    rows = slice(selection.ymin, selection.ymin + inside[0])
    part = image[rows, selection.xmin : selection.xmin + inside[1]]
    counts = counted_photons(part, generator, seed)
    shape = (image.shape[0], image.shape[1])
    digital, overloads = noise_image(counts, shape, selection, outputs.adc_offset)
    write_smv(path, smv_header(plan), digital, overwrite)
    return (
        f"SMV, {counts.sum():.0f} photons counted + {outputs.adc_offset:g}, {overloads} overloads, "
        f"seed {seed} ({generator.value})"
    )
