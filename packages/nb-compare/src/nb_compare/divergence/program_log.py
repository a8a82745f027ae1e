"""Has the stock C program print a pixel, found by comparing images where none is named."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from nb_compare.program import run_program, stage_arguments
from nb_core import ShapeError
from nb_physics import Plan, simulate


def print_pixel(program: Path, plan: Plan, arguments: Sequence[str], pixel: tuple[int, int]) -> str:
    """What the C program prints of a pixel (slow, fast), and of its set-up before.

    It runs in a fresh folder, and renders this pixel only, where the others do not matter to it.
    Raises ProgramError where the program fails.
    """
    slow, fast = (str(index) for index in pixel)
    printing = ["-printout", "-printout_pixel", fast, slow]
    if not depends_on_order(plan):
        printing += ["-roi", fast, fast, slow, slow]
    staged = stage_arguments([*arguments, *printing])
    with tempfile.TemporaryDirectory(prefix="nb-c-") as folder:
        return run_program(program, staged, Path(folder)).log


def depends_on_order(plan: Plan) -> bool:
    """Whether a pixel of the C program depends on those before it.

    It does in a phi scan through 0, and where structure factors are interpolated (behaviour 30
    and 40).
    """
    through_zero = plan.phi_count > 1 and bool((plan.phi_angles == 0).any())
    return through_zero or plan.interpolate


def worst_pixel(
    program: Path,
    plan: Plan,
    arguments: Sequence[str],
    device: torch.device | str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> tuple[int, int]:
    """The pixel (slow, fast) in which the images of the C program and nb differ most.

    progress: as of `simulate`; the C program runs afterwards
    Raises ProgramError as `run_program`, ShapeError where the images have different shapes.
    """
    ours = simulate(plan, device=device, progress=progress).cpu().numpy()
    staged = stage_arguments(arguments)
    with tempfile.TemporaryDirectory(prefix="nb-c-") as folder:
        theirs = run_program(program, staged, Path(folder)).image(ours.shape)
    if theirs.shape != ours.shape:
        raise ShapeError(ours.shape, theirs.shape, "give both programs the same -detpixels")
    slow, fast = np.unravel_index(int(np.abs(ours - theirs).argmax()), ours.shape)
    return int(slow), int(fast)
