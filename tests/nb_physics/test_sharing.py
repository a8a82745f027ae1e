"""Work shared out to threads: the same results in the same order, whatever their number."""

import itertools
import threading

import pytest
import torch

from nb_physics import sharing
from nb_physics.sharing import share_out

CPU = torch.device("cpu")


@pytest.fixture(params=[1, 2, 5])
def threads(request):
    usual = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(usual)


def shared(parts, work, **options):
    """(part, result) as they are taken."""
    taken = []
    share_out(parts, work, lambda *found: taken.append(found), device=CPU, **options)
    return taken


def test_results_are_taken_in_order_and_by_the_caller(threads):
    """However late a thread is with one: here each part waits for the next one, in pairs.

    All parts are handed out at once, so that no thread waits for one that nobody can begin.
    """
    parts = range(2 * (1 + sharing.IN_WAITING))
    finished = [threading.Event() for _ in parts]
    takers = set()

    def work(part):
        if threads > 1 and part % 2 == 0:
            assert finished[part + 1].wait(60)
        finished[part].set()
        return part * part

    def take(part, result):
        takers.add(threading.get_ident())
        taken.append((part, result))

    taken = []
    share_out(parts, work, take, device=CPU)
    assert taken == [(n, n * n) for n in parts]
    assert takers == {threading.get_ident()}


def test_each_thread_has_one_of_torchs_own(threads):
    found = shared(range(12), lambda part: (torch.get_num_threads(), threading.get_ident()))
    assert {own for _, (own, _) in found} == {1}
    workers = {ident for _, (_, ident) in found}
    assert len(workers) <= threads
    assert threads > 1 or workers == {threading.get_ident()}
    assert torch.get_num_threads() == threads


def test_one_part_is_computed_in_this_thread_by_one_of_torchs_own(threads):
    ((_, (own, worker)),) = shared([0], lambda _: (torch.get_num_threads(), threading.get_ident()))
    assert (own, worker) == (1, threading.get_ident())
    assert torch.get_num_threads() == threads


def test_no_parts(threads):
    assert shared([], lambda part: part) == []


def test_alone_is_in_this_thread(threads):
    found = shared(range(3), lambda _: threading.get_ident(), alone=True)
    assert {worker for _, worker in found} == {threading.get_ident()}


@pytest.mark.parametrize("graded", [True, False])
def test_gradients_are_on_where_they_are_on_here(threads, graded):
    with torch.set_grad_enabled(graded):
        found = shared(range(5), lambda _: torch.is_grad_enabled())
    assert {on for _, on in found} == {graded}


def test_few_parts_are_handed_out_beforehand(threads):
    """So few results wait at any time, of however many parts."""
    handed = itertools.count()
    parts = (next(handed) for _ in range(1000))
    ahead = []

    def take(part, result):
        ahead.append(next(handed) - part)
        if part > 40:
            raise StopAsyncIteration

    with pytest.raises(StopAsyncIteration):
        share_out(parts, lambda part: part, take, device=CPU)
    # The counter itself moves on by one with each look.
    assert max(ahead[:2]) <= threads * (1 + sharing.IN_WAITING) + 2


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("where", ["work", "take"])
def test_an_error_ends_the_work(threads, error, where):
    """And leaves torch with as many threads as before, and no thread of its own behind."""
    before, done = threading.active_count(), []

    def work(part):
        done.append(part)
        if where == "work" and part == 3:
            raise error
        return part

    def take(part, result):
        if where == "take" and part == 3:
            raise error

    with pytest.raises(error):
        share_out(range(1000), work, take, device=CPU)
    assert len(done) < 1000
    assert torch.get_num_threads() == threads
    assert threading.active_count() == before


def test_within_a_thread_that_works_there_is_no_second_sharing(threads):
    """It would multiply the threads."""

    def work(part):
        return {worker for _, worker in shared(range(4), lambda _: threading.get_ident())}

    outer = shared(range(4), lambda part: (work(part), threading.get_ident()))
    assert all(inner == {own} for _, (inner, own) in outer)
