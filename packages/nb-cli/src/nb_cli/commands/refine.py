"""nb refine: an experiment fitted to a measured image."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nb_cli.compute_options import device_option, dtype_option, engine_option, threads_option
from nb_cli.experiment_arguments import experiment_arguments, read_experiment

if TYPE_CHECKING:
    from nb_core import Experiment
    from nb_refine import Refinement, Step

GROUPS = (
    "misset",
    "cell",
    "N",
    "mosaic",
    "scale",
    "background",
    "distance",
    "beam_centre",
    "detector",
)
LATTICES = (
    "triclinic",
    "monoclinic",
    "orthorhombic",
    "tetragonal",
    "trigonal",
    "rhombohedral",
    "hexagonal",
    "cubic",
)
DEFAULT_FOLDER = "nb-refine"


@click.command("refine", short_help="Refine an experiment against an image.")
@click.option(
    "--parameters",
    default="misset,cell,scale",
    show_default=True,
    metavar="NAMES",
    help=f"What to refine, separated by commas: {', '.join(GROUPS)}.",
)
@click.option(
    "--lattice",
    type=click.Choice(LATTICES),
    default="triclinic",
    show_default=True,
    help="Which terms of the cell are equal or fixed.",
)
@click.option(
    "--loss",
    type=click.Choice(["poisson", "gaussian", "robust"]),
    default="poisson",
    show_default=True,
    help="Poisson's likelihood, squares, or squares that spare outliers.",
)
@click.option(
    "--optimizer",
    type=click.Choice(["gauss-newton", "lbfgs", "adam"]),
    default="gauss-newton",
    show_default=True,
    help="What takes the steps: scipy's least squares, or torch's LBFGS or Adam.",
)
@click.option(
    "--roi-from-prediction/--all-pixels",
    default=True,
    show_default=True,
    help="Fit the pixels around predicted spots, or the whole image.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="Most steps of each stage.",
)
@click.option(
    "--start-error",
    type=click.FloatRange(0.0, 90.0, min_open=True, max_open=True),
    default=0.6,
    show_default=True,
    metavar="DEG",
    help="How far the orientation may be off; spots start as broad as that.",
)
@click.option(
    "--max-chi2",
    type=click.FloatRange(min=0.0, min_open=True),
    default=2.0,
    show_default=True,
    help="Most chi^2 a pixel of a model that fits.",
)
@click.option(
    "--gain",
    type=click.FloatRange(min=0.0, min_open=True),
    default=1.0,
    show_default=True,
    help="Counts for each photon of an image of counts (SMV).",
)
@click.option(
    "--adc-offset",
    type=float,
    help="Counts where there is no photon, of an image of counts (SMV).  "
    "[default: the model's, else 40]",
)
@click.option(
    "--out-dir",
    metavar="DIR",
    default=DEFAULT_FOLDER,
    show_default=True,
    help="Where the result gets a folder of its own.",
)
@device_option
@dtype_option
@engine_option
@threads_option
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but warnings and errors.")
@partial(experiment_arguments, words="[MODEL.toml] IMAGE")
def command(
    arguments: tuple[str, ...],
    profile: str | None,
    ignore_unknown_flags: bool,
    out_dir: str,
    gain: float,
    adc_offset: float | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Refine an experiment against an image of photons or counts, within bounds.

    \b
    nb refine model.toml noiseimage.img
    nb refine model.toml noiseimage.img -- -misset 10 20 30
    nb refine model.toml noiseimage.img --parameters misset,cell,N,scale --lattice tetragonal

    The experiment is a TOML file, nanoBragg's options, or both (options win). Spots are broad at
    first and end as the model has them, so that the start may be off by a few widths of a spot.
    Writes a folder with refined.toml, parameters.csv (values and standard uncertainties),
    correlation.csv, history.csv and pictures. Exit code 3: no fit, nothing written.
    """
    from nb_cli.main import command_line
    from nb_cli.progress import printer
    from nb_cli.refine_results import Origin, describe_result, inputs_of, write_result
    from nb_core import image_formats
    from nb_core.formats import check_folder
    from nb_refine import read_image

    model, image, flags = _split(arguments)
    say = printer(quiet=quiet)
    start = (model, *flags) if model else flags
    experiment = read_experiment(start, profile, ignore_unknown_flags)
    _say_unused(experiment)
    check_folder(out_dir)
    known = image_formats()
    observation = read_image(image, experiment, gain=gain, adc_offset=adc_offset, formats=known)
    inputs = inputs_of(model, image, experiment)
    with ExitStack() as shown:
        account = _Account(say, shown, visible=not quiet)
        refinement = _refinement(experiment, observation, account, options)
        result = refinement.run()
    say(describe_result(result))
    if refinement.choice is not None:
        say(f"engine {refinement.choice}")
    origin = Origin(inputs, options["device"], options["dtype"], refinement.choice)
    folder = write_result(result, observation, Path(out_dir), command_line(), origin)
    say(f"wrote {folder / 'refined.toml'}")


