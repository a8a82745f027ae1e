"""Pairs of float32: their arithmetic by exact fractions, and images by those in float64.

The walk is the one of a device without float64, run on the CPU: the same operations, each by
itself, and none of them may make a float64 tensor.
"""

import dataclasses
import math
import operator
import re
from fractions import Fraction
from pathlib import Path

import pytest
import torch
import torchgen
from hypothesis import given, settings
from hypothesis import strategies as st
from small_experiments import RICH, Collector, rich_experiment, small_experiment, small_list
from torch.utils._python_dispatch import TorchDispatchMode

from nb_core import InputError, Profile, flags_to_experiment
from nb_physics import make_plan, simulate
from nb_physics.devices import available_device
from nb_physics.pairs import Pair, PairOperationError, to_pair
from nb_physics.pairs.arithmetic import two_product, two_sum
from nb_physics.scene import make_scene, scene_to
from nb_physics.structure.nearest import grid_index
from nb_physics.tiles import select_pixels
from nb_physics.walk import EagerWalk

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
CPU = torch.device("cpu")
SHARE = 1e-6
"""Of the maximum: what a device may change of an image."""

SINGLES = st.floats(2.0**-20, 2.0**20, width=32) | st.floats(-(2.0**20), -(2.0**-20), width=32)
"""No product of two, and no rest of one, is a denormal number: these would lose digits."""
DOUBLES = st.floats(1e-6, 1e6) | st.floats(-1e6, -1e-6)


def pair_of(value: float) -> Pair:
    return to_pair(torch.tensor(value, dtype=torch.float64), CPU)


def exact(value: torch.Tensor) -> Fraction:
    """The number that a tensor without axes stands for."""
    if isinstance(value, Pair):
        return Fraction(value.hi.item()) + Fraction(value.lo.item())
    return Fraction(value.item())


def close(found: torch.Tensor, expected: Fraction, bits: int) -> bool:
    return abs(exact(found) - expected) <= abs(expected) / 2**bits


@given(SINGLES, SINGLES)
def test_sums_and_products_lose_nothing(a, b):
    x, y = torch.tensor(a), torch.tensor(b)
    for found, expected in (
        (two_sum(x, y), Fraction(a) + Fraction(b)),
        (two_product(x, y), Fraction(a) * Fraction(b)),
    ):
        assert exact(found[0]) + exact(found[1]) == expected


@given(DOUBLES)
def test_a_pair_holds_48_bits(a):
    """24 + 24: what `lo` leaves out is at most half of its last bit."""
    pair = pair_of(a)
    assert close(pair, Fraction(a), 48)
    assert pair.dtype == torch.float32
    assert pair.hi + pair.lo == pair.hi
    assert pair.to(torch.float64).item() == float(exact(pair)) == pair.on_cpu().item()
    assert pair.to(torch.float32) is not pair
    assert type(pair.to(torch.float32)) is torch.Tensor


@given(DOUBLES, DOUBLES)
def test_arithmetic_is_nearly_that_of_float64(a, b):
    """The bounds of arithmetic.py, 3 to 10 of the last bits of a pair."""
    x, y = pair_of(a), pair_of(b)
    p, q = exact(x), exact(y)
    assert close(x + y, p + q, 45)
    assert close(x - y, p - q, 45)
    assert close(x * y, p * q, 44)
    assert close(x / y, p / q, 43)
    assert close(torch.square(x), p * p, 44)
    root = exact(torch.sqrt(x.abs()))
    assert abs(root * root - abs(p)) <= abs(p) / 2**43
    for found in (x + y, x * y, x / y):
        assert found.hi + found.lo == found.hi


@given(DOUBLES, SINGLES)
def test_ordinary_tensors_and_numbers_take_part(a, b):
    x, single = pair_of(a), torch.tensor(b)
    p, q = exact(x), Fraction(b)
    for other in (single, b):
        assert close(x + other, p + q, 45)
        assert close(other - x, q - p, 45)
        assert close(other * x, p * q, 44)
        assert close(other / x, q / p, 42)
    assert close(x * 0.1, p * Fraction(0.1), 43)
    assert close(x * 3, p * 3, 44)


