"""What is left out of a build: checks, passes and code that a kernel of nb has no use for.

All of it belongs to inductor as it is known here. Where another one lacks a piece, a build takes
longer, and makes the same kernel.
"""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.fx import GraphModule

from nb_physics.engine.nodes import call

_QUICK: dict[str, Any] = {
    "cpp.enable_loop_tail_vec": False,
    "aot_inductor.enable_frame_pointer": False,
    "aot_inductor.precompile_headers": False,
    "compile_threads": 1,
    "pattern_matcher": False,
}
"""Tails are never run, for kernels take whole vectors of pixels. Frame pointers bring symbols for
debuggers. A header is compiled beforehand in three times the seconds that it saves one kernel, and
takes 150 MB. Threads would be processes, for one compilation. There are no patterns to be found.
"""

_INSTRUCTIONS = {"AVX512": "VecAVX512", "AVX2": "VecAVX2"}
"""What torch calls the instructions that it takes itself, and inductor's name of them."""

_LEFT_OUT = ("fno-gcse", "fno-tree-pre")
"""Passes of g++; clang takes no notice of the words."""


def quick_settings() -> dict[str, Any]:
    """Those settings that this inductor knows."""
    from torch._inductor import config

    return {name: value for name, value in _QUICK.items() if _has(config, name)}


@contextlib.contextmanager
def quick_compiler() -> Iterator[None]:
    """Within, inductor takes torch's own vector instructions without trying them out, and the
    compiler looks for no partial redundancies: there are none in kernels, and it searches long.
    """
    from torch._inductor import cpp_builder, cpu_vec_isa

    with contextlib.ExitStack() as stack:
        name = _INSTRUCTIONS.get(torch.backends.cpu.get_cpu_capability())
        every: Sequence[Any] = getattr(cpu_vec_isa, "supported_vec_isa_list", [])
        chosen = [_taken_for_granted(isa) for isa in every if type(isa).__name__ == name]
        if chosen:
            stack.enter_context(_replaced(cpu_vec_isa, "supported_vec_isa_list", chosen))
        flags = getattr(cpp_builder, "_get_optimization_cflags", None)
        if flags is not None:

            def fewer(*arguments: Any, **options: Any) -> tuple[list[str], list[str]]:
                compiling, linking = flags(*arguments, **options)
                return [*compiling, *_LEFT_OUT], linking

            stack.enter_context(_replaced(cpp_builder, "_get_optimization_cflags", fewer))
        yield


def write_polynomials_out(module: GraphModule) -> None:
    """Puts the steps of `horner` in place of each polynomial, which inductor does not know."""
    graph = module.graph
    for node in list(graph.nodes):
        if node.target is torch.ops.nb.polynomial.default:
            t, coefficients = node.args
            with graph.inserting_before(node):
                value = call(graph, torch.ops.aten.mul.Tensor, t, coefficients[-1])
                for coefficient in reversed(coefficients[1:-1]):
                    value = call(graph, torch.ops.aten.add.Tensor, value, coefficient)
                    value = call(graph, torch.ops.aten.mul.Tensor, value, t)
                value = call(graph, torch.ops.aten.add.Tensor, value, coefficients[0])
            node.replace_all_uses_with(value)
            graph.erase_node(node)
    graph.lint()
    module.recompile()


def _has(config: Any, name: str) -> bool:
    """Whether a name, with points in it, is that of a setting."""
    try:
        operator.attrgetter(name)(config)
    except AttributeError:
        return False
    return True


def _taken_for_granted(isa: Any) -> Any:
    """The same instructions, without a program that is compiled to see whether they work."""
    known = type("Known", (type(isa),), {"__bool__": lambda self: True})
    return known()


@contextlib.contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
