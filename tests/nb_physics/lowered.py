"""What inductor makes of a kernel, without compiling the C++ that it writes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import sympy
from annotations import unchecked_annotations
from torch._inductor import codecache

from nb_physics.engine.build import build_kernel, example
from nb_physics.engine.kernel import BY_STEP, KernelKind, Role

Size = sympy.Expr


class _LoweredError(Exception):
    """Ends a build where the compiler would begin."""


def sizes_by_step(kernel: KernelKind) -> dict[str, Size]:
    """The tensors of pixels x steps that a kernel writes to memory on its way to its results: how
    many numbers each has.
    """
    found: dict[str, Size] = {}

    def compile_nothing(graph: Any, *rest: Any, **options: Any) -> None:
        inputs = [value.get_size() for value in graph.graph_inputs.values()]
        pixels, steps = (set(inputs[at][0].free_symbols) for at in (0, _place_of_steps(kernel)))
        assert pixels
        assert steps
        assert not pixels & steps
        results = set(graph.get_output_names())
        for buffer in graph.buffers:
            size = sympy.sympify(sympy.prod(buffer.maybe_get_size() or ()))
            kept = buffer.get_name() not in graph.removed_buffers | results
            if kept and size.free_symbols & pixels and size.free_symbols & steps:
                found[buffer.get_name()] = size
        raise _LoweredError

    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", folder)
        patch.setattr(codecache.AotCodeCompiler, "compile", compile_nothing)
        try:
            with unchecked_annotations():  # kernels are built by a process that checks none
                build_kernel(kernel, Path(folder) / "kernel.pt2")
        except Exception as error:
            if not _is_ours(error):
                raise
            return found
    raise AssertionError("inductor compiles by another function than the one known here")


def _place_of_steps(kernel: KernelKind) -> int:
    """Where the cell vectors stand among a kernel's arguments: pixels, a place, sums, tensors."""
    (_, place, sums, tensors), _ = example(kernel)
    assert len(sums) == (0 if kernel.role is Role.WHOLE else kernel.sums)
    return 1 + len(place) + len(sums) + list(tensors).index(BY_STEP)


def _is_ours(error: BaseException | None) -> bool:
    """Whether an error is, or comes from, the one that ends a build."""
    while error is not None and not isinstance(error, _LoweredError):
        error = error.__cause__ or error.__context__
    return error is not None