@given(st.integers(-(10**6), 10**6), st.sampled_from([0.0, 0.5, 1e-9, -1e-9, 0.5 + 1e-9, 0.3]))
def test_rounding_sees_the_second_number(whole, rest):
    """Near 10^6 a float32 counts in sixteenths, and `lo` tells on which side a number lies."""
    pair = pair_of(float(whole)) + pair_of(rest)
    value = exact(pair)
    assert torch.ceil(pair).item() == math.ceil(value)
    assert torch.floor(pair).item() == math.floor(value)
    assert abs(Fraction(torch.round(pair).item()) - value) <= Fraction(1, 2)
    assert pair.to(torch.float64).item() == float(value)


@given(DOUBLES, st.sampled_from([0.0, 2.0**-40, -(2.0**-40)]))
def test_comparisons_see_the_second_number(a, change):
    x, y = pair_of(a), pair_of(a * (1 + change))
    for test in (operator.ge, operator.le):
        assert test(x, y).item() == test(exact(x), exact(y))
    for test in (operator.gt, operator.lt, operator.eq, operator.ne):
        assert test(x - y, 0).item() == test(exact(x) - exact(y), 0)
        assert test(x, a).item() == test(exact(x), exact(pair_of(a)))
    assert exact(torch.minimum(x, y)) == min(exact(x), exact(y))
    assert exact(x.clamp(min=0)) == max(exact(x), 0)
    assert exact(x.abs()) == abs(exact(x))


@given(st.floats(-60.0, 10.0), st.floats(-20.0, 20.0))
def test_exp_sin_and_cos(power, angle):
    """1e-10: 2^-35 is 3e-11; 1e-12: 2^-42 is 2e-13, and some turns lose a bit or two."""
    found = torch.exp(pair_of(power)).on_cpu().item()
    assert found == pytest.approx(math.exp(power), rel=1e-10, abs=0)
    assert torch.sin(pair_of(angle)).on_cpu().item() == pytest.approx(math.sin(angle), abs=1e-12)
    assert torch.cos(pair_of(angle)).on_cpu().item() == pytest.approx(math.cos(angle), abs=1e-12)


def test_exp_of_little_is_0():
    powers = torch.tensor([-110.0, -1e4, -math.inf], dtype=torch.float64)
    assert torch.exp(to_pair(powers, CPU)).to(torch.float32).tolist() == [0.0, 0.0, 0.0]
    assert torch.exp(pair_of(0.0)).on_cpu() == 1.0


@settings(max_examples=30)
@given(st.lists(st.floats(0.1, 2.0), min_size=1, max_size=70))
def test_sums_and_running_products_along_an_axis(values):
    """1e-12: a sum has 7 roundings of 2^-45, a product 70 of 2^-44."""
    plain = torch.tensor([values, values[::-1]], dtype=torch.float64)
    pair = to_pair(plain, CPU)
    assert torch.allclose(pair.sum(dim=1).on_cpu(), plain.sum(dim=1), rtol=1e-12, atol=0)
    assert torch.allclose(pair.sum(dim=0).on_cpu(), plain.sum(dim=0), rtol=1e-12, atol=0)
    assert torch.allclose(pair.cumprod(1).on_cpu(), plain.cumprod(1), rtol=1e-12, atol=0)


def test_numbers_are_moved_with_both_parts():
    plain = torch.arange(24, dtype=torch.float64).reshape(2, 3, 4) / 7
    pair = to_pair(plain, CPU)
    index = torch.tensor([[[2], [0], [1]], [[0], [0], [3]]])

    def moved(x):
        first, second = x
        yield from (x[:, 1], x[..., None], x[:, :, 1:3], x.flatten(1), x.flip(1), second)
        yield from (torch.stack([x, x]), x.gather(2, index), x[0].expand(5, 3, 4), x.detach())
        yield torch.where(plain > 1, x, 1.0)
        yield torch.where(plain > 1, torch.zeros_like(x), torch.full_like(x, 0.1))
        yield first - torch.ones_like(second)

    for found, expected in zip(moved(pair), moved(plain), strict=True):
        assert found.shape == expected.shape
        assert torch.allclose(found.on_cpu(), expected, rtol=1e-13, atol=0)


