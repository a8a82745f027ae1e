"""The files of a golden folder.

cases.json: a list of cases, each its options and what the program printed
NAME.npz: the images of a case: `float`, and where its options name them `int` with `int_header`,
    `noise` with `noise_header`, and `pgm`
inputs/: the files that the options name
provenance.json: which program made them, when and where
"""

from __future__ import annotations

import hashlib
import json
import shlex
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from nb_compare.golden.cases import Pixel
from nb_core import InputError, UnreadableError
from nb_core.showing import Brief

CASES, PROVENANCE, INPUTS = "cases.json", "provenance.json", "inputs"
SCHEMA = "nb-golden/1"
SMV_KINDS = ("int", "noise")

_DAMAGE = (ValueError, EOFError, KeyError, AttributeError, zipfile.BadZipFile, zlib.error)
"""What numpy raises for a file that is no .npz file, or not a whole one."""

Arrays = dict[str, np.ndarray]
"""The images of a case by the names that NAME.npz has for them."""

COUNTS = ("sources", "mosaic_domains", "phi_steps", "oversample")
"""Figures of a case that are whole numbers."""

_NUMBERS = ("max_I", "mean", "rms", "rmsd")


@dataclass(frozen=True, repr=False)
class GoldenCase(Brief):
    """A recorded case.

    arguments: nanoBragg's options, where files are those of inputs/; shape: (slow, fast)
    float_sha256: of the float image, little-endian float32
    figures: what the program printed: max_I, max_at_m (fast, slow), mean, rms and rmsd, and how
        many sources, mosaic_domains, phi_steps and sub-pixels a side (oversample)
    printout: the lines that it printed of pixels (slow, fast)
    """

    name: str
    arguments: tuple[str, ...]
    shape: tuple[int, int]
    float_sha256: str
    figures: Mapping[str, Any]
    printout: Mapping[Pixel, tuple[str, ...]]

    def to_json(self) -> dict[str, Any]:
        """The case as cases.json has it; there, a printed pixel is "FAST,SLOW"."""
        entry = {
            "name": self.name,
            "args": shlex.join(self.arguments),
            "shape_slow_fast": list(self.shape),
            "float_sha256": self.float_sha256,
            **self.figures,
        }
        if self.printout:
            entry["printout"] = {
                f"{fast},{slow}": list(lines) for (slow, fast), lines in self.printout.items()
            }
        return entry


@dataclass(frozen=True, repr=False)
class Golden(Brief):
    """A golden folder: its cases by name, and its provenance where it has one."""

    folder: Path
    cases: Mapping[str, GoldenCase]
    provenance: Mapping[str, Any] | None

    def arrays(self, name: str, kinds: Iterable[str] = ()) -> Arrays:
        """The images of a case, the kinds (int, noise, pgm) that its options name among them.

        Raises UnreadableError where the file is missing or damaged, or an image does not have the
        shape, type or checksum that it must have.
        """
        path, case = self.folder / f"{name}.npz", self.cases[name]
        arrays = _read_arrays(path)
        _check_array(path, arrays, "float", np.float32, case.shape)
        for kind in kinds:
            smv = kind in SMV_KINDS
            _check_array(path, arrays, kind, np.uint16 if smv else np.uint8, case.shape * smv)
            if smv:
                _check_array(path, arrays, f"{kind}_header", np.uint8, ())
        if float_sha256(arrays["float"]) != case.float_sha256:
            reason = f"the float image is not the one that {CASES} has the checksum of; record anew"
            raise UnreadableError(path, reason)
        if not np.isfinite(arrays["float"]).all():
            raise UnreadableError(path, "the float image has pixels that are not finite")
        return arrays


