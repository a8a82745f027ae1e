"""The errors and warnings that nb shows to a user.

Every error says three things: which option or field, the value it had, and the remedy.
"""

from __future__ import annotations


class NbError(Exception):
    """Base of all errors that a user can cause and mend; the command line exits with 2."""


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
    """

    def __init__(self, path: object, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class NbWarning(UserWarning):
    """Something was accepted that may not mean what the user thinks."""


def _shown(value: object, limit: int = 80) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= limit else text[: limit - 3] + "..."
