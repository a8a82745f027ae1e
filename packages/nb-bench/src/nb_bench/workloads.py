"""The workloads of `nb bench`: experiments as nanoBragg's options, and the two suites of them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nb_core import InputError
from nb_core.formats import atomic_write
from nb_core.showing import Brief

Make = Callable[[int], "Workload"]
"""Takes the edge of the image in pixels."""

DTYPES = ("float64",)
BOTH = ("float64", "float32")
LARGEST_EDGE = 32768
HKL_LIMIT, HKL_SEED = 20, 1

_TRICLINIC = "70 80 90 75 85 95"
_CUBIC = "100 100 100 90 90 90"
_STILL = f"-lambda 0.5 -cell {_CUBIC} -N 5 -default_F 100 -distance 500 -oversample 1"
_STILL_MM, _STEPS_MM = 204.8, 102.4
"""Edges of the detectors; a pixel's size follows from the number of pixels."""
_ALL_PANELS, _PANELS_MM = (16, 8), 200.0
"""Rows and columns of the largest number of panels, and the height of all together."""
_PILATUS = (2463, 2527)
_PILATUS_ROI = (0, 2462, 1136, 1391)


@dataclass(frozen=True, repr=False)
class Workload(Brief):
    """An experiment to time.

    kind: what it is a case of; the curves of the plot run over the workloads of one kind
    flags: nanoBragg's options, without the list of structure factors and the region of interest
    needs_hkl: gets the list of `write_hkl`; roi: xmin xmax ymin ymax, where only that is rendered
    threads: where it wants a number of its own
    gradient: whether a call is an image and its gradient (nb_bench.gradient)
    panels: rows and columns of panels that the plane is cut into, where it is
    """

    name: str
    kind: str
    flags: tuple[str, ...]
    dtype: str = "float64"
    needs_hkl: bool = False
    roi: tuple[int, int, int, int] | None = None
    threads: int | None = None
    gradient: bool = False
    panels: tuple[int, int] | None = None

    def arguments(self, hkl: Path | None) -> list[str]:
        """All of nanoBragg's options; hkl: the list, where it is at hand."""
        listed = ["-hkl", str(hkl)] if self.needs_hkl and hkl is not None else []
        roi = ["-roi", *(str(bound) for bound in self.roi)] if self.roi else []
        return [*self.flags, *listed, *roi]


@dataclass(frozen=True)
class Entry:
    """A line of a suite: a workload at some sizes (pixels along an edge) and precisions."""

    make: Make
    sizes: tuple[int, ...]
    dtypes: tuple[str, ...] = DTYPES


def still(size: int) -> Workload:
    """One cell orientation, one wavelength: a single evaluation a pixel."""
    return _workload(f"still-{size}", "still", _STILL, size, _STILL_MM)


def steps(domains: int, phi: int, *, cubic: bool = False) -> Make:
    """Mosaic domains x phi steps; a cubic cell has many zeros among its vectors."""
    kind = "cubic-steps" if cubic else "steps"
    line = _steps_line(domains, phi, _CUBIC if cubic else _TRICLINIC)
    return lambda size: _workload(f"{kind}-{domains * phi}-{size}", kind, line, size, _STEPS_MM)


def hkl_list(size: int) -> Workload:
    """The 100 steps, with a list of structure factors."""
    line = _steps_line(10, 10)
    made = _workload(f"hkl-list-{size}", "hkl-list", line, size, _STEPS_MM)
    return dataclasses.replace(made, needs_hkl=True)


def shape(name: str, flag: str) -> Make:
    """The 100 steps, with another shape of the crystal."""
    line = f"{_steps_line(10, 10)} {flag}"
    return lambda size: _workload(f"{name}-{size}", name, line, size, _STEPS_MM)


def saxs(size: int) -> Workload:
    """Small angles of a single cell: tricubic interpolation at every pixel."""
    line = f"-lambda 1 -cell {_CUBIC} -N 1 -interpolate -default_F 100 -distance 1000 -oversample 1"
    made = _workload(f"saxs-{size}", "saxs", line, size, _STEPS_MM)
    return dataclasses.replace(made, needs_hkl=True)


