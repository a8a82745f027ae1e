"""Files opened for reading: regular ones only, no larger than their format allows."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from nb_core.errors import InputError
from nb_core.formats.atomic import AnyPath
from nb_core.formats.sniff import HEAD_BYTES, name_format

MOST_PIXELS = 2**28
"""The most pixels of an image that is read, 16384 x 16384."""

MOST_TEXT_BYTES = 2**24
"""The most bytes of a text that a person writes: an experiment, a matrix."""

_REASONS = {
    errno.ENOENT: "no such file; check the name",
    errno.ENOTDIR: "no such file: a part of its path is not a folder",
    errno.EISDIR: "a folder, where a file is needed",
    errno.EACCES: "no permission to read it",
    errno.EPERM: "no permission to read it",
    errno.ENAMETOOLONG: "no such file: the name is too long",
    errno.ELOOP: "no such file: its links lead in a circle",
}
_KINDS = (
    (stat.S_ISDIR, _REASONS[errno.EISDIR]),
    (stat.S_ISFIFO, "a pipe, where a regular file is needed; write its content to a file first"),
    (stat.S_ISCHR, "a device or terminal, where a regular file is needed"),
    (stat.S_ISBLK, "a device, where a regular file is needed"),
    (stat.S_ISSOCK, "a socket, where a regular file is needed"),
)


@dataclass(frozen=True, eq=False)
class RegularFile:
    """A file that is open for reading.

    name: as the user wrote it; what: its kind in errors ("mask"); size: bytes
    head: its first bytes, at most `HEAD_BYTES`
    """

    name: str
    what: str
    size: int
    head: bytes
    handle: BinaryIO

    def read(self, most_bytes: int | None = None) -> bytes:
        """The first `most_bytes` of the file, or all of it; InputError for a failing device."""
        count = self.size if most_bytes is None else min(most_bytes, self.size)
        try:
            self.handle.seek(0)
            return self.handle.read(count)
        except OSError as error:
            raise InputError(self.what, self.name, _reason(error)) from error

    def format(self) -> str | None:
        """The name of its format, where its content tells it."""
        return name_format(self.head)

    def refuse_other_formats(self, reads: str, own: tuple[str, ...] = ()) -> None:
        """InputError for a file whose content is of another format than those of `own`.

        reads: what is read in its place, for the error
        """
        found = self.format()
        if found is not None and found not in own:
            raise InputError(self.what, self.name, f"the content is {found}; {reads}")


@contextlib.contextmanager
def open_regular(path: AnyPath, what: str, most_bytes: int) -> Iterator[RegularFile]:
    """A regular file of at most `most_bytes`, open for reading; never waits for a pipe.

    what: the kind of the file in errors ("mask")
    Raises InputError for a file that is missing, unreadable, empty or larger, and for a folder, a
    pipe, a device or a socket.
    """
    name, state = _state(path, what)
    _refuse_irregular(state, what, name)
    try:
        handle = os.fdopen(os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except OSError as error:
        raise InputError(what, name, _reason(error)) from error
    with handle:
        state = os.fstat(handle.fileno())
        _refuse_irregular(state, what, name)
        if state.st_size == 0:
            raise InputError(what, name, "the file is empty")
        if state.st_size > most_bytes:
            remedy = f"{state.st_size} bytes, more than the {most_bytes} that its content can have"
            raise InputError(what, name, remedy)
        file = RegularFile(name, what, state.st_size, b"", handle)
        yield RegularFile(name, what, state.st_size, file.read(HEAD_BYTES), handle)


def read_bytes(path: AnyPath, what: str, most_bytes: int) -> bytes:
    """The content of a file; `what` names its kind in errors ("mask").

    Raises InputError as `open_regular` does.
    """
    with open_regular(path, what, most_bytes) as file:
        return file.read()


def read_text(
    path: AnyPath,
    what: str,
    most_bytes: int = MOST_TEXT_BYTES,
    reads: str | None = None,
    own: tuple[str, ...] = (),
) -> str:
    """The text of a UTF-8 file, with every line end as a newline.

    reads, own: as in `RegularFile.refuse_other_formats`; without them no format is looked for
    Raises InputError as `open_regular` does, and for a file that is not text.
    """
    with open_regular(path, what, most_bytes) as file:
        if reads is not None:
            file.refuse_other_formats(reads, own)
        content = b"\0" if b"\0" in file.head else file.read()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(what, os.fspath(path), "not a text file") from error
    if "\0" in text:
        raise InputError(what, os.fspath(path), "not a text file")
    if not text.strip():
        raise InputError(what, os.fspath(path), "the file is empty")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _state(path: AnyPath, what: str) -> tuple[str, os.stat_result]:
    """The name as text, and what it leads to."""
    try:
        name = os.fspath(path)
        return name, os.stat(name)
    except OSError as error:
        raise InputError(what, os.fspath(path), _reason(error)) from error
    except (TypeError, ValueError):
        raise InputError(what, repr(path), "the name of a file is needed") from None


def _refuse_irregular(state: os.stat_result, what: str, name: str) -> None:
    if stat.S_ISREG(state.st_mode):
        return
    reason = next((reason for is_kind, reason in _KINDS if is_kind(state.st_mode)), "no file")
    raise InputError(what, name, reason)


def _reason(error: OSError) -> str:
    return _REASONS.get(error.errno or 0, error.strerror or str(error))
