"""nb doctor: what this installation consists of."""

from __future__ import annotations

import os
import platform
import shutil

import click


@click.command("doctor")
def command() -> None:
    """Report versions, devices, threads and whether the C program is found."""
    import importlib.metadata

    import torch

    rows = [("python", platform.python_version()), ("platform", platform.platform())]
    for name in ("nb-core", "nb-physics", "nb-refine", "nb-taps", "nb-compare", "nb-cli"):
        rows.append((name, importlib.metadata.version(name)))
    for name in ("torch", "numpy", "click", "matplotlib"):
        rows.append((name, importlib.metadata.version(name)))
    devices = ["cpu"]
    for index in range(torch.cuda.device_count()):
        devices.append(f"cuda:{index} ({torch.cuda.get_device_name(index)})")
    if torch.backends.mps.is_available():
        devices.append("mps (no float64: phases are computed in pairs of float32)")
    rows.append(("devices", ", ".join(devices)))
    rows.append(("threads", f"{torch.get_num_threads()} of {os.cpu_count()} processors"))
    rows.append(("kernels", _kernels()))
    rows.append(("C program", _c_program()))
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        click.echo(f"{name:<{width}}  {text}")


def _kernels() -> str:
    """Where compiled kernels are kept, how many there are, and what builds them."""
    from nb_physics.engine.cache import cache_folder

    folder = cache_folder()
    kept = list(folder.glob("*.pt2"))
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    return f"{len(kept)} in {folder}; compiler: {compiler or 'none, install g++'}"


def _c_program() -> str:
    """Where nanoBragg is: NB_C_BIN, else ./nanoBragg, else on the PATH."""
    named = os.environ.get("NB_C_BIN")
    if named:
        runnable = os.path.isfile(named) and os.access(named, os.X_OK)
        return named if runnable else f"NB_C_BIN={named} is no program; set it to nanoBragg's path"
    found = shutil.which("./nanoBragg") or shutil.which("nanoBragg")
    return found or "not found; set NB_C_BIN to its path for the tests that run it"
