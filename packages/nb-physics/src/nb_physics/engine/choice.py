"""Eager tiles, or compiled kernels: which of them, and why."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from nb_physics.engine.cache import kernel_path, wanted_path
from nb_physics.engine.kernel import KernelKind

BREAK_EVEN = 2e6
"""Evaluations from which a cached kernel gains more than its loading costs (5 ms, at 10 ns less an
evaluation and twice that for the first call).
"""

LARGE = 1e7
"""Evaluations of work that eager takes about a second for."""

PAYS_FOR_ITSELF = 2e9
"""Evaluations from which building a kernel (10 to 40 s) takes less time than it saves."""


class Engine(StrEnum):
    """AUTO: kernels where they pay. EAGER: torch, operation by operation. COMPILED: kernels, built
    when they are missing.
    """

    AUTO = "auto"
    EAGER = "eager"
    COMPILED = "compiled"


def takes_kernels(kernels: list[KernelKind], evaluations: float) -> bool:
    """Whether AUTO takes compiled kernels for so much work.

    Those at hand: from BREAK_EVEN on. Others are built where this work alone pays for it, or where
    it is LARGE and such work has come before.
    """
    if all(kernel_path(kernel).is_file() for kernel in kernels):
        return evaluations >= BREAK_EVEN
    if evaluations >= PAYS_FOR_ITSELF:
        return True
    if evaluations < LARGE:
        return False
    wanted = [wanted_path(kernel) for kernel in kernels if not kernel_path(kernel).is_file()]
    if all(path.is_file() for path in wanted):
        return True
    for path in wanted:
        _note(path)
    return False


def _note(path: Path) -> None:
    """Leaves an empty file; without a folder to write to, nothing is remembered."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError:
        return
