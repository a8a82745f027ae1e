"""Numbers in words."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number of things, one or several: 1 panel, 2 panels."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
