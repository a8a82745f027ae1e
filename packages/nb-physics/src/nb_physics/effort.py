"""How long an image will take, and what makes it shorter."""

from __future__ import annotations

import math

import torch

from nb_core import CrystalShape
from nb_physics.resolved import Plan
from nb_physics.tiles import select_pixels

LONG_S = 600.0
"""Work that takes longer is worth a word before it starts."""

NS_PER_EVALUATION = 15.0
NS_PER_SPHERE = 60.0
NS_PER_INTERPOLATION = 150.0
"""Of one thread of an ordinary core; docs/performance.md has measured times."""

MANY_SUBPIXELS = 100
"""Along a pixel's edge: nobody means so many, though a small detector may have them in time."""

COHERENT_CELLS = 100
"""Edge of a block of a mosaic crystal, in unit cells: what scatters as one."""


def evaluations(plan: Plan) -> float:
    """Terms of the whole image: pixels x layers x sub-pixels x sources x phi steps x domains."""
    return select_pixels(plan.experiment).count * plan.steps * plan.layers.count


def expected_seconds(plan: Plan) -> float:
    """About how long the image takes on the threads that torch has; a factor of 3 either way."""
    shape = plan.experiment.crystal.shape
    cost = NS_PER_SPHERE if shape is CrystalShape.ROUND else NS_PER_EVALUATION
    cost += NS_PER_INTERPOLATION if plan.interpolate else 0.0
    return evaluations(plan) * cost * 1e-9 / torch.get_num_threads()


def long_work(plan: Plan) -> str | None:
    """A sentence where an image takes long, or has more sub-pixels than are meant; else None."""
    seconds, own = expected_seconds(plan), plan.experiment.sampling.oversample is None
    coherent = own and plan.oversample >= MANY_SUBPIXELS
    if seconds < LONG_S and not coherent:
        return None
    total = f"about {_duration(seconds)}: {evaluations(plan):.3g} evaluations"
    cells = [max(1.0, count) for count in plan.cells.tolist()]
    blocks = math.prod(max(1.0, count / COHERENT_CELLS) for count in cells)
    if plan.oversample < 10 or blocks <= 1:
        return (
            f"{total}; less -phisteps, -mosaic_domains, sources or -oversample, or a -roi, make it "
            "shorter"
        )
    size = " x ".join(f"{count:.0f}" for count in cells)
    block = " x ".join(f"{min(count, COHERENT_CELLS):.0f}" for count in cells)
    return (
        f"{total}, for {plan.oversample} x {plan.oversample} sub-pixels resolve the fringes of one "
        f"coherent crystal of {size} cells; real ones are many blocks that scatter each for itself: "
        f"give a block's size (-N, here {block}) and the fluence times their number "
        f"({blocks:.3g}), or set -oversample"
    )


def _duration(seconds: float) -> str:
    units = (("years", 3.2e7), ("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0))
    for unit, length in units:
        if seconds >= 2 * length:
            return f"{seconds / length:.2g} {unit}"
    return f"{seconds:.0f} seconds"
