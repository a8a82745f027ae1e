"""Which files an image is written to, and the writing of them."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor

from nb_core import (
    Experiment,
    ImageData,
    ImageFormat,
    ImageFormats,
    InputError,
    NbWarning,
    OutputConfig,
    PixelKind,
    image_formats,
    make_manager,
)
from nb_core.configs import choice
from nb_core.formats import HeaderStyle, SmvHeader, check_targets, write_dump
from nb_core.wording import counted
from nb_physics.arguments import expect
from nb_physics.digital import DigitalImage, checked_photons, digital_image, image_files
from nb_physics.figures import Figures, image_figures, panel_figures
from nb_physics.header import default_header_style, dials_misreads, smv_header
from nb_physics.noise import NoiseGenerator
from nb_physics.plan import Plan
from nb_physics.tiles import selections_of

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


def chosen_outputs(
    experiment: Experiment,
    out: Sequence[str] = (),
    formats: Sequence[str] = (),
    *,
    named: bool = False,
    style: HeaderStyle | None = None,
    known: ImageFormats | None = None,
) -> list[Output]:
    """The image files to write: those that the experiment names and those of `out`; where there
    are none, nanoBragg's four, and of panels their photons as raw float32.

    out: files, whose endings say the format; formats: names of formats, one for each of them, one
        for all, or none
    named: whether another file is written besides (a picture, say), so that none need be here
    style: whom SMV headers are for; names end in a number where their readers ask for one
    known: formats to choose from, default those of `image_formats`
    Raises InputError for a file whose format is not known, or does not hold such an image.
    """
    others = _out_outputs(out, formats, known)
    if experiment.panels:
        return _outputs_of_panels(experiment, others, needless=named or bool(out))
    style = style or default_header_style(experiment.profile)
    defaults = NUMBERED_FILES if style is HeaderStyle.DIALS else DEFAULT_FILES
    files = image_files(experiment.outputs, {} if named or out else defaults)
    return [*nanobragg_outputs(files), *others]


def nanobragg_outputs(files: Mapping[str, str]) -> list[Output]:
    """The files of a dictionary, by kind (float, int, pgm, noise), in nanoBragg's formats."""
    own = image_formats(make_manager(external=False))
    return [Output(own.named(_FORMAT_OF[kind]), path, kind) for kind, path in files.items()]


def _out_outputs(
    out: Sequence[str], formats: Sequence[str], known: ImageFormats | None
) -> list[Output]:
    """The files of --out, each in its own format."""
    if formats and not out:
        raise InputError("--format", " ".join(formats), "it is of --out FILE, which is not given")
    if len(formats) not in (0, 1, len(out)):
        remedy = f"give one for all files of --out, or one for each ({len(out)}), in their order"
        raise InputError("--format", " ".join(formats), remedy)
    if not out:
        return []
    known = image_formats() if known is None else known
    names = formats if len(formats) == len(out) else (*formats, None)[:1] * len(out)
    return [_output(known, path, name, "--out") for path, name in zip(out, names, strict=True)]


def _output(known: ImageFormats, path: str, name: str | None, option: str) -> Output:
    """A file in the format of that name, else of its ending."""
    chosen = known.for_output(path, name, option)
    return Output(chosen, path, _CONTENT_OF[chosen.holds[0]])


def _outputs_of_panels(
    experiment: Experiment, others: Sequence[Output], *, needless: bool
) -> list[Output]:
    """The files of panels; needless: whether no file need be written where none is named."""
    outputs, count = experiment.outputs, len(experiment.panels)
    holds = f"holds one plane, and there are {count} panels"
    holds = holds if count > 1 else "holds nanoBragg's own plane, not a panel"
    for name in ("intfile", "pgmfile", "noisefile"):
        if getattr(outputs, name) is not None:
            remedy = f"{holds}; write photons (-floatfile), panel by panel, or draw them (--png)"
            raise InputError(f"-{name}", getattr(outputs, name), remedy)
    files = {} if outputs.floatfile is None else {"float": outputs.floatfile}
    if not (files or needless):
        files = {"float": DEFAULT_FILES["float"]}
    chosen = [*nanobragg_outputs(files), *others]
    _refuse_unheld(chosen, count, "--out")
    return chosen


