"""nb simulate: an experiment to image files."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from nb_cli.compute_options import (
    device_option,
    dtype_option,
    engine_option,
    max_memory_option,
    rng_option,
    threads_option,
)
from nb_cli.experiment_arguments import experiment_arguments, read_experiment

if TYPE_CHECKING:
    from torch import Tensor

    from nb_core import Experiment, OutputConfig
    from nb_core.formats import HeaderStyle
    from nb_physics import Output, Plan


@click.command("simulate", short_help="Simulate an image.")
@device_option
@dtype_option
@engine_option
@threads_option
@max_memory_option
@rng_option
@click.option(
    "--out",
    metavar="FILE",
    multiple=True,
    help="Write the image to a file; its ending says the format (`nb plugins` lists them).  "
    "May be given again.",
)
@click.option(
    "--format",
    "formats",
    metavar="NAME",
    multiple=True,
    help="Format of --out, in place of the ending: one for all, or one for each in their order.",
)
@click.option(
    "--png",
    metavar="FILE",
    help="Also draw the image, with resolution rings (.png, .jpg, .pdf or .svg).",
)
@click.option(
    "--header",
    type=click.Choice(["dials", "nanobragg"]),
    help="Whom SMV headers are for: DIALS, or nanoBragg's own options (its very bytes).  "
    "[default: nanobragg in the reference profile, else dials]",
)
@click.option("--no-overwrite", is_flag=True, help="Refuse to write over existing files.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but warnings and errors.")
@experiment_arguments
def command(
    arguments: tuple[str, ...],
    profile: str | None,
    ignore_unknown_flags: bool,
    device: str,
    dtype: str,
    engine: str,
    max_memory: int | None,
    rng: str,
    header: str | None,
    png: str | None,
    no_overwrite: bool,
    quiet: bool,
    **named: Any,
) -> None:
    """Simulate an image from a TOML experiment, nanoBragg's options, or both (options win).

    \b
    nb simulate -- -cell 70 80 90 75 85 95 -N 5 -default_F 100 -lambda 1 -distance 100
    nb simulate experiment.toml -- -phi 10
    nb simulate experiment.toml --out image.f32 --out image.img

    --out writes photons; to formats of whole numbers, what -intfile does; to a picture, what
    -pgmfile does.

    Outputs that are named (--out, -floatfile, -intfile, -pgmfile, -noisefile, --png) are the only
    ones written; where none is, nanoBragg's four: floatimage.bin, intimage.img, image.pgm and
    noiseimage.img (with headers for DIALS intimage_0001.img and noiseimage_0001.img). `nb config
    flags` lists nanoBragg's options.
    """
    import torch

    import nb_physics
    from nb_cli.long_work import warn_of_long_work
    from nb_cli.progress import pixel_progress, printer

    experiment = read_experiment(arguments, profile, ignore_unknown_flags)
    style, overwrite = _style(experiment, header), not no_overwrite
    files = _files(experiment, arguments, style, overwrite, png=png, **named)
    target, plan = nb_physics.available_device(device), nb_physics.make_plan(experiment)
    say, shown = printer(quiet=quiet), experiment.outputs.progress and not quiet
    chosen = {"device": target, "dtype": getattr(torch, dtype)}
    choice = nb_physics.choose_engine(plan, **chosen, engine=engine)
    say(nb_physics.describe_plan(plan, choice))
    warn_of_long_work(plan)
    chosen |= {"engine": choice.engine, "image_dtype": torch.float32}
    with pixel_progress("simulating", shown=shown) as progress:
        image = nb_physics.simulate(plan, **chosen, max_memory=max_memory, progress=progress)
    noise = nb_physics.NoiseGenerator(rng)
    figures, written = nb_physics.write_outputs(
        plan, image, files, noise, style=style, overwrite=overwrite
    )
    say("\n".join([str(figures), *(f"wrote {w.path}: {w.what}" for w in written)]))
    _draw(plan, image, png, overwrite, say)
    _print_pixel(experiment, image)


def _style(experiment: Experiment, asked: str | None) -> HeaderStyle:
    """--header: whom SMV headers are written for."""
    from nb_core.formats import HeaderStyle
    from nb_physics import default_header_style

    return default_header_style(experiment.profile) if asked is None else HeaderStyle(asked)


def _files(
    experiment: Experiment,
    arguments: tuple[str, ...],
    style: HeaderStyle,
    overwrite: bool,
    *,
    png: str | None,
    out: tuple[str, ...],
    formats: tuple[str, ...],
) -> list[Output]:
    """The image files to write: those of nanoBragg's options, and those of --out.

    Refuses outputs that could not be written, or that are inputs, before any work is done.
    """
    from nb_cli.picture import picture_format
    from nb_core import image_formats
    from nb_core.formats import check_targets
    from nb_physics import chosen_outputs, input_files

    known, more = image_formats() if out else None, png is not None
    files = chosen_outputs(experiment, out, formats, named=more, style=style, known=known)
    paths = [file.path for file in files]
    named = [name for name in (*paths, png, experiment.outputs.dumpfile) if name]
    inputs = [*input_files(experiment), *arguments[:1]]
    check_targets(named, overwrite=overwrite, inputs=inputs)
    if png is not None:
        picture_format(png)
    return files


def _draw(
    plan: Plan, image: Tensor, png: str | None, overwrite: bool, say: Callable[[str], None]
) -> None:
    """--png: the image with its resolution rings."""
    from nb_cli.picture import draw_simulation

    if png:
        draw_simulation(plan, image.detach().cpu().numpy(), png, overwrite=overwrite)
        say(f"wrote {png}: picture with resolution rings")


def _print_pixel(experiment: Experiment, image: Tensor) -> None:
    """-printout: the photons of one pixel."""
    outputs = experiment.outputs
    if not outputs.printout:
        return
    if image.ndim == 3:
        for number, panel in enumerate(experiment.panels):
            _print_one(outputs, image[number], f"{panel.name}, ")
    else:
        _print_one(outputs, image, "")


def _print_one(outputs: OutputConfig, image: Tensor, where: str) -> None:
    if outputs.printout_pixel is None:
        click.echo("-printout: name a pixel with -printout_pixel FAST SLOW")
    else:
        slow, fast = outputs.printout_pixel
        click.echo(f"{where}pixel fast {fast} slow {slow}: {image[slow, fast].item():.10g} photons")
