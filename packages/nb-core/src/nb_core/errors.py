"""The errors and warnings that nb shows to a user.

Every error says three things: which option or field, the value it had, and the remedy.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """What the command line says with its exit code, the same in every command.

    DIFFERENT: what was compared differs beyond the thresholds; SHAPES_DIFFER: it has other shapes
    UNREADABLE: a file or device failed, or what a program wrote cannot be understood
    PROGRAM_FAILED: a program that was run did not do its work
    """

    OK = 0
    BAD_INPUT = 2
    DIFFERENT = 3
    SHAPES_DIFFER = 4
    UNREADABLE = 5
    PROGRAM_FAILED = 6
    INTERRUPTED = 130
    PIPE_CLOSED = 141


class NbError(Exception):
    """Base of all errors that a user can cause and mend; the command line exits with its code."""

    exit_code = ExitCode.BAD_INPUT


class InputError(NbError, ValueError):
    """A value, an option or the content of a file is not acceptable.

    field: the config field, option or file that is at fault, as the user wrote it
    value: the offending value
    remedy: what is expected instead, as a phrase
    """

    def __init__(self, field: str, value: object, remedy: str) -> None:
        self.field = field
        self.value = value
        self.remedy = remedy
        super().__init__(f"{field}: {_shown(value)}: {remedy}")


class OutputError(NbError, OSError):
    """A file could not be written; nothing is left of it.

    path: the file that was asked for
    reason: why it was not written, with the remedy
    failed: the device failed (a full disk), so that no other name would have helped
    """

    def __init__(self, path: object, reason: str, *, failed: bool = False) -> None:
        self.path = path
        self.reason = reason
        if failed:
            self.exit_code = ExitCode.UNREADABLE
        super().__init__(f"{path}: {reason}")

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class UnreadableError(NbError):
    """What a program wrote cannot be understood: a log, an image, a folder of results.

    path: the file; reason: what is wrong with it, with the remedy
    """

    exit_code = ExitCode.UNREADABLE

    def __init__(self, path: object, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


class ShapeError(NbError):
    """Two images have different shapes, (slow, fast)."""

    exit_code = ExitCode.SHAPES_DIFFER

    def __init__(self, ours: tuple[int, ...], theirs: tuple[int, ...], remedy: str) -> None:
        super().__init__(f"shapes: nb has {ours}, the reference {theirs} (slow, fast): {remedy}")


class ProgramError(NbError):
    """A program that was run failed.

    program: its path; reason: how it ended; output: the last lines that it printed
    """

    exit_code = ExitCode.PROGRAM_FAILED

    def __init__(self, program: object, reason: str, output: str = "") -> None:
        self.program = program
        self.reason = reason
        self.output = output
        said = f"; it said: {' | '.join(output.splitlines())}" if output else ""
        super().__init__(f"{program}: {reason}{said}")


class NbWarning(UserWarning):
    """Something was accepted that may not mean what the user thinks."""


class SlipWarning(NbWarning):
    """The reference profile keeps a slip of nanoBragg that changes this experiment's image."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that names the known name which is near, with a space after it; else nothing."""
    near = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]}? " if near else ""


def _shown(value: object, limit: int = 80) -> str:
    text = " ".join(str(value).split())
    if len(text) <= limit:
        return text
    kept = limit - 3
    return f"{text[: kept // 2]}...{text[-(kept - kept // 2) :]}"
