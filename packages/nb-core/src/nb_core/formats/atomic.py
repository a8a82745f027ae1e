"""Files and folders written whole or not at all, with clear errors."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from nb_core.errors import OutputError

AnyPath = str | os.PathLike[str]
"""The name of a file."""

_STREAMS = ("/dev/stdout", "/dev/stderr")
_WRITE_REASONS = {
    errno.ENOENT: "its folder does not exist; create it first",
    errno.ENOTDIR: "a part of its path is a file, not a folder",
    errno.EISDIR: "it is a folder; give the name of a file",
    errno.EACCES: "no permission to write there; choose another folder",
    errno.EPERM: "no permission to write there; choose another folder",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}
_MENDED_BY_ANOTHER_NAME = set(_WRITE_REASONS) - {errno.ENOSPC, errno.EDQUOT}


@contextlib.contextmanager
def atomic_write(path: AnyPath, overwrite: bool = True) -> Iterator[BinaryIO]:
    """A binary file that takes the name `path` only once all of it is on disk.

    overwrite: False refuses to replace an existing file
    A device, a pipe or /dev/stdout is written to directly.
    Raises OutputError for any failure to write; on any exception nothing is left behind.
    """
    try:
        if _is_stream(path):
            with open(path, "wb") as stream:
                yield stream
            return
        target = _target(path, overwrite)
        with _temporary(target) as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
            handle.close()
            _target(path, overwrite)
            os.replace(handle.name, target)
    except OutputError:
        raise
    except OSError as error:
        failed = error.errno not in _MENDED_BY_ANOTHER_NAME
        reason = _reason(error)
        raise OutputError(os.fspath(path), reason, failed=failed) from error


@contextlib.contextmanager
def atomic_folder(
    path: AnyPath, *, into_empty: bool = False, keep_partial: bool = False
) -> Iterator[Path]:
    """A folder that takes the name `path` only once all of it is written; until then it lies
    beside it. On any exception, an interrupt too, nothing is left.

    into_empty: an empty folder of that name may be there already
    keep_partial: what is written when the body fails takes the name as well
    Raises OutputError where something has the name, before the body or meanwhile, and where no
    folder can be made.
    """
    final = Path(path)
    _refuse_taken(final, into_empty, "exists already; name a new folder")
    try:
        working = Path(tempfile.mkdtemp(prefix=".nb-", suffix=".tmp", dir=final.parent))
    except OSError as error:
        failed = error.errno not in _MENDED_BY_ANOTHER_NAME
        reason = f"no folder can be made there: {error.strerror}"
        raise OutputError(final, reason, failed=failed) from error
    try:
        working.chmod(0o755)
        try:
            yield working
        except BaseException:
            if keep_partial:
                _rename(working, final, into_empty)
            raise
        _rename(working, final, into_empty)
    finally:
        shutil.rmtree(working, ignore_errors=True)


def _rename(working: Path, final: Path, into_empty: bool) -> None:
    _refuse_taken(final, into_empty, "has appeared meanwhile; name a new folder")
    try:
        working.rename(final)
    except OSError as error:
        raise OutputError(final, f"cannot take this name: {error.strerror}") from error


def _refuse_taken(final: Path, into_empty: bool, reason: str) -> None:
    """OutputError where something has the name; an empty folder may where `into_empty` says so."""
    if into_empty and final.is_dir() and not any(final.iterdir()):
        return
    if os.path.lexists(final):
        raise OutputError(final, reason)


@contextlib.contextmanager
def _temporary(target: str) -> Iterator[BinaryIO]:
    """A new file beside `target`; removed when the body fails."""
    name = os.path.join(os.path.dirname(target), f".nb-{os.getpid()}-{secrets.token_hex(6)}.tmp")
    try:
        with open(name, "xb") as handle:
            yield handle
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _is_stream(path: AnyPath) -> bool:
    """Whether there is something at `path` that cannot be replaced by a file."""
    name = os.fspath(path)
    if name in _STREAMS or name.startswith("/dev/fd/"):
        return True
    with contextlib.suppress(OSError):
        mode = os.stat(name).st_mode
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
    return False


def _target(path: AnyPath, overwrite: bool) -> str:
    """The file that `path` leads to through links; OutputError when it may not be written."""
    name = os.fspath(path)
    if not name:
        raise OutputError(name, "the name is empty")
    if os.path.isdir(name) or name.endswith(os.sep):
        raise OutputError(name, _WRITE_REASONS[errno.EISDIR])
    if os.path.exists(name):
        if not overwrite:
            raise OutputError(name, "it exists already, and overwriting is off")
        if not os.access(name, os.W_OK):
            raise OutputError(name, "the file is read-only; choose another name")
    return os.path.realpath(name)


def _reason(error: OSError) -> str:
    return _WRITE_REASONS.get(error.errno or 0, error.strerror or str(error))
