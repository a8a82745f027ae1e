"""A whole benchmark: the rows one after another, then table, JSON, plot and evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from nb_cli.bench.bundle import write_json, write_results
from nb_cli.bench.measure import Bench, Settings, Tick
from nb_cli.bench.plot import save_scaling
from nb_cli.bench.rows import Row
from nb_cli.bench.table import describe, to_json
from nb_cli.bench.workloads import Workload, write_hkl
from nb_cli.progress import pixel_progress
from nb_compare.evidence import environment, input_checksums, now


@dataclass(frozen=True)
class Request:
    """What is to be measured, and what the results say of that.

    dtype: for the evidence; each row has its own. json_file: where the JSON goes besides
    """

    workloads: Sequence[Workload]
    suite: str
    command: Sequence[str]
    dtype: str
    json_file: str | None


def run_bench(request: Request, settings: Settings, results: Path | None) -> None:
    """Measures, prints the table, and writes to the folder `results` where there is one.

    Where it is interrupted or fails, the table has the rows that were complete.
    """
    if any(workload.needs_hkl for workload in request.workloads):
        write_hkl(settings.hkl)
    rows: list[Row] = []
    complete = False
    try:
        with _progress(settings.ticks(request.workloads)) as tick:
            bench = Bench(settings, tick)
            for workload in request.workloads:
                for engine in settings.engines:
                    rows.append(bench.measure(workload, engine))
        complete = True
    finally:
        if rows:
            click.echo(describe(rows))
        if rows and (complete or settings.keep):
            _write(rows, request, settings, results)


def _write(rows: Sequence[Row], request: Request, settings: Settings, results: Path | None) -> None:
    content = to_json(
        rows,
        command=request.command,
        suite=request.suite,
        iterations=settings.iterations,
        environment=environment(settings.device, request.dtype),
        created=f"{now():%Y-%m-%dT%H:%M:%SZ}",
    )
    if results is not None:
        lists = {settings.hkl.name: settings.hkl} if settings.hkl.exists() else {}
        save_scaling(rows, results / "scaling.png")
        theirs = [row.against.command for row in rows if row.against]
        write_results(
            results,
            describe(rows),
            content,
            [request.command, *theirs],
            inputs=input_checksums(lists),
            device=settings.device,
            dtype=request.dtype,
        )
    if request.json_file is not None:
        write_json(Path(request.json_file), content)


@contextmanager
def _progress(total: int) -> Iterator[Tick]:
    """Gives a function that moves the bar by one."""
    done = 0
    with pixel_progress("measuring") as move:

        def tick() -> None:
            nonlocal done
            done += 1
            move(done, total)

        yield tick
