"""Where kernels are kept: the name of one, what its record says, which of them are of no use."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nb_core.showing import Brief
from nb_physics.engine.kernel import KernelKind, kernel_kind_from_json
from nb_physics.scene import Kind

FOLDER = "NB_CACHE_DIR"
"""Environment variable that names the folder."""

LIBRARY, PACKAGE = ".so", ".pt2"
"""Endings of kernels: shared libraries for the CPU, torch's packages for other devices."""

RECORD, UNFINISHED = ".json", ".new-"
SCHEMA = "nb-kernel/1"

UNUSED_DAYS = 30
"""After so many days without use a kernel of another installation goes, when one is written."""

_UNFINISHED_SECONDS = 3600
"""A file that has not been finished after so long belongs to a process that is no more."""


def cache_folder() -> Path:
    """NB_CACHE_DIR, else `nb/kernels` in the user's folder for caches."""
    given = os.environ.get(FOLDER)
    if given:
        return Path(given).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "nb" / "kernels"


def kernel_path(kernel: KernelKind) -> Path:
    """The file of a kernel, which holds for this source code, torch, Python and processor only."""
    kind = _digest(kernel.to_json(), _processor(), *_foreign_sources(kernel.kind))[:16]
    work = f"{kernel.role.value}-gradient" if kernel.gradient else kernel.role.value
    ending = LIBRARY if kernel.device == "cpu" else PACKAGE
    name = f"{work}-{kernel.kind.shape.name}-{kind}-{version_digest()}{ending}"
    return cache_folder() / name


def is_at_hand(kernel: KernelKind) -> bool:
    """Whether the kernel is in the folder, can be read, and has the size that it was given."""
    path = kernel_path(kernel)
    try:
        size = os.stat(path).st_size
    except OSError:
        return False
    known = _record(path.with_suffix(RECORD)).get("bytes", size)
    return bool(size == known) and os.path.isfile(path) and os.access(path, os.R_OK)


def is_damaged(path: Path) -> bool:
    """Whether the file of a kernel is not what was written, or no such file at all."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    known = _record(path.with_suffix(RECORD)).get("sha256")
    if known is not None:
        return bool(known != hashlib.sha256(content).hexdigest())
    return not content.startswith((b"PK", b"\x7fELF"))


def version_digest() -> str:
    """Of what makes kernels: the source code of nb_physics, torch and Python."""
    made_by = (_source_digest(), torch.__version__, str(torch.version.git_version), sys.version)
    return _digest(*made_by)[:12]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@functools.cache
def _source_digest() -> str:
    """Of all source files of nb_physics: a kernel is made from them."""
    return _digest_of_files(Path(_installation()))


def _foreign_sources(kind: Kind) -> list[str]:
    """Digests of the packages that what a kernel is made of is from, bases of classes too."""
    modules = {base.__module__ for part in kind.classes for base in part.__mro__}
    tops = {name.partition(".")[0] for name in modules} - _OWN
    return [_package_digest(top) for top in sorted(tops) if top in sys.modules]


_OWN = {"builtins", "abc", "typing", "nb_core", __name__.partition(".")[0]}
"""Packages whose classes change with a release only, or with this package."""


@functools.cache
def _package_digest(top: str) -> str:
    """Of the source files of an imported package, or of a module that stands alone."""
    module = sys.modules[top]
    folders = [Path(folder) for folder in getattr(module, "__path__", [])]
    file = getattr(module, "__file__", None)
    paths = folders or ([Path(file)] if file else [])
    return _digest(top, *(_digest_of_files(path) for path in paths))


def _digest_of_files(folder: Path) -> str:
    """Of the source files of a folder, or of one file."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")) if folder.is_dir() else [folder]:
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _installation() -> str:
    return str(Path(__file__).parents[1])


@functools.cache
def _processor() -> str:
    """The instructions that the processor has: kernels use all of them."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    lines = [line for line in text.splitlines() if line.startswith(("flags", "model name"))]
    described = [platform.machine(), platform.processor(), torch.backends.cpu.get_cpu_capability()]
    return "\n".join([*described, *sorted(set(lines))])


@dataclass(frozen=True, repr=False)
class KeptKernel(Brief):
    """A file of the folder.

    used: when it was last loaded, or written, seconds since 1970; bytes: its size
    kernel: which one, where its record can be read and says so; installation: that built it
    """

    path: Path
    bytes: int
    used: float
    kernel: KernelKind | None
    version: str | None
    torch: str | None
    installation: str | None

    @property
    def current(self) -> bool:
        """Whether it is of this version of nb, torch and Python, on whatever processor."""
        return self.version == version_digest()

    @property
    def usable(self) -> bool:
        """Whether this machine's processor takes it, too."""
        return self.kernel is not None and self.path.name == kernel_path(self.kernel).name


