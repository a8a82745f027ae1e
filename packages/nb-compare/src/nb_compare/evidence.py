"""What every result folder says of how it was made: commands.txt, environment.json, checksums.txt.

Described in docs/result-folders.md.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import torch

import nb_core
from nb_compare.versions import installed_versions
from nb_core import InputError, OutputError
from nb_core.formats import atomic_folder, atomic_write
from nb_physics import Choice

COMMANDS, ENVIRONMENT, CHECKSUMS = "commands.txt", "environment.json", "checksums.txt"
SCHEMA = "nb-environment/1"

_PREFIXES = ("NB_", "OMP_", "MKL_", "KMP_", "CUDA_", "TORCH", "PYTORCH_", "PYTHONPATH")
"""Environment variables that can change a result or its speed."""


def write_evidence(
    folder: Path,
    commands: Sequence[Sequence[str]],
    *,
    inputs: Mapping[str, str],
    device: str = "cpu",
    dtype: str = "float64",
    engine: Choice | None = None,
) -> None:
    """Writes the three files of a result folder, whose other files are complete.

    commands: the arguments of each program that ran, this one first, exactly; a folder that has
        commands already gets these after them
    inputs: sha256 of the files that were read, by name, as `input_checksums` gives them
    engine: which computed the image, where one was computed
    Raises OutputError as atomic_write does.
    """
    path = folder / COMMANDS
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    _write(path, before + _commands_text(commands))
    _write(folder / ENVIRONMENT, json.dumps(environment(device, dtype, engine), indent=2) + "\n")
    _write(folder / CHECKSUMS, _checksums_text(folder, inputs))


def environment(device: str, dtype: str, engine: Choice | None = None) -> dict[str, Any]:
    """Versions, device, threads, processor and the checkout's revision; schema nb-environment/1.

    engine: which computed the image, and why; null where no image was computed
    """
    packages = sorted(chain.from_iterable(map(dict.items, installed_versions())))
    return {
        "schema": SCHEMA,
        "created": now().isoformat().replace("+00:00", "Z"),
        "python": platform.python_version(),
        "packages": dict(packages),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": _device_name(device),
        "dtype": dtype,
        "engine": None if engine is None else engine.to_json(),
        "torch": torch_build(),
        "git_revision": _git_revision(),
    }


def torch_build() -> dict[str, str | None]:
    """Which torch computes: two of the same version may be built in different ways."""
    return {
        "version": torch.__version__,
        "git_revision": torch.version.git_version,
        "cuda": torch.version.cuda,
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }


def input_checksums(inputs: Mapping[str, Path]) -> dict[str, str]:
    """The sha256 of files by the names that the user gave; to be taken when they are read.

    Raises InputError for a file that cannot be read, or is gone.
    """
    found = {}
    for name, path in inputs.items():
        try:
            found[name] = sha256_of(path)
        except OSError as error:
            remedy = f"cannot be read for its checksum: {error.strerror}"
            raise InputError("input file", name, remedy) from error
    return found


def sha256_of(path: Path) -> str:
    """The sha256 of a file's content, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def now() -> datetime:
    """The time in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


@contextmanager
def result_folder(parent: Path, arguments: Sequence[str]) -> Iterator[tuple[Path, Path]]:
    """A folder STAMP-HASH in `parent` that never replaces another and appears only when complete.

    Gives the folder to write to, and the name that it gets; on an error nothing is left.
    STAMP is the time in UTC, HASH the first 8 digits of the sha256 of the arguments.
    Raises OutputError where `parent` cannot be made or written to.
    """
    digest = hashlib.sha256("\0".join(arguments).encode()).hexdigest()[:8]
    name = f"{now():%Y%m%dT%H%M%SZ}-{digest}"
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise OutputError(parent, f"no result folder: {error.strerror}", failed=full) from error
    final = _free_name(parent, name)
    with atomic_folder(final) as working:
        yield working, final


def _free_name(parent: Path, name: str) -> Path:
    candidate, number = parent / name, 1
    while candidate.exists():
        number += 1
        candidate = parent / f"{name}-{number}"
    return candidate


def _commands_text(commands: Sequence[Sequence[str]]) -> str:
    lines = [f"# {now():%Y-%m-%dT%H:%M:%SZ} in {os.getcwd()}"]
    for name in sorted(os.environ):
        if name.startswith(_PREFIXES):
            value = " ".join(os.environ[name].splitlines())
            lines.append(f"# {name}={shlex.quote(value)}")
    lines += [shlex.join(command) for command in commands]
    return "\n".join(lines) + "\n"


def _checksums_text(folder: Path, inputs: Mapping[str, str]) -> str:
    """As sha256sum writes them, so that `sha256sum -c checksums.txt` checks the folder."""
    lines = [f"# input {checksum}  {name}" for name, checksum in sorted(inputs.items())]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != CHECKSUMS:
            lines.append(f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}")
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as handle:
        handle.write(text.encode())


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _device_name(device: str) -> str:
    if device.startswith("cuda"):
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return device


def _git_revision() -> str | None:
    """The revision of the checkout that this code runs from, with + for changes; or None."""
    source = Path(nb_core.__file__).resolve().parent
    if shutil.which("git") is None:
        return None

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(source), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    top = git("rev-parse", "--show-toplevel")
    if not top or not (Path(top) / "packages" / "nb-core").is_dir():
        return None
    changed = "+" if git("status", "--porcelain", "--untracked-files=no") else ""
    return f"{git('rev-parse', 'HEAD')}{changed}"
