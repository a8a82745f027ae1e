"""The rows as text, and as JSON of the schema nb-bench/1."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from nb_bench.cost import count_arguments
from nb_bench.rows import Row, Times, ceilings_of, median_ratio
from nb_bench.workloads import Workload
from nb_core.wording import aligned as aligned_lines

SCHEMA = "nb-bench/1"
NONE = "-"

TIMES = (
    "workload",
    "dtype",
    "engine",
    "threads",
    "evaluations",
    "cold s",
    "cached s",
    "warm s",
    "min",
    "max",
    "ns/eval",
    "eval/s",
    "peak MiB",
    "import MiB",
)
"""cold, cached, warm: medians; min, max: of warm; peak, import: memory of the process of the warm
calls at most, and after `import torch`."""

LIMITS = (
    "workload",
    "dtype",
    "engine",
    "threads",
    "op/eval",
    "byte/eval",
    "limit s",
    "roofline",
    "C s",
    "C/nb",
    "correlation",
    "sum_ratio",
    "maxd",
)
"""op, byte: see `cost`; limit: least time by the ceilings; roofline: limit / warm; C/nb: median of
the pairs; maxd: largest difference over the C image's maximum."""


BESIDE = (
    "workload",
    "dtype",
    "engine",
    "threads",
    "neighbours",
    "alone s",
    "beside s",
    "beside/alone",
)
"""neighbours: processes that computed without end beside the calls; medians, and their ratio."""


def describe(rows: Sequence[Row]) -> str:
    """Two tables (with neighbours, three), ratios pair by pair, ceilings, what was extrapolated."""
    if not rows:
        return "nothing was measured"
    parts = [
        aligned(TIMES, [_times_cells(row) for row in rows]),
        aligned(LIMITS, [_limit_cells(row) for row in rows]),
    ]
    if others := [cells for row in rows for cells in _beside_cells(row)]:
        parts.append(aligned(BESIDE, others))
    if pairs := [line for row in rows for line in _pairs(row)]:
        parts.append("\n".join(["C seconds / nb warm seconds, pair by pair:", *pairs]))
    if gradients := [line for row in rows for line in _gradients(row)]:
        parts.append("\n".join(["image and gradient / image alone, pair by pair:", *gradients]))
    notes = [line for row in rows for line in _extrapolated(row)]
    return "\n\n".join([*parts, "\n".join([*_ceilings(rows), *notes])])


def to_json(
    rows: Sequence[Row],
    *,
    command: Sequence[str],
    suite: str,
    iterations: int,
    environment: dict[str, Any],
    created: str,
) -> dict[str, Any]:
    """All that was measured; every number in SI units, with the unit in its name."""
    return {
        "schema": SCHEMA,
        "created": created,
        "command": shlex.join(command),
        "suite": suite,
        "iterations": iterations,
        "rows": [row.to_json() for row in rows],
        "environment": environment,
    }


def list_workloads(workloads: Sequence[Workload]) -> str:
    """Names, kinds, precisions and numbers of evaluations of workloads, as a table."""
    rows = []
    for workload in workloads:
        evaluations = count_arguments(workload.arguments(None)).evaluations
        rows.append((workload.name, workload.kind, workload.dtype, str(evaluations)))
    return aligned(("workload", "kind", "dtype", "evaluations"), rows)


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of text: the first column flush left, the others right."""
    return "\n".join(aligned_lines([head, *rows], right=range(1, len(head))))


def _times_cells(row: Row) -> list[str]:
    warm = row.warm
    return [
        *_names(row),
        f"{row.counts.evaluations:.4g}",
        _median(row.cold),
        _median(row.cached),
        _number(warm.median),
        _number(min(warm.seconds)),
        _number(max(warm.seconds)),
        _number(row.ns_per_evaluation),
        _number(row.evaluations_per_s),
        _mebibytes(row.memory.peak),
        _mebibytes(row.memory.baseline),
    ]


def _limit_cells(row: Row) -> list[str]:
    cost, against = row.cost, row.against
    evaluations = row.counts.evaluations
    cells = [
        *_names(row),
        _number(cost.operations / evaluations),
        _number(cost.bytes / evaluations),
        _number(row.limit),
        f"{100 * row.share:.3g} %",
    ]
    if against is None:
        return [*cells, NONE, NONE, NONE, NONE, NONE]
    parity, ratio = against.parity, median_ratio(row)
    return [
        *cells,
        _number(against.times.median),
        NONE if ratio is None else _number(ratio),
        f"{parity.correlation:.9f}",
        f"{parity.sum_ratio:.9f}",
        f"{parity.max_relative:.1e}",
    ]


def _beside_cells(row: Row) -> list[list[str]]:
    """A line for a row that was run beside neighbours."""
    if row.beside is None or row.slowdown is None:
        return []
    found = (row.warm.median, row.beside.times.median, row.slowdown)
    return [[*_names(row), str(row.beside.neighbours), *map(_number, found)]]


def _pairs(row: Row) -> list[str]:
    if not row.ratios:
        return []
    shown = " ".join(_number(ratio) for ratio in row.ratios)
    return [f"  {' '.join(_names(row)[:3])}: {shown}"]


def _gradients(row: Row) -> list[str]:
    if not row.gradient_ratios:
        return []
    shown = " ".join(_number(ratio) for ratio in row.gradient_ratios)
    return [f"  {' '.join(_names(row)[:3])}: {shown}"]


def _ceilings(rows: Sequence[Row]) -> list[str]:
    return [
        f"ceiling, {device}, threads {threads}: {found.float64:.3g} op/s float64, "
        f"{found.float32:.3g} float32 ({found.by}); {found.copy:.3g} bytes/s (copy)"
        for (device, threads), found in ceilings_of(rows).items()
    ]


def _extrapolated(row: Row) -> list[str]:
    """Rows of which a region of interest was rendered: the whole image, by proportion."""
    if row.counts.whole == row.counts.pixels or row.workload.roi is None:
        return []
    roi = " ".join(str(bound) for bound in row.workload.roi)
    larger = row.enlargement
    shown = f"nb {_number(row.warm.median * larger)} s"
    if row.against is not None:
        shown += f", C {_number(row.against.times.median * larger)} s"
    return [
        f"{row.workload.name} {row.workload.dtype}: rendered -roi {roi}; the whole image of "
        f"{row.counts.whole} pixels, extrapolated by their number: {shown}"
    ]


def _names(row: Row) -> list[str]:
    return [row.workload.name, row.workload.dtype, row.run.engine, str(row.run.threads)]


def _median(times: Times | None) -> str:
    return NONE if times is None else _number(times.median)


def _number(value: float) -> str:
    return f"{value:.3g}"


def _mebibytes(count: int | None) -> str:
    return NONE if count is None else f"{count / 2**20:.0f}"
