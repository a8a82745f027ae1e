"""Ctrl-C and closed pipes: an exit code of their own, and nothing unfinished left."""

import os
import signal
import subprocess
import sys

import pytest

import nb_physics


def stop(*arguments, **more):
    raise KeyboardInterrupt


def check(ran, left=()):
    assert ran.code == 130
    assert ran.errors == ["nb: interrupted; nothing unfinished was left behind"]
    assert sorted(os.listdir()) == sorted(left)


def test_an_interrupted_simulation_leaves_nothing(nb, tiny, monkeypatch):
    real = nb_physics.simulate

    def interrupted(plan, *, progress, **more):
        def move(done, total):
            progress(done, total)
            raise KeyboardInterrupt

        return real(plan, progress=move, **more)

    monkeypatch.setattr("nb_physics.simulate", interrupted)
    check(nb("simulate", "--", *tiny))


def test_an_interrupted_writing_leaves_nothing(nb, tiny, monkeypatch):
    monkeypatch.setattr("os.fsync", stop)
    check(nb("simulate", "--", *tiny))


def test_an_interrupted_writing_keeps_the_old_file(nb, tiny, folder, monkeypatch):
    (folder / "a").write_bytes(b"old")
    monkeypatch.setattr("os.fsync", stop)
    check(nb("simulate", "--", *tiny, "-floatfile", "a"), left=["a"])
    assert (folder / "a").read_bytes() == b"old"


def test_files_that_were_finished_before_stay_whole(nb, tiny, folder, monkeypatch):
    monkeypatch.setattr("nb_core.formats.builtin.write_smv", stop)
    check(nb("simulate", "--", *tiny, "-floatfile", "a", "-intfile", "b"), left=["a"])
    assert (folder / "a").stat().st_size == 4 * 256


def test_an_interrupted_picture_leaves_nothing(nb, tiny, monkeypatch):
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", stop)
    check(nb("simulate", "--png", "a.png", "--", *tiny))


def test_an_interrupted_view_leaves_nothing(nb, simulated, monkeypatch):
    simulated("-floatfile", "a")
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", stop)
    check(nb("view", "a"), left=["a"])


@pytest.mark.parametrize("left", [[], ["demo.hkl", "other"]])
def test_an_interrupted_demo_leaves_nothing_of_its_own(nb, folder, monkeypatch, left):
    monkeypatch.setattr("nb_physics.simulate", stop)
    if left:
        (folder / "nb-demo").mkdir()
        for name in left:
            (folder / "nb-demo" / name).write_text("old")
    check(nb("demo"), left=["nb-demo"] if left else [])
    assert not left or sorted(os.listdir("nb-demo")) == left


def test_an_interrupted_trace_leaves_nothing(nb, tiny, monkeypatch):
    monkeypatch.setattr("nb_compare.evidence.sha256_of", stop)
    ran = nb("trace", "--pixel", "3", "4", "--json", "--out-dir", "new", "--", *tiny)
    check(ran)


def test_abort_counts_as_an_interruption(nb, monkeypatch):
    import click

    def abort(**more):
        raise click.Abort

    monkeypatch.setattr("nb_cli.main.cli.main", abort)
    check(nb("doctor"))


@pytest.mark.skipif(sys.platform == "win32", reason="no signals to a group of processes")
class TestWhileAnotherProgramRuns:
    """Ctrl-C in a terminal reaches the command and all that it has started."""

    @pytest.fixture
    def interrupted(self, folder, monkeypatch):
        """Runs a command until the program stands still; interrupts it; looks what is left."""
        started = folder / "started"
        os.mkfifo(started)
        program = folder / "program"
        program.write_text(f"#!/bin/sh\necho > {started}\nexec sleep 1000\n")
        program.chmod(0o755)
        (folder / "tmp").mkdir()
        for name, value in (("TMPDIR", "tmp"), ("NB_CACHE_DIR", "kernels"), ("CXX", "program")):
            monkeypatch.setenv(name, str(folder / value))
        before = sorted(os.listdir())

        def call(*words):
            code = "import sys; from nb_cli.main import main; main(sys.argv[1:])"
            process = subprocess.Popen(
                [sys.executable, "-c", code, *words],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            started.read_text()  # waits until the program has written to it
            os.killpg(process.pid, signal.SIGINT)
            said = process.communicate()[1].splitlines()
            assert process.returncode == 130
            assert said[-1] == "nb: interrupted; nothing unfinished was left behind"
            assert os.listdir("tmp") == []
            return sorted(set(os.listdir()) - set(before))

        return call

    def test_compare(self, interrupted, tiny):
        assert interrupted("compare", "--c-bin", "program", "--", *tiny) == []

    def test_first_divergence(self, interrupted, tiny):
        words = ("--pixel", "3", "4", "--c-bin", "program")
        assert interrupted("first-divergence", *words, "--", *tiny) == []

    def test_golden_record(self, interrupted, tiny, folder):
        (folder / "cases.toml").write_text(f'[[case]]\nname = "a"\nargs = "{" ".join(tiny)}"\n')
        left = interrupted("golden", "record", "cases.toml", "out", "--c-bin", "program")
        assert left == ["cases.toml"]

    def test_the_building_of_kernels(self, interrupted, tiny):
        """The program is the compiler here."""
        left = interrupted("simulate", "--engine", "compiled", "--", *tiny)
        assert left in ([], ["kernels"])
        assert [name for name in left if os.listdir(name)] == []


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGPIPE")
@pytest.mark.parametrize("line", ["config flags", "--help", "config --help"])
def test_a_closed_pipe_ends_it_quietly(line):
    program = f"from nb_cli.main import main; main({line.split()})"
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 141
    assert error == b""


def test_main_exits_with_the_code(monkeypatch):
    from nb_cli.main import main

    monkeypatch.setattr("sys.argv", ["nb", "simulate"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
