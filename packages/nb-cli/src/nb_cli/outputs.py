"""Which files an image is written to, and the writing of them."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from nb_cli.plugins import known_formats, nanobragg_formats
from nb_core import (
    Experiment,
    ImageData,
    ImageFormat,
    InputError,
    NbWarning,
    OutputConfig,
    OutputError,
    PixelKind,
)
from nb_core.formats import HeaderStyle, SmvHeader, write_dump
from nb_core.wording import counted
from nb_physics import (
    DigitalImage,
    Figures,
    NoiseGenerator,
    Plan,
    checked_photons,
    default_header_style,
    dials_misreads,
    digital_image,
    image_figures,
    image_files,
    panel_figures,
    selections_of,
    smv_header,
)

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

_FORMAT_OF = {"float": "raw", "int": "smv", "pgm": "pgm", "noise": "smv"}
"""What nanoBragg's four files are written in."""

_CONTENT_OF = {PixelKind.PHOTONS: "float", PixelKind.COUNTS: "int", PixelKind.GREY_LEVELS: "pgm"}
"""What --out writes, by the first kind that a format holds."""


@dataclass(frozen=True)
class Output:
    """A file to write: its format, its name, and what of the image it holds.

    content: as nanoBragg's options have it: float, int, pgm or noise
    """

    format: ImageFormat
    path: str
    content: str


@dataclass(frozen=True)
class Written:
    """A file that was written, and what it holds."""

    path: str
    what: str


def header_style(experiment: Experiment, asked: str | None = None) -> HeaderStyle:
    """Whom SMV headers are written for: as asked, else by the experiment's profile."""
    return default_header_style(experiment.profile) if asked is None else HeaderStyle(asked)


def chosen_outputs(
    outputs: OutputConfig,
    out: Sequence[str] = (),
    formats: Sequence[str] = (),
    *,
    named: bool = False,
    style: HeaderStyle = HeaderStyle.NANOBRAGG,
) -> list[Output]:
    """The image files to write: those named, else nanoBragg's four.

    out: files of --out, formats: of --format, one for each of them, one for all, or none
    named: whether the user named another file (a PNG, say), which counts as an output
    style: names end in a number where their readers ask for one
    Raises InputError for a file whose format is not known.
    """
    defaults = NUMBERED_FILES if style is HeaderStyle.DIALS else DEFAULT_FILES
    files = image_files(outputs, {} if named or out else defaults)
    return [*nanobragg_outputs(files), *_out_outputs(out, formats)]


def nanobragg_outputs(files: Mapping[str, str]) -> list[Output]:
    """The files of a dictionary, by kind (float, int, pgm, noise), in nanoBragg's formats."""
    known = nanobragg_formats()
    return [Output(known.named(_FORMAT_OF[kind]), path, kind) for kind, path in files.items()]


def _out_outputs(out: Sequence[str], formats: Sequence[str]) -> list[Output]:
    """The files of --out, each in its own format."""
    if formats and not out:
        raise InputError("--format", " ".join(formats), "it is of --out FILE, which is not given")
    if len(formats) not in (0, 1, len(out)):
        remedy = f"give one for all files of --out, or one for each ({len(out)}), in their order"
        raise InputError("--format", " ".join(formats), remedy)
    if not out:
        return []
    known = known_formats()
    names = formats if len(formats) == len(out) else (*formats, None)[:1] * len(out)
    chosen = [known.for_output(path, name) for path, name in zip(out, names, strict=True)]
    return [
        Output(one, path, _CONTENT_OF[one.holds[0]]) for one, path in zip(chosen, out, strict=True)
    ]


def outputs_of_panels(
    experiment: Experiment,
    out: Sequence[str] = (),
    formats: Sequence[str] = (),
    *,
    named: bool = False,
) -> list[Output]:
    """The image files to write of an experiment with panels: photons, as raw float32 where none is
    named. The arguments are those of `chosen_outputs`.

    Raises InputError for a format that holds no photons, or not those of several panels.
    """
    outputs, count = experiment.outputs, len(experiment.panels)
    holds = f"holds one plane, and there are {count} panels"
    holds = holds if count > 1 else "holds nanoBragg's own plane, not a panel"
    for name in ("intfile", "pgmfile", "noisefile"):
        if getattr(outputs, name) is not None:
            remedy = f"{holds}; write photons (-floatfile), panel by panel, or draw them (--png)"
            raise InputError(f"-{name}", getattr(outputs, name), remedy)
    files = {} if outputs.floatfile is None else {"float": outputs.floatfile}
    if not (files or named or out):
        files = {"float": DEFAULT_FILES["float"]}
    chosen = [*nanobragg_outputs(files), *_out_outputs(out, formats)]
    for output in chosen:
        several = output.format.several_panels or count == 1
        if not several or PixelKind.PHOTONS not in output.format.holds:
            remedy = f"{output.format.title} cannot hold the photons of {counted(count, 'panel')}"
            raise InputError("--out", output.path, remedy)
    return chosen


