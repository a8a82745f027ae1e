"""Measure how two diffraction images differ, and run the C program beside nb.

Names are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nb_core import lazy_exports

if TYPE_CHECKING:
    from nb_compare.compare import Choices, Comparison, compare_with_golden, compare_with_program
    from nb_compare.evidence import environment, input_checksums, result_folder, write_evidence
    from nb_compare.metrics import ImageDifference, compare_images
    from nb_compare.program import (
        PROGRAM_VARIABLE,
        ProgramRun,
        StagedArguments,
        find_program,
        program_arguments,
        run_program,
        search_program,
        stage_arguments,
    )
    from nb_compare.summary import Thresholds
    from nb_compare.tap_diff import compare_tap_folders
    from nb_compare.versions import installed_versions

__version__ = "0.1.0"

_HOMES = {
    "Choices": "compare",
    "Comparison": "compare",
    "compare_with_golden": "compare",
    "compare_with_program": "compare",
    "environment": "evidence",
    "input_checksums": "evidence",
    "result_folder": "evidence",
    "write_evidence": "evidence",
    "ImageDifference": "metrics",
    "compare_images": "metrics",
    "PROGRAM_VARIABLE": "program",
    "ProgramRun": "program",
    "StagedArguments": "program",
    "find_program": "program",
    "program_arguments": "program",
    "run_program": "program",
    "search_program": "program",
    "stage_arguments": "program",
    "Thresholds": "summary",
    "compare_tap_folders": "tap_diff",
    "installed_versions": "versions",
}

__all__ = [
    "Choices",
    "Comparison",
    "ImageDifference",
    "PROGRAM_VARIABLE",
    "ProgramRun",
    "StagedArguments",
    "Thresholds",
    "compare_images",
    "compare_tap_folders",
    "compare_with_golden",
    "compare_with_program",
    "environment",
    "find_program",
    "input_checksums",
    "installed_versions",
    "program_arguments",
    "result_folder",
    "run_program",
    "search_program",
    "stage_arguments",
    "write_evidence",
]

if not TYPE_CHECKING:  # with it no name would be unknown to a type checker
    __getattr__, __dir__ = lazy_exports(__name__, _HOMES)
