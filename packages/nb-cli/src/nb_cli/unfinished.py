"""A folder that a command fills, and leaves as it was where it does not come to its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def filled_or_as_before(folder: Path) -> Iterator[None]:
    """Takes away the files that are new in a folder, and the folder if it is new, on any error."""
    there = folder.is_dir()
    before = set(folder.iterdir()) if there else set()
    try:
        yield
    except BaseException:
        with suppress(OSError):
            for path in set(folder.iterdir()) - before:
                path.unlink()
            if not there:
                folder.rmdir()
        raise
