"""What long commands say on stderr: a bar on a terminal, elsewhere a line now and then."""

import io
import logging
import re
import sys
import threading
import warnings

import pytest

import nb_physics
from nb_cli import progress
from nb_cli.progress import Bar, Course, Lines, message, pixel_progress


class Clock:
    """A clock that goes on only when it is told to."""

    def __init__(self):
        self.time = 100.0

    def __call__(self):
        return self.time

    def wait(self, seconds):
        self.time += seconds


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def every_ten_seconds(no_progress_lines, monkeypatch):
    """As the command has it."""
    monkeypatch.setattr(progress, "INTERVAL", 10.0)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def course(clock):
    return Course("simulating", clock)


@pytest.fixture
def open_terminal(monkeypatch):
    """Makes stderr a terminal, within the test: pytest sets stderr anew before each."""

    def call():
        made = Terminal()
        monkeypatch.setattr(sys, "stderr", made)
        return made

    return call


def screen(text):
    """The lines that a terminal shows in the end: \\r and 'erase to the end' taken as it would."""
    shown = []
    for line in text.replace("\r\n", "\n").split("\n"):
        row = ""
        for piece in line.split("\r"):
            piece = re.sub(r"\x1b\[\?25[lh]", "", piece)
            row = "" if piece.startswith("\x1b[K") else row
            piece = piece.replace("\x1b[K", "")
            row = piece + row[len(piece) :]
        shown.append(row.rstrip())
    return shown


class TestCourse:
    def test_before_any_report_it_tells_the_time_only(self, course, clock):
        clock.wait(20)
        assert course.line() == "simulating: after 20 s"

    def test_one_report_gives_no_rate(self, course, clock):
        clock.wait(30)
        course.report(5, 100)
        assert course.line() == "simulating: 5 % after 30 s"

    def test_the_time_left_follows_from_the_rate(self, course, clock):
        course.report(0, 100)
        clock.wait(10)
        course.report(20, 100)
        assert course.line() == "simulating: 20 % after 10 s, 40 s left"

    def test_it_grows_less_while_nothing_is_reported(self, course, clock):
        course.report(0, 100)
        clock.wait(10)
        course.report(20, 100)
        clock.wait(15)
        assert course.seconds_left == pytest.approx(25)
        clock.wait(100)
        assert course.seconds_left == 0

    def test_what_came_before_the_first_report_says_nothing_of_the_rate(self, course, clock):
        """Kernels are built before the first tile: 60 s, and then 1 s for each tenth."""
        clock.wait(60)
        course.report(10, 100)
        clock.wait(1)
        course.report(20, 100)
        assert course.line() == "simulating: 20 % after 1 min 1 s, 8 s left"

    def test_after_a_message_the_rate_is_measured_anew(self, course, clock):
        course.report(0, 100)
        clock.wait(1)
        course.report(10, 100)
        course.restart()
        assert course.seconds_left is None
        clock.wait(200)
        course.report(20, 100)
        assert course.seconds_left is None
        clock.wait(2)
        course.report(30, 100)
        assert course.seconds_left == pytest.approx(14)

    def test_work_that_begins_again_has_a_rate_of_its_own(self, course, clock):
        course.report(0, 100)
        clock.wait(50)
        course.report(100, 100)
        course.report(0, 100)
        clock.wait(1)
        course.report(50, 100)
        assert course.seconds_left == pytest.approx(1)

    def test_no_part_at_all(self, course):
        course.report(0, 0)
        assert course.line() == "simulating: after 0 s"


class TestWithoutATerminal:
    def test_a_line_every_ten_seconds(self, course, clock, capsys):
        lines = Lines(course)
        for done in range(36):
            lines.report(done, 100)
            clock.wait(1)
        assert capsys.readouterr().err.splitlines() == [
            "nb: simulating: 10 % after 10 s, 1 min 30 s left",
            "nb: simulating: 20 % after 20 s, 1 min 20 s left",
            "nb: simulating: 30 % after 30 s, 1 min 10 s left",
        ]

    def test_also_where_the_work_says_nothing(self, course, clock, capsys):
        lines = Lines(course)
        for _ in range(25):
            clock.wait(1)
            lines.tick()
        expected = ["nb: simulating: after 10 s", "nb: simulating: after 20 s"]
        assert capsys.readouterr().err.splitlines() == expected

    def test_a_message_is_news_enough(self, course, clock, capsys):
        lines = Lines(course)
        clock.wait(9)
        lines.message("nb: building kernels")
        clock.wait(9)
        lines.tick()
        clock.wait(1)
        lines.tick()
        expected = ["nb: building kernels", "nb: simulating: after 19 s"]
        assert capsys.readouterr().err.splitlines() == expected

    def test_short_work_says_nothing(self, capsys):
        with pixel_progress("simulating") as move:
            move(1, 2)
            move(2, 2)
        assert capsys.readouterr() == ("", "")

    def test_a_thread_looks_at_the_clock(self, monkeypatch):
        """It is the thread that calls `tick`: the work itself never reports."""
        looked = threading.Event()
        monkeypatch.setattr(progress, "_TICK", 0.0)
        monkeypatch.setattr(Lines, "tick", lambda self: looked.set())
        with pixel_progress("simulating"):
            assert looked.wait(60)
        assert "nb-progress" not in {thread.name for thread in threading.enumerate()}

    def test_nothing_where_it_is_not_shown(self, monkeypatch, capsys):
        monkeypatch.setattr(progress, "INTERVAL", -1.0)
        with pixel_progress("simulating", shown=False) as move:
            move(1, 2)
        assert capsys.readouterr().err == ""
        with pixel_progress("simulating") as move:
            move(1, 2)
        assert capsys.readouterr().err.startswith("nb: simulating: 50 % after 0 s")


class TestOnATerminal:
    def test_the_bar_has_share_time_and_time_left(self, course, clock, open_terminal):
        terminal = open_terminal()
        bar = Bar(course)
        bar.report(0, 100)
        clock.wait(10)
        bar.report(20, 100)
        bar.close()
        (line,) = screen(terminal.getvalue().rstrip("\n"))
        assert re.fullmatch(r"simulating  \[#+-+\]   20%  after 10 s, 40 s left", line)

    def test_a_message_does_not_share_its_line_with_the_bar(self, course, clock, open_terminal):
        terminal = open_terminal()
        bar = Bar(course)
        bar.message("nb: building kernels")
        clock.wait(30)
        bar.report(10, 100)
        clock.wait(1)
        bar.report(20, 100)
        bar.close()
        first, second = screen(terminal.getvalue().rstrip("\n"))
        assert first == "nb: building kernels"
        assert re.fullmatch(r"simulating  \[#+-+\]   20%  after 31 s, 8 s left", second)

    def test_warnings_and_log_messages_go_through_it(self, open_terminal, nb, tiny, monkeypatch):
        terminal = open_terminal()
        real = nb_physics.simulate

        def simulate(plan, **more):
            logging.getLogger("nb_physics").info("building kernels")
            warnings.warn("something is odd", UserWarning, stacklevel=1)
            return real(plan, **more)

        monkeypatch.setattr("nb_physics.simulate", simulate)
        assert nb("simulate", "--", *tiny).code == 0
        shown = screen(terminal.getvalue())
        assert "nb: building kernels" in shown
        assert "nb: warning: something is odd" in shown


def test_a_message_without_a_bar(capsys):
    message("nb: something")
    assert capsys.readouterr().err == "nb: something\n"
