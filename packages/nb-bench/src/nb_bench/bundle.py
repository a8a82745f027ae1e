"""The folders of a benchmark: those that are kept, and those that are gone afterwards.

Without --out-dir all files lie in a temporary folder, and nothing is kept. With it the folder has
table.txt, bench.json, scaling.png, profile/ (with --profile) and the evidence files; with
--keep-artifacts also artifacts/: images/ (both programs' float images, the C program's log),
reflections.hkl, and kernels/ (each workload's compiled kernels). An interrupted or failed benchmark
leaves nothing; with --keep-artifacts the same folder, with the rows that were complete.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nb_compare import write_evidence
from nb_core import InputError, OutputError
from nb_core.formats import atomic_folder, atomic_write
from nb_core.showing import Brief

ARTEFACTS = "artifacts"


@dataclass(frozen=True, repr=False)
class Folders(Brief):
    """Where a benchmark writes.

    results: what becomes --out-dir, None without it; artefacts: images, lists and kernels
    """

    results: Path | None
    artefacts: Path

    def profile(self) -> Path | None:
        """A folder for traces."""
        if self.results is None:
            return None
        folder = self.results / "profile"
        folder.mkdir(exist_ok=True)
        return folder


@contextmanager
def bench_folders(out_dir: Path | None, *, keep: bool) -> Iterator[Folders]:
    """Working folders; that of the results takes the name `out_dir` when the body is done.

    keep: the artefacts are a part of it, and it stays when the body fails

    Raises OutputError where `out_dir` has files already, or its parent is missing or read-only.
    """
    with tempfile.TemporaryDirectory(prefix="nb-bench-") as temporary:
        if out_dir is None:
            yield Folders(None, Path(temporary))
            return
        _check_name(out_dir)
        with atomic_folder(out_dir, into_empty=True, keep_partial=keep) as working:
            artefacts = working / ARTEFACTS if keep else Path(temporary)
            artefacts.mkdir(exist_ok=True)
            yield Folders(working, artefacts)


def check_kept(out_dir: str | None, *, keep: bool, profile: bool) -> None:
    """InputError for what is asked to be kept (`keep`, `profile`) where no folder would hold it."""
    asked = {"--keep-artifacts": keep, "--profile": profile}
    for option, given in asked.items():
        if given and out_dir is None:
            raise InputError(option, "without --out-dir", "also give --out-dir DIR to hold them")


def write_results(
    folder: Path,
    table: str,
    content: Mapping[str, Any],
    commands: Sequence[Sequence[str]],
    *,
    inputs: Mapping[str, str],
    device: str,
    dtype: str,
) -> None:
    """Writes table.txt, bench.json and the evidence files; the other files are there already."""
    _write(folder / "table.txt", f"{table}\n")
    write_json(folder / "bench.json", content)
    write_evidence(folder, commands, inputs=inputs, device=device, dtype=dtype)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Strict JSON, without NaN."""
    _write(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def _check_name(out_dir: Path) -> None:
    if out_dir.exists() and (not out_dir.is_dir() or any(out_dir.iterdir())):
        raise OutputError(out_dir, "exists already; name a new folder with --out-dir")
    if not out_dir.parent.is_dir():
        raise OutputError(out_dir, f"there is no folder {out_dir.parent}; make it first")


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as handle:
        handle.write(text.encode())
