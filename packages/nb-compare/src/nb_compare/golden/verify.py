"""Verifies nb against a golden folder: the images that it makes of the recorded options."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import math
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nb_compare.golden.format import CASES, INPUTS, SMV_KINDS, Arrays, Golden, GoldenCase
from nb_compare.golden.record import check_reproducible
from nb_compare.metrics import ImageDifference, compare_images
from nb_core import (
    CrystalShape,
    InputError,
    NbWarning,
    UnreadableError,
    flags_to_experiment,
)
from nb_core.formats import header_bytes, pgm_bytes
from nb_core.showing import Brief
from nb_physics import (
    Choice,
    DigitalImage,
    NoiseGenerator,
    Plan,
    computing_device,
    digital_image,
    image_files,
    make_plan,
    simulate,
)

SCHEMA = "nb-golden-verify/1"
"""Of the report of a verification."""

WITHIN = {torch.float64: 1e-6, torch.float32: 2e-6}
"""Largest difference over the maximum, and of the sums' ratio from 1.

A recorded image rounds to float32, 6e-8 of each pixel; builds of the program differ by 1e-10.
"""

RIM_SHARE = 1e-3
"""Share of pixels that may be beyond where spots are flat: those at a rim fall in or out by the
last bit of a phase."""

FLAT_SUM = 1e-3
"""How far the sums' ratio may be from 1 where spots are flat."""

COUNTS_SHARE = 1e-3
"""Share of pixels of the integer, noise and PGM images that may differ."""

_MEASURES = ("correlation", "sum_ratio", "max_relative", "same_float32")
_PGM_HEADER_END = b"\n255\n"


@dataclass(frozen=True, repr=False)
class CaseResult(Brief):
    """Whether nb's images of a case are the recorded ones.

    difference: of the float images, None where they cannot be compared
    problems: what is beyond the thresholds, in words
    seconds: that the simulation took; engine: which computed the image, where one was computed
    """

    name: str
    difference: ImageDifference | None
    problems: tuple[str, ...]
    seconds: float = 0.0
    engine: Choice | None = None

    @property
    def holds(self) -> bool:
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """The result as `nb golden verify --json` writes it; what is not finite is null."""
        measures: dict[str, float | None] = dict.fromkeys(_MEASURES)
        if self.difference is not None:
            values = {key: getattr(self.difference, key) for key in _MEASURES}
            measures = {key: v if math.isfinite(v) else None for key, v in values.items()}
        return {
            "name": self.name,
            "holds": self.holds,
            "problems": list(self.problems),
            **measures,
            "seconds": round(self.seconds, 3),
            "engine": None if self.engine is None else self.engine.to_json(),
        }


def verify_golden(
    golden: Golden,
    names: Sequence[str] = (),
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
    engine: str = "auto",
) -> Iterator[CaseResult]:
    """Simulates cases of a golden folder, one after the other, and says whether each holds.

    names: of the cases; all where there are none
    The recorded images of all of them are read before the first is simulated.
    Raises InputError for an unknown name, and a device or dtype that is not to be had;
    UnreadableError where the folder is damaged.
    """
    target = computing_device(device, dtype)
    chosen = _chosen(golden, names)
    for case in chosen:
        golden.arrays(case.name, _kinds(_plan(golden, case)))
    for case in chosen:
        plan = _plan(golden, case)
        recorded = golden.arrays(case.name, _kinds(plan))
        start = time.perf_counter()
        try:
            ours, choice = _simulated(plan, target, dtype, engine)
        except InputError as error:
            yield CaseResult(case.name, None, (str(error),), time.perf_counter() - start)
            continue
        seconds = time.perf_counter() - start
        flat = plan.experiment.crystal.shape is CrystalShape.TOPHAT
        judged = judge_case(case.name, ours, recorded, flat=flat, dtype=dtype, seconds=seconds)
        yield dataclasses.replace(judged, engine=choice)


def judge_case(
    name: str,
    ours: Arrays,
    recorded: Arrays,
    *,
    flat: bool,
    dtype: torch.dtype = torch.float64,
    seconds: float = 0.0,
) -> CaseResult:
    """Compares images with the recorded ones, under the names that NAME.npz has for them.

    flat: whether spots have rims (tophat); dtype: that the images were computed in
    Raises InputError as `compare_images` does, for pixels that are not finite.
    """
    image, wanted = ours["float"], recorded["float"]
    if image.shape != wanted.shape:
        problem = f"shape {image.shape}, recorded {wanted.shape}"
        return CaseResult(name, None, (problem,), seconds)
    difference = compare_images(image, wanted)
    problems = [*_float_problems(difference, image, wanted, flat, WITHIN[dtype])]
    for kind in SMV_KINDS:
        if kind in recorded:
            problems += _smv_problems(kind, ours, recorded)
    if "pgm" in recorded:
        problems += _pgm_problems(ours["pgm"].tobytes(), recorded["pgm"].tobytes())
    return CaseResult(name, difference, tuple(problems), seconds)


