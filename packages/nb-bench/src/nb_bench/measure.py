"""The measuring: cold, cached and warm runs of nb, and the C program on the identical work.

cold    a fresh process with an empty folder for kernels, from its start to its end: Python, torch,
        the plan, compilation and one image
cached  a second such process (three, where there are as many iterations), with the same folder
warm    calls of `simulate` on a ready plan, in a process that has done one call before
beside  with --neighbours: as many warm calls, while other processes compute without end
C       the whole program, with its own start, its text output and its raw float image; it leaves
        out the noise image and the picture, but not its integer image. Each of its runs is followed
        by a warm call of nb, and their ratio is taken
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nb_bench.cost import Ceiling, Counts, counts_from_json
from nb_bench.process import Child, Place, busy_neighbours, child_process, whole_seconds
from nb_bench.rows import Against, Beside, Memory, Parity, Row, Run, Times
from nb_bench.workloads import Workload
from nb_compare import ProgramRun, compare_images, run_program, stage_arguments
from nb_core import Roi, UnreadableError
from nb_core.showing import Brief

C_FLAGS = ("-nonoise", "-nopgm", "-noprogress")
MOST_CACHED = 3
CEILING_EDGE = {"cpu": 1024, "cuda": 8192}
CEILING_COPY = 512 * 2**20
CEILING_STEPS = 2_000_000

Tick = Callable[[], None]


@dataclass(frozen=True, repr=False)
class Settings(Brief):
    """What is asked for.

    engines: with each of which every workload is run
    threads: where a workload wants no number of its own; cold: whether cold and cached are run
    neighbours: processes that compute beside some of the calls
    program: the C program, None to leave it out; profile: the folder for traces, None for none
    artefacts: the folder for images, lists and kernels; keep: whether what a workload left there
        stays when the next one begins
    """

    device: str
    engines: tuple[str, ...]
    threads: int
    iterations: int
    cold: bool
    program: Path | None
    artefacts: Path
    neighbours: int = 0
    keep: bool = False
    profile: Path | None = None

    @property
    def hkl(self) -> Path:
        return (self.artefacts / "reflections.hkl").resolve()

    def ticks(self, workloads: Sequence[Workload]) -> int:
        """How often `Bench` calls its `tick` for these workloads."""
        fresh = 1 + min(self.iterations, MOST_CACHED) if self.cold else 0
        beside = self.iterations if self.neighbours else 0
        return len(workloads) * len(self.engines) * (fresh + 1 + self.iterations + beside)


class Bench:
    """Measures workloads one after another, and each ceiling once.

    tick: called after each part of the work, as often as `Settings.ticks` says
    """

    def __init__(self, settings: Settings, tick: Tick | None = None) -> None:
        self.settings = settings
        self.tick = tick or (lambda: None)
        self._ceilings: dict[int, Ceiling] = {}

    def __repr__(self) -> str:
        return f"Bench({self.settings!r})"

    def measure(self, workload: Workload, engine: str) -> Row:
        """All that is measured of a workload with an engine."""
        settings = self.settings
        threads = workload.threads or settings.threads
        label, arguments = self._label(workload, engine), workload.arguments(settings.hkl)
        job = self._job(workload, arguments, engine)
        with tempfile.TemporaryDirectory(prefix="nb-") as folder:
            cache = (settings.artefacts / "kernels" / label).resolve()
            ceiling = self._ceiling(Place(threads, Path(folder)))
            place = Place(threads, Path(folder), cache if settings.cold else None)
            cold, cached = self._fresh(job, place)
            with child_process(job, place) as child:
                ready = child.answer()
                self.tick()
                counts = counts_from_json(ready["counts"])
                answers, runs = self._alternate(child, arguments, threads, label)
                beside = self._beside(child)
                against = self._against(child, workload, counts, runs, label)
                if settings.profile is not None:
                    child.order(f"profile {settings.profile.resolve() / label}.json.gz")
                child.finish()
        self._tidy()
        last = answers[-1]
        forward = tuple(answer["forward"] for answer in answers if answer["forward"] is not None)
        return Row(
            workload=workload,
            arguments=tuple(arguments),
            run=Run(settings.device, engine, threads),
            chosen=ready["chosen"],
            counts=counts,
            cold=cold,
            cached=cached,
            warm=Times(tuple(answer["seconds"] for answer in answers)),
            forward=Times(forward) if forward else None,
            beside=beside,
            memory=Memory(last["resident"], ready["baseline"], last["device"]),
            against=against,
            ceiling=ceiling,
            warnings=tuple(ready["warnings"]),
        )

    def _label(self, workload: Workload, engine: str) -> str:
        """What the files of a workload are named after."""
        label = f"{workload.name}-{workload.dtype}"
        return f"{label}-{engine}" if len(self.settings.engines) > 1 else label

    def _tidy(self) -> None:
        """Takes away what a workload left, unless it shall stay."""
        if not self.settings.keep:
            for name in ("images", "kernels"):
                shutil.rmtree(self.settings.artefacts / name, ignore_errors=True)

    def _job(self, workload: Workload, arguments: list[str], engine: str) -> dict[str, Any]:
        return {
            "kind": "work",
            "arguments": arguments,
            "dtype": workload.dtype,
            "device": self.settings.device,
            "engine": engine,
            "gradient": workload.gradient,
            "panels": workload.panels,
        }

    def _ceiling(self, place: Place) -> Ceiling:
        """The machine's limits with as many threads, measured in a process of their own."""
        if place.threads not in self._ceilings:
            device = self.settings.device
            edge = CEILING_EDGE.get(device.split(":")[0], CEILING_EDGE["cpu"])
            amounts = {"steps": CEILING_STEPS, "edge": edge, "copied": CEILING_COPY}
            job = {"kind": "ceiling", "device": device, **amounts}
            with child_process(job, place) as child:
                found = child.answer()
                child.finish()
            self._ceilings[place.threads] = Ceiling(**found)
        return self._ceilings[place.threads]

    def _fresh(self, job: dict[str, Any], place: Place) -> tuple[Times | None, Times | None]:
        """Cold and cached runs."""
        if not self.settings.cold:
            return None, None
        seconds = []
        for _ in range(1 + min(self.settings.iterations, MOST_CACHED)):
            seconds.append(whole_seconds(job, place))
            self.tick()
        return Times((seconds[0],)), Times(tuple(seconds[1:]))

    def _alternate(
        self, child: Child, arguments: list[str], threads: int, label: str
    ) -> tuple[list[dict[str, Any]], list[ProgramRun]]:
        """The C program and nb in turns; what each said. The first C image is kept as a file."""
        answers: list[dict[str, Any]] = []
        runs: list[ProgramRun] = []
        for _ in range(self.settings.iterations):
            if self.settings.program is not None:
                runs.append(self._run_program(arguments, threads, label, first=not runs))
            answers.append(child.order("run"))
            self.tick()
        return answers, runs

    def _beside(self, child: Child) -> Beside | None:
        """Calls while others are at work."""
        count, seconds = self.settings.neighbours, []
        if not count:
            return None
        with busy_neighbours(count):
            for _ in range(self.settings.iterations):
                seconds.append(child.order("run")["seconds"])
                self.tick()
        return Beside(count, Times(tuple(seconds)))

    def _run_program(
        self, arguments: list[str], threads: int, label: str, *, first: bool
    ) -> ProgramRun:
        assert self.settings.program is not None
        staged = stage_arguments([*arguments, *C_FLAGS])
        with tempfile.TemporaryDirectory(prefix="nb-") as folder, _threads(threads):
            run = run_program(self.settings.program, staged, Path(folder))
            if first:
                shutil.move(run.folder / "floatimage.bin", _image(self.settings, label, "c"))
                _image(self.settings, label, "c").with_suffix(".log").write_text(run.log)
        return run

    def _against(
        self,
        child: Child,
        workload: Workload,
        counts: Counts,
        runs: list[ProgramRun],
        label: str,
    ) -> Against | None:
        """The C program's times, and how far the images agree."""
        ours = _image(self.settings, label, "nb")
        child.order(f"image {ours}")
        if not runs:
            return None
        theirs = _image(self.settings, label, "c")
        parity = _parity(ours, theirs, workload, counts)
        return Against(runs[0].command, Times(tuple(run.seconds for run in runs)), parity)


