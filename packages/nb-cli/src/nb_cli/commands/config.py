"""nb config: look at an experiment without simulating it."""

from __future__ import annotations

import os
import shlex

import click

from nb_cli.experiment_arguments import experiment_arguments, read_experiment


@click.group("config")
def command() -> None:
    """Show, convert or check an experiment, and list nanoBragg's options."""


@command.command("show")
@experiment_arguments
def show(arguments: tuple[str, ...], profile: str | None, ignore_unknown_flags: bool) -> None:
    """Print the resolved experiment: every number that is used, and why."""
    from nb_cli.long_work import warn_of_long_work
    from nb_physics import make_plan

    plan = make_plan(read_experiment(arguments, profile, ignore_unknown_flags))
    click.echo(plan)
    warn_of_long_work(plan)


@command.command("convert")
@click.option(
    "--to",
    "form",
    type=click.Choice(["toml", "flags"]),
    default="toml",
    show_default=True,
    help="What to convert to.",
)
@click.option("--output", "-o", metavar="FILE", help="Write to a file instead of printing.")
@experiment_arguments
def convert(
    arguments: tuple[str, ...],
    profile: str | None,
    ignore_unknown_flags: bool,
    form: str,
    output: str | None,
) -> None:
    """Print the experiment as a TOML file, or as nanoBragg's options.

    A TOML file names the files it reads as seen from its own folder: for one that is to lie in
    another folder, use --output.

    \b
    nb config convert -- -cell 70 80 90 90 90 90 -default_F 100 > experiment.toml
    """
    from nb_core import experiment_to_flags, experiment_to_toml
    from nb_core.formats import atomic_write

    experiment = read_experiment(arguments, profile, ignore_unknown_flags)
    if form == "toml":
        text = experiment_to_toml(experiment, os.path.dirname(output or "") or ".")
    else:
        text = shlex.join(experiment_to_flags(experiment)) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        with atomic_write(output) as handle:
            handle.write(text.encode())


@command.command("check")
@experiment_arguments
def check(arguments: tuple[str, ...], profile: str | None, ignore_unknown_flags: bool) -> None:
    """Say whether the experiment can be simulated; exit code 2 where it cannot."""
    import math

    from nb_physics import make_plan

    plan = make_plan(read_experiment(arguments, profile, ignore_unknown_flags))
    evaluations = math.prod(plan.experiment.shape) * plan.evaluations
    click.echo(f"ok: {evaluations:.3g} evaluations")


@command.command("flags")
def flags() -> None:
    """List nanoBragg's options, with units."""
    from nb_core.flags import GROUPS

    for title, options in GROUPS.items():
        click.echo(f"{title}:")
        for option in options:
            click.echo(f"  {', '.join(option.names)}")
            click.echo(f"      {option.help}")
