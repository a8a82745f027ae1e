"""The entry point: finds the command, and turns errors into one line and an exit code."""

from __future__ import annotations

import functools
import importlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click

from nb_cli import __version__, progress
from nb_core import ExitCode, NbError

COMMANDS = {
    "simulate": "Simulate an image from an experiment file or nanoBragg's options.",
    "config": "Show, convert or check an experiment.",
    "trace": "Show what is computed inside a pixel, from the beam to its photons.",
    "taps": "List the taps: probes that show what is computed inside a pixel.",
    "plugins": "List image formats, taps and all else that packages bring.",
    "compare": "Run the C program and nb on the same arguments, and compare their images.",
    "first-divergence": "Name the first quantity of a pixel that differs from the C program.",
    "golden": "Record images of the C program, and verify nb against them.",
    "refine": "Refine an experiment against a measured image, with uncertainties.",
    "kernels": "List, build or remove the compiled kernels that are kept.",
    "bench": "Measure the speed, beside the C program and the machine's limits.",
    "view": "Draw an image file as a PNG.",
    "demo": "Simulate a small protein crystal, to see that all works.",
    "doctor": "Report versions, devices and whether the C program is found.",
}
"""Each is the module nb_cli.commands.NAME, imported when it is needed."""


class LazyGroup(click.Group):
    """A group that imports a command only to run it, so that help is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"nb_cli.commands.{cmd_name.replace('-', '_')}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with _quiet_on_closed_pipe():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _quiet_on_closed_pipe():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nb")
@click.option("--no-plugins", is_flag=True, help="Leave out every installed plugin.")
@click.pass_context
def cli(context: click.Context, no_plugins: bool) -> None:
    """Simulate X-ray diffraction images of nanocrystals, as nanoBragg does.

    Start with: nb demo
    """
    if no_plugins:  # whatever looks for plugins in this command, and in processes that it starts
        for name in ("NB_PLUGINS_DISABLE", "NB_TAPS_DISABLE"):
            context.call_on_close(functools.partial(_restore, name, os.environ.get(name)))
            os.environ[name] = "all"


def _restore(name: str, value: str | None) -> None:
    """Sets an environment variable as it was."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits with its code, one of nb_core.ExitCode."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Runs the command line and returns its exit code; errors go to stderr, one line each."""
    with warnings.catch_warnings(), _messages_shown():
        warnings.showwarning = _show_warning
        warnings.simplefilter("always", UserWarning)
        try:
            result = cli.main(
                args=arguments, prog_name="nb", standalone_mode=False, obj=tuple(arguments)
            )
            return result if isinstance(result, int) else 0
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            return ExitCode.BAD_INPUT
        except click.exceptions.NoSuchOption as error:
            takes_flags = error.ctx and any(p.name == "arguments" for p in error.ctx.command.params)
            hint = "nanoBragg's options go after --" if takes_flags else "(nb --help)"
            click.echo(f"nb: {error.format_message()} {hint}", err=True)
            return ExitCode.BAD_INPUT
        except click.ClickException as error:
            click.echo(f"nb: {error.format_message()} (nb --help)", err=True)
            return error.exit_code
        except (KeyboardInterrupt, click.Abort):
            click.echo("nb: interrupted; nothing unfinished was left behind", err=True)
            return ExitCode.INTERRUPTED
        except Exception as error:
            if not isinstance(error, NbError):
                raise
            click.echo(f"nb: {error}", err=True)
            return error.exit_code


class _ToStderr(logging.Handler):
    """Shows what the simulation says of itself, which is that it builds kernels."""

    def emit(self, record: logging.LogRecord) -> None:
        progress.message(f"nb: {record.getMessage()}")


@contextmanager
def _messages_shown() -> Iterator[None]:
    logger, handler = logging.getLogger("nb_physics"), _ToStderr()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def _quiet_on_closed_pipe() -> Iterator[None]:
    """Ends the program when nobody reads its output; click itself would exit with 1."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(ExitCode.PIPE_CLOSED) from None


def command_line() -> list[str]:
    """The command that is being run, as the user typed it, for the evidence of a result."""
    arguments = click.get_current_context().find_root().obj
    return ["nb", *(arguments or ())]


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    progress.message(f"nb: warning: {message}")
