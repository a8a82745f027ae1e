"""Builds a kernel for as long as the process that asked for it is there. Run as a program."""

from __future__ import annotations

import os
import signal
import threading
import time

from nb_physics.engine import build

POLL = 0.5
"""Seconds between two looks at the process that asked."""


def end_with(parent: int) -> None:
    """Ends this group of processes, compilers too, once its parent is no longer process `parent`:
    it was killed, and could not say so.
    """
    watch = threading.Thread(target=_watch, args=(parent,), daemon=True)
    watch.start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    """Arguments: as of nb_physics.engine.build."""
    end_with(os.getppid())
    build.main()


if __name__ == "__main__":
    main()
