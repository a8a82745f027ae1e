"""nb view: an image file to a picture."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from nb_cli.experiment_arguments import experiment_arguments, read_experiment

if TYPE_CHECKING:
    import numpy as np

    from nb_cli.picture import Style
    from nb_cli.scenes import Scene
    from nb_physics import Plan


@click.command("view")
@click.argument("image", metavar="IMAGE")
@click.option(
    "--png",
    metavar="FILE",
    help="The picture: .png, .jpg, .pdf or .svg.  [default: IMAGE with .png]",
)
@click.option(
    "--shape",
    type=(click.IntRange(min=1), click.IntRange(min=1)),
    metavar="SLOW FAST",
    help="Size of a raw float image.  [default: the experiment's, else square]",
)
@click.option("--linear", is_flag=True, help="A linear scale.  [default: logarithmic]")
@click.option("--vmin", type=float, help="Where the scale begins.  [default: by the image]")
@click.option("--vmax", type=float, help="Where the scale ends.  [default: by the image]")
@click.option(
    "--roi",
    type=(int, int, int, int),
    metavar="XMIN XMAX YMIN YMAX",
    help="Pixels to show, fast and slow, inclusive.  [default: all]",
)
@click.option("--white", is_flag=True, help="Dark spots on white.")
@click.option("--colours", metavar="NAME", help="A colour map of matplotlib's.  [default: inferno]")
@click.option(
    "--pedestal",
    type=float,
    help="Counts of no photon, taken off.  [default: by the header or the experiment]",
)
@click.option("--no-overwrite", is_flag=True, help="Refuse to write over an existing file.")
@experiment_arguments
def command(
    image: str,
    png: str | None,
    shape: tuple[int, int] | None,
    pedestal: float | None,
    no_overwrite: bool,
    arguments: tuple[str, ...],
    profile: str | None,
    ignore_unknown_flags: bool,
    **looks: Any,
) -> None:
    """Draw an image of any format that `nb plugins` lists, with resolution rings.

    The content says the format, else the ending does. Rings need the geometry: an SMV header has
    it, and a float image takes that of an experiment named after it.

    \b
    nb view intimage.img --white
    nb view floatimage.bin experiment.toml --png picture.pdf
    nb view noiseimage.img --roi 400 600 300 500 --linear --vmax 50
    """
    from nb_cli.picture import picture_format, save_scene
    from nb_core.formats import check_targets
    from nb_physics import make_plan

    target = f"{os.path.splitext(image)[0]}.png" if png is None else png
    picture_format(target)
    check_targets([target], overwrite=not no_overwrite, inputs=[image, *arguments[:1]])
    style = _style(looks, pedestal)
    plan = None
    if arguments:
        plan = make_plan(read_experiment(arguments, profile, ignore_unknown_flags))
    if plan is not None and len(plan.experiment.shape) == 3:
        _view_panels(plan, image, target, looks, overwrite=not no_overwrite)
        return
    scene = _scene(image, shape, plan, pedestal)
    save_scene(scene, target, overwrite=not no_overwrite, style=style)
    slow, fast = scene.values.shape
    click.echo(
        f"{image}: {slow} x {fast} pixels (slow, fast), "
        f"max {scene.values.max():g}, mean {scene.values.mean():g} {scene.unit}"
    )
    if scene.pedestal:
        click.echo(f"drawn without a pedestal of {scene.pedestal:g} {scene.unit}")
    click.echo(f"wrote {target}")


def _view_panels(
    plan: Plan, path: str, target: str, looks: dict[str, Any], *, overwrite: bool
) -> None:
    """Draws an image of several panels."""
    from nb_cli.panel_picture import draw_panels
    from nb_core import InputError, image_formats

    for name, value in looks.items():
        if value:
            remedy = "is not for pictures of several panels; leave it out"
            raise InputError(f"--{name}", value, remedy)
    shape = plan.experiment.shape
    image = image_formats().read(path, shape).values
    if image.shape != shape:
        remedy = f"the experiment's detector has {shape} pixels (panel, slow, fast)"
        raise InputError(path, image.shape, remedy)
    _check_finite(path, image.reshape(-1, shape[-1]))
    draw_panels(plan, image, target, overwrite=overwrite, title=path)
    size = " x ".join(map(str, shape))
    mean = image.mean(dtype="float64")
    click.echo(
        f"{path}: {size} pixels (panel, slow, fast), max {image.max():g}, mean {mean:g} photons"
    )
    click.echo(f"wrote {target}")


def _style(looks: dict[str, Any], pedestal: float | None) -> Style:
    """The style that the options ask for; InputError for a limit or pedestal that is no number."""
    import math

    from nb_cli.picture import Style
    from nb_core import InputError, Roi

    numbers = {"vmin": looks["vmin"], "vmax": looks["vmax"], "pedestal": pedestal}
    for name, value in numbers.items():
        if value is not None and not math.isfinite(value):
            raise InputError(f"--{name}", value, "expected a finite number")
    roi = None if looks["roi"] is None else Roi(*looks["roi"])
    style = Style(**{**looks, "roi": roi})
    style.colour_map()
    return style


def _scene(
    path: str, shape: tuple[int, int] | None, plan: Plan | None, pedestal: float | None
) -> Scene:
    """What the file holds, with rings from the experiment, else from an SMV header."""
    import dataclasses

    from nb_cli.scenes import panel_spacing, plan_beam, plan_details
    from nb_core import InputError

    if plan is not None:
        shape = (plan.experiment.plane.spixels, plan.experiment.plane.fpixels)
    scene, own_pedestal = _read_scene(path, shape)
    if plan is not None:
        if shape != scene.values.shape:
            remedy = f"the experiment's detector has {shape} pixels (slow, fast)"
            raise InputError(path, scene.values.shape, remedy)
        if scene.unit == "counts" and not own_pedestal:
            scene = dataclasses.replace(scene, pedestal=plan.experiment.outputs.adc_offset)
        scene = dataclasses.replace(
            scene, details=plan_details(plan), spacing=panel_spacing(plan), beam=plan_beam(plan)
        )
    if pedestal is not None:
        scene = dataclasses.replace(scene, pedestal=pedestal)
    return scene


def _read_scene(path: str, shape: tuple[int, int] | None) -> tuple[Scene, bool]:
    """The file as a scene, and whether the file says the pedestal."""
    from nb_cli.scenes import image_scene
    from nb_core import InputError, image_formats

    image = image_formats().read(path, shape)
    if image.values.ndim != 2:
        remedy = (
            "several panels; name their experiment after the image: nb view IMAGE EXPERIMENT.toml"
        )
        raise InputError(path, image.values.shape, remedy)
    _check_finite(path, image.values)
    return image_scene(image, os.path.basename(path)), image.pedestal is not None


def _check_finite(path: str, values: np.ndarray) -> None:
    import numpy as np

    from nb_core import InputError

    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        slow, fast = bad[0]
        remedy = "not a finite number; the file is damaged or no raw float image"
        raise InputError(path, f"pixel slow {slow} fast {fast} is {values[slow, fast]}", remedy)
