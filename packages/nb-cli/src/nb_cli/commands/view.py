"""nb view: an image file to a picture."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from nb_cli.experiment_arguments import experiment_arguments, read_experiment

if TYPE_CHECKING:
    import numpy as np

    from nb_cli.picture import Scene
    from nb_physics import Plan


@click.command("view")
@click.argument("image", metavar="IMAGE")
@click.option("--png", metavar="FILE", help="The picture.  [default: IMAGE with .png]")
@click.option(
    "--shape",
    type=(click.IntRange(min=1), click.IntRange(min=1)),
    metavar="SLOW FAST",
    help="Size of a raw float image.  [default: the experiment's, else square]",
)
@click.option("--no-overwrite", is_flag=True, help="Refuse to write over an existing file.")
@experiment_arguments
def command(
    image: str,
    png: str | None,
    shape: tuple[int, int] | None,
    no_overwrite: bool,
    arguments: tuple[str, ...],
    profile: str | None,
    ignore_unknown_flags: bool,
) -> None:
    """Draw an image (raw float or SMV) on a logarithmic scale, with resolution rings.

    Rings need the geometry: an SMV header has it, and a float image takes that of an experiment
    named after it.

    \b
    nb view intimage.img
    nb view floatimage.bin experiment.toml --png picture.png
    """
    from nb_cli.outputs import check_targets
    from nb_cli.picture import save_scene
    from nb_physics import make_plan

    target = png or f"{os.path.splitext(image)[0]}.png"
    check_targets([target], overwrite=not no_overwrite)
    plan = None
    if arguments:
        plan = make_plan(read_experiment(arguments, profile, ignore_unknown_flags))
    scene = _scene(image, shape, plan)
    save_scene(scene, target, overwrite=not no_overwrite)
    slow, fast = scene.values.shape
    click.echo(
        f"{image}: {slow} x {fast} pixels (slow, fast), "
        f"max {scene.values.max():g}, mean {scene.values.mean():g} {scene.unit}"
    )
    click.echo(f"wrote {target}")


def _scene(path: str, shape: tuple[int, int] | None, plan: Plan | None) -> Scene:
    """What the file holds, with rings from the experiment, else from an SMV header."""
    import dataclasses

    import numpy as np

    from nb_cli.picture import Scene, plan_beam, plan_spacing, smv_scene
    from nb_core import InputError
    from nb_core.formats.images import read_image
    from nb_core.formats.pgm import PgmImage
    from nb_core.formats.smv import SmvImage

    title = os.path.basename(path)
    if plan is not None:
        shape = (plan.experiment.detector.spixels, plan.experiment.detector.fpixels)
    image = read_image(path, shape)
    if isinstance(image, SmvImage):
        scene = smv_scene(image, title)
    elif isinstance(image, PgmImage):
        scene = Scene(image.data.astype(np.float64), "grey levels", title)
    else:
        scene = Scene(image.astype(np.float64), "photons", title)
        _check_finite(path, scene.values)
    if plan is None:
        return scene
    if shape != scene.values.shape:
        remedy = f"the experiment's detector has {shape} pixels (slow, fast)"
        raise InputError(path, scene.values.shape, remedy)
    return dataclasses.replace(scene, spacing=plan_spacing(plan), beam=plan_beam(plan))


def _check_finite(path: str, values: np.ndarray) -> None:
    import numpy as np

    from nb_core import InputError

    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        slow, fast = bad[0]
        remedy = "not a finite number; the file is damaged or no raw float image"
        raise InputError(path, f"pixel slow {slow} fast {fast} is {values[slow, fast]}", remedy)