def input_files(experiment: Experiment) -> list[str]:
    """The files that an experiment was read from."""
    things = (
        experiment.structure_factors,
        *(crystal.matrix for crystal in experiment.crystals),
        experiment.beam.sources,
        experiment.mask,
        *(panel.mask for panel in experiment.panels),
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

    Each method takes an output and returns, in words, what the file holds.
    """

    image: DigitalImage
    generator: NoiseGenerator
    header: SmvHeader
    overwrite: bool

    @property
    def outputs(self) -> OutputConfig:
        return self.image.plan.experiment.outputs

    def write(self, output: Output) -> str:
        """Writes what the output holds of the image."""
        writers: dict[str, Callable[[Output], str]] = {
            "float": self._write_float,
            "int": self._write_int,
            "pgm": self._write_pgm,
            "noise": self._write_noise,
        }
        return writers[output.content](output)

    def _write_float(self, output: Output) -> str:
        self._write(output, ImageData(self.image.single, PixelKind.PHOTONS, header=self.header))
        return f"photons, {output.format.title}"

    def _write_int(self, output: Output) -> str:
        counts = self.image.integers()
        self._write(output, self._counts(counts, self.image.scale))
        _warn(self.image.integer_doubt(counts))
        offset = self.outputs.adc_offset
        return f"{output.format.title}, photons x {self.image.scale:g} + {offset:g}"

    def _write_pgm(self, output: Output) -> str:
        levels, factor = self.image.picture()
        self._write(output, ImageData(levels, PixelKind.GREY_LEVELS, scale=factor))
        return f"8-bit picture, photons x {factor:g}"

    def _write_noise(self, output: Output) -> str:
        given = self.outputs.noise_seed
        seed = int(time.time()) if given is None else given
        counts, photons, overloads = self.image.noise(self.generator, seed)
        self._write(output, self._counts(counts, 1.0))
        _warn(self.image.noise_doubt(photons, overloads))
        return (
            f"{output.format.title}, {photons:.0f} photons counted + "
            f"{self.outputs.adc_offset:g}, {overloads} overloads, "
            f"seed {seed} ({self.generator.value})"
        )

    def _counts(self, counts: np.ndarray, scale: float) -> ImageData:
        pedestal, full = self.outputs.adc_offset, float(np.iinfo(counts.dtype).max)
        header = self.header
        return ImageData(counts, PixelKind.COUNTS, pedestal, full, scale=scale, header=header)

    def _write(self, output: Output, image: ImageData) -> None:
        output.format.write(output.path, image, overwrite=self.overwrite)


def _warn(doubt: str | None) -> None:
    """Says what is odd about the counts of a file that was written."""
    if doubt is not None:
        warnings.warn(doubt, NbWarning, stacklevel=3)


def write_outputs(
    plan: Plan,
    image: Tensor,
    files: Sequence[Output],
    generator: NoiseGenerator,
    *,
    style: HeaderStyle = HeaderStyle.NANOBRAGG,
    overwrite: bool,
) -> tuple[Figures, list[Written]]:
    """Writes the files and the dump of structure factors, if one is named.

    style: of the SMV headers; warns (NbWarning) of a geometry that DIALS cannot read from one
    Raises InputError for an image that float32 cannot hold, OutputError as the formats do.
    """
    if plan.experiment.panels:
        return _write_panels(plan, image, files, overwrite=overwrite)
    digital = digital_image(plan, image)
    if style is HeaderStyle.DIALS and any(file.format.name == "smv" for file in files):
        for reason in dials_misreads(plan):
            warnings.warn(f"SMV header for DIALS: {reason}", NbWarning, stacklevel=2)
    writer = ImageWriter(digital, generator, smv_header(plan, style), overwrite)
    written = [Written(file.path, writer.write(file)) for file in files]
    return digital.figures, [*written, *_write_dump(plan)]


def _write_dump(plan: Plan) -> list[Written]:
    """The binary file of structure factors, where one is asked for."""
    dump, factors = plan.experiment.outputs.dumpfile, plan.experiment.structure_factors
    if dump is None or factors is None:
        return []
    write_dump(dump, factors, float(plan.experiment.crystal.default_F))
    return [Written(dump, "structure factors, binary")]


def _write_panels(
    plan: Plan, image: Tensor, files: Sequence[Output], *, overwrite: bool
) -> tuple[Figures, list[Written]]:
    """Writes the photons of panels, one panel after the other."""
    single = checked_photons(image.detach().cpu().float().numpy())
    selections = selections_of(plan.experiment)
    one = single.ndim == 2
    figures = image_figures(single, selections[0]) if one else panel_figures(single, selections)
    written = []
    for file in files:
        file.format.write(file.path, ImageData(single, PixelKind.PHOTONS), overwrite=overwrite)
        panels = "" if one else f", {len(single)} panels one after the other"
        written.append(Written(file.path, f"photons, {file.format.title}{panels}"))
    return figures, [*written, *_write_dump(plan)]
