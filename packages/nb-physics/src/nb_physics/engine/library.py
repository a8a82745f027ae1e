"""A kernel on the CPU as a shared library, called through its C interface.

Torch's own binding holds Python's lock for as long as a kernel runs, so that a second thread waits
for the first; a call through ctypes lets go of it. The interface is AOTInductor's
(torch/csrc/inductor/aoti_runtime/interface.h), and tensors are handles of torch's stable C
functions (torch/csrc/inductor/aoti_torch/c/shim.h).
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Sequence
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_void_p, sizeof
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

_DTYPES = (torch.float32, torch.float64, torch.int64, torch.bool)


class Fixed:
    """A tensor that goes into many calls: its handle is made once, and copied for each."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor.contiguous()
        self._handle: c_void_p | None = None

    def handle(self, library: Library) -> c_void_p:
        """A handle to keep, made by the functions that a library finds."""
        if self._handle is None:
            self._handle = library.borrow(self.tensor)
            delete = library.functions.aoti_torch_delete_tensor_object
            weakref.finalize(self, delete, self._handle).atexit = False
        return self._handle


Argument = Tensor | Fixed


class Library:
    """A kernel. Several threads may call it at once.

    Raises OSError for what is no shared library, AttributeError for one that is no kernel,
    RuntimeError where the kernel refuses.
    """

    def __init__(self, path: Path) -> None:
        # A call through PyDLL keeps Python's lock: to let go of it for a microsecond costs more
        # than the call itself, where another thread waits for it.
        self.functions = functions = ctypes.PyDLL(str(path))
        handles = POINTER(c_void_p)
        self._run = run = ctypes.CDLL(str(path)).AOTInductorModelContainerRun
        run.argtypes = [c_void_p, handles, c_size_t, handles, c_size_t, c_void_p, c_void_p]
        functions.aoti_torch_new_tensor_handle.argtypes = [c_void_p, c_void_p]
        create = functions.AOTInductorModelContainerCreateWithDevice
        create.argtypes = [handles, c_size_t, c_char_p, c_char_p]
        self._dtypes = {
            dtype: getattr(functions, f"aoti_torch_dtype_{str(dtype).removeprefix('torch.')}")()
            for dtype in _DTYPES
        }
        self._container = c_void_p()
        side_by_side = os.cpu_count() or 1  # each is small, for a kernel holds no constants
        _check(create(byref(self._container), side_by_side, b"cpu", None))
        self._results = self._count(functions.AOTInductorModelContainerGetNumOutputs)
        self._arguments = self._count(functions.AOTInductorModelContainerGetNumInputs)

    def __call__(self, arguments: Sequence[Argument]) -> list[Tensor]:
        """The results for these arguments: contiguous tensors on the CPU, in the kernel's order."""
        count = len(arguments)
        if count != self._arguments:
            raise RuntimeError(f"{count} arguments, where the kernel takes {self._arguments}")
        copy = self.functions.aoti_torch_new_tensor_handle
        given, found = (c_void_p * count)(), (c_void_p * self._results)()
        first = ctypes.addressof(given)
        for number, argument in enumerate(arguments):
            if isinstance(argument, Fixed):
                _check(copy(argument.handle(self), first + number * sizeof(c_void_p)))
            else:
                given[number] = self.borrow(argument).value
        _check(self._run(self._container, given, count, found, self._results, None, None))
        return [self._copied(c_void_p(handle)) for handle in found]

    def _count(self, function: Any) -> int:
        count = c_size_t()
        _check(function(self._container, byref(count)))
        return count.value

    def borrow(self, tensor: Tensor) -> c_void_p:
        """A handle of a tensor's memory, which has to outlive it."""
        ndim, handle = tensor.dim(), c_void_p()
        sizes, strides = (c_int64 * ndim)(*tensor.shape), (c_int64 * ndim)(*tensor.stride())
        place = (c_void_p(tensor.data_ptr()), c_int64(ndim), sizes, strides, c_int64(0))
        what = (c_int32(self._dtypes[tensor.dtype]), c_int32(0), c_int32(0))  # on the CPU
        _check(self.functions.aoti_torch_create_tensor_from_blob(*place, *what, byref(handle)))
        return handle

    def _copied(self, handle: c_void_p) -> Tensor:
        """A tensor of the numbers that a handle stands for; the handle is deleted."""
        functions = self.functions
        data, ndim, dtype = c_void_p(), c_int64(), c_int32()
        sizes, strides = POINTER(c_int64)(), POINTER(c_int64)()
        try:
            _check(functions.aoti_torch_get_data_ptr(handle, byref(data)))
            _check(functions.aoti_torch_get_dim(handle, byref(ndim)))
            _check(functions.aoti_torch_get_dtype(handle, byref(dtype)))
            _check(functions.aoti_torch_get_sizes(handle, byref(sizes)))
            _check(functions.aoti_torch_get_strides(handle, byref(strides)))
            of_type = next(name for name, n in self._dtypes.items() if n == dtype.value)
            result = torch.empty(sizes[: ndim.value], dtype=of_type)
            if data.value is not None and result.numel():
                _copy(data.value, strides[: ndim.value], result.numpy())
            return result
        finally:
            functions.aoti_torch_delete_tensor_object(handle)


def _copy(address: int, strides: list[int], into: np.ndarray) -> None:
    """Copies the numbers at an address; strides count numbers."""
    reach = 1 + sum((size - 1) * step for size, step in zip(into.shape, strides, strict=True))
    memory = (ctypes.c_char * (reach * into.itemsize)).from_address(address)
    steps = [step * into.itemsize for step in strides]
    into[...] = np.ndarray(into.shape, into.dtype, memory, strides=steps)


def _check(status: int) -> None:
    if status != 0:
        raise RuntimeError("the kernel refused its arguments")
