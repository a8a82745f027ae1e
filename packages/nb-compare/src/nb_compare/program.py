"""Runs the C program, in a fresh folder that holds nothing but the files its arguments name."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
import warnings
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from nb_core import (
    Experiment,
    InputError,
    NbWarning,
    ProgramError,
    UnreadableError,
    experiment_to_flags,
)
from nb_core.flags import Option, find_option, read_options
from nb_core.showing import Brief

PROGRAM_VARIABLE = "NB_C_BIN"
"""The environment variable that holds the path of the C program."""
NAME = "nanoBragg"
FLOAT_IMAGE = "floatimage.bin"

_OUTPUTS = ("outputs.floatfile", "outputs.intfile", "outputs.pgmfile", "outputs.noisefile")
_PIXELS = re.compile(r"\((\d+)x(\d+) pixels\)")


@dataclass(frozen=True, repr=False)
class StagedArguments(Brief):
    """Arguments whose files lie in a folder of their own.

    arguments: as given, but files outside the caller's folder have names of their own
    inputs: files to copy: name in the fresh folder -> where it is now
    outputs: names of the files that will be written
    """

    arguments: tuple[str, ...]
    inputs: dict[str, Path]
    outputs: tuple[str, ...]

    def fill(self, folder: Path) -> None:
        """Copies the inputs to an empty folder, and makes the folders that outputs go to.

        Raises InputError for an input that is gone.
        """
        for name, source in self.inputs.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(source, target)
            except FileNotFoundError:
                raise InputError("input file", str(source), "was there and is gone") from None
        for name in self.outputs:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True, repr=False)
class ProgramRun(Brief):
    """What a run of the C program left: its log and the seconds it took.

    command: the arguments, the program's path first; folder: where it ran
    """

    command: tuple[str, ...]
    folder: Path
    log: str
    seconds: float

    def image(self, shape: tuple[int, int]) -> Float32[np.ndarray, "slow fast"]:
        """Its raw float image, of the shape that it printed, else of `shape`.

        Raises UnreadableError where the file's size is that of neither, and for NaN or infinity.
        """
        path = self.folder / FLOAT_IMAGE
        values = np.fromfile(path, "<f4")
        printed = _PIXELS.search(self.log)
        if printed:
            shape = (int(printed[2]), int(printed[1]))
        if path.stat().st_size != 4 * shape[0] * shape[1]:
            reason = f"{values.size} pixels, where {shape} (slow, fast) are expected"
            raise UnreadableError(path, reason)
        if not np.isfinite(values).all():
            raise UnreadableError(path, "the C program wrote NaN or infinity; see its log")
        return values.reshape(shape)


def find_program(given: str | None) -> Path:
    """The C program that `search_program` finds.

    Raises InputError where there is none, or it cannot be run.
    """
    found = search_program(given)
    if found is None:
        remedy = f"give --c-bin PATH, or set {PROGRAM_VARIABLE} to the C program nanoBragg"
        raise InputError("--c-bin", "(not given)", remedy)
    return found


def search_program(given: str | None = None) -> Path | None:
    """The C program: the one given, else that of NB_C_BIN, else ./nanoBragg, else on the PATH.

    None where nothing names one. Raises InputError where the one that is named cannot be run.
    """
    for source, name in (("--c-bin", given), (PROGRAM_VARIABLE, os.environ.get(PROGRAM_VARIABLE))):
        if name:
            return _runnable(source, name)
    if Path(NAME).is_file():
        return _runnable(f"./{NAME}", NAME)
    on_path = shutil.which(NAME)
    return None if on_path is None else Path(on_path).resolve()


def program_arguments(experiment: Experiment, arguments: Sequence[str]) -> list[str]:
    """nanoBragg's options of a command line: as given, or written from the experiment where a
    TOML file is named before them. Raises InputError for what nanoBragg has no option for.
    """
    given = bool(arguments) and arguments[0].startswith("-")
    flags = list(arguments) if given else experiment_to_flags(experiment)
    if "-shape" in flags:
        remedy = "nanoBragg has square, round, gauss and tophat only; choose one of these for both"
        raise InputError("-shape", "an option of nb's own", remedy)
    if "-background" in flags:
        remedy = "nanoBragg has water only (-water); leave it out for both"
        raise InputError("-background", "an option of nb's own", remedy)
    if "-friedel" in flags:
        remedy = "nanoBragg does not add Friedel mates; give both programs a list that holds them"
        raise InputError("-friedel", "an option of nb's own", remedy)
    return flags


def stage_arguments(arguments: Sequence[str]) -> StagedArguments:
    """Finds the files that nanoBragg's arguments name, seen from the current folder.

    Files in or below it keep their names; others are called inputs/NUMBER-NAME. A dump is read
    only where there is no -hkl; with it, it is written.
    """
    staged = list(arguments)
    inputs: dict[str, Path] = {}
    outputs: list[str] = []
    used = list(_positions(arguments))
    lists = any(key == "file.hkl" for key, _ in used)
    named = {os.path.normpath(arguments[position]) for _, position in used}
    for number, (key, position) in enumerate(used):
        name = arguments[position]
        own = _own_name(name, number, named)
        staged[position] = own
        if key in _OUTPUTS or (key == "file.dump" and lists):
            outputs.append(own)
        elif Path(name).is_file():
            inputs[own] = Path(name).resolve()
    return StagedArguments(tuple(staged), inputs, tuple(outputs))


def run_program(program: Path, staged: StagedArguments, folder: Path) -> ProgramRun:
    """Runs the C program in a folder, which must be empty, and waits for its float image.

    Raises ProgramError with what it printed where it fails or leaves no image.
    """
    staged.fill(folder)
    command = (str(program), *staged.arguments, "-floatfile", FLOAT_IMAGE)
    start = time.perf_counter()
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise ProgramError(program, f"cannot be run: {error.strerror}") from error
    seconds = time.perf_counter() - start
    said = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-5:])
    if done.returncode < 0:
        raise ProgramError(program, f"was ended by signal {-done.returncode}", said)
    if done.returncode > 0:
        raise ProgramError(program, f"ended with exit code {done.returncode}", said)
    if not (folder / FLOAT_IMAGE).is_file():
        raise ProgramError(program, "wrote no float image", said)
    return ProgramRun(command, folder, done.stdout + done.stderr, seconds)


def _runnable(source: str, name: str) -> Path:
    path = Path(name).resolve()
    if not path.is_file():
        raise InputError(source, name, "no such file; give the path of the C program nanoBragg")
    if not os.access(path, os.X_OK):
        raise InputError(source, name, "is not a program that can be run")
    return path


def _positions(arguments: Sequence[str]) -> list[tuple[str, int]]:
    """The options that name a file: what it is for, and the position of the name."""
    found = []
    position = 0
    with warnings.catch_warnings(action="ignore", category=NbWarning):
        options = list(read_options(arguments, ignore_unknown=True))
    for option, values in options:
        while not _is_option(arguments[position], option):
            position += 1
        if option.kind.name == "FILE" and values:
            found.append((option.keys[0] if option.keys else option.name, position + 1))
        position += 1 + len(values)
    return found


def _is_option(argument: str, option: Option) -> bool:
    return argument.startswith("-") and find_option(argument) is option


def _own_name(name: str, number: int, taken: Set[str]) -> str:
    """number: of the option; taken: names that files may keep, and no other gets"""
    normal = os.path.normpath(name)
    if not os.path.isabs(normal) and normal.split(os.sep)[0] != "..":
        return normal
    own = f"inputs/{number}-{os.path.basename(normal)}"
    while own in taken:
        own += "_"
    return own
