"""nb golden: record images of the C program, and verify nb against them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nb_cli.compute_options import c_bin_option, device_option, dtype_option, engine_option

if TYPE_CHECKING:
    from nb_compare.golden import CaseResult, Golden


@click.group("golden")
def command() -> None:
    """Record images of the C program, and verify nb against them."""


@command.command("record")
@click.argument("cases", metavar="CASES.toml", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@c_bin_option
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but warnings and errors.")
def record(cases: Path, out: Path, c_bin: str | None, quiet: bool) -> None:
    """Run the C program once for each case of CASES.toml, and keep its images in a new folder OUT.

    \b
    nb golden record cases.toml golden --c-bin ./nanoBragg

    CASES.toml has a table [[case]] for each, with `name`, `args` (nanoBragg's options) and, where
    wanted, `printout` (pixels [slow, fast] that the program is to print). Files that the options
    name are looked up in its folder.
    """
    from nb_cli.main import command_line
    from nb_cli.progress import pixel_progress
    from nb_compare import find_program
    from nb_compare.golden import record_golden

    program = find_program(c_bin)
    with pixel_progress("recording", shown=not quiet) as progress:
        made = record_golden(cases, out, program, command=command_line(), progress=progress)
    if not quiet:
        click.echo(f"wrote {out}: {made['cases']} cases of {made['program']['banner']}")


@command.command("verify")
@click.argument("folder", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--case", "names", multiple=True, metavar="NAME", help="Only this one; repeatable.")
@click.option("--json", "json_file", metavar="FILE", help="Also write the results as JSON.")
@device_option
@dtype_option
@engine_option
def verify(
    folder: Path,
    names: tuple[str, ...],
    json_file: str | None,
    device: str,
    dtype: str,
    engine: str,
) -> int:
    """Simulate the cases of a golden folder, and compare with the recorded images.

    \b
    nb golden verify golden
    nb golden verify golden --case still --dtype float32

    Exit code 3 where a case differs by more than 1e-6 of its maximum (2e-6 with float32).
    """
    import torch

    from nb_compare.golden import read_golden, summarize, verify_golden
    from nb_core import ExitCode
    from nb_core.formats import check_targets

    golden = read_golden(folder)
    check_targets([json_file] if json_file else [], overwrite=True)
    width = max(len(name) for name in golden.cases)
    results: list[CaseResult] = []
    chosen = {"device": device, "dtype": getattr(torch, dtype), "engine": engine}
    for result in verify_golden(golden, names, **chosen):
        if not results:
            click.echo(_row(width, "case", "corr", "sum_ratio", "maxd", "same", "verdict"))
        click.echo(_result_row(width, result))
        results.append(result)
    click.echo(summarize(results))
    if json_file:
        _write_json(Path(json_file), golden, results, device, dtype)
    return ExitCode.OK if all(result.holds for result in results) else ExitCode.DIFFERENT


def _result_row(width: int, result: CaseResult) -> str:
    verdict = "ok" if result.holds else f"FAIL: {'; '.join(result.problems)}"
    found = result.difference
    if found is None:
        return _row(width, result.name, "-", "-", "-", "-", verdict)
    return _row(
        width,
        result.name,
        f"{found.correlation:.9f}",
        f"{found.sum_ratio:.9f}",
        f"{found.max_relative:.1e}",
        f"{found.same_float32:.3f}",
        verdict,
    )


def _row(width: int, name: str, corr: str, ratio: str, maxd: str, same: str, verdict: str) -> str:
    return f"{name:<{width}}  {corr:<12}  {ratio:<12}  {maxd:<7}  {same:<5}  {verdict}"


def _write_json(
    path: Path, golden: Golden, results: Sequence[CaseResult], device: str, dtype: str
) -> None:
    """Writes strict JSON, schema nb-golden-verify/1."""
    import json

    import torch

    from nb_compare import environment
    from nb_compare.golden import SCHEMA, thresholds
    from nb_core.formats import atomic_write

    content = {
        "schema": SCHEMA,
        "folder": str(golden.folder),
        "holds": all(result.holds for result in results),
        "thresholds": thresholds(getattr(torch, dtype)),
        "cases": [result.to_json() for result in results],
        "recorded": golden.provenance,
        "environment": environment(device, dtype),
    }
    with atomic_write(path) as handle:
        handle.write((json.dumps(content, indent=2, allow_nan=False) + "\n").encode())