def test_what_a_pair_cannot_do_is_an_error():
    """It must not be done to `hi` alone."""
    pair = pair_of(2.0)
    for attempt in (
        lambda: torch.erf(pair),
        lambda: pair**3,
        lambda: torch.add(pair, pair, alpha=2),
        lambda: pair.to("cpu"),
        lambda: Pair(torch.ones(2), torch.ones(3)),
        lambda: to_pair(torch.ones(2, 2, dtype=torch.float64), CPU).sum(dim=(0, 1)),
    ):
        with pytest.raises(PairOperationError):
            attempt()


class Watch(TorchDispatchMode):
    """Notes every operation on ordinary tensors, and refuses a float64 result.

    coarse: whether quotients and roots are off by 3 units of the last place
    """

    def __init__(self, *, coarse: bool = False) -> None:
        super().__init__()
        self.coarse, self.seen = coarse, set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if any(issubclass(kind, Pair) for kind in types):
            return NotImplemented  # to Pair, and its operations come by here
        self.seen.add(str(func).removeprefix("aten.").removesuffix(".default"))
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, list | tuple) else [result]:
            if isinstance(value, torch.Tensor):
                assert value.dtype not in (torch.float64, torch.complex128), func
        inexact = func in (torch.ops.aten.div.Tensor, torch.ops.aten.sqrt.default)
        return result * (1 + 3 * 2.0**-23) if self.coarse and inexact else result


def pair_image(experiment, watch=None):
    """The image by pairs, and the Watch."""
    plan = make_plan(experiment)
    detector, selection = plan.experiment.detector, select_pixels(plan.experiment)
    walk = EagerWalk(scene_to(make_scene(plan), CPU, pairs=True), torch.float32, CPU)
    parts, watch = [], watch or Watch()
    for start, stop in walk.ranges(selection.count):
        tile = dataclasses.replace(selection, chosen=selection.indices(start, stop, CPU))
        with watch:
            parts.append(walk.photons(tile, 0, stop - start))
        assert type(parts[-1]) is torch.Tensor
        assert parts[-1].dtype == torch.float32
    return torch.cat(parts).reshape(detector.spixels, detector.fpixels), watch


def error_of(found, experiment) -> float:
    """The largest difference from the float64 image, as a share of its maximum."""
    expected = simulate(experiment, engine="eager")
    assert expected.max() > 0
    return float((found - expected).abs().max() / expected.max())


SHORT = "-cell 70 80 90 85 95 100 -misset 10 20 30 -default_F 100 -lambda 1"
LONG = "-cell 300 280 290 85 95 100 -misset 10 20 30 -default_F 100 -lambda 1"
WIDE = "-distance 100 -detpixels 96 -pixel 1 -oversample 1"
STEPS = "-distance 100 -detpixels 4 -pixel 8 -N 5 -phi 0 -osc 90 -mosaic_spread 1"
COMMANDS = {
    "200 cells": f"{SHORT} {WIDE} -N 200",
    "1000 cells": f"{SHORT} {WIDE} -N 1000",
    "1000 cells, few pixels": f"{SHORT} -N 1000 -distance 100 -detpixels 8 -pixel 8 -oversample 1",
    "1000 cells, far": f"{LONG} -N 1000 -distance 2500 -detpixels 96 -pixel 1 -oversample 1 "
    "-phi 0 -osc 0.1 -phisteps 5",
    "1000 cells, high indices": f"{LONG} -N 1000 -lambda 0.4 -distance 50 -detpixels 96 -pixel 2 "
    "-oversample 1",
    "1000 cells, round": f"{SHORT} {WIDE} -N 1000 -round_xtal",
    "20 cells, gauss": f"{SHORT} {WIDE} -N 20 -gauss_xtal",
    "XDS, turned, water": f"{SHORT} {WIDE} -N 9 -xds -detector_rotx 5 -twotheta 20 -water 50",
    "10000 steps": f"{SHORT} {STEPS} -oversample 1 -phisteps 1000 -mosaic_domains 10",
    "10000 running factors": f"{SHORT} {STEPS} -oversample 1 -phisteps 1000 -mosaic_domains 10 "
    "-oversample_thick -detector_thick 1000 -detector_abs 100",
    "10000 sub-pixels and steps": f"{SHORT} {STEPS} -oversample 4 -phisteps 25 "
    "-mosaic_domains 25 -oversample_polar",
    "thin sensor": f"{SHORT} {WIDE} -N 5 -detector_thick 1 -detector_abs 1000",
}
"""Hard ones: high indices times many cells, long sums, differences of nearly equal numbers."""

