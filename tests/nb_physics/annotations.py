"""Where annotations are not checked at run time: checks take three quarters of a small walk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import jaxtyping


@contextlib.contextmanager
def unchecked_annotations() -> Iterator[None]:
    """For what runs hundreds of times, in tests that run it with checks as well."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", before)