def kept_kernels() -> list[KeptKernel]:
    """All kernels of the folder, by name; none where there is no such folder.

    Raises OSError for a folder that cannot be read.
    """
    try:
        with os.scandir(cache_folder()) as entries:
            names = sorted(
                entry.name for entry in entries if entry.name.endswith((LIBRARY, PACKAGE))
            )
    except FileNotFoundError:
        return []
    found = (_kept(cache_folder() / name) for name in names)
    return [kernel for kernel in found if kernel is not None]


def _kept(path: Path) -> KeptKernel | None:
    """None for a file that has gone meanwhile."""
    try:
        status = path.stat()
    except OSError:
        return None
    record = _record(path.with_suffix(RECORD))
    kernel = None
    with contextlib.suppress(AttributeError, ImportError, KeyError, TypeError, ValueError):
        kernel = kernel_kind_from_json(json.dumps(record["kernel"]))
    texts = {name: record.get(name) for name in ("version", "torch", "installation")}
    known = {name: value if isinstance(value, str) else None for name, value in texts.items()}
    return KeptKernel(path, status.st_size, status.st_mtime, kernel, **known)


def _record(path: Path) -> dict[str, Any]:
    """What stands beside a kernel; empty where that cannot be read."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def keep(content: bytes, kernel: KernelKind, seconds: float) -> Path:
    """Writes a finished kernel to the folder, with a record of what it is; its path.

    Takes out what has become useless. Raises OSError where the folder takes no file, of which
    nothing is left then.
    """
    target = kernel_path(kernel)
    target.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "schema": SCHEMA,
        "kernel": json.loads(kernel.to_json()),
        "version": version_digest(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "processor": _digest(_processor())[:12],
        "installation": _installation(),
        "seconds": round(seconds, 1),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    take_out_useless()
    with _unfinished(target.parent) as copy, _unfinished(target.parent) as beside:
        copy.write_bytes(content)
        beside.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        os.replace(beside, target.with_suffix(RECORD))
        os.replace(copy, target)
    return target


@contextlib.contextmanager
def _unfinished(folder: Path) -> Iterator[Path]:
    """A new file, which is gone afterwards unless it has been renamed."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=UNFINISHED)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name)


def note_use(path: Path) -> None:
    """Marks a kernel as used now, where the folder lets it."""
    with contextlib.suppress(OSError):
        os.utime(path)


def remove(path: Path) -> None:
    """Removes a kernel and its record. Raises OSError."""
    path.unlink(missing_ok=True)
    path.with_suffix(RECORD).unlink(missing_ok=True)


def take_out_useless() -> None:
    """Removes kernels that nothing will load again, and what processes that died have left.

    These are the kernels of an older version of this installation, of an installation that is no
    longer there, and of any other that has not used them for UNUSED_DAYS. A kernel of this version
    stays, whichever processor it is for.
    """
    with contextlib.suppress(OSError):
        for kernel in kept_kernels():
            if is_useless(kernel):
                with contextlib.suppress(OSError):
                    remove(kernel.path)
        _take_out_leftovers()


def is_useless(kernel: KeptKernel) -> bool:
    """Whether a kernel goes the next time that one is written."""
    if kernel.current:
        return False
    origin = kernel.installation
    if origin is None or origin == _installation() or not os.path.isdir(origin):
        return True
    return time.time() - kernel.used > UNUSED_DAYS * 86400


def _take_out_leftovers() -> None:
    """Unfinished files of processes that died, records without a kernel, marks of older versions.

    A record is written before its kernel, so that both are given time.
    """
    for path in cache_folder().iterdir():
        kernels = (path.with_suffix(ending) for ending in (LIBRARY, PACKAGE))
        lone = path.suffix == RECORD and not any(kernel.exists() for kernel in kernels)
        if lone or path.suffix == ".wanted" or path.name.startswith(UNFINISHED):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _UNFINISHED_SECONDS:
                    path.unlink()
