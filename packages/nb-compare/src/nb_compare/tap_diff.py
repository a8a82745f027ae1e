"""Compares what taps recorded in two folders of `nb trace --json`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nb_core import InputError, UnreadableError

SCHEMA = "nb-tap/1"
_HEAD = ("oversample", "profile", "rendered")

Result = dict[str, Any]
"""A file of schema nb-tap/1."""


@dataclass(frozen=True)
class FieldDifference:
    """A field that differs: how many of its values, and the first of them.

    where: the indices of the first along the field's axes; a, b: its value in each folder
    largest: largest relative difference, None where that makes no sense
    """

    tap: str
    field: str
    count: int
    total: int
    where: tuple[int, ...]
    a: Any
    b: Any
    largest: float | None


@dataclass(frozen=True)
class TapComparison:
    """Two files of a tap, and in which fields they differ."""

    tap: str
    pixels: tuple[tuple[int, ...], tuple[int, ...]]
    differences: tuple[FieldDifference, ...]


@dataclass(frozen=True)
class TapFolderReport:
    """What differs between two folders.

    alone: files that have no counterpart, with the folder they are in
    """

    compared: tuple[TapComparison, ...]
    alone: tuple[str, ...]

    @property
    def agree(self) -> bool:
        return not self.alone and not any(pair.differences for pair in self.compared)

    def text(self) -> str:
        """An account in lines: one a pair of files, and one a field that differs."""
        lines = [line for pair in self.compared for line in _pair_lines(pair)]
        lines += [f"only in one folder: {name}" for name in self.alone]
        differing = sum(bool(pair.differences) for pair in self.compared)
        lines.append(f"{len(self.compared)} compared, {differing} differ, {len(self.alone)} alone")
        return "\n".join(lines)


def compare_tap_folders(folder_a: Path, folder_b: Path, rtol: float = 1e-12) -> TapFolderReport:
    """Pairs the files of two folders, and compares each pair.

    Files go together that have tap, tag and pixel in common; then, of those left, tap and pixel;
    then tap and tag; then the tap alone: wherever there is just one on each side.
    Raises InputError for a folder without taps and for an rtol below 0, UnreadableError for a file
    that is none.
    """
    if not rtol >= 0:
        raise InputError("--rtol", rtol, "0 or more")
    left, right = _read_folder(folder_a), _read_folder(folder_b)
    pairs: list[tuple[Result, Result]] = []
    for alike in (("tap", "tag", "pixel"), ("tap", "pixel"), ("tap", "tag"), ("tap",)):
        pairs += _take_pairs(left, right, alike)
    alone = [
        f"{folder}: {result['tap']} at pixel {', '.join(map(str, result['pixel']))}"
        for folder, rest in ((folder_a, left), (folder_b, right))
        for result in rest
    ]
    return TapFolderReport(tuple(_compare(a, b, rtol) for a, b in pairs), tuple(alone))


def _take_pairs(
    left: list[Result], right: list[Result], alike: tuple[str, ...]
) -> list[tuple[Result, Result]]:
    """Takes from both lists what has the same values of some keys, and nothing else has them."""
    pairs = []
    for ours in list(left):
        same = [[r for r in side if _key(r, alike) == _key(ours, alike)] for side in (left, right)]
        if len(same[0]) == len(same[1]) == 1:
            pairs.append((ours, same[1][0]))
            left.remove(ours)
            right.remove(same[1][0])
    return pairs


def _key(result: Result, names: tuple[str, ...]) -> list[Any]:
    return [result.get(name) for name in names]


def _read_folder(folder: Path) -> list[Result]:
    if not folder.is_dir():
        raise InputError("folder", folder, "no such folder; name one that nb trace --json wrote")
    found: list[Result] = []
    for path in sorted(folder.glob("*.json")):
        content = _read_json(path)
        if isinstance(content, dict) and content.get("schema") == SCHEMA:
            try:
                place = [int(part) for part in content["pixel"]]
                _ = {name: (v["unit"], v["value"]) for name, v in content["values"].items()}
                if len(place) not in (2, 3):
                    raise ValueError("a pixel has two or three numbers")
                _ = content["tap"]
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise UnreadableError(path, f"not as the schema {SCHEMA} says") from error
            found.append(content)
    if not found:
        raise InputError("folder", folder, "holds no taps; write some with nb trace --json")
    return found


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnreadableError(path, f"not JSON: {error}") from error


def _compare(a: Result, b: Result, rtol: float) -> TapComparison:
    tap = str(a["tap"])
    found = [
        FieldDifference(tap, name, 1, 1, (), a.get(name), b.get(name), None)
        for name in _HEAD
        if a.get(name) != b.get(name)
    ]
    names = list(dict.fromkeys([*a["values"], *b["values"]]))
    for name in names:
        ours, theirs = a["values"].get(name), b["values"].get(name)
        difference = _field_difference(tap, name, ours, theirs, rtol)
        if difference is not None:
            found.append(difference)
    return TapComparison(tap, (tuple(a["pixel"]), tuple(b["pixel"])), tuple(found))


def _field_difference(
    tap: str, name: str, a: Result | None, b: Result | None, rtol: float
) -> FieldDifference | None:
    if a is None or b is None or a["unit"] != b["unit"]:
        units = ("(none)" if a is None else a["unit"], "(none)" if b is None else b["unit"])
        return FieldDifference(tap, name, 1, 1, (), *units, None)
    ours, theirs = list(_leaves(a["value"])), list(_leaves(b["value"]))
    if [place for place, _ in ours] != [place for place, _ in theirs]:
        counts = (f"{len(ours)} values", f"{len(theirs)} values")
        return FieldDifference(tap, name, 1, 1, (), *counts, None)
    unequal = [
        (place, x, y)
        for (place, x), (_, y) in zip(ours, theirs, strict=True)
        if not _same(x, y, rtol)
    ]
    if not unequal:
        return None
    apart = [_apart(x, y) for _, x, y in unequal]
    largest = max((value for value in apart if value is not None), default=None)
    place, x, y = unequal[0]
    return FieldDifference(tap, name, len(unequal), len(ours), place, x, y, largest)


def _leaves(value: Any, place: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Any]]:
    if isinstance(value, list):
        for index, part in enumerate(value):
            yield from _leaves(part, (*place, index))
    else:
        yield place, value


def _same(a: Any, b: Any, rtol: float) -> bool:
    if _is_number(a) and _is_number(b):
        return math.isclose(a, b, rel_tol=rtol, abs_tol=0.0)
    return bool(a == b)


def _apart(a: Any, b: Any) -> float | None:
    if not (_is_number(a) and _is_number(b)):
        return None
    return abs(a - b) / max(abs(a), abs(b))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _pair_lines(pair: TapComparison) -> Iterator[str]:
    own, other = (", ".join(map(str, pixel)) for pixel in pair.pixels)
    where = own if own == other else f"{own} against {other}"
    verdict = "differ" if pair.differences else "agree"
    yield f"{pair.tap} at pixel {where}: {verdict}"
    for entry in pair.differences:
        index = f"[{', '.join(map(str, entry.where))}]" if entry.where else ""
        share = f" ({entry.count} of {entry.total} values" if entry.total > 1 else " ("
        apart = "" if entry.largest is None else f"largest relative difference {entry.largest:.3g}"
        detail = ", ".join(part for part in (share.strip(" ("), apart) if part)
        yield f"  {entry.field}{index}: {entry.a} | {entry.b}" + (f"  ({detail})" if detail else "")
