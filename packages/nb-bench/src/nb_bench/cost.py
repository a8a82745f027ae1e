"""Operations and bytes of a workload, counted on paper, and the time that a machine needs for them.

An operation is one addition, multiplication, comparison, selection, rounding, division or square
root; a multiply-add is two. Counted is what the formulas need, whichever way they are computed:

| for each                    | what                                                | operations   |
|-----------------------------|-----------------------------------------------------|--------------|
| pixel                       | Kahn factor 27, background and scale 7              | 34           |
| ray: pixel, layer, subpixel | coordinates 8, position 18, length 6, direction 3,  | 39           |
|                             | solid angle 4                                       |              |
| ... with an absorbing layer | cosine 5, two exponentials with 3 more each         | 11 + 2 EXP   |
| ray and source              | q = (ray - beam) / wavelength                       | 6            |
| evaluation: and phi, domain | h k l 15, nearest 6, the difference 3               | 24           |
| ... square                  | 3 x (N x, two sines, 3 for the centre), 1 division, | 17 + 6 SINE  |
|                             | 4 products                                          |              |
| ... round                   | radius 10, sine, cosine, series 8, the rest 9       | 27 + S + C   |
| ... gauss                   | radius 21, exponential, 3 products                  | 24 + EXP     |
| ... tophat                  | radius 21, product, comparison, selection           | 24           |
| ... list, nearest           | 3 x (difference, two bounds), index 4               | 13           |
| ... list, tricubic          | 12 weights 51, 21 sums of four 147, bounds 18       | 216          |
| ... the sum                 | F_cell^2 F_latt^2 and its addition                  | 4            |

Sines are polynomials after the nearest whole number is taken off: SINE 20 (float32: 12), COSINE 16
(10), EXP 28 (18). Rays, q, h k l, tricubic weights and all for a pixel are float64 in either case;
the lattice factor and the sum are in the precision asked for. Bytes are those that must cross to
memory: the image once, the list of structure factors once, 72 for a step, 32 for a source.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

from nb_core import NbWarning, flags_to_experiment
from nb_physics import Operations, Plan, make_plan, rendered_indices

SINE = {"float64": 20, "float32": 12}
COSINE = {"float64": 16, "float32": 10}
EXP = {"float64": 28, "float32": 18}
ITEM = {"float64": 8, "float32": 4}
PIXEL, RAY, CAPTURE, Q, HKL = 34, 39, 11, 6, 24
NEAREST, TRICUBIC, SUM = 13, 216, 4


@dataclass(frozen=True)
class Counts:
    """How much of everything a workload has.

    pixels: that are rendered; slow, fast: edges of the whole image; oversample: of a pixel's edge
    entries: of the grid of structure factors, 1 where there is no list
    """

    pixels: int
    slow: int
    fast: int
    layers: int
    oversample: int
    sources: int
    phi: int
    domains: int
    shape: str
    lattice: Operations
    interpolated: bool
    entries: int
    absorbing: bool

    @property
    def whole(self) -> int:
        """Pixels of the whole image."""
        return self.slow * self.fast

    @property
    def rays(self) -> int:
        return self.pixels * self.layers * self.oversample**2

    @property
    def evaluations(self) -> int:
        """Pixels x layers x sub-pixels x sources x phi steps x mosaic domains."""
        return self.rays * self.sources * self.phi * self.domains


@dataclass(frozen=True)
class Cost:
    """What some work takes, counted on paper.

    operations64, operations32: in float64 and in float32; bytes: to and from memory
    """

    operations64: int
    operations32: int
    bytes: int

    @property
    def operations(self) -> int:
        return self.operations64 + self.operations32


@dataclass(frozen=True)
class Ceiling:
    """What the machine reached: operations/s in float64 and float32, bytes/s of a copy.

    by: what was computed for the operations
    """

    float64: float
    float32: float
    copy: float
    by: str

    def seconds(self, cost: Cost) -> float:
        """The least time: that of the operations, or that of the bytes where it is longer."""
        computing = cost.operations64 / self.float64 + cost.operations32 / self.float32
        return max(computing, cost.bytes / self.copy)

    def to_json(self) -> dict[str, float | str]:
        return {
            "by": self.by,
            "float64_operations_per_s": self.float64,
            "float32_operations_per_s": self.float32,
            "copy_bytes_per_s": self.copy,
        }


def count_plan(plan: Plan) -> Counts:
    """The counts of a plan."""
    shape = plan.experiment.shape
    return Counts(
        pixels=rendered_indices(plan.experiment).numel(),
        slow=math.prod(shape[:-1]),
        fast=shape[-1],
        layers=plan.layers.count,
        oversample=plan.oversample,
        sources=plan.sources.wavelength.numel(),
        phi=plan.phi_count,
        domains=plan.mosaic_count,
        shape=plan.shape.name,
        lattice=plan.shape.operations,
        interpolated=plan.interpolate,
        entries=plan.structure.values.numel(),
        absorbing=plan.absorbing,
    )


def count_arguments(arguments: list[str]) -> Counts:
    """The counts of nanoBragg's options; what they warn of is left unsaid."""
    with warnings.catch_warnings(action="ignore", category=NbWarning):
        return count_plan(make_plan(flags_to_experiment(arguments)))


def counts_from_json(content: dict[str, Any]) -> Counts:
    """The counts that a child process sent."""
    return Counts(**{**content, "lattice": Operations(**content["lattice"])})


def cost_of(counts: Counts, dtype: str) -> Cost:
    """Operations and bytes, as the table of `nb_bench.cost` counts them.

    dtype: "float64" or "float32"
    """
    late = counts.evaluations * (lattice_operations(counts.lattice, dtype) + SUM)
    early = counts.evaluations * (HKL + _look_up(counts))
    early += counts.rays * (RAY + counts.sources * Q)
    if counts.absorbing:
        early += counts.rays * (CAPTURE + 2 * EXP["float64"])
    early += counts.pixels * PIXEL
    steps = counts.phi * counts.domains
    moved = counts.pixels * ITEM[dtype] + counts.entries * 8 + steps * 72 + counts.sources * 32
    if dtype == "float64":
        return Cost(early + late, 0, moved)
    return Cost(early, late, moved)


def lattice_operations(shape: Operations, dtype: str) -> int:
    """Operations of F_latt, with the terms of its functions in one precision."""
    functions = shape.sines * SINE[dtype] + shape.cosines * COSINE[dtype]
    return shape.plain + functions + shape.exponentials * EXP[dtype]


def _look_up(counts: Counts) -> int:
    if counts.interpolated:
        return TRICUBIC
    return NEAREST if counts.entries > 1 else 0
