"""nb demo: a first image, without any file of one's own."""

from __future__ import annotations

import click


@click.command("demo")
@click.option("--out-dir", default="nb-demo", show_default=True, help="Folder for the files.")
@click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda, ...")
def command(out_dir: str, device: str) -> None:
    """Simulate a rotation image of a small protein crystal: phi sweep, mosaic domains, water, noise.

    Takes under a minute on two cores. Writes the image, a picture of it, and the experiment, so
    that it can be changed and run again.
    """
    import dataclasses
    import os
    import time

    import torch
    from nb_core import OutputError, read_toml, write_toml
    from nb_core.formats.hkl import write_hkl
    from nb_physics import NoiseGenerator, make_plan, simulate

    from nb_cli.demo_crystal import demo_experiment
    from nb_cli.outputs import write_outputs
    from nb_cli.picture import draw_simulation
    from nb_cli.progress import pixel_progress
    from nb_cli.report import describe_figures, describe_plan

    try:
        os.makedirs(out_dir, exist_ok=True)
    except OSError as error:
        raise OutputError(out_dir, f"{error.strerror}; choose another folder") from error

    def within(name: str) -> str:
        return os.path.join(out_dir, name)

    experiment = demo_experiment()
    factors = experiment.structure_factors
    assert factors is not None
    write_hkl(within("demo.hkl"), factors)
    named = dataclasses.replace(factors, source="demo.hkl")
    write_toml(within("demo.toml"), dataclasses.replace(experiment, structure_factors=named))
    plan = make_plan(read_toml(within("demo.toml")))
    click.echo("A small protein crystal, rotated by one degree in the beam:")
    click.echo(describe_plan(plan))
    started = time.monotonic()
    with pixel_progress("simulating") as progress:
        image = simulate(plan, device=device, progress=progress)
    seconds = time.monotonic() - started
    files = {"float": within("demo.bin"), "noise": within("demo.img")}
    figures, written = write_outputs(plan, image, files, NoiseGenerator.TORCH, overwrite=True)
    counts = torch.poisson(image, generator=torch.Generator().manual_seed(2026))
    title = "nb demo: one degree of rotation, with counting noise"
    draw_simulation(plan, counts, within("demo.png"), overwrite=True, title=title)
    evaluations = image.numel() * plan.steps
    click.echo(f"{evaluations:.3g} evaluations in {seconds:.1f} s")
    click.echo(describe_figures(figures))
    for entry in written:
        click.echo(f"wrote {entry.path}: {entry.what}")
    click.echo(f"wrote {within('demo.png')}: look at this one")
    click.echo(f"wrote {within('demo.toml')} and {within('demo.hkl')}: the experiment")
    again = f"nb simulate {within('demo.toml')} --png turned.png -- -phi 30 -floatfile turned.bin"
    click.echo(f"next, the same crystal turned by 30 degrees:\n  {again}")
