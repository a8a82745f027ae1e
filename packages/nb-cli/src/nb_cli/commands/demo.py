"""nb demo: a first image, without any file of one's own."""

from __future__ import annotations

import functools
import os
import shlex
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from nb_physics import Plan


def _all_files_or_none(demo: Callable[..., None]) -> Callable[..., None]:
    """Takes away what the command has made in its folder where it does not come to its end."""

    @functools.wraps(demo)
    def command(*, out_dir: str, **options: Any) -> None:
        from nb_cli.unfinished import filled_or_as_before

        with filled_or_as_before(Path(out_dir)):
            demo(out_dir=out_dir, **options)

    return command


@click.command("demo")
@click.option("--out-dir", default="nb-demo", show_default=True, help="Folder for the files.")
@click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda, ...")
@_all_files_or_none
def command(out_dir: str, device: str) -> None:
    """Simulate a rotation image of a small protein crystal.

    It has a phi sweep, mosaic domains, water and counting noise, and takes under a minute on two
    cores. Writes the image, a picture of it, and the experiment, to be changed and run again.
    """
    from nb_cli.picture import draw_simulation
    from nb_cli.progress import pixel_progress
    from nb_core.formats import HeaderStyle
    from nb_physics import (
        NoiseGenerator,
        available_device,
        choose_engine,
        counted_photons,
        describe_plan,
        nanobragg_outputs,
        simulate,
        write_outputs,
    )

    target = available_device(device)
    plan = _demo_plan(out_dir)
    files = nanobragg_outputs({kind: os.path.join(out_dir, name) for kind, name in _IMAGES})
    click.echo("A small protein crystal, rotated by one degree (one sample a pixel, to be quick):")
    choice = choose_engine(plan, device=target)
    click.echo(describe_plan(plan, choice))
    started = time.monotonic()
    with pixel_progress("simulating") as progress:
        image = simulate(plan, device=target, engine=choice.engine, progress=progress)
    seconds = time.monotonic() - started
    torch_noise, style = NoiseGenerator.TORCH, HeaderStyle.DIALS
    figures, written = write_outputs(plan, image, files, torch_noise, style=style)
    counts = counted_photons(image, NoiseGenerator.TORCH, plan.experiment.outputs.noise_seed or 0)
    png = os.path.join(out_dir, "demo.png")
    title = "nb demo: one degree of rotation, with counting noise"
    draw_simulation(plan, counts, png, overwrite=True, title=title)
    click.echo(f"{image.numel() * plan.steps:.3g} evaluations in {seconds:.1f} s")
    click.echo(figures)
    for entry in written:
        click.echo(f"wrote {entry.path}: {entry.what}")
    click.echo(f"wrote {png}: look at this one")
    toml = os.path.join(out_dir, "demo.toml")
    click.echo(f"wrote {toml} and demo.hkl beside it: the experiment")
    again = f"nb simulate {shlex.quote(toml)} --png turned.png -- -phi 30"
    click.echo(f"next, the same crystal turned by 30 degrees:\n  {again}")


_IMAGES = (("float", "demo.bin"), ("noise", "demo_0001.img"))


def _demo_plan(out_dir: str) -> Plan:
    """Writes the experiment into the folder, and reads it back as a user's would be."""
    import dataclasses

    from nb_cli.demo_crystal import demo_experiment
    from nb_core import NbWarning, OutputError, read_toml, write_toml
    from nb_core.formats import write_hkl
    from nb_physics import make_plan

    try:
        os.makedirs(out_dir, exist_ok=True)
    except OSError as error:
        raise OutputError(out_dir, f"{error.strerror}; choose another folder") from error
    experiment = demo_experiment()
    factors = experiment.structure_factors
    assert factors is not None
    hkl, toml = (os.path.join(out_dir, f"demo.{end}") for end in ("hkl", "toml"))
    write_hkl(hkl, factors)
    named = dataclasses.replace(factors, source=hkl)
    write_toml(toml, dataclasses.replace(experiment, structure_factors=named))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NbWarning)
        return make_plan(read_toml(toml))
