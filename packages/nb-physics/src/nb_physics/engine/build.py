"""Builds a kernel: export, fusion and C++ compilation. Run as a program, in a process of its own,
so that what the compiler needs of memory and time to import stays out of the simulation.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._pytree import tree_flatten, tree_unflatten

from nb_core import CrystalConfig, DetectorConfig, Experiment
from nb_physics.engine.by_pixel import WRITTEN_OUT, KernelByPixel, by_pixel_graph
from nb_physics.engine.components import keep_components_apart
from nb_physics.engine.kernel import (
    Kernel,
    KernelKind,
    Role,
    derived_names,
    kernel_kind_from_json,
    kernel_tensors,
)
from nb_physics.engine.quick import quick_compiler, quick_settings, write_polynomials_out
from nb_physics.engine.single_loop import KEEP_TOGETHER, each_value_once, make_single_loop
from nb_physics.engine.walk import WHOLE_VECTORS
from nb_physics.plan import make_plan
from nb_physics.scene import Scene, make_scene, scene_tensors, scene_with

_PIXELS, _SOURCES, _STEPS, _LISTED = 65536, 24, 100, 4096
"""Sizes of the example that is traced; the kernel takes any."""

_SETTINGS: dict[str, Any] = {
    "cpp.dynamic_threads": True,
    "cpp.enable_floating_point_contract_flag": "fast",
    "aot_inductor.compile_wrapper_opt_level": "O0",
    "assert_indirect_indexing": False,
}
_ONE_LOOP: dict[str, Any] = {
    "realize_opcount_threshold": 1_000_000,
    "realize_reads_threshold": 1_000_000,
    "realize_acc_reads_threshold": 1_000_000,
}
"""For kernels of one loop: nothing of pixels x steps goes to memory."""

_STORED_TO_SUM = frozenset({2, 3})
_STORED = frozenset({4})
"""Ranks of vectors that go to memory, where a kernel sums over steps (rays, q) and where not (hkl):
what follows reads them many times, and inductor would compute them anew each time.
"""


def build_kernel(kernel: KernelKind, path: Path) -> None:
    """Writes the package of a kernel."""
    from torch._inductor import aoti_compile_and_package

    settings = quick_settings() | _SETTINGS
    tracing: AbstractContextManager[None] = contextlib.nullcontext()
    program = _differentiated_by_pixel(kernel) if kernel.by_pixel else _exported(kernel)
    if kernel.gradient:
        keep_components_apart(program.graph_module)
        make_single_loop(program.graph_module)
        settings |= _ONE_LOOP | KEEP_TOGETHER
        tracing = each_value_once()
    else:
        stored = _STORED_TO_SUM if kernel.reduces else _STORED
        keep_components_apart(program.graph_module, stored=stored)
        write_polynomials_out(program.graph_module)
        if kernel.reduces and not kernel.running:
            settings |= _ONE_LOOP
    with tracing, quick_compiler():
        aoti_compile_and_package(program, package_path=str(path), inductor_configs=settings)


def _exported(kernel: KernelKind) -> ExportedProgram:
    """The program of a kernel, or of its gradient."""
    arguments, shapes = example(kernel)
    module = Kernel(kernel, _template(kernel))
    with torch.no_grad():
        program = torch.export.export(module, arguments, dynamic_shapes=shapes, strict=False)
    return _differentiated(program, kernel, arguments, shapes) if kernel.gradient else program


def _differentiated(
    program: ExportedProgram,
    kernel: KernelKind,
    arguments: tuple[Any, ...],
    shapes: tuple[Any, ...],
) -> ExportedProgram:
    """The program of the gradients of a program's results.

    Takes its arguments one by one and a cotangent of each result; gives the gradients by the sums
    (FINISH only) and by the tensors of `derived_names`.
    """
    keep_components_apart(program.graph_module)
    function = program.module()
    results = kernel.sums if kernel.role is Role.ADD else 1
    dtype = torch.float64 if kernel.role is Role.ADD else getattr(torch, kernel.dtype)
    cotangents = [torch.ones_like(arguments[0], dtype=dtype) for _ in range(results)]
    flat, structure = tree_flatten((*arguments, cotangents))

    def gradients(*flat: Tensor) -> list[Tensor]:
        pixels, place, sums, tensors, cotangents = tree_unflatten(flat, structure)
        names = derived_names(kernel.kind, tensors)
        with torch.enable_grad():
            inputs = {name: tensors[name].detach().requires_grad_() for name in names}
            sums = [value.detach().requires_grad_() for value in sums]
            found = function(pixels, place, sums, {**tensors, **inputs})
            moved = [*(sums if kernel.role is Role.FINISH else []), *inputs.values()]
            return list(
                torch.autograd.grad(
                    found, moved, cotangents, allow_unused=True, materialize_grads=True
                )
            )

    graph = make_fx(gradients, WRITTEN_OUT, tracing_mode="symbolic", _allow_non_fake_inputs=True)(
        *flat
    )
    pixels, place, sums, sizes = shapes
    every = (pixels, *place, *sums, *sizes.values(), *(pixels for _ in cotangents))
    with torch.no_grad():
        return torch.export.export(_Flat(graph), tuple(flat), dynamic_shapes=(every,), strict=False)


def _differentiated_by_pixel(kernel: KernelKind) -> ExportedProgram:
    """The program of a kernel's results and each pixel's derivatives; see `by_pixel_graph`."""
    arguments, shapes = example(kernel)
    module = KernelByPixel(kernel, _template(kernel))
    graph, flat, sizes = by_pixel_graph(kernel, module, arguments, shapes)
    with torch.no_grad():
        return torch.export.export(_Flat(graph), tuple(flat), dynamic_shapes=(sizes,), strict=False)


class _Flat(nn.Module):
    """A graph as a module, which is what can be exported."""

    def __init__(self, graph: nn.Module) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, *flat: Tensor) -> list[Tensor]:
        found: list[Tensor] = self.graph(*flat)
        return found


def example(kernel: KernelKind) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Arguments of the right types, and which of their sizes may change."""
    device = torch.device(kernel.device)
    auto = Dim.DYNAMIC
    tensors = kernel_tensors(_template(kernel))
    sizes: dict[str, dict[int, Any] | None] = dict.fromkeys(tensors)
    if kernel.sources:
        sizes |= {"wavelength": {0: auto}, "weight": {0: auto}}
        sizes |= {name: {1: auto} for name in ("incident", "electric", "magnetic")}
    if kernel.steps:
        sizes["cell_vectors"] = {0: auto}
    if kernel.kind.listed:
        sizes |= {"structure.values": {0: auto}, "structure.listed": {0: auto}}
    # Copies, for export takes two arguments that share a tensor for one.
    tensors = {name: value.to(device, copy=True) for name, value in tensors.items()}
    count = 0 if kernel.role is Role.WHOLE else kernel.sums
    sums = [torch.zeros(_PIXELS, dtype=torch.float64, device=device) for _ in range(count)]
    place = tuple(torch.zeros((), dtype=torch.float64, device=device) for _ in range(4))
    arguments = (torch.arange(_PIXELS, device=device), place, sums, tensors)
    pixels = {0: WHOLE_VECTORS * Dim("vectors", min=1)}
    return arguments, (pixels, (None,) * 4, [pixels for _ in sums], sizes)


