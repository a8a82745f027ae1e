"""nb doctor: what this installation consists of."""

from __future__ import annotations

import os
import platform
import shutil

import click


@click.command("doctor")
def command() -> None:
    """Report versions, devices, threads, compiled kernels and whether the C program is found.

    The packages are those of nb, with plugins that are installed, and the libraries they need.
    """
    import torch

    from nb_compare import installed_versions
    from nb_core.wording import aligned

    rows = [("python", platform.python_version()), ("platform", platform.platform())]
    for versions in installed_versions():
        rows += versions.items()
    rows.append(("devices", _devices()))
    rows.append(("threads", f"{torch.get_num_threads()} of {os.cpu_count()} processors"))
    rows.append(("compiler", _compiler()))
    rows.append(("kernels", _kernels()))
    rows.append(("C program", _c_program()))
    click.echo("\n".join(aligned(rows)))


def _devices() -> str:
    import torch

    devices = ["cpu"]
    for index in range(torch.cuda.device_count()):
        devices.append(f"cuda:{index} ({torch.cuda.get_device_name(index)})")
    if torch.backends.mps.is_available():
        devices.append("mps (no float64: phases are computed in pairs of float32)")
    return ", ".join(devices)


def _compiler() -> str:
    """What builds kernels: CXX, else g++, else clang++."""
    named = os.environ.get("CXX")
    if named:
        return shutil.which(named) or f"CXX={named} is no program; kernels cannot be built"
    found = shutil.which("g++") or shutil.which("clang++")
    return found or "none; install g++, without which no kernel is built"


def _kernels() -> str:
    """How many compiled kernels there are, what they take on disk, and where."""
    from nb_core import InputError
    from nb_physics import cache_folder, kept_kernels

    try:
        kept = kept_kernels()
    except InputError as error:
        return str(error)
    taken = f", {sum(kernel.bytes for kernel in kept) / 1e6:.1f} MB" if kept else ""
    old = sum(not kernel.current for kernel in kept)
    stale = f", {old} of them for other versions" if old else ""
    return f"{len(kept)}{taken}{stale}, in {cache_folder()}"


def _c_program() -> str:
    from nb_compare import PROGRAM_VARIABLE, search_program
    from nb_core import InputError

    try:
        found = search_program()
    except InputError as error:
        return str(error)
    if found is None:
        return f"not found; set {PROGRAM_VARIABLE} to its path for what runs it, as nb compare does"
    return str(found)