def summarize(results: Sequence[CaseResult]) -> str:
    """How many cases hold, and which one is farthest."""
    good = sum(result.holds for result in results)
    farthest = max(results, key=_distance)
    shown = f"{_distance(farthest):.1e} of the maximum ({farthest.name})"
    return f"{good} of {len(results)} cases hold; the largest difference is {shown}"


def thresholds(dtype: torch.dtype) -> dict[str, float]:
    """By how much a case may differ, for reports."""
    return {
        "max_relative": WITHIN[dtype],
        "sum_ratio": WITHIN[dtype],
        "flat_spots_share": RIM_SHARE,
        "flat_spots_sum_ratio": FLAT_SUM,
        "counts_share": COUNTS_SHARE,
    }


def _distance(result: CaseResult) -> float:
    return math.inf if result.difference is None else result.difference.max_relative


def _chosen(golden: Golden, names: Sequence[str]) -> list[GoldenCase]:
    for name in names:
        if name not in golden.cases:
            near = difflib.get_close_matches(name, golden.cases, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; its {CASES} lists them"
            raise InputError("--case", name, f"{golden.folder} has no such case{hint}")
    return [case for case in golden.cases.values() if not names or case.name in names]


def _plan(golden: Golden, case: GoldenCase) -> Plan:
    """The plan of a case; UnreadableError where nb does not take its options or inputs."""
    inputs = golden.folder / INPUTS
    folder = inputs if inputs.is_dir() else golden.folder
    try:
        with contextlib.chdir(folder), warnings.catch_warnings(action="ignore", category=NbWarning):
            plan = make_plan(flags_to_experiment(case.arguments))
            check_reproducible(plan.experiment, case.arguments)
    except InputError as error:
        reason = f"case {case.name} cannot be simulated: {error}"
        raise UnreadableError(golden.folder / CASES, reason) from error
    return plan


def _kinds(plan: Plan) -> list[str]:
    """The images that the options name besides the float image."""
    return [kind for kind in image_files(plan.experiment.outputs, {}) if kind != "float"]


def _simulated(
    plan: Plan, device: torch.device, dtype: torch.dtype, engine: str
) -> tuple[Arrays, Choice]:
    """What nb writes of a plan, under the names that NAME.npz has, and what computed it."""
    told: list[Choice] = []
    photons = simulate(plan, device=device, dtype=dtype, engine=engine, chosen=told.append)
    image = digital_image(plan, photons)
    arrays: Arrays = {"float": image.single}
    for kind in _kinds(plan):
        if kind == "pgm":
            arrays[kind] = np.frombuffer(pgm_bytes(*image.picture()), np.uint8)
            continue
        arrays[f"{kind}_header"] = np.frombuffer(header_bytes(image.header), np.uint8)
        arrays[kind] = image.integers() if kind == "int" else _noise(image)
    return arrays, told[0]


def _noise(image: DigitalImage) -> np.ndarray:
    """The noise image, drawn as the C program draws it."""
    seed = image.plan.experiment.outputs.noise_seed
    assert seed is not None, "check_reproducible refuses it"
    return image.noise(NoiseGenerator.NANOBRAGG, seed)[0]


def _float_problems(
    difference: ImageDifference, image: np.ndarray, wanted: np.ndarray, flat: bool, within: float
) -> Iterator[str]:
    sum_within = within
    if flat:
        sum_within = FLAT_SUM
        apart = np.abs(image.astype(np.float64) - wanted) > within * float(wanted.max())
        if not apart.mean() <= RIM_SHARE:
            yield f"{apart.mean():.2%} of the pixels differ, more than {RIM_SHARE:.1%}"
    elif not difference.max_relative <= within:
        slow, fast = difference.worst
        yield f"maxd {difference.max_relative:.1e} > {within:g} at slow {slow}, fast {fast}"
    if not abs(difference.sum_ratio - 1) <= sum_within:
        yield f"sum_ratio {difference.sum_ratio:.9f} is not 1 within {sum_within:g}"


def _smv_problems(kind: str, ours: Mapping[str, np.ndarray], recorded: Arrays) -> Iterator[str]:
    header = f"{kind}_header"
    if ours[header].tobytes() != recorded[header].tobytes():
        yield f"{kind} header differs"
    yield from _count_problems(kind, ours[kind], recorded[kind])


def _pgm_problems(ours: bytes, recorded: bytes) -> Iterator[str]:
    start = recorded.find(_PGM_HEADER_END) + len(_PGM_HEADER_END)
    if ours[:start] != recorded[:start]:
        yield "pgm header differs"
    levels = [np.frombuffer(content[start:], np.uint8) for content in (ours, recorded)]
    yield from _count_problems("pgm", levels[0], levels[1])


def _count_problems(kind: str, ours: np.ndarray, recorded: np.ndarray) -> Iterator[str]:
    if ours.shape != recorded.shape:
        yield f"{kind} image has shape {ours.shape}, recorded {recorded.shape}"
    elif not (share := float((ours != recorded).mean())) <= COUNTS_SHARE:
        yield f"{kind} image: {share:.2%} of the pixels differ, more than {COUNTS_SHARE:.1%}"
