"""How long an image will take, and what makes it shorter."""

from __future__ import annotations

import math

import torch

from nb_core import duration
from nb_physics.engine.cost import compiled_seconds, work_of
from nb_physics.resolved import Plan
from nb_physics.scene import make_scene
from nb_physics.tiles import pixels_to_render

LONG_S = 600.0
"""Work that takes longer is worth a word before it starts."""

MANY_SUBPIXELS = 100
"""Along a pixel's edge: nobody means so many, though a small detector may have them in time."""

COHERENT_CELLS = 100
"""Edge of a block of a mosaic crystal, in unit cells: what scatters as one."""


def evaluations(plan: Plan) -> float:
    """Terms of the whole image: pixels x layers x sub-pixels x sources x phi steps x domains."""
    return pixels_to_render(plan.experiment) * plan.evaluations


def expected_seconds(plan: Plan) -> float:
    """About how long the image takes on the CPU, compiled, on the threads that torch has."""
    pixels = pixels_to_render(plan.experiment)
    threads = torch.get_num_threads()
    scenes = (make_scene(plan, number) for number in range(len(plan.crystals)))
    works = (work_of(s, pixels, "float64", "cpu", threads, gradient=False) for s in scenes)
    return sum(compiled_seconds(work)[0] for work in works)


def long_work(plan: Plan) -> str | None:
    """A sentence where an image takes long, or has more sub-pixels than are meant; else None."""
    seconds, own = expected_seconds(plan), plan.experiment.sampling.oversample is None
    largest = max(plan.crystals, key=lambda crystal: crystal.oversample)
    coherent = own and largest.oversample >= MANY_SUBPIXELS
    if seconds < LONG_S and not coherent:
        return None
    total = f"about {duration(seconds)}: {evaluations(plan):.3g} evaluations"
    cells = [max(1.0, count) for count in largest.cells.tolist()]
    blocks = math.prod(max(1.0, count / COHERENT_CELLS) for count in cells)
    if largest.oversample < 10 or blocks <= 1:
        return (
            f"{total}; less -phisteps, -mosaic_domains, sources or -oversample, or a -roi, make it "
            "shorter"
        )
    grid = f"{largest.oversample} x {largest.oversample}"
    size = " x ".join(f"{count:.0f}" for count in cells)
    block = " x ".join(f"{min(count, COHERENT_CELLS):.0f}" for count in cells)
    return (
        f"{total}, for {grid} sub-pixels resolve the fringes of one "
        f"coherent crystal of {size} cells; real ones are many blocks that scatter each alone: "
        f"give a block's size (-N, here {block}) and the fluence times their number "
        f"({blocks:.3g}), or set -oversample"
    )
