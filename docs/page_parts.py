"""Parts of a page of the reference, in Markdown."""

from __future__ import annotations

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
