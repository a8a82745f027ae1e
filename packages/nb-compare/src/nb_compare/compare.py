"""The same arguments through the C program and through nb, and how far the two images agree."""

from __future__ import annotations

import contextlib
import json
import shlex
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32

from nb_compare.evidence import (
    environment,
    input_checksums,
    now,
    result_folder,
    sha256_of,
    write_evidence,
)
from nb_compare.golden.format import Golden, GoldenCase
from nb_compare.pictures import PERCENTILE, save_picture
from nb_compare.program import (
    ProgramRun,
    StagedArguments,
    run_program,
    stage_arguments,
)
from nb_compare.report import write_report
from nb_compare.resample import resample_to
from nb_compare.summary import SCHEMA, Thresholds, measure
from nb_core import Experiment, InputError, Profile, Roi, ShapeError, flags_to_experiment
from nb_core.formats import atomic_write, write_floats
from nb_core.showing import Brief
from nb_physics import Choice, Progress, make_plan, simulate

Image = Float32[np.ndarray, "slow fast"]
AnyImage = Float32[np.ndarray, "_ _"]
"""An image whose shape need not be that of the others."""


@dataclass(frozen=True)
class Choices:
    """What a comparison is asked for, besides the experiment.

    roi: what is rendered and compared; resample: brings nb's image to the reference's shape
    percentile: where the scale of the pictures ends; save_difference: as raw float32, too
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    roi: Roi | None = None
    resample: bool = False
    percentile: float = PERCENTILE
    save_difference: bool = False
    device: str = "cpu"
    dtype: str = "float64"
    engine: str = "auto"
    profile: Profile | None = None
    ignore_unknown: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.percentile <= 100:
            raise InputError("--png-scale", self.percentile, "more than 0 and at most 100")
        if not -1 <= self.thresholds.correlation <= 1:
            raise InputError("--threshold", self.thresholds.correlation, "from -1 to 1")
        if not self.thresholds.sum_tolerance >= 0:
            raise InputError("--sum-tolerance", self.thresholds.sum_tolerance, "0 or more")


@dataclass(frozen=True, eq=False)
class Reference:
    """The image that nb's is held against, and where it is from.

    facts: for the summary; command, log: of the program that was run, where one was
    """

    image: Image
    facts: Mapping[str, Any]
    command: tuple[str, ...]
    log: str


@dataclass(frozen=True, eq=False)
class Computed:
    """nb's image as float32, the seconds that it took, and the engine that computed it."""

    image: Image
    seconds: float
    engine: Choice


@dataclass(frozen=True, repr=False)
class Comparison(Brief):
    """The outcome: the summary (schema nb-compare/1), and the folder that holds all of it."""

    summary: Mapping[str, Any]
    folder: Path

    @property
    def agree(self) -> bool:
        return bool(self.summary["verdict"] == "agree")


def compare_with_program(
    program: Path,
    arguments: Sequence[str],
    choices: Choices,
    parent: Path,
    *,
    command: Sequence[str] = (),
    progress: Progress | None = None,
) -> Comparison:
    """Runs the C program and nb, each in a fresh folder with the files of the arguments only.

    arguments: nanoBragg's; parent: where the result folder goes; command: this one, for evidence
    Raises InputError for arguments that nb refuses, ProgramError where the program fails,
    UnreadableError for an image that is none, ShapeError where shapes differ without `resample`.
    """
    staged = stage_arguments([*arguments, *_roi_flags(choices.roi)])
    with _fresh_folder() as ours, _fresh_folder() as theirs:
        staged.fill(ours)
        inputs = input_checksums({name: ours / name for name in staged.inputs})
        log: list[str] = []
        experiment = _read(staged.arguments, ours, choices, log)
        run = run_program(program, staged, theirs)
        detector = experiment.plane
        image = run.image((detector.spixels, detector.fpixels))
        reference = _program_reference(program, run, image)
        computed = _simulate(experiment, choices, log, progress)
        return _write_folder(staged, inputs, choices, computed, log, reference, parent, command)


