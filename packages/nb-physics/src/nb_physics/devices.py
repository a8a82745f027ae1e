"""Where to compute: devices by name, those that share an image, and what precision they have."""

from __future__ import annotations

import functools

import torch

from nb_core import InputError


def available_device(name: torch.device | str) -> torch.device:
    """The device of that name; an InputError where this machine lacks it.

    "auto": CUDA where there is any, else the CPU; never mps, which has no float64.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        have = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
        have += ["mps"] if torch.backends.mps.is_available() else []
        remedy = f"this machine has no such device; it has: {', '.join(have)}"
        raise InputError("device", name, remedy) from error
    return device


def sharing_devices(device: torch.device) -> list[torch.device]:
    """The devices that compute an image together: all of them for "cuda" without a number."""
    if device.type != "cuda" or device.index is not None:
        return [device]
    return [torch.device("cuda", index) for index in range(torch.cuda.device_count())]


def check_dtype(dtype: torch.dtype, device: torch.device, field: str = "dtype") -> None:
    """Refuses what is not float64 or float32, and float64 where the device lacks it."""
    if dtype not in (torch.float32, torch.float64):
        remedy = "expected torch.float64 or torch.float32"
        raise InputError(field, repr(dtype), remedy)
    if dtype == torch.float64 and device.type == "mps":
        raise InputError(field, dtype, f"the device {device} has no float64; choose float32")


def computing_device(name: torch.device | str, dtype: torch.dtype) -> torch.device:
    """The device of that name, ready to compute in this precision; InputError where it cannot."""
    device = available_device(name)
    check_dtype(dtype, device)
    _keep_freed_memory()
    return device


@functools.cache
def _keep_freed_memory() -> None:
    """Has glibc keep the tensors of a tile for the next operation.

    It gives blocks of over 128 kB back to the system until one as large as this has been freed;
    fetching them anew for each operation takes more than half of the time of an eager walk.
    """
    torch.empty(30 << 20, dtype=torch.uint8)
