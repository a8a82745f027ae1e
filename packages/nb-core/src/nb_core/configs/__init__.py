"""The frozen configurations an experiment is made of: what their fields take, and its checks.

The configurations themselves are names of `nb_core`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nb_core.lazy import lazy_exports

if TYPE_CHECKING:
    from nb_core.configs.checks import (
        Matrix,
        Scalar,
        Vector,
        choice,
        matrix_tensor,
        plain_number,
        positive,
        scalar_tensor,
        vector_tensor,
    )

_HOMES = {
    "Matrix": "checks",
    "Scalar": "checks",
    "Vector": "checks",
    "choice": "checks",
    "matrix_tensor": "checks",
    "plain_number": "checks",
    "positive": "checks",
    "scalar_tensor": "checks",
    "vector_tensor": "checks",
}

__all__ = [
    "Matrix",
    "Scalar",
    "Vector",
    "choice",
    "matrix_tensor",
    "plain_number",
    "positive",
    "scalar_tensor",
    "vector_tensor",
]

if not TYPE_CHECKING:  # with it no name would be unknown to a type checker
    __getattr__, __dir__ = lazy_exports(__name__, _HOMES)
