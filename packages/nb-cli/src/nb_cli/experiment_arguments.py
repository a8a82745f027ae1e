"""The arguments that say which experiment: a TOML file, nanoBragg's options, or both."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from nb_core import Experiment

Command = Callable[..., Any]

PROFILES = ("reference", "corrected")


def experiment_arguments(command: Command, *, words: str = "[EXPERIMENT]") -> Command:
    """Adds [EXPERIMENT] [-- NANOBRAGG FLAGS], --profile and --ignore-unknown-flags.

    words: what stands before the flags, where it is more than the file
    """
    decorators = (
        click.argument(
            "arguments",
            nargs=-1,
            type=click.UNPROCESSED,
            metavar=f"{words} [-- NANOBRAGG FLAGS]",
        ),
        _part("--geometry", "detector, beam and goniometer"),
        _part("--crystal", "crystal"),
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


def _part(option: str, what: str) -> Callable[[Command], Command]:
    """An option that names a file, whose name is kept for `read_experiment`."""

    def keep(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
        context.meta[option] = value

    return click.option(
        option,
        metavar="FILE",
        expose_value=False,
        callback=keep,
        help=f"Take {what} from another experiment file (`nb plugins` lists the formats).",
    )


def read_experiment(
    arguments: tuple[str, ...], profile: str | None, ignore_unknown_flags: bool
) -> Experiment:
    """The experiment of the arguments; options replace what files say, and --geometry and --crystal
    what the experiment file says.

    Raises InputError where nothing says anything, or what is said is not acceptable.
    """
    from nb_core import (
        InputError,
        Profile,
        experiment_or_fields,
        flags_to_experiment,
        read_fields,
        with_crystal,
        with_geometry,
    )

    named = click.get_current_context().meta
    geometry, crystal = named.get("--geometry"), named.get("--crystal")
    if not arguments and geometry is None and crystal is None:
        remedy = "name an experiment file, or give nanoBragg's options after --"
        raise InputError("experiment", "(nothing given)", remedy)
    flags = list(arguments)
    file = flags.pop(0) if flags and not flags[0].startswith("-") else None
    base: Any = None
    if geometry is None and crystal is None:
        base = None if file is None else experiment_or_fields(file)
    else:
        base = {} if file is None else read_fields(file)
        base = base if geometry is None else with_geometry(base, geometry)
        base = base if crystal is None else with_crystal(base, crystal)
    return flags_to_experiment(
        flags,
        profile=None if profile is None else Profile(profile),
        base=base,
        ignore_unknown=ignore_unknown_flags,
    )
