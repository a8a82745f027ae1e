"""Nothing of pixels x steps goes to memory in the kernels that are made: the passes over their
graphs still find what they are for. A kernel that writes it gives the same numbers, later.
"""

import dataclasses

import pytest
import torch
from lowered import sizes_by_step
from small_experiments import small_experiment, small_list

from nb_core import CrystalShape, Profile
from nb_physics import make_plan
from nb_physics.engine.walk import needed_kernels
from nb_physics.scene import make_scene

pytestmark = [
    pytest.mark.filterwarnings("ignore::nb_core.NbWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch's own
    pytest.mark.filterwarnings("ignore::FutureWarning"),  # torch's own
    pytest.mark.kernels,
]

CORRECTED = {"profile": Profile.CORRECTED}
STEPS = {"phi_steps": 3, "osc_range_deg": 1.0, "mosaic_spread_deg": 1.0, "mosaic_domains": 5}
SOURCES = {"hdiv_range_mrad": 20.0, "hdiv_steps": 3}
LIST = {"structure_factors": small_list(), "interpolate": False}
CASES = {
    "steps, a list": {**STEPS, **LIST},
    "steps, corrected": {**STEPS, **CORRECTED},
    "steps and sources, sub-pixels": {**STEPS, **SOURCES, **CORRECTED, "oversample": 2},
    "steps and sources, round, dmin": {
        **STEPS,
        **SOURCES,
        "shape": CrystalShape.ROUND,
        "dmin_A": 3.0,
        **LIST,
    },
}


def kernel_of(fields):
    """The kernel of an experiment that looks at its steps."""
    scene = make_scene(make_plan(small_experiment(**fields)))
    return needed_kernels(scene, torch.float64, torch.device("cpu"))[0]


@pytest.mark.parametrize("fields", CASES.values(), ids=CASES)
def test_steps_stay_in_registers(fields):
    assert sizes_by_step(kernel_of(fields)) == {}


def test_a_running_sum_takes_memory_for_its_steps():
    """What `-oversample_*` multiplies: so the tests beside this can fail."""
    assert sizes_by_step(kernel_of({**STEPS, "oversample_omega": True}))


def test_a_gradient_stores_the_slopes_by_hkl_alone():
    """Which sums over pixels take, for each step: three numbers."""
    kernel = dataclasses.replace(kernel_of(CASES["steps, a list"]), gradient=True)
    sizes = sizes_by_step(kernel)
    assert len(sizes) == 3
    assert len(set(sizes.values())) == 1


def test_derivatives_of_each_pixel_store_nothing():
    steps = kernel_of(CASES["steps, corrected"])
    kernel = dataclasses.replace(steps, gradient=True, by_pixel=True)
    assert sizes_by_step(kernel) == {}
