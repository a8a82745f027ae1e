"""Kernels as callables: built when missing, loaded once in a process."""

from __future__ import annotations

import atexit
import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from nb_physics.engine.cache import LIBRARY, is_damaged, note_use, remove
from nb_physics.engine.kernel import KernelKind
from nb_physics.engine.library import Argument, Fixed, Library
from nb_physics.engine.make import BuildError, make_kernels

__all__ = ["BuildError", "CompiledKernel", "load_kernels"]

CompiledKernel = Callable[[Sequence[Argument]], list[Tensor]]
"""Takes the flat arguments of `Kernel.forward`, gives its results."""


def load_kernels(kernels: Sequence[KernelKind]) -> list[CompiledKernel]:
    """The kernels, those that are missing built side by side first. Raises BuildError."""
    return [_load(str(path)) for path in make_kernels(kernels)]


@functools.cache
def _load(path: str) -> CompiledKernel:
    """Loads a kernel: a shared library for the CPU, else a package, by torch's loader where it is
    as known or by its public function.

    The public one imports the compiler, which takes 2 to 3 s. A loader unpacks its file into a
    temporary folder, and takes that away when it is let go of: at the latest at exit.
    """
    note_use(Path(path))
    try:
        if path.endswith(LIBRARY):
            return Library(Path(path))
        atexit.register(_load.cache_clear)
        return _package_loader(path)
    except (RuntimeError, OSError, AttributeError) as error:
        raise _unloadable(Path(path), error) from error


def _package_loader(path: str) -> CompiledKernel:
    """Torch's loader by its binding, whose arguments no document promises; else the public one."""
    try:
        run = torch._C._aoti.AOTIModelPackageLoader(path, "model", False, 1, -1).run
    except (AttributeError, TypeError):
        from torch._inductor import aoti_load_package

        run = aoti_load_package(path).loader.run

    def kernel(arguments: Sequence[Argument]) -> list[Tensor]:
        return list(run([a.tensor if isinstance(a, Fixed) else a for a in arguments]))

    return kernel


def _unloadable(path: Path, error: Exception) -> BuildError:
    """Why a kernel could not be loaded. A damaged file is removed, so that it is built again the
    next time; a sound one stays, for the fault is elsewhere: a full disk, say.
    """
    reason = f"{path} could not be loaded"
    if is_damaged(path):
        try:
            remove(path)
        except OSError as refused:
            return BuildError(f"{reason}: it is damaged; remove it ({refused.strerror})")
        return BuildError(f"{reason}: it was damaged, and is built again the next time")
    said = (str(error).strip().splitlines() or ["no message"])[0]
    return BuildError(f"{reason}: {said}")