EXPERIMENTS = {name: flags_to_experiment(line.split()) for name, line in COMMANDS.items()}
EXPERIMENTS |= {name: rich_experiment(**fields) for name, fields in RICH.items()}
EXPERIMENTS |= {
    "curved": small_experiment(curved_detector=True),
    "curved, corrected": rich_experiment(curved_detector=True, profile=Profile.CORRECTED),
    "point pixels": small_experiment(point_pixel=True, N_cells=(30, 40, 50)),
    "all running": rich_experiment(
        oversample_thick=True, oversample_polar=True, oversample_omega=True, dmin_A=6.0
    ),
    "interpolated, corrected": rich_experiment(
        structure_factors=small_list(reach=6, gaps=0.0), interpolate=True, profile=Profile.CORRECTED
    ),
    "many mosaic domains": small_experiment(mosaic_spread_deg=3.0, mosaic_domains=300),
    "cubic": small_experiment(cell_alpha=90, cell_beta=90, cell_gamma=90, misset_deg=(0, 0, 0)),
}


_TABLE = Path(torchgen.__file__).parent / "packaged/ATen/native/native_functions.yaml"
OPERATIONS = {
    entry.split("(")[0]: entry
    for entry in re.split(r"^- func: ", _TABLE.read_text(), flags=re.MULTILINE)[1:]
}
"""torch's own description of each of its operations."""


def lacks_mps_kernel(name: str) -> bool:
    """Whether torch's list gives Apple's devices neither an operation nor what it is made of."""
    delegate = re.search(r"structured_delegate: (\S+)", OPERATIONS.get(name, ""))
    if delegate:
        return lacks_mps_kernel(delegate[1])
    dispatch = re.search(r"^  dispatch:\n((?:    .*\n)+)", OPERATIONS.get(name, ""), re.MULTILINE)
    return dispatch is not None and not re.search("MPS|Composite", dispatch[1])


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_images_are_those_of_float64(name):
    """By operations, all in float32, that Apple's devices have."""
    found, watch = pair_image(EXPERIMENTS[name])
    assert error_of(found, EXPERIMENTS[name]) < SHARE
    assert {"mul.Tensor", "where.self"} <= watch.seen
    assert [name for name in watch.seen if lacks_mps_kernel(name)] == []


def test_torch_lists_what_apples_devices_have():
    """One operation that they lack, so that the list is read as it is meant."""
    assert lacks_mps_kernel("take")
    assert not lacks_mps_kernel("index_select")
    assert not lacks_mps_kernel("mul.Tensor")
    assert {"take", "index_select", "mul.Tensor", "where.self"} <= set(OPERATIONS)


@given(DOUBLES, DOUBLES)
def test_quotients_and_roots_of_torch_need_not_be_rounded_well(a, b):
    """Graphics processors give them to some units of the last place."""
    x, y = pair_of(a), pair_of(b)
    well_rounded = x.hi / y.hi
    with Watch(coarse=True):
        assert x.hi / y.hi != well_rounded
        quotient, root = x / y, torch.sqrt(x.abs())
    assert close(quotient, exact(x) / exact(y), 43)
    assert abs(exact(root) ** 2 - abs(exact(x))) <= abs(exact(x)) / 2**42


