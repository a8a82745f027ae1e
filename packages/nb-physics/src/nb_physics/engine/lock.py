"""One process at a time: a lock beside a file, which ends with the process that holds it."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl

POLL = 0.1
"""Seconds between two looks at a lock that another holds."""

LONGEST_WAIT = 1200.0
"""Seconds after which a lock is not waited for any more: a file server may know of a holder that
is long gone.
"""


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[float], None]) -> Iterator[None]:
    """Holds the lock `path` while its body runs; where the folder knows no locks, without one.

    waiting: is called with the seconds waited, again and again while another process holds it
    Locks are the system's (flock): that of a process that has died is free.
    """
    handle = _acquired(path, waiting)
    try:
        yield
    finally:
        if handle is not None:
            with contextlib.suppress(OSError):
                os.unlink(path)  # while it is held: who waits sees that the file has no name
            os.close(handle)


def _acquired(path: Path, waiting: Callable[[float], None]) -> int | None:
    """An open file that holds the lock; None where there can be none."""
    began = time.monotonic()
    while time.monotonic() - began < LONGEST_WAIT:
        try:
            handle = _opened_if_free(path)
        except OSError:
            return None
        if handle is not None:
            return handle
        waiting(time.monotonic() - began)
        time.sleep(POLL)
    return None


def _opened_if_free(path: Path) -> int | None:
    """An open file that holds the lock; None where another has it. Raises OSError without locks."""
    if sys.platform == "win32":
        raise OSError
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_nlink:
            return handle
    except BlockingIOError:
        pass
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None