def sources(size: int) -> Workload:
    """A still with 200 wavelengths."""
    line = f"{_STILL} -dispersion 1 -dispsteps 200"
    return _workload(f"sources-200-{size}", "sources", line, size, _STILL_MM)


def layers(size: int) -> Workload:
    """A still with 8 sensor layers and 3 x 3 sub-pixels."""
    line = _STILL.replace("-oversample 1", "-oversample 3")
    line += " -detector_thick 450 -detector_abs 234 -thicksteps 8"
    return _workload(f"layers-8x9-{size}", "layers", line, size, _STILL_MM)


def rotation(size: int) -> Workload:
    """A rotation image of a Pilatus 6M, of which some rows are rendered; or a small square one."""
    line = _steps_line(50, 20)
    fpixels, spixels = _PILATUS
    if size != spixels:
        made = _workload(f"rotation-{size}", "rotation", line, size, _STEPS_MM)
        return dataclasses.replace(made, needs_hkl=True)
    line += f" -detpixels_x {fpixels} -detpixels_y {spixels} -pixel 0.172"
    flags = tuple(line.replace("-distance 100", "-distance 300").split())
    return Workload("rotation-6m", "rotation", flags, needs_hkl=True, roi=_PILATUS_ROI)


def gradient(domains: int, phi: int) -> Make:
    """Mosaic domains x phi steps, image and gradient."""
    line = _steps_line(domains, phi)

    def make(size: int) -> Workload:
        made = _workload(f"gradient-{domains * phi}-{size}", "gradient", line, size, _STEPS_MM)
        return dataclasses.replace(made, gradient=True)

    return make


def panels(rows: int, columns: int) -> Make:
    """Ten domains in the corrected profile, on panels of `size` pixels an edge, which together are
    as large whatever their number.
    """
    # what is the same in C as in `corrected`: an upright cell, and no rotation
    line = _steps_line(10, 1, _CUBIC).replace("-osc 1", "-osc 0")

    def make(size: int) -> Workload:
        slow, fast = _ALL_PANELS[0] * size, _ALL_PANELS[1] * size
        camera = f"-detpixels_x {fast} -detpixels_y {slow} -pixel {_PANELS_MM / slow:.10g}"
        flags = tuple(f"{line} {camera}".split())
        name = f"panels-{rows * columns}-{size}"
        return Workload(name, "panels", flags, panels=(rows, columns))

    return make


def threads(count: int) -> Make:
    """The 100 steps, with a number of threads of its own."""
    line = _steps_line(10, 10)

    def make(size: int) -> Workload:
        made = _workload(f"threads-{count}-{size}", "threads", line, size, _STEPS_MM)
        return dataclasses.replace(made, threads=count)

    return make


_LADDER = ((1, 1), (5, 2), (10, 10), (50, 20), (100, 100))
"""Mosaic domains x phi steps."""


def suite_entries(name: str, cores: int) -> list[Entry]:
    """The lines of the suite `quick`, `full` or `shared`; cores: how many threads there may be.

    shared: what is measured beside other processes, on a machine that others use too
    """
    if name == "shared":
        return [
            Entry(still, (1024, 4096)),
            Entry(steps(20, 1), (512,)),
            Entry(steps(10, 10), (512,)),
            Entry(shape("round", "-round_xtal"), (512,)),
            Entry(saxs, (1024,)),
            Entry(gradient(10, 5), (512,)),
        ]
    if name == "quick":
        return [
            Entry(still, (256, 1024)),
            Entry(steps(10, 10), (512,)),
            Entry(hkl_list, (512,)),
            Entry(gradient(10, 5), (256,)),
        ]
    triclinic = [Entry(steps(d, p), (512,), BOTH if d * p == 100 else DTYPES) for d, p in _LADDER]
    return [
        Entry(still, (256, 512, 1024, 2048, 4096), BOTH),
        *triclinic,
        *(Entry(steps(d, p, cubic=True), (512,)) for d, p in _LADDER),
        Entry(hkl_list, (2048,), BOTH),
        Entry(shape("gauss", "-gauss_xtal"), (512,)),
        Entry(shape("round", "-round_xtal"), (512,)),
        Entry(shape("tophat", "-tophat_spots"), (512,)),
        Entry(saxs, (1024,)),
        Entry(sources, (512,)),
        Entry(layers, (512,)),
        Entry(rotation, (_PILATUS[1],)),
        Entry(panels(1, 1), (254,)),
        Entry(panels(*_ALL_PANELS), (254,)),
        Entry(gradient(1, 1), (1024,)),
        Entry(gradient(10, 5), (1024,)),
        *(Entry(threads(count), (512,)) for count in thread_counts(cores)),
    ]


