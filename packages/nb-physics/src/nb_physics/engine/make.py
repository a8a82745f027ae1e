"""Makes kernels that are missing: each in a process of its own, and once among all processes."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nb_core import ExitCode, NbError, NbWarning, duration
from nb_physics.engine.cache import LIBRARY, cache_folder, is_at_hand, keep, kernel_path
from nb_physics.engine.cost import available_cores, building_seconds
from nb_physics.engine.describe import describe_kernel
from nb_physics.engine.kernel import KernelKind
from nb_physics.engine.lock import locked

MADE, ERRORS = "kernel.pt2", "errors.txt"
POLL = 0.1
"""Seconds between two looks at the processes that build."""

SAY_EVERY = 10.0
"""Seconds between two messages of one thing."""

SAID = logging.WARNING
"""Level of what is said: the least that Python shows where a program has not set up logging."""

logger = logging.getLogger("nb_physics")


class BuildError(NbError):
    """No kernel could be built or loaded; the message says why."""

    exit_code = ExitCode.PROGRAM_FAILED


_failures: dict[Path, str] = {}
"""Of this process: what failed once is not tried again with every image."""

_not_kept: dict[Path, Path] = {}
"""Of this process: kernels that the folder did not take, by the path that they would have there."""


def make_kernels(kernels: Sequence[KernelKind]) -> list[Path]:
    """The files of kernels; those that are missing are built first, side by side.

    A kernel that another process is building is waited for. Where the folder takes no file, a
    kernel serves this process only, with a warning. Raises BuildError.
    """
    wanted = {kernel_path(kernel): kernel for kernel in kernels}
    missing = {
        path: kernel
        for path, kernel in wanted.items()
        if path not in _not_kept and not is_at_hand(kernel)
    }
    untried = {path: kernel for path, kernel in missing.items() if path not in _failures}
    if untried:
        _make(untried)
    for path in missing:
        if path in _failures:
            raise BuildError(_failures[path])
    return [_not_kept.get(path, path) for path in wanted]


def make_all_that_can_be(kernels: Sequence[KernelKind]) -> None:
    """Builds what is missing of these, so that kernels which are loaded apart are built together.

    What cannot be built is told when it is to be loaded.
    """
    with contextlib.suppress(BuildError):
        make_kernels(kernels)


def _make(missing: dict[Path, KernelKind]) -> None:
    """Builds what is missing still once its locks are held, which all take in one order."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_folder_unless_empty())
        for path in sorted(missing):
            waiting = _NowAndThen("waiting for another process, which builds this kernel")
            stack.enter_context(locked(path.with_suffix(".lock"), waiting))
        left = [kernel for path, kernel in sorted(missing.items()) if not is_at_hand(kernel)]
        if left:
            _build(left)


@contextlib.contextmanager
def _folder_unless_empty() -> Iterator[None]:
    """Makes the folder, where that can be, and takes it away again should nothing be in it."""
    try:
        with contextlib.suppress(OSError):
            cache_folder().mkdir(parents=True, exist_ok=True)
        yield
    finally:
        with contextlib.suppress(OSError):
            cache_folder().rmdir()


class _NowAndThen:
    """Says something, and for how long it has been so, once in SAY_EVERY seconds."""

    def __init__(self, what: str, start: float = 0.0) -> None:
        self.what, self.next = what, start

    def __call__(self, seconds: float) -> None:
        if seconds >= self.next:
            self.next = seconds + SAY_EVERY
            logger.log(SAID, "%s: %.0f s", self.what, seconds)


@dataclass(frozen=True)
class Running:
    """A process that builds a kernel; all that it writes is in the folder."""

    kernel: KernelKind
    folder: Path
    process: subprocess.Popen[bytes]

    def failure(self) -> str | None:
        """Why there is no kernel, where there is none: the last line of what was said."""
        if self.process.returncode == 0 and (self.folder / MADE).is_file():
            return None
        text = (self.folder / ERRORS).read_text(errors="replace")
        return (text.strip().splitlines() or ["no message"])[-1][:300]

    def end(self) -> None:
        """Ends the process, should it run still, with the compilers that it started."""
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _build(kernels: Sequence[KernelKind]) -> None:
    """Builds kernels side by side. Each is kept as soon as it is complete; what fails is noted."""
    about, began = duration(building_seconds(kernels, available_cores())), time.monotonic()
    what = "; ".join(describe_kernel(kernel) for kernel in kernels)
    logger.log(
        SAID, "building compiled kernels for this kind of work, once (about %s): %s", about, what
    )
    say = _NowAndThen(f"building compiled kernels, about {about} in all", SAY_EVERY)
    try:
        with contextlib.ExitStack() as stack:
            running = []
            for kernel in kernels:
                folder = stack.enter_context(_temporary_folder())
                running.append(start(kernel, folder))
                stack.callback(running[-1].end)
            for one in _as_they_end(running, say):
                reason = one.failure()
                if reason is None:
                    _keep(one, time.monotonic() - began)
                else:
                    _failures[kernel_path(one.kernel)] = f"the compiler failed: {reason}"
    except OSError as error:
        reason = f"{error.filename or 'the compiler'}: {error.strerror or error}"
        _failures.update({kernel_path(kernel): reason for kernel in kernels})
    if not any(kernel_path(kernel) in _failures for kernel in kernels):
        logger.log(SAID, "built in %s", duration(time.monotonic() - began))


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nb-kernel-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def start(kernel: KernelKind, folder: Path) -> Running:
    """Starts the program that builds a kernel, in a group of processes of its own."""
    program = [sys.executable, "-m", "nb_physics.engine.attended"]
    environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor")}
    with (folder / ERRORS).open("wb") as errors:
        process = subprocess.Popen(
            [*program, kernel.to_json(), str(folder / MADE)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
    return Running(kernel, folder, process)


def _as_they_end(running: Sequence[Running], say: _NowAndThen) -> Iterator[Running]:
    """Each process when it has ended."""
    began, left = time.monotonic(), list(running)
    while left:
        ended = [one for one in left if one.process.poll() is not None]
        yield from ended
        left = [one for one in left if one not in ended]
        if left and not ended:
            say(time.monotonic() - began)
            time.sleep(POLL)


def _keep(one: Running, seconds: float) -> None:
    """Puts a kernel into the folder; where that takes no file, into one of this process."""
    content = _content(one)
    try:
        keep(content, one.kernel, seconds)
    except OSError as error:
        path = kernel_path(one.kernel)
        own = Path(_own_folder().name) / path.name
        own.write_bytes(content)
        _not_kept[path] = own
        _warn_not_kept(str(cache_folder()), error.strerror or str(error))


def _content(one: Running) -> bytes:
    """What is kept of a package: for the CPU the shared library, for the rest is source code."""
    package = one.folder / MADE
    if one.kernel.device != "cpu":
        return package.read_bytes()
    with zipfile.ZipFile(package) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(LIBRARY))
        return archive.read(name)


@functools.cache
def _own_folder() -> tempfile.TemporaryDirectory[str]:
    """Goes with the process."""
    return tempfile.TemporaryDirectory(prefix="nb-kernels-", ignore_cleanup_errors=True)


@functools.cache
def _warn_not_kept(folder: str, reason: str) -> None:
    message = f"{folder} does not take compiled kernels, which are built anew each time: {reason}"
    warnings.warn(f"{message}; NB_CACHE_DIR names another folder", NbWarning, stacklevel=2)
