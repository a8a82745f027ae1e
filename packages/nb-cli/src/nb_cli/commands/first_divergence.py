"""nb first-divergence: the first quantity of a pixel in which the C program and nb differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nb_cli.compute_options import c_bin_option, device_option, dtype_option
from nb_cli.experiment_arguments import experiment_arguments, read_experiment

if TYPE_CHECKING:
    import torch

    from nb_physics import Plan


@click.command("first-divergence", short_help="Name the first quantity that differs from C.")
@click.option(
    "--pixel",
    type=(int, int),
    metavar="SLOW FAST",
    help="Which pixel.  [default: the one that differs most]",
)
@click.option(
    "--c-log",
    metavar="FILE",
    help="What the C program printed with -printout, or TRACE_C lines.  [default: it is run]",
)
@c_bin_option
@click.option("--all-rows", is_flag=True, help="Print every line of a long trace.")
@device_option
@dtype_option
@experiment_arguments
def command(
    arguments: tuple[str, ...],
    profile: str | None,
    ignore_unknown_flags: bool,
    pixel: tuple[int, int] | None,
    c_log: str | None,
    c_bin: str | None,
    all_rows: bool,
    device: str,
    dtype: str,
) -> int:
    """Name the first quantity of a pixel in which the C program and nb differ, and why.

    \b
    nb first-divergence --pixel 64 70 --c-bin ./nanoBragg -- -cell 70 80 90 75 85 95 ...
    nb first-divergence --pixel 64 70 --c-log c.log experiment.toml

    Prints every quantity that both have, in the order in which they are computed, how far apart
    they are in units of the last printed digit, and causes that were tried out. The last line is
    `first divergence: STAGE QUANTITY` (exit code 3) or `no divergence` (0).
    """
    import torch

    from nb_cli.progress import pixel_progress
    from nb_compare.divergence import find_divergence
    from nb_core import ExitCode
    from nb_physics import available_device, make_plan

    experiment = read_experiment(arguments, profile, ignore_unknown_flags)
    target, plan = available_device(device), make_plan(experiment)
    if c_log is not None:
        log, name = _read_log(c_log), c_log
        pixel = pixel or _only_pixel(log, name)
    else:
        log, pixel = _run_program(plan, arguments, c_bin, pixel, target)
        name = "the C program's output"
    with pixel_progress("looking for the cause"):
        found = find_divergence(
            plan, pixel, log, name=name, device=target, dtype=getattr(torch, dtype)
        )
    click.echo(found.text(every_row=all_rows))
    return ExitCode.OK if found.first is None else ExitCode.DIFFERENT


def _read_log(path: str) -> str:
    from nb_core.formats import read_text

    return read_text(path, "--c-log", 2**30)


def _only_pixel(log: str, name: str) -> tuple[int, int]:
    """The pixel of a log that has one only."""
    from nb_compare.divergence import has_trace, parse_log
    from nb_core import InputError

    if has_trace(log):
        raise InputError("--pixel", "(not given)", f"{name} does not say which pixel it traces")
    pixels = list(parse_log(log, name).pixels)
    if len(pixels) > 1:
        shown = ", ".join(f"{slow} {fast}" for slow, fast in pixels)
        raise InputError("--pixel", "(not given)", f"{name} has several (slow fast): {shown}")
    return pixels[0]


def _run_program(
    plan: Plan,
    arguments: tuple[str, ...],
    c_bin: str | None,
    pixel: tuple[int, int] | None,
    device: torch.device,
) -> tuple[str, tuple[int, int]]:
    """The log of a run of the C program, in a fresh folder, and the pixel that it prints."""
    from nb_cli.progress import pixel_progress
    from nb_compare import find_program, program_arguments
    from nb_compare.divergence import print_pixel, worst_pixel

    program = find_program(c_bin)
    flags = program_arguments(plan.experiment, arguments)
    if pixel is None:
        with pixel_progress("comparing the images") as progress:
            pixel = worst_pixel(program, plan, flags, device, progress)
        click.echo(f"pixel that differs most: slow {pixel[0]}, fast {pixel[1]}")
    with pixel_progress("running the C program"):
        return print_pixel(program, plan, flags, pixel), pixel
