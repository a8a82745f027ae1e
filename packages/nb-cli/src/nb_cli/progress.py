"""What a command says while it works: messages, and on stderr how far it is and how long it takes.

On a terminal that is a bar. Elsewhere (a log, a batch job) it is a line every INTERVAL seconds.
"""

from __future__ import annotations

import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import click

from nb_core import duration

INTERVAL = 10.0
"""Seconds between two lines where stderr is no terminal."""

_TICK = 1.0
"""Seconds between two looks at the clock, with or without a report of the work."""


class Course:
    """How far a piece of work is, and how long it still takes.

    The time left follows from the rate since the first report, and after `restart` since the next
    one: what came before, such as the building of kernels, says nothing of the rate.
    """

    def __init__(self, label: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.label = label
        self.clock = clock
        self._started = clock()
        self._done, self._total = 0, 0
        self._first: tuple[float, int] | None = None
        self._last = self._started

    def report(self, done: int, total: int) -> None:
        """Takes note that `done` of `total` parts (pixels, cases) are complete."""
        if done < self._done or total != self._total:
            self._first = None
        self._done, self._total, self._last = done, total, self.clock()
        if self._first is None:
            self._first = (self._last, done)

    def restart(self) -> None:
        """Forgets the rate: something else took time."""
        self._first = None

    @property
    def percent(self) -> int:
        return 100 * self._done // self._total if self._total > 0 else 0

    @property
    def seconds_left(self) -> float | None:
        """None where no rate is known yet."""
        if self._first is None or self._done <= self._first[1]:
            return None
        since, done = self._first
        whole = (self._last - since) * (self._total - self._done) / (self._done - done)
        return max(whole - (self.clock() - self._last), 0.0)

    def timing(self) -> str:
        """The time taken, and the time left where it is known: `after 20 s, 40 s left`."""
        taken = f"after {duration(self.clock() - self._started)}"
        left = self.seconds_left
        return taken if left is None else f"{taken}, {duration(left)} left"

    def line(self) -> str:
        """All of it: `simulating: 35 % after 20 s, 40 s left`."""
        share = f"{self.percent} % " if self._total > 0 else ""
        return f"{self.label}: {share}{self.timing()}"


class Display(ABC):
    """Shows a course; messages go between what it shows. Several threads may call it."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._lock = threading.RLock()

    def report(self, done: int, total: int) -> None:
        with self._lock:
            self._course.report(done, total)
            self.show()

    def tick(self) -> None:
        """To be called now and then while the work says nothing."""
        with self._lock:
            self.show()

    def message(self, text: str) -> None:
        """Prints a line, which shares its line with nothing else."""
        with self._lock:
            self.make_room()
            click.echo(text, err=True)
            self._course.restart()
            self.said()

    @abstractmethod
    def show(self) -> None:
        """Brings what is seen up to date."""

    @abstractmethod
    def make_room(self) -> None:
        """Takes away what stands on the line where a message will be printed."""

    @abstractmethod
    def said(self) -> None:
        """A message has been printed."""

    @abstractmethod
    def close(self) -> None:
        """The work is done, or has failed."""


class Lines(Display):
    """Where stderr is no terminal: a line every INTERVAL seconds."""

    def __init__(self, course: Course) -> None:
        super().__init__(course)
        self._shown = course.clock()

    def show(self) -> None:
        now = self._course.clock()
        if now - self._shown >= INTERVAL:
            self._shown = now
            click.echo(f"nb: {self._course.line()}", err=True)

    def make_room(self) -> None:
        """Each line is complete."""

    def said(self) -> None:
        """What was said is news enough for INTERVAL."""
        self._shown = self._course.clock()

    def close(self) -> None:
        """Nothing is left open."""


class Bar(Display):
    """On a terminal: a bar that is drawn again and again on one line."""

    def __init__(self, course: Course) -> None:
        super().__init__(course)
        self._percent = 0
        self._bar: AbstractContextManager[Any] = click.progressbar(
            length=100,
            label=course.label,
            file=sys.stderr,
            show_eta=False,
            show_percent=True,
            item_show_func=lambda _: course.timing(),
            update_min_steps=0,
        )
        self._drawn = self._bar.__enter__()

    def show(self) -> None:
        gained = max(self._course.percent - self._percent, 0)
        self._percent += gained
        self._drawn.update(gained)

    def make_room(self) -> None:
        click.echo("\r\x1b[K", nl=False, err=True)

    def said(self) -> None:
        """The bar is drawn again at the next look at the clock."""

    def close(self) -> None:
        self._bar.__exit__(None, None, None)


_shown: list[Display] = []
"""What is on stderr now, the last one below the others."""


@contextmanager
def pixel_progress(label: str, *, shown: bool = True) -> Iterator[Callable[[int, int], None]]:
    """Gives a function that takes (parts done, parts in all) and shows it on stderr.

    shown: False with --quiet, and nothing is said
    """
    if not shown:
        yield lambda done, total: None
        return
    course = Course(label)
    display = Bar(course) if sys.stderr.isatty() else Lines(course)
    _shown.append(display)
    try:
        with _ticking(display):
            yield display.report
    finally:
        _shown.remove(display)
        display.close()


@contextmanager
def _ticking(display: Display) -> Iterator[None]:
    """Has a thread look at the clock while the work is silent: in a compiler, or a C program."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_TICK):
            display.tick()

    thread = threading.Thread(target=look, name="nb-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def message(text: str) -> None:
    """Prints a line on stderr, beside a bar if there is one."""
    if _shown:
        _shown[-1].message(text)
    else:
        click.echo(text, err=True)


def printer(*, quiet: bool) -> Callable[[str], None]:
    """Prints a message, or with --quiet nothing."""
    return (lambda _: None) if quiet else click.echo
