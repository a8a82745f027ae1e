"""What inductor makes of a kernel, without compiling the C++ that it writes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sympy
from torch._inductor import codecache

from nb_physics.engine.build import build_kernel
from nb_physics.engine.kernel import KernelKind


class _LoweredError(Exception):
    """Ends a build where the compiler would begin."""


@dataclass(frozen=True)
class Lowered:
    """buffers: of each tensor that goes to memory, and is no result, how many numbers it has"""

    buffers: dict[str, sympy.Expr]


def lowered(kernel: KernelKind) -> Lowered:
    """The kernel as inductor would have it compiled."""
    found: dict[str, sympy.Expr] = {}

    def compile_nothing(graph: Any, *rest: Any, **options: Any) -> None:
        results = set(graph.get_output_names())
        for buffer in graph.buffers:
            name = buffer.get_name()
            if name not in graph.removed_buffers | results:
                found[name] = sympy.prod(buffer.get_size())
        raise _LoweredError

    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", folder)
        patch.setattr(codecache.AotCodeCompiler, "compile", compile_nothing)
        with pytest.raises(Exception) as raised:
            build_kernel(kernel, Path(folder) / "kernel.pt2")
    if not _ended_by_us(raised.value):
        raise raised.value
    return Lowered(found)


def _ended_by_us(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, _LoweredError):
            return True
        error = error.__cause__ or error.__context__
    return False