def thread_counts(cores: int) -> list[int]:
    """1, 2, 3, 4, then the powers of two, and all cores."""
    counts = [count for count in range(1, cores + 1) if count <= 4 or count & (count - 1) == 0]
    return counts if cores in counts else [*counts, cores]


def choose_workloads(
    suite: str,
    *,
    sizes: Sequence[int] = (),
    dtype: str | None = None,
    names: Sequence[str] = (),
    cores: int = 1,
) -> list[Workload]:
    """The workloads of a suite.

    sizes: edges at which each is run, instead of its own; dtype: of all, instead of their own
    names: only these workloads, or workloads of these kinds. InputError where there is no such one
    """
    found = list(_unique(suite, sizes, dtype, cores))
    known = {word for workload in found for word in (workload.name, workload.kind)}
    for name in names:
        if name not in known:
            shown = "nb bench --list names them (with the same --suite and --sizes)"
            raise InputError("--workload", name, f"no such workload; {shown}")
    return [w for w in found if not names or w.name in names or w.kind in names]


def _unique(suite: str, sizes: Sequence[int], dtype: str | None, cores: int) -> Iterator[Workload]:
    seen = set()
    for entry in suite_entries(suite, cores):
        for size in sizes or entry.sizes:
            for precision in (dtype,) if dtype else entry.dtypes:
                made = dataclasses.replace(entry.make(size), dtype=precision)
                if (made.name, precision) not in seen:
                    seen.add((made.name, precision))
                    yield made


def parse_sizes(text: str | None) -> list[int]:
    """--sizes: edges in pixels, with commas between; InputError for anything else."""
    if text is None:
        return []
    sizes = []
    for word in text.split(","):
        if not word.strip().isdecimal() or not 1 <= int(word) <= LARGEST_EDGE:
            remedy = f"whole numbers from 1 to {LARGEST_EDGE}, as in --sizes 256,512"
            raise InputError("--sizes", text, remedy)
        sizes.append(int(word))
    return sizes


def available_cores() -> int:
    """The processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def write_hkl(path: Path) -> None:
    """A list "h k l F" of all indices from -20 to 20, the same at every run."""
    edge = np.arange(-HKL_LIMIT, HKL_LIMIT + 1)
    indices = np.stack(np.meshgrid(edge, edge, edge, indexing="ij"), axis=-1).reshape(-1, 3)
    amplitudes = np.random.default_rng(HKL_SEED).uniform(1.0, 1000.0, len(indices))
    rows = zip(indices.tolist(), amplitudes.tolist(), strict=True)
    with atomic_write(path) as handle:
        handle.write("".join(f"{h} {k} {l} {F:.3f}\n" for (h, k, l), F in rows).encode())


def _steps_line(domains: int, phi: int, cell: str = _TRICLINIC) -> str:
    """A rotation starts at 1 degree: nanoBragg leaves the crystal of the last pixel where it comes
    to phi = 0, and the images could not be compared (docs/behaviour.md, 30).
    """
    start = 0 if phi == 1 else 1
    return (
        f"-lambda 1 -cell {cell} -N 20 -default_F 100 -distance 100 -oversample 1 -nointerpolate "
        f"-mosaic 0.5 -mosaic_domains {domains} -phi {start} -osc 1 -phisteps {phi}"
    )


def _workload(name: str, kind: str, line: str, size: int, edge_mm: float) -> Workload:
    camera = f"-detpixels {size} -pixel {edge_mm / size:.10g}"
    return Workload(name, kind, tuple(f"{line} {camera}".split()))
