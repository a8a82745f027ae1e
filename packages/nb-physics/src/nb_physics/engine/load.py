"""Kernels as callables: built when missing, loaded once in a process."""

from __future__ import annotations

import atexit
import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from nb_physics.engine.cache import is_damaged, note_use, remove
from nb_physics.engine.kernel import KernelKind
from nb_physics.engine.make import BuildError, make_kernels

__all__ = ["BuildError", "CompiledKernel", "load_kernels"]

CompiledKernel = Callable[[list[Tensor]], list[Tensor]]
"""Takes the flat arguments of `Kernel.forward`, gives its results."""


def load_kernels(kernels: Sequence[KernelKind]) -> list[CompiledKernel]:
    """The kernels, those that are missing built side by side first. Raises BuildError."""
    return [_load(str(path)) for path in make_kernels(kernels)]


@functools.cache
def _load(path: str) -> CompiledKernel:
    """Loads a kernel: by torch's loader where it is as known, else by its public function.

    The public one imports the compiler, which takes 2 to 3 s. A loader unpacks its file into a
    temporary folder, and takes that away when it is let go of: at the latest at exit.
    """
    atexit.register(_load.cache_clear)
    note_use(Path(path))
    try:
        return _quick_loader(path)
    except (AttributeError, TypeError):
        pass
    except RuntimeError as error:
        raise _unloadable(Path(path), error) from error
    from torch._inductor import aoti_load_package

    try:
        package = aoti_load_package(path)
    except RuntimeError as error:
        raise _unloadable(Path(path), error) from error
    return lambda arguments: list(package.loader.run(arguments))


def _quick_loader(path: str) -> CompiledKernel:
    """Torch's loader by its binding, whose arguments no document promises."""
    run: CompiledKernel = torch._C._aoti.AOTIModelPackageLoader(path, "model", False, 1, -1).run
    return run


def _unloadable(path: Path, error: Exception) -> BuildError:
    """Why a kernel could not be loaded. A damaged file is removed, so that it is built again the
    next time; a sound one stays, for the fault is elsewhere: a full folder for temporary files, say.
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

