"""Where kernels are kept, and the name under which one is found again."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import sys
from pathlib import Path

import torch

from nb_physics.engine.kernel import KernelKind

FOLDER = "NB_CACHE_DIR"
"""Environment variable that names the folder."""

LIBRARY, PACKAGE = ".so", ".pt2"
"""Endings of kernels: shared libraries for the CPU, torch's packages for other devices."""


def cache_folder() -> Path:
    """NB_CACHE_DIR, else `nb/kernels` in the user's folder for caches."""
    given = os.environ.get(FOLDER)
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "nb" / "kernels"


def kernel_path(kernel: KernelKind) -> Path:
    """The file of a kernel, which holds for this source code, torch and processor only."""
    made_for = (kernel.to_json(), _source_digest(), torch.__version__, sys.version, _processor())
    digest = hashlib.sha256("\n".join(made_for).encode()).hexdigest()[:24]
    work = f"{kernel.role.value}-gradient" if kernel.gradient else kernel.role.value
    ending = LIBRARY if kernel.device == "cpu" else PACKAGE
    return cache_folder() / f"{work}-{kernel.kind.shape.value}-{digest}{ending}"


def wanted_path(kernel: KernelKind) -> Path:
    """A file that says that a kernel would have been of use before."""
    return kernel_path(kernel).with_suffix(".wanted")


@functools.cache
def _source_digest() -> str:
    """Of all source files of nb_physics: a kernel is made from them."""
    digest = hashlib.sha256()
    folder = Path(__file__).parents[1]
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


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
