"""Child processes, from the side of the command: started, given orders, and always ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nb_core import ProgramError

COMMAND = (sys.executable, "-m", "nb_bench.child")
NAME = "nb bench: a child process"
NEIGHBOUR = "nb bench: a busy neighbour"
_LOOP = """
import os, sys
print("busy", flush=True)
while os.getppid() == int(sys.argv[1]):
    for _ in range(1_000_000):
        pass
"""
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_CACHES = {
    "NB_CACHE_DIR": "nb",
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
}
"""Variables that say where kernels are kept, and the folders for them."""


@dataclass(frozen=True)
class Place:
    """Where a child process runs: threads, its folder, and that of its kernels.

    cache: a folder for compiled kernels; None leaves it to the environment
    """

    threads: int
    folder: Path
    cache: Path | None = None

    def environment(self) -> dict[str, str]:
        """The environment of this process, with the threads and the folders for kernels."""
        found = {**os.environ, **{name: str(self.threads) for name in _THREADS}}
        if self.cache is not None:
            for variable, name in _CACHES.items():
                (self.cache / name).mkdir(parents=True, exist_ok=True)
                found[variable] = str(self.cache / name)
        return found


class Child:
    """A child process that waits for orders."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log

    def tell(self, line: str) -> None:
        """Sends a line, which may fail only where the process has ended; `answer` says so."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """The next answer; ProgramError where the process ended instead."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._failure()
        found = json.loads(line)
        assert isinstance(found, dict)
        return found

    def order(self, line: str) -> dict[str, Any]:
        """Sends an order, and waits for what comes back."""
        self.tell(line)
        return self.answer()

    def finish(self) -> None:
        """Tells the process that there is no more, and waits for its end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._process.wait():
            raise self._failure()

    def _failure(self) -> ProgramError:
        code = self._process.wait()
        said = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return ProgramError(NAME, f"ended with exit code {code}", "\n".join(said[-1:]))


@contextmanager
def child_process(job: Mapping[str, Any], place: Place) -> Iterator[Child]:
    """A child process that has been given its job; it is ended when the body is left."""
    log = place.folder / "child.log"
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            COMMAND,
            cwd=place.folder,
            env=place.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    child = Child(process, log)
    try:
        child.tell(json.dumps({**job, "threads": place.threads}))
        yield child
    finally:
        _end(process)


@contextmanager
def busy_neighbours(count: int) -> Iterator[None]:
    """Other processes at work while the body runs; all of them are, when it begins.

    They end with the body, however it is left, and by themselves where this process is gone.
    """
    loops: list[subprocess.Popen[str]] = []
    try:
        for _ in range(count):
            command = (sys.executable, "-IS", "-c", _LOOP, str(os.getpid()))
            loops.append(
                subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            )
        for loop in loops:
            assert loop.stdout is not None
            if not loop.stdout.readline():
                raise ProgramError(NEIGHBOUR, f"ended with exit code {loop.wait()}", "")
        yield
    finally:
        for loop in loops:
            _end(loop)


def whole_seconds(job: Mapping[str, Any], place: Place) -> float:
    """Wall time of a process that does a job once, from its start to its end."""
    start = time.perf_counter()
    with child_process(job, place) as child:
        child.answer()
        child.finish()
        return time.perf_counter() - start


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()