def _refuse_unheld(outputs: Sequence[Output], panels: int, option: str) -> None:
    """InputError, which names the option, for a file that cannot hold photons of these panels."""
    for output in outputs:
        several = output.format.several_panels or panels == 1
        if not several or PixelKind.PHOTONS not in output.format.holds:
            remedy = f"{output.format.title} cannot hold the photons of {counted(panels, 'panel')}"
            raise InputError(option, output.path, remedy)


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
    """Says to who called `write_outputs` what is odd about the counts of a file."""
    if doubt is not None:
        warnings.warn(doubt, NbWarning, stacklevel=5)


def write_outputs(
    plan: Plan,
    image: Float[Tensor, "*panel slow fast"],
    files: Sequence[Output | str | os.PathLike[str]] | None = None,
    generator: NoiseGenerator = NoiseGenerator.TORCH,
    *,
    style: HeaderStyle | None = None,
    overwrite: bool = True,
) -> tuple[Figures, list[Written]]:
    """Writes a simulated image as `nb simulate` does, and the dump of structure factors, if the
    experiment names one. Gives the figures of the image, and the files with what they hold.

    image: photons, as `simulate` gives them
    files: those of `chosen_outputs`; or names, whose endings say the format; None: what the
        experiment names, else nanoBragg's four, into the current folder
    generator: of the noise image
    style: of SMV headers, default by the profile; warns (NbWarning) of a geometry that DIALS cannot
        read from one, and of counts that show next to nothing
    Raises InputError for an image of another shape or that float32 cannot hold, and as
    `chosen_outputs`; OutputError for a file that cannot be written, or that exists where overwrite
    is False.
    """
    expect("plan", plan, Plan, "expected a Plan; make_plan(experiment) gives it")
    expect("image", image, Tensor, "expected the tensor of photons that simulate gives")
    experiment = plan.experiment
    if tuple(image.shape) != experiment.shape:
        remedy = f"expected the image of this plan, of shape {experiment.shape}"
        raise InputError("image", tuple(image.shape), remedy)
    style = choice("style", style or default_header_style(experiment.profile), HeaderStyle)
    generator = NoiseGenerator(generator)
    outputs = _as_outputs(experiment, files, style)
    dump = experiment.outputs.dumpfile
    named = [*(output.path for output in outputs), *([] if dump is None else [dump])]
    check_targets(named, overwrite=overwrite, inputs=input_files(experiment))
    if experiment.panels:
        return _write_panels(plan, image, outputs, overwrite=overwrite)
    digital = digital_image(plan, image)
    if style is HeaderStyle.DIALS and any(output.format.name == "smv" for output in outputs):
        for reason in dials_misreads(plan):
            warnings.warn(f"SMV header for DIALS: {reason}", NbWarning, stacklevel=2)
    writer = ImageWriter(digital, generator, smv_header(plan, style), overwrite)
    written = []
    for output in outputs:
        written.append(Written(output.path, writer.write(output)))
    return digital.figures, [*written, *_write_dump(plan)]


def _as_outputs(
    experiment: Experiment,
    files: Sequence[Output | str | os.PathLike[str]] | None,
    style: HeaderStyle,
) -> list[Output]:
    """What `write_outputs` was given, as outputs."""
    if files is None:
        return chosen_outputs(experiment, style=style)
    if isinstance(files, str | os.PathLike):
        raise InputError("files", files, "expected a list of names")
    outputs, known = [], None
    for file in files:
        if isinstance(file, str | os.PathLike):
            known = known or image_formats()
            outputs.append(_output(known, os.fspath(file), None, "files"))
        elif isinstance(file, Output):
            outputs.append(file)
        else:
            remedy = "expected names of files, or Outputs of chosen_outputs"
            raise InputError("files", repr(file), remedy)
    if experiment.panels:
        _refuse_unheld(outputs, len(experiment.panels), "files")
    return outputs


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
