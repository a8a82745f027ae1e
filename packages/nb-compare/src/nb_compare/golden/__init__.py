"""Record images of the C program in a golden folder, and verify nb against them."""

from nb_compare.golden.cases import CaseRequest, read_cases
from nb_compare.golden.format import Golden, GoldenCase, image_arrays, read_golden
from nb_compare.golden.record import record_golden
from nb_compare.golden.verify import (
    SCHEMA,
    CaseResult,
    judge_case,
    summarize,
    thresholds,
    verify_golden,
)

__all__ = [
    "CaseRequest",
    "CaseResult",
    "Golden",
    "GoldenCase",
    "SCHEMA",
    "image_arrays",
    "judge_case",
    "read_cases",
    "read_golden",
    "record_golden",
    "summarize",
    "thresholds",
    "verify_golden",
]
