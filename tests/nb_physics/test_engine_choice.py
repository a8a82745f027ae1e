"""Which engine AUTO takes: a table over kinds of work, and the words that say why."""

import dataclasses
import functools
import re

import pytest
import torch
from small_experiments import small_experiment, small_list

from nb_core import CrystalShape, InputError
from nb_physics import Choice, Engine, choose_engine, make_plan, simulate
from nb_physics.engine import choice, cost
from nb_physics.engine.cache import kernel_path
from nb_physics.engine.choice import choice_for, soonest
from nb_physics.engine.cost import Work, building_seconds, compiled_seconds, eager_seconds
from nb_physics.engine.derive import gradient_kernels
from nb_physics.engine.walk import needed_kernels
from nb_physics.scene import make_scene

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch):
    """An empty folder of kernels, and two cores."""
    monkeypatch.setenv("NB_CACHE_DIR", str(tmp_path / "none"))
    monkeypatch.setattr(choice, "available_cores", lambda: 2)
    return tmp_path / "none"


SCENES = {
    "square": {},
    "round": {"shape": CrystalShape.ROUND},
    "gauss": {"shape": CrystalShape.GAUSS},
    "tophat": {"shape": CrystalShape.TOPHAT},
    "list": {"structure_factors": small_list(), "interpolate": False},
    "tricubic": {"structure_factors": small_list(), "interpolate": True},
}


@functools.cache
def scene_of(name):
    return make_scene(make_plan(small_experiment(**SCENES[name])))


def work_and_kernels(name, rays, steps, **more):
    """Work of a kind, and the kernels that it takes, those of its gradient apart."""
    scene = scene_of(name)
    work = Work(scene.kind, float(rays), 1, steps, threads=2, **more)
    kernels = needed_kernels(scene, torch.float64, torch.device("cpu"))
    kernels = [dataclasses.replace(kernel, steps=steps > 1) for kernel in kernels]
    derived = (gradient_kernels(kernels, scene) or []) if work.gradient else []
    return work, kernels, derived


def chosen(name, rays, steps, at_hand, **more):
    """What AUTO takes, and its words."""
    work, kernels, derived = work_and_kernels(name, rays, steps, **more)
    return soonest(work, kernels, derived, lambda kernel: at_hand)


MEGA = 1 << 20

CASES = [
    # kind, rays, steps, with kernels at hand, without
    ("square", 16**2, 1, "compiled", "eager"),
    ("square", 256**2, 1, "compiled", "eager"),
    ("square", MEGA, 1, "compiled", "eager"),
    ("square", 16 * MEGA, 1, "compiled", "eager"),
    ("square", MEGA / 4, 100, "compiled", "eager"),
    ("square", 6.2e6, 1000, "compiled", "compiled"),
    ("round", MEGA / 4, 5400, "compiled", "compiled"),
    ("gauss", MEGA / 4, 100, "compiled", "eager"),
    ("gauss", MEGA, 10_000, "compiled", "compiled"),
    ("tophat", MEGA / 4, 100, "compiled", "eager"),
    ("tophat", MEGA, 10_000, "compiled", "compiled"),
    ("list", MEGA, 100, "compiled", "eager"),
    ("tricubic", MEGA, 1, "compiled", "eager"),
    ("tricubic", MEGA, 2000, "compiled", "compiled"),
]


@pytest.mark.parametrize(("name", "rays", "steps", "with_kernels", "without"), CASES)
def test_what_auto_takes(name, rays, steps, with_kernels, without):
    assert chosen(name, rays, steps, at_hand=True).engine.value == with_kernels
    assert chosen(name, rays, steps, at_hand=False).engine.value == without