def _image(settings: Settings, label: str, whose: str) -> Path:
    folder = (settings.artefacts / "images").resolve()
    folder.mkdir(exist_ok=True)
    return folder / f"{label}-{whose}.bin"


def _parity(ours: Path, theirs: Path, workload: Workload, counts: Counts) -> Parity:
    """Of the pixels that were rendered. Raises UnreadableError for an image of another size."""
    images = [np.fromfile(path, "<f4") for path in (ours, theirs)]
    if images[1].size != counts.whole or not np.isfinite(images[1]).all():
        reason = f"{images[1].size} pixels of the C program, where {counts.whole} finite ones"
        raise UnreadableError(theirs, f"{reason} are expected; see its log")
    cut = [_cut(image, workload, counts) for image in images]
    found = compare_images(cut[0], cut[1])
    return Parity(found.correlation, found.sum_ratio, found.max_difference, found.max_relative)


def _cut(image: np.ndarray, workload: Workload, counts: Counts) -> np.ndarray:
    """The rendered part of an image, shape (slow, fast)."""
    whole = image.reshape(counts.slow, counts.fast)
    if workload.roi is None:
        return whole
    roi = Roi(*workload.roi)
    return whole[roi.ymin : roi.ymax + 1, roi.xmin : roi.xmax + 1]


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    """OMP_NUM_THREADS, for a program that this process starts."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = str(count)
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
