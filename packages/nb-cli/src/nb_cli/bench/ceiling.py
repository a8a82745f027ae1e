"""What the machine can do at most: multiply-adds a second, and bytes a second.

Arithmetic is that of a matrix product (two operations a multiply-add), the fastest that torch has
to offer: an element-wise multiply-add over a tensor waits for memory instead. Traffic is that of a
copy too large for the caches, which reads and writes every byte. Each is the best of some runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

RUNS = 5


def measure_ceiling(device: str, *, edge: int, copied: int) -> dict[str, float]:
    """The rates, as the fields of Ceiling; 0 for float64 on a device that has none.

    edge: of the square matrices; copied: bytes of the tensor that is copied
    """
    return {
        "float64": _product_rate(device, torch.float64, edge),
        "float32": _product_rate(device, torch.float32, edge),
        "copy": _copy_rate(device, copied),
    }


def synchronize(device: str) -> None:
    """Waits until the device has done all it was told to."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def _product_rate(device: str, dtype: torch.dtype, edge: int) -> float:
    if device.startswith("mps") and dtype == torch.float64:
        return 0.0
    left, right = (torch.rand(edge, edge, dtype=dtype, device=device) for _ in range(2))
    out = torch.empty_like(left)
    return 2.0 * edge**3 / _best(device, lambda: torch.mm(left, right, out=out))


def _copy_rate(device: str, copied: int) -> float:
    source = torch.ones(max(1, copied // 4), dtype=torch.float32, device=device)
    target = torch.zeros_like(source)
    return 8.0 * source.numel() / _best(device, lambda: target.copy_(source))


def _best(device: str, work: Callable[[], object]) -> float:
    work()
    best = float("inf")
    for _ in range(RUNS):
        synchronize(device)
        start = time.perf_counter()
        work()
        synchronize(device)
        best = min(best, time.perf_counter() - start)
    return max(best, 1e-9)
