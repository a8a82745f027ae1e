"""nb kernels: the compiled kernels that are kept, and building them beforehand."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from nb_cli.compute_options import device_option, dtype_option
from nb_cli.experiment_arguments import experiment_arguments, read_experiment

if TYPE_CHECKING:
    from nb_physics import KeptKernel


@click.group("kernels")
def command() -> None:
    """List, build or remove the compiled kernels that are kept for later work."""


@command.command("list")
def list_kernels() -> None:
    """List the kernels that are kept: what each computes, its size, and when it was last used.

    A kernel serves one version of nb, torch and Python on one kind of processor. Kernels of an
    older version go by themselves when a new one is written.
    """
    from nb_physics import cache_folder, kept_kernels

    kept = kept_kernels()
    if kept:
        _echo_table([("kernel", "size", "used", ""), *(_row(kernel) for kernel in kept)])
    total = sum(kernel.bytes for kernel in kept)
    click.echo(f"{_count(len(kept))}, {_size(total)}, in {cache_folder()}")


@command.command("build")
@click.option("--gradient", is_flag=True, help="Build those of its gradient, too.")
@click.option(
    "--refine",
    metavar="NAMES",
    help="Those that nb refine takes with these --parameters, instead.",
)
@device_option
@dtype_option
@experiment_arguments
def build(
    arguments: tuple[str, ...],
    profile: str | None,
    ignore_unknown_flags: bool,
    gradient: bool,
    refine: str | None,
    device: str,
    dtype: str,
) -> None:
    """Build the kernels that an experiment takes, unless they are there already.

    \b
    nb kernels build experiment.toml
    nb kernels build --refine misset,cell,scale experiment.toml
    nb kernels build --gradient -- -cell 70 80 90 75 85 95 -N 5 -default_F 100 -lambda 1

    They serve every experiment of the same kind, whatever its numbers: of pixels, sources, steps
    and reflections, too. Needs a C++ compiler. Ctrl-C ends it; what is finished by then is kept.
    """
    import torch

    from nb_core import InputError
    from nb_physics import build_kernels, cache_folder, describe_kernel, kernels_of
    from nb_refine import refinement_kernels

    if gradient and refine is not None:
        remedy = "leave one out: a refinement has gradients of its own"
        raise InputError("--gradient", "with --refine", remedy)
    experiment = read_experiment(arguments, profile, ignore_unknown_flags)
    precision = getattr(torch, dtype)
    if refine is None:
        kernels = kernels_of(experiment, device=device, dtype=precision, gradient=gradient)
    else:
        names = [name.strip() for name in refine.split(",") if name.strip()]
        kernels = refinement_kernels(experiment, names, device=device, dtype=precision)
    built = build_kernels(kernels)
    for kernel in kernels:
        state = "built" if kernel in built else "there already"
        click.echo(f"{state}: {describe_kernel(kernel)}")
    click.echo(f"in {cache_folder()}")


@command.command("clear")
@click.option("--old", is_flag=True, help="Only those that this version of nb does not take.")
def clear(old: bool) -> None:
    """Remove the kernels that are kept. What needs one builds it again."""
    from nb_physics import cache_folder, clear_kernels

    removed = clear_kernels(old=old)
    total = _size(sum(kernel.bytes for kernel in removed))
    click.echo(f"removed {_count(len(removed))}, {total}, from {cache_folder()}")


def _row(kernel: KeptKernel) -> tuple[str, str, str, str]:
    from nb_physics import describe_kernel

    what = kernel.path.name if kernel.kernel is None else describe_kernel(kernel.kernel)
    return what, _size(kernel.bytes), _ago(time.time() - kernel.used), _remark(kernel)


def _remark(kernel: KeptKernel) -> str:
    """Why this process does not take a kernel; empty where it does."""
    if kernel.usable:
        return ""
    if kernel.current:
        return "for another processor"
    return f"old: another version of nb or Python, or torch {kernel.torch or 'unknown'}"


def _count(number: int) -> str:
    from nb_core.wording import counted

    return counted(number, "kernel")


def _size(number: int) -> str:
    return f"{number / 1e6:.1f} MB"


def _ago(seconds: float) -> str:
    from nb_core.wording import counted

    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            return f"{counted(int(seconds // length), unit)} ago"
    return "just now"


def _echo_table(rows: list[tuple[str, str, str, str]]) -> None:
    from nb_core.wording import aligned

    click.echo("\n".join(aligned(rows, right=(1,))))
