"""Kernels as callables: built when missing, loaded once in a process."""

from __future__ import annotations

import atexit
import contextlib
import functools
import logging
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from nb_core import NbError
from nb_physics.engine.cache import LIBRARY, kernel_path, wanted_path
from nb_physics.engine.kernel import KernelKind
from nb_physics.engine.library import Argument, Fixed, Library

MADE = "kernel.pt2"
logger = logging.getLogger("nb_physics")

CompiledKernel = Callable[[Sequence[Argument]], list[Tensor]]
"""Takes the flat arguments of `Kernel.forward`, gives its results."""


class BuildError(NbError):
    """No kernel could be built or loaded; the message says why."""


_failures: dict[Path, str] = {}
"""Of this process: what failed once is not tried again with every image."""


def load_kernels(kernels: Sequence[KernelKind]) -> list[CompiledKernel]:
    """The kernels, those that are missing built side by side first. Raises BuildError."""
    by_path = {kernel_path(kernel): kernel for kernel in kernels}
    missing = {path: kernel for path, kernel in by_path.items() if not path.is_file()}
    for path in missing:
        if path in _failures:
            raise BuildError(_failures[path])
    if missing:
        try:
            _build(list(missing.values()))
        except BuildError as error:
            _failures.update(dict.fromkeys(missing, str(error)))
            raise
    return [_load(str(path)) for path in by_path]


def _build(kernels: Sequence[KernelKind]) -> None:
    """Builds kernels, each in a process of its own; a file appears when it is complete."""
    logger.info("building compiled kernels for this kind of work, once (10 to 60 s)")
    try:
        with contextlib.ExitStack() as stack:
            running = []
            for kernel in kernels:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nb-kernel-")))
                process = _start(kernel, folder)
                stack.callback(_stop, process)
                running.append((kernel, folder / MADE, process))
            for kernel, made, process in running:
                _, errors = process.communicate()
                if process.returncode or not made.is_file():
                    last = (errors.strip().splitlines() or ["no message"])[-1]
                    raise BuildError(f"the compiler failed: {last[:300]}")
                _keep(made, kernel)
    except OSError as error:
        raise BuildError(f"{error.filename or 'the compiler'}: {error.strerror}") from error


def _stop(process: subprocess.Popen[str]) -> None:
    """Ends a process that may run still, when another failed or the user interrupts."""
    process.kill()
    process.wait()
    if process.stderr is not None:
        process.stderr.close()


def _start(kernel: KernelKind, folder: Path) -> subprocess.Popen[str]:
    """Starts the program that builds a kernel; all it writes is in the folder."""
    program = [sys.executable, "-m", "nb_physics.engine.build"]
    environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor")}
    return subprocess.Popen(
        [*program, kernel.to_json(), str(folder / MADE)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _keep(made: Path, kernel: KernelKind) -> None:
    """Moves a finished kernel to the cache, which may be on another disk.

    Of a package for the CPU only the shared library: the rest is source code.
    """
    content = made.read_bytes() if kernel.device != "cpu" else _shared_library(made)
    target = kernel_path(kernel)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
    os.replace(name, target)
    wanted_path(kernel).unlink(missing_ok=True)


def _shared_library(package: Path) -> bytes:
    """The shared library in a package, which is a zip file."""
    with zipfile.ZipFile(package) as content:
        (name,) = (name for name in content.namelist() if name.endswith(LIBRARY))
        return content.read(name)


@functools.cache
def _load(path: str) -> CompiledKernel:
    """Loads a kernel: a shared library for the CPU, else a package, by torch's loader where it is
    as known or by its public function.

    The public one imports the compiler, which takes 2 to 3 s. A loader unpacks its file into a
    temporary folder, and takes that away when it is let go of: at the latest at exit.
    """
    try:
        if path.endswith(LIBRARY):
            return Library(Path(path))
        atexit.register(_load.cache_clear)
        return _package_loader(path)
    except (RuntimeError, OSError, AttributeError) as error:
        raise _broken(path, error) from error


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


def _broken(path: str, error: Exception) -> BuildError:
    """A file that cannot be loaded is taken away, so that it is built again the next time."""
    Path(path).unlink(missing_ok=True)
    return BuildError(f"{path} could not be loaded: {str(error).splitlines()[0]}")
