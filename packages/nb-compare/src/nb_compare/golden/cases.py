"""CASES.toml: which command lines to record."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nb_core import InputError
from nb_core.formats import read_text
from nb_core.showing import Brief

Pixel = tuple[int, int]
"""slow, fast"""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_KEYS = ("name", "args", "printout")


@dataclass(frozen=True, repr=False)
class CaseRequest(Brief):
    """A case to record.

    arguments: nanoBragg's options; printout: pixels (slow, fast) that the program is to print
    """

    name: str
    arguments: tuple[str, ...]
    printout: tuple[Pixel, ...] = ()


def read_cases(path: Path) -> tuple[CaseRequest, ...]:
    """The tables [[case]] of a TOML file: name, args and, where wanted, printout.

    Raises InputError naming the case, the key and the remedy for a file that cannot be read, for
    unknown keys, values of the wrong kind, and names that are missing, unsafe or taken.
    """
    try:
        document = tomllib.loads(read_text(path, "CASES.toml"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(str(path), "not TOML", str(error)) from None
    _refuse_unknown(str(path), document, ("case",))
    tables = document.get("case")
    if not isinstance(tables, list) or not tables or not all(isinstance(t, dict) for t in tables):
        raise InputError(
            str(path), "no cases", "write a table [[case]] with name and args for each"
        )
    found: dict[str, CaseRequest] = {}
    for number, table in enumerate(tables, 1):
        request = _request(table, f"case {number} of {path}")
        if found.setdefault(request.name.lower(), request) is not request:
            remedy = "another case has this name (in capitals or not); give each its own"
            raise InputError(f"case {number} of {path}: name", request.name, remedy)
    return tuple(found.values())


def _request(table: dict[str, Any], place: str) -> CaseRequest:
    name = table.get("name")
    if name is None:
        raise InputError(f"{place}: name", "(not given)", "give each case a name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        remedy = "use letters, digits, _ - and ., with a letter, digit or _ at the start"
        raise InputError(f"{place}: name", name, remedy)
    _refuse_unknown(f"case {name}", table, _KEYS)
    return CaseRequest(name, _arguments(table.get("args"), name), _pixels(table, name))


def _arguments(value: object, name: str) -> tuple[str, ...]:
    remedy = "give nanoBragg's options, as a string or a list of strings"
    words: Sequence[object] = value if isinstance(value, list) else ()
    if isinstance(value, str):
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise InputError(f"case {name}: args", value, f"{error}; {remedy}") from None
    if not words or not all(isinstance(word, str) for word in words):
        raise InputError(f"case {name}: args", "(not given)" if value is None else value, remedy)
    return tuple(str(word) for word in words)


def _pixels(table: dict[str, Any], name: str) -> tuple[Pixel, ...]:
    value = table.get("printout", [])
    if not isinstance(value, list) or not all(_is_pixel(pixel) for pixel in value):
        remedy = "give a list of pixels, [[slow, fast], ...], whole numbers from 0"
        raise InputError(f"case {name}: printout", value, remedy)
    return tuple((slow, fast) for slow, fast in value)


def _is_pixel(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(i) is int for i in value)


def _refuse_unknown(place: str, table: dict[str, Any], known: Sequence[str]) -> None:
    for key in table:
        if key not in known:
            raise InputError(
                f"{place}: {key}", table[key], f"unknown key; known: {', '.join(known)}"
            )
