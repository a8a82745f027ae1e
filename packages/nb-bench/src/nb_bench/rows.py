"""What is measured of a workload, and its JSON."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nb_bench.cost import Ceiling, Cost, Counts, cost_of
from nb_bench.workloads import Workload
from nb_core.showing import Brief


@dataclass(frozen=True)
class Times:
    """Wall times of the same thing, in seconds."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def to_json(self) -> dict[str, Any]:
        return {
            "median": self.median,
            "min": min(self.seconds),
            "max": max(self.seconds),
            "samples": list(self.seconds),
        }


@dataclass(frozen=True)
class Parity:
    """How far nb's image is from the C program's, over the pixels that were rendered.

    max_relative: the largest difference, over the largest pixel of the C program's image
    """

    correlation: float
    sum_ratio: float
    max_difference: float
    max_relative: float

    def to_json(self) -> dict[str, float | None]:
        return {name: finite(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Against:
    """The C program on the same work: one run before each of nb's warm calls."""

    command: tuple[str, ...]
    times: Times
    parity: Parity


@dataclass(frozen=True)
class Beside:
    """The warm calls once more, beside so many processes that compute without end."""

    neighbours: int
    times: Times


@dataclass(frozen=True)
class Memory:
    """Bytes that were held at most: by the process, by it after `import torch`, on the device."""

    peak: int | None
    baseline: int | None
    device: int | None


@dataclass(frozen=True)
class Run:
    """How a workload is run."""

    device: str
    engine: str
    threads: int


@dataclass(frozen=True, repr=False)
class Row(Brief):
    """A workload and all that was measured of it; `describe` makes a table of it.

    cold, cached: whole processes, None where they were left out; warm: calls of simulate, of a
    gradient with its backward pass; forward: the same image without its gradient, after each
    chosen: the engine that computed it, why, and its kernels, as `Choice.to_json` has them
    """

    workload: Workload
    arguments: tuple[str, ...]
    run: Run
    chosen: Mapping[str, Any]
    counts: Counts
    cold: Times | None
    cached: Times | None
    warm: Times
    forward: Times | None
    beside: Beside | None
    memory: Memory
    against: Against | None
    ceiling: Ceiling
    warnings: tuple[str, ...]

    @property
    def ns_per_evaluation(self) -> float:
        return 1e9 * self.warm.median / self.counts.evaluations

    @property
    def evaluations_per_s(self) -> float:
        return self.counts.evaluations / self.warm.median

    @property
    def ratios(self) -> list[float]:
        """The C program's seconds over nb's, pair by pair."""
        if self.against is None:
            return []
        pairs = zip(self.against.times.seconds, self.warm.seconds, strict=True)
        return [theirs / ours for theirs, ours in pairs]

    @property
    def gradient_ratios(self) -> list[float]:
        """The seconds of image and gradient over those of the image alone, pair by pair."""
        if self.forward is None:
            return []
        pairs = zip(self.warm.seconds, self.forward.seconds, strict=True)
        return [both / alone for both, alone in pairs]

    @property
    def slowdown(self) -> float | None:
        """Seconds beside the neighbours over seconds alone, of medians; None without neighbours."""
        return None if self.beside is None else self.beside.times.median / self.warm.median

    @property
    def cost(self) -> Cost:
        return cost_of(self.counts, self.workload.dtype)

    @property
    def limit(self) -> float:
        """The least seconds that the machine needs for the operations and bytes."""
        return self.ceiling.seconds(self.cost)

    @property
    def share(self) -> float:
        """Share of the roofline: 1 where the limit is reached."""
        return self.limit / self.warm.median

    @property
    def enlargement(self) -> float:
        """The whole image's pixels over those that were rendered."""
        return self.counts.whole / self.counts.pixels

    def to_json(self) -> dict[str, Any]:
        """The row as in schema nb-bench/1; what was not measured is null."""
        counts = asdict(self.counts) | {"evaluations": self.counts.evaluations}
        times = {"cold": self.cold, "cached": self.cached, "warm": self.warm}
        return {
            "workload": self.workload.name,
            "kind": self.workload.kind,
            "arguments": list(self.arguments),
            "dtype": self.workload.dtype,
            **asdict(self.run),
            "chosen": dict(self.chosen),
            "counts": counts,
            "wall_s": {name: found.to_json() if found else None for name, found in times.items()},
            "ns_per_evaluation": self.ns_per_evaluation,
            "evaluations_per_s": self.evaluations_per_s,
            "memory_bytes": asdict(self.memory),
            "parity": self.against.parity.to_json() if self.against else None,
            "c": self._against_json(),
            "gradient": self._gradient_json(),
            "neighbours": self._beside_json(),
            "roofline": self._roofline_json(),
            "whole_image": self._whole_json(),
            "warnings": list(self.warnings),
        }

    def _against_json(self) -> dict[str, Any] | None:
        if self.against is None:
            return None
        return {
            "command": list(self.against.command),
            "wall_s": self.against.times.to_json(),
            "ratio": {"median": statistics.median(self.ratios), "pairs": self.ratios},
        }

    def _gradient_json(self) -> dict[str, Any] | None:
        if self.forward is None:
            return None
        pairs = self.gradient_ratios
        ratio = {"median": statistics.median(pairs), "pairs": pairs}
        return {"forward_s": self.forward.to_json(), "ratio": ratio}

    def _beside_json(self) -> dict[str, Any] | None:
        if self.beside is None:
            return None
        return {
            "count": self.beside.neighbours,
            "wall_s": self.beside.times.to_json(),
            "ratio": self.slowdown,
        }

    def _roofline_json(self) -> dict[str, Any]:
        return {
            **asdict(self.cost),
            "ceiling": self.ceiling.to_json(),
            "limit_s": self.limit,
            "share": self.share,
        }

    def _whole_json(self) -> dict[str, Any] | None:
        """The whole image by proportion, where a region of it was rendered."""
        if self.counts.whole == self.counts.pixels:
            return None
        larger = self.enlargement
        return {
            "extrapolated": True,
            "evaluations": round(self.counts.evaluations * larger),
            "warm_s": self.warm.median * larger,
            "c_s": self.against.times.median * larger if self.against else None,
        }


def finite(value: float) -> float | None:
    """The value, or None where it is NaN or infinite, which JSON cannot say."""
    return value if math.isfinite(value) else None


def median_ratio(row: Row) -> float | None:
    """The median of the pairs' ratios; None without the C program."""
    return statistics.median(row.ratios) if row.ratios else None


def ceilings_of(rows: Sequence[Row]) -> dict[tuple[str, int], Ceiling]:
    """The ceilings that the rows were held against, by device and threads."""
    return {(row.run.device, row.run.threads): row.ceiling for row in rows}