@pytest.mark.parametrize("name", SCENES)
def test_a_kernel_at_hand_is_taken_however_often_the_work_is_repeated(name):
    """From a single tile on: its loading is paid once, and an image is rarely alone."""
    for rays in (4096, 65536, MEGA, 64 * MEGA):
        assert chosen(name, rays, 1, at_hand=True).engine is Engine.COMPILED


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("threads", [1, 2, 64])
def test_a_first_image_is_never_much_later_than_eager_alone(name, gradient, threads):
    """Whatever the size: building is chosen only where it pays with a margin, so that expected
    seconds may be wrong by that before it comes later.
    """
    for exponent in range(4, 14):
        work, kernels, derived = work_and_kernels(name, 10.0**exponent, 1, gradient=gradient)
        work = dataclasses.replace(work, threads=threads)
        found = soonest(work, kernels, derived, lambda kernel: False)
        if found.engine is Engine.COMPILED:
            building = building_seconds([*found.kernels, *found.gradient], 2)
            backward = compiled_seconds(work)[1] if found.gradient else eager_seconds(work)[1]
            alone = sum(eager_seconds(work))
            assert choice.MARGIN * (building + compiled_seconds(work)[0] + backward) <= alone


def test_work_that_gains_more_than_building_costs_builds_at_once():
    """There is a size from which each kind builds, and from there on it stays so."""
    for name in SCENES:
        engines = [chosen(name, 4.0**n, 1, at_hand=False).engine for n in range(6, 24)]
        assert engines == sorted(engines, reverse=True)  # "eager" comes after "compiled"
        assert set(engines) == {Engine.EAGER, Engine.COMPILED}


def test_more_threads_make_building_pay_later():
    work, kernels, _ = work_and_kernels("round", MEGA / 4, 5400)
    assert soonest(work, kernels, [], lambda kernel: False).engine is Engine.COMPILED
    many = dataclasses.replace(work, threads=64)
    assert soonest(many, kernels, [], lambda kernel: False).engine is Engine.EAGER


class TestGradient:
    """The kernels of an image and those of its gradient are judged apart."""

    def found(self, rays, present, name="square"):
        work, kernels, derived = work_and_kernels(name, rays, 1, gradient=True)
        there = {"none": [], "image": kernels, "all": kernels + derived}[present]
        return soonest(work, kernels, derived, lambda kernel: kernel in there)

    def test_all_at_hand(self):
        found = self.found(MEGA, "all")
        assert (found.engine, len(found.kernels), len(found.gradient)) == ("compiled", 1, 1)
        assert found.reason == "kernels at hand"

    def test_those_of_the_image_at_hand(self):
        found = self.found(MEGA, "image")
        assert (found.engine, len(found.gradient)) == ("compiled", 0)
        assert re.fullmatch(
            r"kernel at hand; building a kernel for its gradient \(about [\w ]+\) would cost more "
            "than it saves",
            found.reason,
        )

    def test_none_at_hand(self):
        assert self.found(MEGA, "none").engine is Engine.EAGER
        found = self.found(1e10, "none")
        assert (found.engine, len(found.kernels), len(found.gradient)) == ("compiled", 1, 1)

    def test_a_gradient_that_has_no_kernels(self):
        scene = make_scene(make_plan(small_experiment(dmin_A=3.0)))
        kernels = needed_kernels(scene, torch.float64, torch.device("cpu"))
        work = Work(scene.kind, float(MEGA), 1, 1, threads=2, gradient=True)
        found = soonest(work, kernels, [], lambda kernel: True)
        assert (found.engine, found.gradient) == (Engine.COMPILED, ())
        assert found.reason == "kernel at hand; there is none for its gradient"