def _split(arguments: tuple[str, ...]) -> tuple[str | None, str, tuple[str, ...]]:
    """The model's file, where there is one, the image's, and nanoBragg's options."""
    from nb_core import InputError

    count = next((n for n, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    files, flags = arguments[:count], arguments[count:]
    if not files or (len(files) == 1 and not flags):
        said = " ".join(files) or "(nothing given)"
        remedy = "give [MODEL.toml] IMAGE, and nanoBragg's options after --"
        raise InputError("experiment and image", said, remedy)
    if len(files) > 2:
        remedy = "give one MODEL.toml and one IMAGE; nanoBragg's options come after --"
        raise InputError("arguments", " ".join(files), remedy)
    return files[0] if len(files) == 2 else None, files[-1], flags


def _say_unused(experiment: Experiment) -> None:
    """Warns of images that an experiment names, and that a refinement does not write."""
    from nb_core import NbWarning

    outputs = experiment.outputs
    named = [*outputs.named_files(), *([outputs.dumpfile] if outputs.dumpfile else [])]
    if named:
        message = f"{', '.join(named)}: not written; nb refine writes a folder (--out-dir)"
        warnings.warn(message, NbWarning, stacklevel=2)


def _refinement(
    experiment: Experiment, observation: Any, account: _Account, options: dict[str, Any]
) -> Refinement:
    import torch

    from nb_physics import available_device
    from nb_refine import Refinement

    return Refinement(
        experiment,
        observation,
        [name.strip() for name in options["parameters"].split(",") if name.strip()],
        lattice=options["lattice"],
        loss=options["loss"],
        optimizer=options["optimizer"],
        roi_from_prediction=options["roi_from_prediction"],
        steps=options["steps"],
        start_error_deg=options["start_error"],
        max_chi_squared=options["max_chi2"],
        callbacks=[account.step],
        device=available_device(options["device"]),
        dtype=getattr(torch, options["dtype"]),
        engine=options["engine"],
        progress=account.progress,
    )


PATIENCE = 1.0
"""Seconds that a stage takes before it is shown how far it is."""


class _Account:
    """Says how far each stage is while it lasts, and at its end what it came to."""

    def __init__(self, say: Callable[[str], None], shown: ExitStack, *, visible: bool) -> None:
        self.say, self.shown, self.visible = say, shown, visible
        self.stage, self.began = "", 0.0
        self.move: Callable[[int, int], None] | None = None

    def progress(self, stage: str, done: int, total: int) -> None:
        from nb_cli.progress import pixel_progress

        if stage != self.stage:
            self._close()
            self.stage, self.began = stage, time.monotonic()
        if self.move is None and time.monotonic() - self.began > PATIENCE:
            self.move = self.shown.enter_context(pixel_progress(stage, shown=self.visible))
        if self.move is not None:
            self.move(done, total)

    def step(self, step: Step) -> None:
        from nb_core.wording import counted

        if step.reason:
            self._close()
            steps = counted(step.number, "step")
            where = f"{step.pixels} pixels, loss {step.loss:.6g}"
            self.say(f"{step.stage}: {steps}, {where}; {step.reason}")

    def _close(self) -> None:
        self.shown.close()
        self.move, self.stage = None, ""
