"""What is found out about files before they are written."""

from __future__ import annotations

import os
from collections.abc import Sequence

from nb_core.errors import OutputError


def check_targets(paths: Sequence[str], *, overwrite: bool, inputs: Sequence[str] = ()) -> None:
    """Refuses early what could not be written late, or is an input; the error names the file."""
    taken: set[str] = set()
    for path in paths:
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            raise OutputError(path, f"there is no folder {folder}; make it first")
        if os.path.isdir(path):
            raise OutputError(path, "is a folder; name a file")
        if not overwrite and os.path.exists(path):
            raise OutputError(path, "exists; leave out --no-overwrite, or name another file")
        if os.path.exists(path) and not os.path.isfile(path):
            continue
        if not os.access(folder, os.W_OK):
            raise OutputError(path, f"the folder {folder} is read-only; choose another one")
        if any(_same_file(path, name) for name in inputs):
            raise OutputError(path, "is an input; give the output a name of its own")
        if os.path.normpath(path) in taken:
            raise OutputError(path, "is named for two outputs; give each its own name")
        taken.add(os.path.normpath(path))


def check_folder(path: str) -> None:
    """Refuses early a folder for results that could not be made or written to."""
    place = os.path.abspath(path)
    while not os.path.exists(place):
        place = os.path.dirname(place)
    if not os.path.isdir(place):
        raise OutputError(path, f"{place} is a file, not a folder; choose another name")
    if not os.access(place, os.W_OK):
        raise OutputError(path, f"the folder {place} is read-only; choose another one")


def _same_file(path: str, name: str) -> bool:
    return os.path.exists(path) and os.path.exists(name) and os.path.samefile(path, name)
