"""The arguments that say which experiment: a TOML file, nanoBragg's options, or both."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from nb_core import Experiment

Command = Callable[..., Any]

PROFILES = ("reference", "corrected")


def experiment_arguments(command: Command, *, words: str = "[EXPERIMENT.toml]") -> Command:
    """Adds [EXPERIMENT.toml] [-- NANOBRAGG FLAGS], --profile and --ignore-unknown-flags.

    words: what stands before the flags, where it is more than the file
    """
    decorators = (
        click.argument(
            "arguments",
            nargs=-1,
            type=click.UNPROCESSED,
            metavar=f"{words} [-- NANOBRAGG FLAGS]",
        ),
        click.option(
            "--profile",
            type=click.Choice(PROFILES),
            help="Reproduce nanoBragg's slips (reference), or mend them (corrected).  "
            "[default: what the experiment file says, else corrected for a file and reference "
            "for nanoBragg's options alone]",
        ),
        click.option(
            "--ignore-unknown-flags",
            is_flag=True,
            help="Warn of nanoBragg flags that do not exist, and go on.",
        ),
    )
    for decorate in reversed(decorators):
        command = decorate(command)
    return command


def read_experiment(
    arguments: tuple[str, ...], profile: str | None, ignore_unknown_flags: bool
) -> Experiment:
    """The experiment of the arguments; options replace what a TOML file says.

    Raises InputError where neither says anything, or what they say is not acceptable.
    """
    from nb_core import InputError, Profile, flags_to_experiment, read_toml

    if not arguments:
        remedy = "name a TOML file, or give nanoBragg's options after --"
        raise InputError("experiment", "(nothing given)", remedy)
    base, flags = None, list(arguments)
    if not flags[0].startswith("-"):
        base = read_toml(flags.pop(0))
    return flags_to_experiment(
        flags,
        profile=None if profile is None else Profile(profile),
        base=base,
        ignore_unknown=ignore_unknown_flags,
    )