class TestWords:
    """What is printed and recorded of a choice."""

    @pytest.fixture
    def whole(self):
        """The scene of a small image, and its only kernel."""
        scene = make_scene(make_plan(small_experiment()))
        (kernel,) = needed_kernels(scene, torch.float64, torch.device("cpu"))
        return scene, kernel

    def choice(self, scene, pixels, engine="auto"):
        return choice_for(scene, pixels, torch.float64, torch.device("cpu"), engine)

    def test_too_little_to_build_for(self, whole):
        found = str(self.choice(whole[0], MEGA))
        building = r"building a kernel \(about [\w ]+\)"
        assert re.fullmatch(f"eager: {building} would cost more than it saves", found)

    def test_enough_to_build_for(self, whole):
        found = str(self.choice(whole[0], 4**19))
        assert re.fullmatch(
            r"compiled: building a kernel \(about [\w ]+\) costs less than it saves "
            r"\(eager: about [\w. ]+\)",
            found,
        )

    def test_at_hand(self, whole, empty):
        empty.mkdir()
        kernel_path(whole[1]).touch()
        assert str(self.choice(whole[0], MEGA)) == "compiled: kernel at hand"
        assert str(self.choice(whole[0], MEGA, "compiled")) == "compiled: asked for; kernel at hand"

    def test_asked_for(self, whole):
        assert str(self.choice(whole[0], MEGA, "eager")) == "eager: asked for"
        found = str(self.choice(whole[0], 1, "compiled"))
        assert re.fullmatch(r"compiled: asked for; building a kernel \(about [\w ]+\) first", found)

    def test_nothing_to_do(self, whole):
        for engine in Engine:
            found = str(self.choice(whole[0], 0, engine))
            assert found == "eager: there is no pixel to compute"

    def test_a_device_without_kernels(self, whole):
        mps = torch.device("mps")
        found = choice_for(whole[0], 10, torch.float32, mps, "auto")
        assert str(found) == "eager: there are no kernels for mps"
        with pytest.raises(
            InputError, match="engine: compiled: there are no kernels for mps; choo"
        ):
            choice_for(whole[0], 10, torch.float32, mps, "compiled")

    def test_as_it_is_recorded(self, whole, empty):
        found = self.choice(whole[0], 1, "compiled")
        assert found.missing == (whole[1],)
        name = kernel_path(whole[1]).stem
        assert found.to_json() == {
            "name": "compiled",
            "reason": found.reason,
            "kernels": [name],
        }
        empty.mkdir()
        kernel_path(whole[1]).touch()
        assert found.missing == ()

    def test_what_is_left_without_kernels(self):
        scene = make_scene(make_plan(small_experiment()))
        kernels = tuple(needed_kernels(scene, torch.float64, torch.device("cpu")))
        both = Choice(Engine.COMPILED, "kernels at hand", kernels, kernels)
        found = both.without_kernels("no g++", of_image=True)
        assert found == Choice(Engine.EAGER, "no compiled kernels: no g++")
        found = both.without_kernels("no g++", of_image=False)
        reason = "kernels at hand; the gradient is eager: no g++"
        assert found == Choice(Engine.COMPILED, reason, kernels)


def test_the_choice_is_that_of_the_image(empty):
    """`choose_engine` says beforehand what `simulate` tells of its own."""
    experiment = small_experiment()
    told = []
    simulate(experiment, chosen=told.append)
    assert told == [choose_engine(experiment)]
    assert told[0].engine is Engine.EAGER
    simulate(experiment, engine="eager", chosen=told.append)
    assert told[1] == choose_engine(make_plan(experiment), engine="eager")
    assert not empty.exists()


def test_it_does_not_depend_on_what_ran_before(empty):
    """The same answer however often, and nothing is left anywhere."""
    experiment = small_experiment(fpixels=4000, spixels=4000)
    found = {choose_engine(experiment) for _ in range(3)}
    assert len(found) == 1
    assert found.pop().engine is Engine.EAGER
    assert not empty.exists()


def test_single_precision_and_running_sums_cost_their_own():
    work, _, _ = work_and_kernels("square", MEGA, 100)
    single = dataclasses.replace(work, dtype="float32")
    assert eager_seconds(single)[0] < eager_seconds(work)[0]
    assert compiled_seconds(single)[0] < compiled_seconds(work)[0]
    running = dataclasses.replace(work, kind=dataclasses.replace(work.kind, oversample_polar=True))
    assert eager_seconds(running)[0] > eager_seconds(work)[0]


def test_kernels_are_built_side_by_side_on_the_cores_that_there_are():
    _, kernels, derived = work_and_kernels("square", MEGA, 1, gradient=True)
    one, other = building_seconds(kernels, 1), building_seconds(derived, 1)
    both = [*kernels, *derived]
    assert building_seconds(both, 1) == one + other
    assert building_seconds(both, 2) == (one + other) / 2
    assert building_seconds(both, 100) == max(one, other) / cost.CORES_OF_A_BUILD
    assert building_seconds([], 2) == 0
    assert cost.available_cores() >= 1
