"""Work shared out to threads, each of which computes with one thread of torch's own.

An operation that several threads compute together ends when the last of them does. Where other
processes take turns on the same cores, that is after a turn of theirs, and an image takes some
ninety operations a tile. Threads with tiles of their own meet once an image.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

import torch

Part = TypeVar("Part")
Result = TypeVar("Result")

IN_WAITING = 2
"""Parts that are handed out beforehand, for each thread: what bounds the memory of results."""


def share_out(
    parts: Iterable[Part],
    work: Callable[[Part], Result],
    take: Callable[[Part, Result], None],
    *,
    device: torch.device,
    alone: bool = False,
) -> None:
    """Calls `take(part, work(part))` for each part, `take` in the parts' order and in this thread.

    On the CPU as many threads work as torch has (torch.get_num_threads), this one among them, each
    with gradients on or off as here. An error or an interrupt ends the work when the parts at hand
    are done.
    alone: work in this thread, because something follows the operations that only it knows of: a
    recorder, torch.func, forward mode
    """
    if device.type != "cpu":
        for part in parts:
            take(part, work(part))
        return
    parts, threads = iter(parts), torch.get_num_threads()
    first = list(itertools.islice(parts, 2))
    parts = itertools.chain(first, parts)
    with _one_thread_each():
        if alone or threads == 1 or len(first) < 2:
            for part in parts:
                take(part, work(part))
        else:
            _by_threads(threads, parts, work, take)


def _by_threads(
    threads: int,
    parts: Iterator[Part],
    work: Callable[[Part], Result],
    take: Callable[[Part, Result], None],
) -> None:
    """This thread works too, on the first part that no other has begun.

    A thread that waits leaves its core idle, where the system may let two others share one for
    milliseconds.
    """
    graded = torch.is_grad_enabled()

    def result(part: Part) -> Result:
        with torch.set_grad_enabled(graded):
            return work(part)

    pool = _pool(threads - 1)
    running: deque[tuple[Part, Future[Result]]] = deque()
    try:
        while True:
            for part in itertools.islice(parts, threads * (1 + IN_WAITING) - len(running)):
                running.append((part, pool.submit(result, part)))
            if not running:
                return
            if not running[0][1].done():
                _help(running, work)
            part, future = running.popleft()
            take(part, future.result())
    finally:
        for _, future in running:
            future.cancel()
        wait(future for _, future in running)


def _help(running: deque[tuple[Part, Future[Result]]], work: Callable[[Part], Result]) -> None:
    """Does parts that nobody has begun, until the first one is done or all are begun."""
    for place, (part, future) in enumerate(running):
        if running[0][1].done():
            return
        if future.cancel():
            done: Future[Result] = Future()
            done.set_result(work(part))
            running[place] = (part, done)


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """So many threads, which stay: to start them takes milliseconds, as long as a small image."""
    return ThreadPoolExecutor(threads, "nb-tile", initializer=_take_one_thread)


if hasattr(os, "register_at_fork"):  # a child has none of the threads
    os.register_at_fork(after_in_child=_pool.cache_clear)


def _take_one_thread() -> None:
    """Of torch's own, in a thread that has just begun; a later change elsewhere leaves it so."""
    torch.set_num_threads(1)
    torch.get_num_threads()  # torch looks once in a thread for the number that holds everywhere


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """One thread of torch's own, here and in threads that begin meanwhile."""
    usual = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(usual)