def compare_with_golden(
    golden: Golden,
    arguments: Sequence[str],
    choices: Choices,
    parent: Path,
    *,
    command: Sequence[str] = (),
    progress: Progress | None = None,
) -> Comparison:
    """As `compare_with_program`, with a recorded image; files are those of its inputs folder.

    The recorded case is the one that has these arguments, or the only one there is. Raises
    InputError where that finds none.
    """
    case = _find_case(golden, arguments)
    home = golden.folder / "inputs"
    with contextlib.chdir(home if home.is_dir() else "."):
        staged = stage_arguments([*arguments, *_roi_flags(choices.roi)])
    with _fresh_folder() as ours:
        staged.fill(ours)
        inputs = input_checksums({name: ours / name for name in staged.inputs})
        log: list[str] = []
        experiment = _read(staged.arguments, ours, choices, log)
        provenance = golden.provenance or {}
        facts = {
            "kind": "golden",
            "name": f"{case.name} of {golden.folder}",
            "sha256": case.float_sha256,
            "command": shlex.join(["nanoBragg", *case.arguments]),
            "seconds": None,
        }
        recorded = json.dumps(provenance, indent=2) + "\n"
        reference = Reference(golden.arrays(case.name)["float"], facts, (), recorded)
        computed = _simulate(experiment, choices, log, progress)
        return _write_folder(staged, inputs, choices, computed, log, reference, parent, command)


def _write_folder(
    staged: StagedArguments,
    inputs: Mapping[str, str],
    choices: Choices,
    computed: Computed,
    log: Sequence[str],
    reference: Reference,
    parent: Path,
    command: Sequence[str],
) -> Comparison:
    """Compares the images, and writes everything to a result folder; inputs: their sha256."""
    ours, theirs = _same_shape(computed.image, reference.image, choices)
    summary = _summary(staged, inputs, choices, (ours, theirs), reference, computed)
    with result_folder(parent, command or staged.arguments) as (working, final):
        write_floats(str(working / "nb_floatimage.bin"), computed.image)
        write_floats(str(working / "c_floatimage.bin"), reference.image)
        _write(working / "nb.log", "".join(f"{line}\n" for line in log))
        _write(working / "c.log", reference.log)
        _write(working / "summary.json", json.dumps(summary, indent=2, allow_nan=False) + "\n")
        _draw(working, ours, theirs, choices)
        write_report(working / "report.html", summary, ours, theirs)
        ran = [line for line in (command, reference.command) if line]
        where = {"device": choices.device, "dtype": choices.dtype}
        write_evidence(working, ran, inputs=inputs, engine=computed.engine, **where)
    return Comparison(summary, final)


def _read(arguments: Sequence[str], folder: Path, choices: Choices, log: list[str]) -> Experiment:
    """The experiment, from the files in nb's own folder."""
    with contextlib.chdir(folder), _warnings_to(log):
        return flags_to_experiment(
            arguments, profile=choices.profile, ignore_unknown=choices.ignore_unknown
        )


def _simulate(
    experiment: Experiment, choices: Choices, log: list[str], progress: Progress | None
) -> Computed:
    """nb's image; what was warned and chosen goes to the log."""
    told: list[Choice] = []
    start = time.perf_counter()
    with _warnings_to(log):
        plan = make_plan(experiment)
        image = simulate(
            plan,
            device=choices.device,
            dtype=getattr(torch, choices.dtype),
            engine=choices.engine,
            progress=progress,
            chosen=told.append,
        )
        values = image.detach().cpu().float().numpy()
    seconds = time.perf_counter() - start
    log += [*plan.notes, f"engine {told[0]}"]
    if not np.isfinite(values).all():
        raise InputError("image", "infinity", "a pixel exceeds float32; lower the fluence")
    return Computed(values, seconds, told[0])


def _own_facts(staged: StagedArguments, choices: Choices, computed: Computed) -> dict[str, Any]:
    return {
        "version": metadata.version("nb-physics"),
        "command": shlex.join(["nb", "simulate", "--", *staged.arguments]),
        "seconds": computed.seconds,
        "device": choices.device,
        "dtype": choices.dtype,
        "engine": computed.engine.to_json(),
    }


