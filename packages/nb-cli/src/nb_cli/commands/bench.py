"""nb bench: how fast nb is, cold and warm, beside the C program and the machine's limits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nb_cli.compute_options import ENGINES, c_bin_option, device_option

if TYPE_CHECKING:
    from nb_bench import Folders, Settings

BOTH = "both"
MOST_NEIGHBOURS = 256


@click.command("bench", short_help="Measure the speed, beside the C program.")
@click.option(
    "--suite",
    type=click.Choice(["quick", "full", "shared"]),
    help="A few workloads; all of them, which takes hours; or those for a machine that is shared.  "
    "[default: quick; with --neighbours: shared]",
)
@click.option(
    "--workload", "names", multiple=True, metavar="NAME", help="Only this one; repeatable."
)
@click.option("--sizes", metavar="N[,N...]", help="Pixels along an edge, for every workload.")
@click.option("--list", "listed", is_flag=True, help="List the workloads, and measure nothing.")
@device_option
@click.option(
    "--dtype",
    type=click.Choice(["float64", "float32"]),
    help="Precision of every workload.  [default: the workload's own]",
)
@click.option(
    "--engine",
    type=click.Choice([*ENGINES, BOTH]),
    help="How nb computes: as compiled kernels, step by step, as it sees fit; or both of the first "
    "two, one after the other.  [default: compiled; with --neighbours: both]",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Threads of nb and of the C program.  [default: OMP_NUM_THREADS, else all cores]",
)
@click.option(
    "--iterations",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    metavar="N",
    help="Warm calls, each after a run of the C program.",
)
@click.option(
    "--neighbours",
    type=click.IntRange(0, MOST_NEIGHBOURS),
    default=0,
    metavar="N",
    help="Repeat the warm calls beside N processes that compute without end.",
)
@click.option("--no-cold", is_flag=True, help="Leave out the fresh processes, cold and cached.")
@c_bin_option
@click.option("--profile", is_flag=True, help="Also trace a call of each with torch's profiler.")
@click.option("--json", "json_file", metavar="FILE", help="Also write the results as JSON.")
@click.option("--out-dir", metavar="DIR", help="Keep table, JSON, plot and evidence in a new one.")
@click.option("--keep-artifacts", is_flag=True, help="Keep images, lists and kernels there, too.")
def command(
    suite: str | None,
    names: tuple[str, ...],
    sizes: str | None,
    listed: bool,
    dtype: str | None,
    json_file: str | None,
    out_dir: str | None,
    keep_artifacts: bool,
    **options: Any,
) -> None:
    """Measure how fast nb simulates, and how close that is to the limits of this machine.

    \b
    nb bench
    nb bench --c-bin ./nanoBragg --workload still --sizes 256,1024 --json bench.json
    nb bench --suite full --out-dir results --profile
    nb bench --neighbours 2 --no-cold

    cold is a whole process without compiled kernels, cached one that finds them on disk, warm a
    call in a process that has done one. Where there is a C program it runs the identical work,
    alternating with nb. NAME is a workload or a kind of them, as --list shows.
    """
    import nb_bench
    from nb_cli.main import command_line
    from nb_cli.progress import pixel_progress
    from nb_core.formats import check_targets
    from nb_physics import available_device

    suite = suite or ("shared" if options["neighbours"] else "quick")
    cores = nb_bench.available_cores() if options["device"] == "cpu" else 1
    edges = nb_bench.parse_sizes(sizes)
    chosen = nb_bench.choose_workloads(suite, sizes=edges, dtype=dtype, names=names, cores=cores)
    if listed:
        click.echo(nb_bench.list_workloads(chosen))
        return
    nb_bench.check_kept(out_dir, keep=keep_artifacts, profile=options["profile"])
    check_targets([json_file] if json_file else [], overwrite=True)
    available_device(options["device"])
    program = _program(options["c_bin"])
    request = nb_bench.Request(chosen, suite, command_line(), dtype or "float64", json_file)
    target = None if out_dir is None else Path(out_dir)
    with nb_bench.bench_folders(target, keep=keep_artifacts) as folders:
        settings = _settings(options, program, folders, cores, keep=keep_artifacts)
        moved = pixel_progress("measuring")
        nb_bench.run_bench(request, settings, folders.results, say=click.echo, progress=moved)
    for written in filter(None, (json_file, out_dir)):
        click.echo(f"wrote {written}")


def _program(given: str | None) -> Path | None:
    """The C program; None where nothing names one. InputError where what is named is none."""
    from nb_compare import PROGRAM_VARIABLE, search_program

    found = search_program(given)
    if found is None:
        click.echo(
            f"nb: no C program to compare with: give --c-bin, or set {PROGRAM_VARIABLE}", err=True
        )
    return found


def _engines(given: str | None, neighbours: int) -> tuple[str, ...]:
    """The engines to measure, one after the other."""
    chosen = given or (BOTH if neighbours else "compiled")
    return ("eager", "compiled") if chosen == BOTH else (chosen,)


def _settings(
    options: dict[str, Any], program: Path | None, folders: Folders, cores: int, *, keep: bool
) -> Settings:
    from nb_bench import Settings

    preset = os.environ.get("OMP_NUM_THREADS", "")
    usual = int(preset) if preset.isdecimal() and int(preset) > 0 else cores
    return Settings(
        device=options["device"],
        engines=_engines(options["engine"], options["neighbours"]),
        threads=options["threads"] or usual,
        iterations=options["iterations"],
        cold=not options["no_cold"],
        neighbours=options["neighbours"],
        program=program,
        artefacts=folders.artefacts,
        keep=keep,
        profile=folders.profile() if options["profile"] else None,
    )
