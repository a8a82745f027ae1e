"""Engines that plugins bring: a package of somebody else's, which is named nowhere in nb."""

import types

import pytest
import torch
from small_experiments import Collector, small_experiment

from nb_core import InputError, NbWarning, Profile, hookimpl
from nb_physics import (
    BuildError,
    Runner,
    TangentRunner,
    TileEngine,
    as_panels,
    choose_engine,
    known_engines,
    photons_and_jacobian,
    photons_at,
    simulate,
)
from nb_physics.tangents import EagerTangents
from nb_physics.walk import EagerEngine, warn_once

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
F64 = torch.float64


class Twice(Runner):
    """Twice the photons, so that it is seen who computed them."""

    def __init__(self, own, gradient):
        self.own, self.gradient = own, gradient
        self.scene, self.device = own.scene, own.device

    def ranges(self, count, largest=None, threads=1):
        return self.own.ranges(count, largest, threads)

    def photons(self, selection, start, stop):
        return 2 * self.own.photons(selection, start, stop)

    def of_scene(self, scene):
        return Twice(self.own.of_scene(scene), self.gradient)

    @property
    def gives_vjp(self):
        return self.gradient

    def vjp(self, selection, start, stop, cotangent, names):
        return self.own.vjp(selection, start, stop, 2 * cotangent, names)


class TwiceTangents(TangentRunner):
    def __init__(self, own):
        self.own, self.device = own, own.device

    def ranges(self, count):
        return self.own.ranges(count)

    def jvp(self, selection, start, stop):
        return tuple(2 * part for part in self.own.jvp(selection, start, stop))

    def within(self):
        return self.own.within()


class Doubling(TileEngine):
    name = "doubling"
    summary = "twice the photons"
    gradients = True
    tangents = True

    def prepare(self, scene, dtype, device, *, gradient=False):
        own = EagerEngine().prepare(scene, dtype, device)
        return Twice(own, self.gradients and gradient)

    def prepare_tangents(self, scene, tangents, dtype, device):
        if not self.tangents:
            return None
        return TwiceTangents(EagerTangents(scene, tangents, dtype, device))


def plugin_of(engine):
    module = types.ModuleType("plugin_of_a_test")
    module.nb_register_engines = hookimpl(lambda: [engine])
    return module


@pytest.fixture
def brought(installed, monkeypatch):
    """Installs a package with an engine, made from Doubling with some attributes of its own."""
    monkeypatch.delenv("NB_PLUGINS_DISABLE", raising=False)

    def bring(**attributes):
        installed(("far", plugin_of(type("Made", (Doubling,), attributes)()), "nb-far"))

    return bring


def test_the_built_in_engines_come_through_the_hook():
    found = known_engines()
    assert {"eager", "compiled"} <= set(found)
    assert {found[name].package for name in ("eager", "compiled")} == {"nb-physics"}


def test_an_engine_computes_images_and_pixels(brought):
    brought()
    experiment = small_experiment()
    expected = 2 * simulate(experiment, engine="eager")
    assert torch.equal(simulate(experiment, engine="doubling"), expected)
    pixels = torch.tensor([29, 0, 7])
    found = photons_at(experiment, pixels, engine="doubling")
    assert torch.equal(found, expected.flatten()[pixels])
    choice = choose_engine(experiment, engine="doubling")
    assert str(choice) == "doubling: asked for"
    assert choice.to_json() == {"name": "doubling", "reason": "asked for", "kernels": []}


def test_an_engine_computes_panels(brought):
    brought()
    whole = as_panels(small_experiment(profile=Profile.CORRECTED))
    cut = type(whole)(**{**vars(whole), "detector": whole.detector.cut(1, 2)})
    expected = 2 * simulate(cut, engine="eager")
    assert torch.equal(simulate(cut, engine="doubling"), expected)
    assert expected.shape == (2, 5, 3)


@pytest.mark.parametrize(("gradients", "times"), [(True, 2), (False, 1)])
def test_gradients_are_the_engines_where_it_has_some(brought, gradients, times):
    brought(gradients=gradients)

    def slope(engine):
        size = torch.tensor(2.0, dtype=F64, requires_grad=True)
        image = simulate(small_experiment(pixel_size_mm=size), engine=engine)
        return torch.autograd.grad(image.sum(), size)[0]

    assert torch.equal(slope("doubling"), times * slope("eager"))


@pytest.mark.parametrize(("tangents", "times"), [(True, 2), (False, 1)])
def test_derivatives_are_the_engines_where_it_has_some(brought, tangents, times):
    brought(tangents=tangents)

    def derived(engine):
        values, told = torch.tensor([2.0], dtype=F64, requires_grad=True), []
        experiment = small_experiment(pixel_size_mm=values[0])
        pixels = torch.arange(30)
        found = photons_and_jacobian(experiment, values, pixels, engine=engine, chosen=told.append)
        return (*found, str(told[0].engine))

    photons, jacobian, _ = derived("eager")
    found, columns, engine = derived("doubling")
    assert torch.equal(found, times * photons)
    assert torch.equal(columns, times * jacobian)
    assert engine == ("doubling" if tangents else "eager")


def test_an_engine_says_what_it_cannot_do(brought):
    brought(why_not=lambda self, scene, dtype, device: "it has no single precision")
    with pytest.raises(InputError, match="no single precision; choose eager or auto"):
        simulate(small_experiment(), engine="doubling", dtype=torch.float32)


def test_a_recorder_takes_eager_torch(brought):
    brought()
    with pytest.raises(InputError, match="choose eager or auto"):
        simulate(small_experiment(), engine="doubling", recorder=Collector())


@pytest.mark.parametrize("moving", [True, False])
def test_an_engine_that_cannot_be_had_warns(brought, moving):
    def prepare(self, scene, dtype, device, *, gradient=False):
        raise BuildError("not on this machine")

    brought(prepare=prepare)
    warn_once.cache_clear()
    size = torch.tensor(2.0, dtype=F64, requires_grad=moving)
    experiment, told = small_experiment(pixel_size_mm=size), []
    with pytest.warns(NbWarning, match="not on this machine"):
        image = simulate(experiment, engine="doubling", chosen=told.append)
    assert torch.equal(image, simulate(experiment, engine="eager"))
    assert told[0].engine.value == "eager"


def test_an_unknown_engine_is_told_those_that_there_are(brought):
    brought()
    with pytest.raises(InputError, match=r"expected one of: auto, .*doubling"):
        simulate(small_experiment(), engine="tripling")


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (Doubling, "expected an object derived from nb_physics.TileEngine"),
        (object(), "expected an object derived from nb_physics.TileEngine"),
        (type("Made", (Doubling,), {"name": "auto"})(), "a choice among engines"),
        (type("Made", (Doubling,), {"name": ""})(), "has no name"),
        (type("Made", (Doubling,), {"summary": ""})(), "has no summary"),
    ],
)
def test_an_engine_that_is_not_complete_is_refused(installed, engine, said):
    installed(("far", plugin_of(engine), "nb-far"))
    with pytest.raises(InputError, match=said):
        known_engines()
