"""What the tests of the command share: a folder of their own, and a way to run it."""

import math
import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from nb_cli.main import run

INPUTS = Path(__file__).parents[1] / "golden" / "inputs"
CRYSTAL = "-cell 20 30 40 90 90 100 -misset 10 20 30 -default_F 10 -N 3 -lambda 1"
DETECTOR = "-distance 200 -pixel 0.5 -detpixels 12 -oversample 1"
TINY = (
    "-cell 70 80 90 90 95 90 -default_F 100 -N 3 -distance 100 -pixel 0.5 -detpixels 16 -lambda 1 "
    "-oversample 5 -seed 1"
)


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def warnings(self) -> list[str]:
        """The warnings on stderr."""
        return [line for line in self.err.splitlines() if line.startswith("nb: warning: ")]

    @property
    def errors(self) -> list[str]:
        """The lines on stderr that are not warnings."""
        lines = self.err.splitlines()
        return [line for line in lines if line and not line.startswith("nb: warning: ")]


@pytest.fixture(autouse=True, scope="session")
def no_progress_lines():
    """However slow the machine is, stderr holds what the command itself says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nb_cli.progress.INTERVAL", math.inf)
        yield


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def inputs(folder):
    """The working folder, with the recorded input files."""
    for path in INPUTS.iterdir():
        shutil.copy(path, folder)
    return folder


@pytest.fixture
def nb(capsys, folder):
    """Runs a command in the working folder: one line as in a shell, or its words."""

    def call(*words: object) -> Outcome:
        code = run(shlex.split(str(words[0])) if len(words) == 1 else [str(word) for word in words])
        printed = capsys.readouterr()
        return Outcome(code, printed.out, printed.err)

    return call


@pytest.fixture
def refused(nb):
    """Runs a command that must end with 2, one line on stderr and nothing written; the line."""

    def call(*words: object) -> str:
        before = sorted(os.listdir())
        outcome = nb(*words)
        assert outcome.code == 2, outcome
        (line,) = outcome.errors
        assert line.startswith("nb: ")
        assert sorted(os.listdir()) == before
        return line

    return call


@pytest.fixture
def flags():
    """nanoBragg's options for a small image, as a line."""
    return f"{CRYSTAL} {DETECTOR}"


@pytest.fixture
def tiny():
    """Options for an image of 16 x 16 pixels, as words."""
    return TINY.split()


@pytest.fixture
def simulated(nb, tiny):
    """Simulates that image, with more options."""

    def call(*more: str) -> Outcome:
        outcome = nb("simulate", "-q", "--", *tiny, *more)
        assert outcome.code == 0, outcome
        return outcome

    return call
