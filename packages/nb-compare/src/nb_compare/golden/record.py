"""Records a golden folder: runs the C program once a case, and once more for each printed pixel."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nb_compare
from nb_compare.evidence import environment, input_checksums, now, sha256_of, write_evidence
from nb_compare.golden.cases import CaseRequest, Pixel, read_cases
from nb_compare.golden.format import (
    CASES,
    COUNTS,
    INPUTS,
    PROVENANCE,
    SCHEMA,
    GoldenCase,
    float_sha256,
    image_arrays,
    write_arrays,
    write_json,
)
from nb_compare.program import ProgramRun, StagedArguments, run_program, stage_arguments
from nb_core import (
    Experiment,
    InputError,
    NbWarning,
    ProgramError,
    SlipWarning,
    UnreadableError,
    flags_to_experiment,
)
from nb_core.flags import options_to_settings, read_options
from nb_core.formats import atomic_folder
from nb_physics import image_files, make_plan, select_pixels

Progress = Callable[[int, int], None]
"""Called after each case with the cases done and the cases in all."""

_NUMBER = r"(\S+)"
_FIGURES = {
    "max_I": rf"^max_I = {_NUMBER} ",
    "max_at_m": rf"^max_I = \S+ +at {_NUMBER} {_NUMBER}",
    "mean": rf"^mean= {_NUMBER} ",
    "rms": rf"^mean= \S+ rms= {_NUMBER} ",
    "rmsd": rf" rmsd= {_NUMBER}",
    "sources": r"^ +(\d+) sources$",
    "mosaic_domains": r"^ +(\d+) mosaic domains over",
    "phi_steps": r"^ +(\d+) phi steps from",
    "oversample": r"^ +(\d+)x\d+ pixel oversample",
}


@dataclass(frozen=True)
class _Ready:
    """A case that can be run: its arguments, and the images that it writes besides by kind."""

    request: CaseRequest
    staged: StagedArguments
    shape: tuple[int, int]
    files: Mapping[str, str]


def record_golden(
    cases: Path,
    out: Path,
    program: Path,
    *,
    command: Sequence[str],
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Records the cases of a TOML file in a new golden folder, and returns its provenance.

    cases: files that its options name are looked up in its folder
    command: the words of the command that does this, for commands.txt
    Everything is checked before the program runs; `out` appears only when it is complete. Warns
    (NbWarning) as nb does of the options.
    Raises InputError as `read_cases`, and for options that nb refuses or that draw from the clock;
    OutputError where `out` exists or cannot be made; ProgramError where the program fails, and
    UnreadableError where its log or images make no sense, both naming the case.
    """
    requests = read_cases(cases)
    ready, inputs = _prepare(requests, cases.parent)
    with atomic_folder(out) as working:
        (working / INPUTS).mkdir()
        for name, source in inputs.items():
            shutil.copyfile(source, working / INPUTS / name)
        copies = {f"{INPUTS}/{name}": working / INPUTS / name for name in inputs}
        read = input_checksums({cases.name: cases, **copies})
        recorded = []
        for number, case in enumerate(ready, 1):
            recorded.append(_record(case, program, working))
            if progress is not None:
                progress(number, len(ready))
        write_json(working / CASES, [case.to_json() for case, _ in recorded])
        provenance = _provenance(program, recorded[0][1], len(ready))
        write_json(working / PROVENANCE, provenance)
        write_evidence(working, [command], inputs=read)
    return provenance


def check_reproducible(experiment: Experiment, arguments: Sequence[str]) -> None:
    """Raises InputError for options that draw from the clock, so that no run is like another."""
    outputs = experiment.outputs
    if "noise" in image_files(outputs, {}) and outputs.noise_seed is None:
        remedy = "give -seed: a noise image drawn from the clock cannot be verified"
        raise InputError("-noisefile", outputs.noisefile, remedy)
    with warnings.catch_warnings(action="ignore", category=NbWarning):
        said = options_to_settings(read_options(arguments))
    seeds = (said.get("crystal.misset_seed"), said.get("outputs.noise_seed"))
    if said.get("crystal.misset_deg") == "random" and seeds == (None, None):
        remedy = "give -misset_seed: an orientation drawn from the clock cannot be verified"
        raise InputError("-misset", "random", remedy)


def _prepare(requests: Sequence[CaseRequest], folder: Path) -> tuple[list[_Ready], dict[str, Path]]:
    """Each case, checked; and the input files of all of them by name."""
    ready: list[_Ready] = []
    inputs: dict[str, Path] = {}
    with contextlib.chdir(folder):
        for request in requests:
            experiment = _experiment(request)
            staged = _flat(stage_arguments(request.arguments), request.name, inputs)
            detector = experiment.plane
            files = image_files(experiment.outputs, {})
            files.pop("float", None)
            ready.append(_Ready(request, staged, (detector.spixels, detector.fpixels), files))
    return ready, inputs