def _template(kernel: KernelKind) -> Scene:
    """A scene of the kind, whose tensors have the sizes of the example."""
    crystal = CrystalConfig(cell_a=50, cell_b=50, cell_c=50, default_F=1)
    scene = make_scene(make_plan(Experiment(crystal, DetectorConfig(fpixels=64, spixels=64))))
    sources = _SOURCES if kernel.sources else 1
    steps = _STEPS if kernel.steps else 1
    values = _LISTED if kernel.kind.listed else 1
    tensors: dict[str, Tensor] = {
        "incident": torch.ones(3, sources),
        "electric": torch.ones(3, sources),
        "magnetic": torch.ones(3, sources),
        "wavelength": torch.ones(sources),
        "weight": torch.ones(sources),
        "cell_vectors": torch.ones(3, 3, steps),
        "structure.values": torch.ones(values),
    }
    tensors = {name: value.to(torch.float64) for name, value in tensors.items()}
    tensors["structure.listed"] = torch.ones(values, dtype=torch.bool)
    kind = kernel.kind
    of_kind = replace(
        scene,
        kind=kind,
        shape=kind.shape.example(),
        backgrounds=tuple(background.example() for background in kind.backgrounds),
        layers=1,
        grid=1,
    )
    return scene_with(of_kind, {**scene_tensors(of_kind), **tensors})


def main() -> None:
    """Arguments: the kernel's kind as JSON, and the path to write to."""
    warnings.simplefilter("ignore")
    kind, path = sys.argv[1:]
    build_kernel(kernel_kind_from_json(kind), Path(path))


if __name__ == "__main__":
    main()