def float_sha256(image: Float32[np.ndarray, "slow fast"]) -> str:
    """The sha256 of a float image as the program writes it, in hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(image, "<f4").tobytes()).hexdigest()


def image_arrays(
    image: Float32[np.ndarray, "slow fast"], files: Mapping[str, bytes | None]
) -> Arrays:
    """The arrays of a case, from the float image and the content of the other files by kind.

    Raises UnreadableError, naming the kind, for a file that is missing or too short.
    """
    arrays: Arrays = {"float": np.ascontiguousarray(image, np.float32)}
    for kind, content in files.items():
        if content is None:
            raise UnreadableError(kind, "the program wrote no such image")
        if kind not in SMV_KINDS:
            arrays[kind] = np.frombuffer(content, np.uint8)
            continue
        start = len(content) - 2 * image.size
        if start <= 0:
            raise UnreadableError(kind, f"{len(content)} bytes hold no header and {image.shape}")
        arrays[f"{kind}_header"] = np.frombuffer(content[:start], np.uint8)
        arrays[kind] = np.frombuffer(content[start:], "<u2").astype(np.uint16).reshape(image.shape)
    return arrays


def read_golden(folder: Path) -> Golden:
    """The cases and the provenance of a golden folder.

    Raises InputError where there is no such folder, UnreadableError where its files are damaged.
    """
    if not folder.is_dir():
        remedy = "no such folder; give one that nb golden record has made"
        raise InputError("golden folder", str(folder), remedy)
    path = folder / CASES
    entries = _read_json(path)
    if not isinstance(entries, list) or not entries:
        raise UnreadableError(path, "holds no list of cases")
    cases: dict[str, GoldenCase] = {}
    for number, entry in enumerate(entries, 1):
        case = _case(entry, path, number)
        if cases.setdefault(case.name, case) is not case:
            raise UnreadableError(path, f"two cases are called {case.name}")
    return Golden(folder, cases, _provenance(folder / PROVENANCE))


def write_arrays(folder: Path, name: str, arrays: Arrays) -> None:
    """Writes NAME.npz."""
    with (folder / f"{name}.npz").open("wb") as stream:
        content: dict[str, Any] = {**arrays}
        np.savez_compressed(stream, **content)


def write_json(path: Path, content: object) -> None:
    """Writes strict JSON, as cases.json is laid out."""
    path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _case(entry: object, path: Path, number: int) -> GoldenCase:
    if not isinstance(entry, dict):
        raise UnreadableError(path, f"case {number} is no table of keys")
    place = f"case {entry.get('name', number)}"

    def take(key: str, fits: bool) -> None:
        if key not in entry:
            raise UnreadableError(path, f"{place} has no {key}")
        if not fits:
            raise UnreadableError(path, f"{place}: {key} makes no sense: {entry[key]!r:.60}")

    shape: Any = entry.get("shape_slow_fast")
    for key in ("name", "args", "float_sha256"):
        take(key, isinstance(entry.get(key), str))
    take("name", Path(entry["name"]).name == entry["name"])
    take("shape_slow_fast", _are(shape, int, 2) and min(shape) > 0)
    for key in _NUMBERS:
        take(key, _are([entry.get(key)], (int, float), 1))
    take("max_at_m", _are(entry.get("max_at_m"), (int, float), 2))
    for key in COUNTS:
        take(key, _are([entry.get(key)], int, 1))
    return GoldenCase(
        name=entry["name"],
        arguments=_words(entry["args"], path, place),
        shape=(shape[0], shape[1]),
        float_sha256=entry["float_sha256"],
        figures={key: entry[key] for key in ("max_I", "max_at_m", *_NUMBERS[1:], *COUNTS)},
        printout=_printout(entry.get("printout", {}), path, place),
    )


def _are(values: Any, kind: type | tuple[type, ...], count: int) -> bool:
    """Whether this is a list of so many numbers of a kind."""
    return (
        isinstance(values, list)
        and len(values) == count
        and all(isinstance(value, kind) and not isinstance(value, bool) for value in values)
    )


def _words(text: str, path: Path, place: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise UnreadableError(path, f"{place}: args: {error}") from None


def _printout(value: Any, path: Path, place: str) -> dict[Pixel, tuple[str, ...]]:
    try:
        pixels = {tuple(int(part) for part in key.split(",")): value[key] for key in value}
        return {(slow, fast): tuple(map(str, lines)) for (fast, slow), lines in pixels.items()}
    except (AttributeError, TypeError, ValueError):
        reason = f'{place}: printout must have lines by "FAST,SLOW"'
        raise UnreadableError(path, reason) from None


def _provenance(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    content = _read_json(path)
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        raise UnreadableError(path, f"its schema is {schema!r}, where {SCHEMA!r} is expected")
    return content


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnreadableError(path, f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UnreadableError(path, f"is not JSON: {error}") from error


def _read_arrays(path: Path) -> Arrays:
    try:
        with path.open("rb") as stream:
            if not zipfile.is_zipfile(stream):
                raise zipfile.BadZipFile("it is no archive, or cut off")
            stream.seek(0)
            with np.load(stream) as content:
                return {key: content[key] for key in content.files}
    except OSError as error:
        raise UnreadableError(path, f"cannot be read: {error.strerror or error}") from error
    except (
        ValueError,
        EOFError,
        KeyError,
        AttributeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise UnreadableError(path, f"is not a whole .npz file: {error}") from error


def _check_array(path: Path, arrays: Arrays, key: str, dtype: type, shape: tuple[int, ...]) -> None:
    """shape: as it must be; () where any length will do"""
    if key not in arrays:
        raise UnreadableError(path, f"has no {key}, though the case's options name one")
    array = arrays[key]
    if array.dtype != dtype or array.ndim != (len(shape) or 1) or (shape and array.shape != shape):
        wanted = f"{np.dtype(dtype)} {shape or '(bytes)'}"
        raise UnreadableError(path, f"{key} is {array.dtype} {array.shape}, not {wanted}")