@contextlib.contextmanager
def _warnings_to(log: list[str]) -> Iterator[None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    log += [f"warning: {entry.message}" for entry in caught]


def _program_reference(program: Path, run: ProgramRun, image: Image) -> Reference:
    facts = {
        "kind": "program",
        "name": program.name,
        "sha256": sha256_of(program),
        "command": shlex.join(run.command),
        "seconds": run.seconds,
    }
    return Reference(image, facts, run.command, run.log)


def _find_case(golden: Golden, arguments: Sequence[str]) -> GoldenCase:
    for case in golden.cases.values():
        if list(case.arguments) == list(arguments):
            return case
    if len(golden.cases) == 1:
        return next(iter(golden.cases.values()))
    remedy = f"none of its {len(golden.cases)} cases has these arguments"
    raise InputError("--golden", golden.folder, remedy)


def _same_shape(ours: AnyImage, theirs: AnyImage, choices: Choices) -> tuple[AnyImage, AnyImage]:
    """Both images, of one shape, and cut to the region of interest."""
    if ours.shape != theirs.shape:
        if not choices.resample:
            remedy = "--resample brings nb's image to the reference's"
            raise ShapeError(ours.shape, theirs.shape, remedy)
        ours = resample_to(ours, theirs.shape)
    roi = choices.roi
    if roi is None:
        return ours, theirs
    part = (slice(roi.ymin, roi.ymax + 1), slice(roi.xmin, roi.xmax + 1))
    return ours[part], theirs[part]


def _summary(
    staged: StagedArguments,
    inputs: Mapping[str, str],
    choices: Choices,
    images: tuple[Image, Image],
    reference: Reference,
    computed: Computed,
) -> dict[str, Any]:
    """The summary; positions are those of the whole image."""
    ours, theirs = images
    shape = computed.image.shape
    measured = measure(ours, theirs, choices.thresholds)
    if choices.roi is not None:
        _shift(measured, (choices.roi.ymin, choices.roi.xmin))
    limits = choices.thresholds
    return {
        "schema": SCHEMA,
        "created": f"{now():%Y-%m-%dT%H:%M:%SZ}",
        "arguments": list(staged.arguments),
        "thresholds": {
            "correlation": limits.correlation,
            "sum_tolerance": limits.sum_tolerance,
        },
        "shape": list(theirs.shape),
        "roi": None if choices.roi is None else list(choices.roi),
        "resampled_from": list(shape) if shape != reference.image.shape else None,
        **measured,
        "reference": dict(reference.facts),
        "nb": _own_facts(staged, choices, computed),
        "inputs": [{"name": name, "sha256": checksum} for name, checksum in inputs.items()],
        "environment": environment(choices.device, choices.dtype, computed.engine),
    }


def _shift(measured: dict[str, Any], corner: tuple[int, int]) -> None:
    """Positions of a cut image to those of the whole one."""

    def whole(place: Sequence[int | float]) -> list[int | float]:
        return [place[0] + corner[0], place[1] + corner[1]]

    measured["metrics"]["worst"] = whole(measured["metrics"]["worst"])
    for peak in measured["peaks"]["brightest"]:
        peak.update({side: whole(peak[side]) for side in ("reference", "image")})


def _draw(folder: Path, ours: Image, theirs: Image, choices: Choices) -> None:
    percentile = choices.percentile
    save_picture(theirs, folder / "c.png", percentile=percentile, title="reference")
    save_picture(ours, folder / "nb.png", percentile=percentile, title="nb")
    difference = ours - theirs
    save_picture(
        difference,
        folder / "difference.png",
        percentile=percentile,
        title="nb - reference",
        signed=True,
    )
    if choices.save_difference:
        write_floats(str(folder / "difference.bin"), difference)


def _roi_flags(roi: Roi | None) -> list[str]:
    return [] if roi is None else ["-roi", *(str(bound) for bound in roi)]


@contextlib.contextmanager
def _fresh_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nb-") as folder:
        yield Path(folder)


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as handle:
        handle.write(text.encode())