def _experiment(request: CaseRequest) -> Experiment:
    """The experiment of a case; what nb says against it names the case.

    Nothing is said of nanoBragg's slips: to record them is what goldens are for.
    """
    place = f"case {request.name}"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NbWarning)
        warnings.simplefilter("ignore", SlipWarning)
        try:
            experiment = make_plan(flags_to_experiment(request.arguments)).experiment
            check_reproducible(experiment, request.arguments)
        except InputError as error:
            raise InputError(f"{place}: args: {error.field}", error.value, error.remedy) from error
    for warning in caught:
        warnings.warn(f"{place}: {warning.message}", NbWarning, stacklevel=4)
    selection = select_pixels(experiment)
    for pixel in request.printout:
        if selection.number(*pixel) is None:
            remedy = "not rendered: off the detector, outside the region of interest, or masked"
            raise InputError(f"{place}: printout", list(pixel), remedy)
    return experiment


def _flat(staged: StagedArguments, name: str, inputs: dict[str, Path]) -> StagedArguments:
    """The same with all files in one folder, as inputs/ holds them; adds its files to `inputs`.

    Raises InputError for two different input files of one name, and for outputs in folders.
    """
    own = {}
    for given, source in staged.inputs.items():
        own[given] = source.name
        same = inputs.setdefault(source.name, source)
        if same != source and sha256_of(same) != sha256_of(source):
            remedy = f"another file of this name is read, {same}; rename one of them"
            raise InputError(f"case {name}: args", str(source), remedy)
    for output in staged.outputs:
        if os.path.basename(output) != output:
            raise InputError(f"case {name}: args", output, "name outputs without a folder")
    arguments = tuple(own.get(word, word) for word in staged.arguments)
    files = {own[given]: source for given, source in staged.inputs.items()}
    return dataclasses.replace(staged, arguments=arguments, inputs=files)


def _record(case: _Ready, program: Path, working: Path) -> tuple[GoldenCase, str]:
    """Runs a case and writes its images; returns it, and the first line that was printed."""
    name = case.request.name
    with tempfile.TemporaryDirectory(prefix="nb-c-") as folder:
        run = _run(case, program, Path(folder))
        with _naming(name):
            image = run.image(case.shape)
            written = {kind: Path(folder) / file for kind, file in case.files.items()}
            contents = {k: p.read_bytes() if p.is_file() else None for k, p in written.items()}
            arrays = image_arrays(image, contents)
            figures = _figures(run.log)
    printout = {pixel: _print_pixel(case, program, pixel) for pixel in case.request.printout}
    write_arrays(working, name, arrays)
    shape, checksum = (image.shape[0], image.shape[1]), float_sha256(image)
    recorded = GoldenCase(name, case.staged.arguments, shape, checksum, figures, printout)
    return recorded, run.log.partition("\n")[0].strip()


def _run(case: _Ready, program: Path, folder: Path, *more: str) -> ProgramRun:
    staged = dataclasses.replace(case.staged, arguments=(*case.staged.arguments, *more))
    try:
        return run_program(program, staged, folder)
    except ProgramError as error:
        reason = f"case {case.request.name}: {error.reason}"
        raise ProgramError(program, reason, error.output) from error


def _print_pixel(case: _Ready, program: Path, pixel: Pixel) -> tuple[str, ...]:
    """The lines that the program prints of a pixel, from its indices to the cell vectors."""
    slow, fast = pixel
    printing = ("-printout", "-printout_pixel", str(fast), str(slow))
    with tempfile.TemporaryDirectory(prefix="nb-c-") as folder:
        log = _run(case, program, Path(folder), *printing).log
    found = re.search(rf"^ *{fast} +{slow} : stol =.*?^Z:.*?$", log, re.MULTILINE | re.DOTALL)
    if found is None:
        with _naming(case.request.name):
            raise UnreadableError("log", f"does not print the pixel fast {fast}, slow {slow}")
    return tuple(found[0].strip().splitlines())


def _figures(log: str) -> dict[str, Any]:
    """The figures that the program prints of an image, and its step counts."""
    figures: dict[str, Any] = {}
    for key, pattern in _FIGURES.items():
        found = re.search(pattern, log, re.MULTILINE)
        if found is None:
            raise UnreadableError("log", f"does not print {key}; is this nanoBragg?")
        numbers = [_number(text, key) for text in found.groups()]
        figures[key] = numbers if key == "max_at_m" else numbers[0]
    return figures


def _number(text: str, key: str) -> int | float:
    with contextlib.suppress(ValueError):
        number = int(text) if key in COUNTS else float(text)
        if math.isfinite(number):
            return number
    raise UnreadableError("log", f"prints {key} as {text!r}, which is no finite number")


@contextlib.contextmanager
def _naming(name: str) -> Iterator[None]:
    """Puts the case's name before what is unreadable."""
    try:
        yield
    except UnreadableError as error:
        raise UnreadableError(f"case {name}: {error.path}", error.reason) from error


def _provenance(program: Path, banner: str, cases: int) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "created": f"{now():%Y-%m-%dT%H:%M:%SZ}",
        "program": {"name": program.name, "sha256": sha256_of(program), "banner": banner},
        "cases": cases,
        "recorded_with": {"nb": nb_compare.__version__},
        "environment": environment("cpu", "float64"),
    }