@pytest.mark.parametrize("name", ["1000 cells", "all running"])
def test_images_do_not_depend_on_how_quotients_and_roots_are_rounded(name):
    found, _ = pair_image(EXPERIMENTS[name], Watch(coarse=True))
    assert error_of(found, EXPERIMENTS[name]) < SHARE


def test_phases_in_float32_would_not_do():
    """So the experiments above are hard enough: float32 loses the fringes, pairs keep them."""
    experiment = EXPERIMENTS["1000 cells"]
    plan = make_plan(experiment)
    scene = scene_to(make_scene(plan), CPU)
    vectors = scene.cell_vectors.to(torch.float32).to(torch.float64)
    rounded = dataclasses.replace(scene, cell_vectors=vectors)
    walk = EagerWalk(rounded, torch.float64, CPU)
    selection = select_pixels(plan.experiment)
    parts = [walk.photons(selection, a, b) for a, b in walk.ranges(selection.count)]
    image = torch.cat(parts).reshape(96, 96)
    assert error_of(image, experiment) > 100 * SHARE


def test_a_large_list_is_counted_in_pairs(monkeypatch):
    """Above 2^24 entries, float32 would miss every other one."""
    experiment = rich_experiment()
    monkeypatch.setattr("nb_physics.scene._COUNTED", 10)
    scene = scene_to(make_scene(make_plan(experiment)), CPU, pairs=True)
    assert isinstance(scene.structure.spans, Pair)
    assert error_of(pair_image(experiment)[0], experiment) < SHARE
    spans = torch.tensor([301.0, 302.0, 303.0], dtype=torch.float64)
    grid = dataclasses.replace(scene.structure, spans=to_pair(spans, CPU), lowest=torch.zeros(3))
    whole = torch.tensor([[297.0, 298.0], [296.0, 291.0], [295.0, -5.0]])
    expected = [(298 * 302 + 297) * 303 + 296, (299 * 302 + 292) * 303 + 0]
    assert grid_index(whole, grid).tolist() == expected
    monkeypatch.undo()
    scene = scene_to(make_scene(make_plan(experiment)), CPU, pairs=True)
    assert not isinstance(scene.structure.spans, Pair)


def test_a_recorder_is_shown_all_digits():
    """1e-12: h, k, l of some tens, to 2^-44."""
    experiment = rich_experiment(interpolate=True)
    plan, shown, expected = make_plan(experiment), Collector(), Collector()
    simulate(plan, recorder=expected)
    scene = scene_to(make_scene(plan), CPU, pairs=True)
    selection = select_pixels(plan.experiment)
    walk = EagerWalk(scene, torch.float32, CPU, shown)
    for start, stop in walk.ranges(selection.count):
        walk.photons(selection, start, stop)
    assert set(shown.values) == set(expected.values)
    for found, exactly in zip(shown.all("hkl"), expected.all("hkl"), strict=True):
        assert found.dtype == torch.float64
        assert (found - exactly).abs().max() < 1e-12
    for name in shown.values:
        assert not any(isinstance(value, Pair) for value in shown.all(name))


def test_gradients_need_float64():
    edge = torch.tensor(21.0, dtype=torch.float64, requires_grad=True)
    scene = make_scene(make_plan(small_experiment(cell_a=edge)))
    with pytest.raises(InputError, match=r"device.*no float64, which gradients"):
        scene_to(scene, CPU, pairs=True)
    assert scene_to(scene, CPU).cell_vectors.requires_grad
    with torch.no_grad():
        assert isinstance(scene_to(scene, CPU, pairs=True).cell_vectors, Pair)


def test_float64_stays_as_it_is():
    """Elsewhere there are no pairs, and no tensor is copied."""
    scene = make_scene(make_plan(rich_experiment()))
    same = scene_to(scene, CPU)
    assert type(same.cell_vectors) is torch.Tensor
    assert same.cell_vectors is scene.cell_vectors


@pytest.mark.skipif(not torch.backends.mps.is_available(), reason="needs one of Apple's devices")
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_images_of_apples_devices(name):
    found = simulate(EXPERIMENTS[name], device=available_device("mps"), dtype=torch.float32)
    assert error_of(found.cpu(), EXPERIMENTS[name]) < SHARE
