"""Parts of a page of the reference, in Markdown."""

from __future__ import annotations

import enum
import re
from typing import Any

NOTE = "<!-- Made by docs/generate.py; do not edit. -->"


def sentence(text: str) -> str:
    """A docstring as running text."""
    return " ".join(text.split())


def text(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```"


def table(head: tuple[str, ...], rows: list[Any]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell(text) for text in row)} |" for row in lines)


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def page(*parts: str) -> str:
    title, *rest = parts
    return "\n\n".join([title, NOTE, *rest]) + "\n"


def value_text(value: Any) -> str:
    """A default or a constant, as it is written in Python."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    return re.sub(r" object at 0x\w+", "", repr(value)).replace("collections.abc.", "")
