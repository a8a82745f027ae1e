"""Measure the speed and memory of nb, beside the C program and the limits of the machine.

Names are imported on first use, so that the processes that are measured load no more than they use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nb_core import lazy_exports

if TYPE_CHECKING:
    from nb_bench.bundle import Folders, bench_folders, check_kept
    from nb_bench.cost import Ceiling, Cost, Counts, cost_of, count_arguments, count_plan
    from nb_bench.measure import Bench, Settings
    from nb_bench.report import Request, run_bench
    from nb_bench.rows import Row
    from nb_bench.table import describe, list_workloads
    from nb_bench.workloads import Workload, available_cores, choose_workloads, parse_sizes

__version__ = "0.1.0"

_HOMES = {
    "Folders": "bundle",
    "bench_folders": "bundle",
    "check_kept": "bundle",
    "Ceiling": "cost",
    "Cost": "cost",
    "Counts": "cost",
    "cost_of": "cost",
    "count_arguments": "cost",
    "count_plan": "cost",
    "Bench": "measure",
    "Settings": "measure",
    "Request": "report",
    "run_bench": "report",
    "Row": "rows",
    "describe": "table",
    "list_workloads": "table",
    "Workload": "workloads",
    "available_cores": "workloads",
    "choose_workloads": "workloads",
    "parse_sizes": "workloads",
}

__all__ = [
    "Bench",
    "Ceiling",
    "Cost",
    "Counts",
    "Folders",
    "Request",
    "Row",
    "Settings",
    "Workload",
    "available_cores",
    "bench_folders",
    "check_kept",
    "choose_workloads",
    "cost_of",
    "count_arguments",
    "count_plan",
    "describe",
    "list_workloads",
    "parse_sizes",
    "run_bench",
]

if not TYPE_CHECKING:  # with it no name would be unknown to a type checker
    __getattr__, __dir__ = lazy_exports(__name__, _HOMES)
