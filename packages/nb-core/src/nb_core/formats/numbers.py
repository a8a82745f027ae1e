"""Numbers in text files, read strictly."""

from __future__ import annotations

import math
import re

from nb_core.errors import InputError

_GLUED = re.compile(r"(?<=[0-9.])(?=[+-])")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def text_to_number(text: str, field: str) -> float:
    """A finite decimal number; `field` says where it stands, for the error.

    Raises InputError for anything else, NaN and infinity among it.
    """
    if not _NUMBER.fullmatch(text):
        raise InputError(field, text, "not a finite number")
    number = float(text)
    if not math.isfinite(number):
        raise InputError(field, text, "too large for a floating-point number")
    return number


def part_glued_numbers(text: str) -> str:
    """The text with a blank before each sign that follows a digit, as in `0.0121-0.0254`.

    Columns of fixed width leave no blank before a negative number; C's scanf reads them so too.
    """
    return _GLUED.sub(" ", text)
