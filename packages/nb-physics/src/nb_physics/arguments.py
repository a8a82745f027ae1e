"""Arguments of the public functions: an InputError where another kind of thing would go wrong."""

from __future__ import annotations

import operator
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from nb_core import Experiment, InputError


def expect(field: str, value: object, kind: type, remedy: str) -> None:
    """Refuses what is no `kind`."""
    if not isinstance(value, kind):
        raise InputError(field, repr(value), remedy)


def expect_experiment(value: object) -> None:
    """Refuses what is no experiment: the name of its file, for one."""
    remedy = "expected an Experiment or a Plan; read_toml(path) gives the experiment of a file"
    expect("experiment", value, Experiment, remedy)


def whole(field: str, value: Any, remedy: str) -> int:
    """A whole number of Python's, NumPy's or PyTorch's; a truth value is none."""
    if isinstance(value, bool) or getattr(value, "dtype", None) is torch.bool:
        raise InputError(field, repr(value), remedy)
    try:
        return operator.index(value)
    except TypeError:
        raise InputError(field, repr(value), remedy) from None


def flat_indices(pixels: object) -> Int[Tensor, " pixels"]:
    """Flat indices of pixels, given as a tensor, an array or a list."""
    remedy = "expected a row of flat indices, whole numbers: slow * fpixels + fast"
    try:
        indices = torch.as_tensor(pixels)
    except (TypeError, ValueError, RuntimeError):
        raise InputError("pixels", repr(pixels), remedy) from None
    if not indices.numel():
        indices = indices.to(torch.int64)
    numbers = not (indices.is_floating_point() or indices.is_complex())
    if not numbers or indices.dtype is torch.bool or indices.ndim != 1:
        found = f"{indices.dtype} of the shape {tuple(indices.shape)}"
        raise InputError("pixels", found, remedy)
    return indices


def several(field: str, value: Any, remedy: str) -> list[Any]:
    """The parts of a sequence."""
    try:
        return list(value)
    except TypeError:
        raise InputError(field, repr(value), remedy) from None


def pixel(value: Any, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """The (panel, slow, fast) of a pixel, given as (slow, fast) where there is one panel.

    shape: of the image. Raises InputError for another kind of thing, and for a panel that there is
    not; whether slow and fast are on the panel is not looked at.
    """
    numbered = len(shape) == 3
    remedy = "expected (slow, fast), two whole numbers"
    if numbered:
        remedy = "expected (panel, slow, fast), three whole numbers"
    parts = [whole("pixel", part, remedy) for part in several("pixel", value, remedy)]
    if len(parts) != (3 if numbered else 2):
        raise InputError("pixel", repr(value), remedy)
    panel, slow, fast = parts if numbered else (0, *parts)
    if not 0 <= panel < (shape[0] if numbered else 1):
        raise InputError("pixel", tuple(parts), f"the panels are numbered 0 to {shape[0] - 1}")
    return panel, slow, fast
