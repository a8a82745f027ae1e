"""nb refine: an experiment fitted to a measured image."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nb_cli.compute_options import threads_option

if TYPE_CHECKING:
    from nb_refine import Step

GROUPS = ("misset", "cell", "N", "mosaic", "scale", "background", "distance", "beam_centre")
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
@click.argument("model", metavar="MODEL.toml")
@click.argument("image", metavar="IMAGE")
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
    help="Counts for each photon of an SMV image.",
)
@click.option(
    "--adc-offset",
    type=float,
    help="Counts of an SMV image where there is no photon.  [default: the model's, else 40]",
)
@click.option(
    "--out-dir",
    metavar="DIR",
    default=DEFAULT_FOLDER,
    show_default=True,
    help="Where the result gets a folder of its own.",
)
@threads_option
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but warnings and errors.")
def command(
    model: str,
    image: str,
    out_dir: str,
    gain: float,
    adc_offset: float | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Refine the experiment MODEL.toml against a raw float or SMV image, within bounds.

    \b
    nb refine model.toml noiseimage.img
    nb refine model.toml noiseimage.img --parameters misset,cell,N,scale --lattice tetragonal

    Spots are broad at first and end as the model has them, so that the start may be off by a
    few widths of a spot. Writes a folder with refined.toml, parameters.csv (values and standard
    uncertainties), correlation.csv, history.csv and pictures. Exit code 3: no fit, nothing
    written.
    """
    from nb_cli.main import command_line
    from nb_cli.outputs import check_folder
    from nb_cli.progress import printer
    from nb_cli.refine_results import Sources, describe_result, write_result
    from nb_core import read_toml
    from nb_refine import Refinement, read_image

    say = printer(quiet=quiet)
    experiment = read_toml(model)
    check_folder(out_dir)
    observation = read_image(image, experiment, gain=gain, adc_offset=adc_offset)
    names = [name.strip() for name in options["parameters"].split(",") if name.strip()]
    refinement = Refinement(
        experiment,
        observation,
        names,
        lattice=options["lattice"],
        loss=options["loss"],
        optimizer=options["optimizer"],
        roi_from_prediction=options["roi_from_prediction"],
        steps=options["steps"],
        start_error_deg=options["start_error"],
        max_chi_squared=options["max_chi2"],
        callbacks=[_progress(say, shown=not quiet)],
    )
    result = refinement.run()
    say(describe_result(result))
    sources = Sources(Path(model), Path(image), experiment)
    folder = write_result(result, observation, Path(out_dir), command_line(), sources)
    say(f"wrote {folder / 'refined.toml'}")


def _progress(say: Callable[[str], None], *, shown: bool) -> Callable[[Step], None]:
    """Each step on stderr, where that is a terminal; each stage among what is printed."""
    moving = shown and sys.stderr.isatty()

    def tell(step: Step) -> None:
        if moving:
            text = f"{step.stage}: step {step.number}, {step.pixels} pixels, loss {step.loss:.6g}"
            click.echo(f"\r{text:<78}", nl=bool(step.reason), err=True)
        if step.reason:
            steps = f"{step.number} step{'s' if step.number > 1 else ''}"
            where = f"{step.pixels} pixels, loss {step.loss:.6g}"
            say(f"{step.stage}: {steps}, {where}; {step.reason}")

    return tell
