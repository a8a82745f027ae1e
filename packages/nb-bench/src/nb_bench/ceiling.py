"""What the machine can do at most: multiply-adds a second, and bytes a second.

Arithmetic on a processor is that of chains of multiply-adds (two operations each) in its widest
vectors, which wait neither for memory nor for each other, on every thread at once: a few lines that
are compiled for this processor. Without a compiler, and on other devices, it is that of a matrix
product, which may be less than the machine can do. Traffic is that of a copy too large for the
caches, which reads and writes every byte. Each is the best of some runs.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

RUNS = 5
CHAIN, PRODUCT = "chains of multiply-adds", "matrix product"
CHAINS = 12
"""Side by side in a thread: enough to fill the pipes of a core, few enough for 16 registers."""

_WIDTHS = {"AVX512": 64, "AVX2": 32}
"""Bytes of a vector, by what torch calls the processor's instructions; 16 for others."""

_SOURCE = """
typedef REAL NAME_vector __attribute__((vector_size(WIDTH)));
extern "C" REAL NAME(long count, REAL factor, REAL term) {
    const NAME_vector none = {}, by = none + factor, more = none + term;
    NAME_vector chains[CHAINS], sum = none;
    for (int i = 0; i < CHAINS; i++) chains[i] = none + (REAL)i;
    for (long n = 0; n < count; n++) {
        #pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) chains[i] = chains[i] * by + more;
    }
    for (int i = 0; i < CHAINS; i++) sum += chains[i];
    REAL total = 0;
    for (unsigned i = 0; i < WIDTH / sizeof(REAL); i++) total += sum[i];
    return total;
}
"""
_TYPES: dict[torch.dtype, tuple[str, Any]] = {
    torch.float64: ("double", ctypes.c_double),
    torch.float32: ("float", ctypes.c_float),
}


def measure_ceiling(
    device: str, *, threads: int, steps: int, edge: int, copied: int
) -> dict[str, Any]:
    """The rates, as the fields of Ceiling; 0 for float64 on a device that has none.

    threads: that compute at once; steps: of each chain; edge: of square matrices, where these are
    multiplied instead; copied: bytes of the tensor that is copied
    """
    rates = _chain_rates(threads, steps) if device == "cpu" else None
    by = PRODUCT if rates is None else CHAIN
    if rates is None:
        rates = {dtype: _product_rate(device, dtype, edge) for dtype in _TYPES}
    return {
        "float64": rates[torch.float64],
        "float32": rates[torch.float32],
        "copy": _copy_rate(device, copied),
        "by": by,
    }


def synchronize(device: str) -> None:
    """Waits until the device has done all it was told to."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def _chain_rates(threads: int, steps: int) -> dict[torch.dtype, float] | None:
    """Operations a second in each precision; None where nothing compiles the chains."""
    width = _WIDTHS.get(torch.backends.cpu.get_cpu_capability(), 16)
    with tempfile.TemporaryDirectory(prefix="nb-ceiling-") as folder:
        try:
            library = _compiled(Path(folder), width)
        except (OSError, subprocess.SubprocessError):
            return None
        rates = {}
        for dtype, (name, number) in _TYPES.items():
            chain = getattr(library, f"chain_{name}")
            chain.argtypes, chain.restype = [ctypes.c_long, number, number], number
            operations = 2.0 * CHAINS * (width // dtype.itemsize) * steps * threads
            with ThreadPoolExecutor(threads) as pool:

                def work(chain: Any = chain, pool: ThreadPoolExecutor = pool) -> None:
                    list(pool.map(lambda _: chain(steps, 0.5, 1.0), range(threads)))

                rates[dtype] = operations / _best("cpu", work)
    return rates


def _compiled(folder: Path, width: int) -> ctypes.CDLL:
    """The chains as functions, by the compiler that builds kernels."""
    source, library = folder / "chains.cpp", folder / "chains.so"
    text = f"#define WIDTH {width}\n#define CHAINS {CHAINS}\n"
    for name, _ in _TYPES.values():
        text += _SOURCE.replace("REAL", name).replace("NAME", f"chain_{name}")
    source.write_text(text)
    options = ("-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC")
    command = [os.environ.get("CXX", "g++"), *options, str(source), "-o", str(library)]
    subprocess.run(command, check=True, capture_output=True)
    return ctypes.CDLL(str(library))


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
