"""A whole benchmark: the rows one after another, then table, JSON, plot and evidence."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from nb_bench.bundle import write_json, write_results
from nb_bench.measure import Bench, Settings
from nb_bench.rows import Row
from nb_bench.table import describe, to_json
from nb_bench.workloads import Workload, write_hkl
from nb_compare import environment, input_checksums
from nb_core.showing import Brief

Progress = AbstractContextManager[Callable[[int, int], object]]


@dataclass(frozen=True, repr=False)
class Request(Brief):
    """What is to be measured, and what the results say of that.

    dtype: for the evidence; each row has its own. json_file: where the JSON goes besides
    """

    workloads: Sequence[Workload]
    suite: str
    command: Sequence[str]
    dtype: str
    json_file: str | None


def run_bench(
    request: Request,
    settings: Settings,
    results: Path | None,
    *,
    say: Callable[[str], object],
    progress: Progress,
) -> None:
    """Measures, says the table, and writes to the folder `results` where there is one.

    say: gets the table, once; progress: entered while work goes on, gives what is told how many of
    how many parts are done (what it shows is gone before the table comes)

    Where it is interrupted or fails, the table has the rows that were complete.
    """
    if any(workload.needs_hkl for workload in request.workloads):
        write_hkl(settings.hkl)
    rows: list[Row] = []
    complete = False
    try:
        with progress as move:
            bench = Bench(settings, _counter(settings.ticks(request.workloads), move))
            for workload in request.workloads:
                for engine in settings.engines:
                    rows.append(bench.measure(workload, engine))
        complete = True
    finally:
        if rows:
            say(describe(rows))
        if rows and (complete or settings.keep):
            _write(rows, request, settings, results)


def _write(rows: Sequence[Row], request: Request, settings: Settings, results: Path | None) -> None:
    found = environment(settings.device, request.dtype)
    content = to_json(
        rows,
        command=request.command,
        suite=request.suite,
        iterations=settings.iterations,
        environment=found,
        created=found["created"],
    )
    if results is not None:
        lists = {settings.hkl.name: settings.hkl} if settings.hkl.exists() else {}
        from nb_bench.plot import save_scaling

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


def _counter(total: int, move: Callable[[int, int], object]) -> Callable[[], None]:
    """A function that counts its calls, and tells `move` of each."""
    counted = itertools.count(1)

    def tick() -> None:
        move(next(counted), total)

    return tick
