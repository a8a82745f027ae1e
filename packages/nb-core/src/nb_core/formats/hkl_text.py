"""What stands in lists of structure factors beside the numbers: comments, titles, more columns."""

from __future__ import annotations

import re
import warnings
from itertools import islice

from nb_core.errors import InputError, NbWarning
from nb_core.formats.numbers import part_glued_numbers

COLUMNS = 4
"""h, k, l and F; what follows on a line (a sigma, a phase, a flag) is not used."""

_COMMENT = re.compile(r"[#;!].*")
_TITLES = re.compile(r"[#;!\s]*h[\s,]+k[\s,]+l[\s,]+(?P<fourth>\S+)", re.IGNORECASE)
_FIRST_LINE_OF_TITLES = re.compile(r"\A(\s*)h[ \t,]+k[ \t,]+l\b.*", re.IGNORECASE)
_FIRST_LINE = re.compile(r"\S.*")
_INTENSITY = re.compile(
    r"\W*(I|I\W.*|I_?(obs|calc|mean|plus)|Intensity|F[_-]?(obs|calc|[oc])?(2|\^2|\*\*2|²|_?sq\w*))",
    re.IGNORECASE,
)
_SHELX = re.compile(r"(?=.{28}(.{4})?$)([ \d-]{3}\d){3}( *-?\d+\.\d*){2}([ \d]{3}\d)?$")
_SHELX_END = re.compile(r"^ {3}0 {3}0 {3}0 +0?\.0* +0?\.0*( +\d+)?$", re.MULTILINE)
_SHELX_LINES = 50


def numbers_of_list(text: str, name: str) -> str:
    """The text with its comments and titles blanked out, line by line, and glued numbers parted.

    Comments go from a #, ; or ! to the end of the line; titles are a first line "h k l F ...".
    Warns (NbWarning) of columns beyond the fourth. Raises InputError where titles or SHELX's
    columns say that the fourth holds intensities, and for a file without a line of numbers.
    """
    _refuse_intensities(text, name)
    if _COMMENT.search(text):
        text = _COMMENT.sub("", text)
    text = _FIRST_LINE_OF_TITLES.sub(r"\1", text)
    numbers = part_glued_numbers(text)
    first = _FIRST_LINE.search(numbers)
    if first is None:
        raise InputError("structure factor list", name, "no line of numbers: h k l F are needed")
    meaning = "; SHELX writes F squared there, in such columns" if _is_shelx(text) else ""
    warn_of_columns(len(first.group().split()), name, meaning)
    return numbers


def warn_of_columns(columns: int, name: str, meaning: str = "") -> None:
    """Warns (NbWarning) where a list has more columns than are used."""
    if columns > COLUMNS:
        message = (
            f"{name}: {columns} columns: the fourth is taken as F (an amplitude{meaning}), "
            "those after it are not used"
        )
        warnings.warn(message, NbWarning, stacklevel=4)


def _refuse_intensities(text: str, name: str) -> None:
    for line in islice(text.split("\n", 100), 100):
        titles = _TITLES.match(line)
        if titles and _INTENSITY.fullmatch(titles.group("fourth")):
            remedy = "intensities, where amplitudes F are needed; write their square roots"
            raise InputError(name, f"column {titles.group('fourth')}", remedy)
    if _is_shelx(text) and _SHELX_END.search(text):
        remedy = "SHELX reflections (h k l, F squared, sigma); write a list of h k l F"
        raise InputError("structure factor list", name, remedy)


def _is_shelx(text: str) -> bool:
    """Whether the lines have the columns that SHELX gives them: 3I4, 2F8.2, and perhaps I4."""
    lines = [line.rstrip() for line in text.split("\n", _SHELX_LINES)[:_SHELX_LINES]]
    return all(_SHELX.match(line) for line in lines if line) and any(lines)
