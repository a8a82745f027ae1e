"""What a command says while it works: messages, and a progress bar on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def pixel_progress(label: str, *, shown: bool = True) -> Iterator[Callable[[int, int], None]]:
    """Gives a function that takes (pixels done, pixels in all) and moves the bar.

    It hides itself where stderr is no terminal.
    """
    hidden = not (shown and sys.stderr.isatty())
    with click.progressbar(length=100, label=label, file=sys.stderr, hidden=hidden) as bar:
        percent = 0

        def move(done: int, total: int) -> None:
            nonlocal percent
            reached = 100 * done // max(total, 1)
            if reached > percent:
                bar.update(reached - percent)
                percent = reached

        yield move


def printer(*, quiet: bool) -> Callable[[str], None]:
    """Prints a message, or with --quiet nothing."""
    return (lambda _: None) if quiet else click.echo
