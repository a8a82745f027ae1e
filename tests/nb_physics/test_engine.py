"""Compiled kernels beside eager torch: the same image, whatever the tiles and threads."""

import _ctypes
import dataclasses
import subprocess
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from small_experiments import small_experiment, small_list

from nb_core import CrystalShape, InputError, Mask, NbWarning, Profile, Roi
from nb_physics import Engine, as_panels, make_plan, simulate
from nb_physics.engine import derive, load, make, walk
from nb_physics.engine.cache import cache_folder, kernel_path
from nb_physics.engine.kernel import Role, kernel_kind_from_json, kernel_tensors
from nb_physics.engine.library import Fixed, Library
from nb_physics.engine.walk import needed_kernels
from nb_physics.scene import make_scene
from nb_physics.walk import warn_once

pytestmark = [
    pytest.mark.filterwarnings("ignore::nb_core.NbWarning"),
    pytest.mark.kernels,
]

STEPS = {"phi_steps": 3, "osc_range_deg": 1.0, "mosaic_spread_deg": 1.0, "mosaic_domains": 5}
EXPERIMENTS = {
    "list": small_experiment(structure_factors=small_list(), interpolate=False, **STEPS),
    "corrected": small_experiment(
        profile=Profile.CORRECTED,
        shape=CrystalShape.ROUND,
        oversample=2,
        detector_thick_um=400.0,
        detector_abs_um=300.0,
        detector_thicksteps=2,
        hdiv_range_mrad=20.0,
        hdiv_steps=3,
        water_size_um=0.01,
        **STEPS,
    ),
}


@pytest.fixture(params=EXPERIMENTS)
def experiment(request, cache):
    return EXPERIMENTS[request.param]


@pytest.mark.parametrize(
    "fields",
    [{"oversample": 2, "oversample_omega": True}, {"dmin_A": 3.0}, {"oversample_polar": True}],
)
def test_what_has_no_kernels_of_its_gradient(fields):
    """Where the terms of a pixel depend on those before them."""
    scene = make_scene(make_plan(small_experiment(**fields)))
    kernels = needed_kernels(scene, torch.float64, torch.device("cpu"))
    assert derive.gradient_kernels(kernels, scene) is None
    plain = make_scene(make_plan(small_experiment()))
    kernels = needed_kernels(plain, torch.float64, torch.device("cpu"))
    assert [kernel.gradient for kernel in derive.gradient_kernels(kernels, plain)] == [True]


def kernels_of(experiment, dtype=torch.float64):
    return needed_kernels(make_scene(make_plan(experiment)), dtype, torch.device("cpu"))


def test_a_kernel_gives_the_image(experiment):
    """1e-12 of the maximum: sines are polynomials, and sums have another order."""
    plan = make_plan(experiment)
    eager = simulate(plan, engine="eager")
    with warnings.catch_warnings():
        warnings.simplefilter("error", NbWarning)
        compiled = simulate(plan, engine="compiled")
    assert all(kernel_path(kernel).is_file() for kernel in kernels_of(experiment))
    torch.testing.assert_close(compiled, eager, rtol=0, atol=1e-12 * eager.max().item())
    assert not torch.equal(compiled, eager)


def larger(experiment):
    """The same with 200 pixels, so that there are several calls: each takes 64 at least."""
    detector = dataclasses.replace(experiment.detector, fpixels=20, spixels=10)
    return dataclasses.replace(experiment, detector=detector)


def test_tiles_and_threads_cannot_be_seen(experiment, monkeypatch):
    experiment = larger(experiment)
    whole = simulate(experiment, engine="compiled")
    monkeypatch.setattr(walk, "MOST_PIXELS", 64)
    seen = []
    cut = simulate(experiment, engine="compiled", progress=lambda done, total: seen.append(done))
    assert seen == [64, 128, 192, 200]
    assert torch.equal(cut, whole)
    assert (whole != 0).all()
    usual = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            assert torch.equal(simulate(experiment, engine="compiled"), whole)
    finally:
        torch.set_num_threads(usual)


def on_panels(rows, columns, shift=(0.0, 0.0, 0.0)):
    """The corrected experiment on 10 x 20 pixels, cut into panels, and moved."""
    whole = as_panels(larger(EXPERIMENTS["corrected"]))
    cut = dataclasses.replace(whole.detector.cut(rows, columns), shift_mm=shift)
    return dataclasses.replace(whole, detector=cut)


def test_panels_take_the_kernels_of_a_plane(cache, monkeypatch):
    """A kernel takes as many pixels of a panel as it can, and the plane's come out."""
    monkeypatch.setattr(walk, "MOST_PIXELS", 64)
    whole, pieces = (simulate(on_panels(*cut), engine="compiled") for cut in ((1, 1), (2, 4)))
    assert whole.shape == (10, 20)
    assert pieces.shape == (8, 5, 5)
    assert torch.equal(pieces.reshape(2, 4, 5, 5).permute(0, 2, 1, 3).reshape(10, 20), whole)
    eager = simulate(on_panels(2, 4), engine="eager")
    torch.testing.assert_close(pieces, eager, rtol=0, atol=1e-12 * eager.max().item())
    kinds = {kernel_path(kernel) for kernel in kernels_of(on_panels(2, 4))}
    assert kinds == {kernel_path(kernel) for kernel in kernels_of(EXPERIMENTS["corrected"])}


def test_kernels_give_the_gradient_of_panels(cache):
    def slope(engine):
        shift = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        image = simulate(on_panels(2, 2, shift), engine=engine)
        return torch.autograd.grad(image.square().sum(), shift)[0]

    expected = slope("eager")
    assert (expected != 0).all()
    # the squares add up some 200 slopes of both signs, which costs a digit or two
    torch.testing.assert_close(slope("compiled"), expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize(
    ("count", "threads", "sizes"),
    [
        (64, 2, [64]),  # too little work to be parted
        (262144, 1, [83840] * 3 + [10624]),
        (262144, 2, [65536] * 4),
        (262144, 3, [43712] * 5 + [43584]),
        (6 * 83840, 2, [83840] * 6),
    ],
)
def test_threads_get_calls_of_one_size(count, threads, sizes):
    """Of 100 steps, of which a call takes 83 840 pixels at most."""
    hundred = {"phi_steps": 10, "osc_range_deg": 1.0, "mosaic_spread_deg": 1.0}
    scene = make_scene(make_plan(small_experiment(**hundred, mosaic_domains=10)))
    planned = walk.CompiledWalk.__new__(walk.CompiledWalk)
    planned.scene, planned.kinds = scene, needed_kernels(scene, torch.float64, torch.device("cpu"))
    ranges = list(planned.ranges(count, threads=threads))
    assert [stop - start for start, stop in ranges] == sizes
    assert [start for start, _ in ranges] == list(np.cumsum([0, *sizes[:-1]]))


def test_a_region_has_the_pixels_of_the_whole_image(experiment):
    whole = simulate(experiment, engine="compiled")
    roi = Roi(1, 4, 2, 3)
    image = simulate(dataclasses.replace(experiment, roi=roi), engine="compiled")
    assert torch.equal(image[2:4, 1:5], whole[2:4, 1:5])
    image[2:4, 1:5] = 0
    assert (image == 0).all()


def test_steps_in_blocks_are_added_in_another_order_only(cache, monkeypatch):
    experiment = EXPERIMENTS["corrected"]
    whole = simulate(experiment, engine="compiled")
    monkeypatch.setattr(walk, "BLOCK_STEPS", 4)
    assert len(walk._blocks(make_scene(make_plan(experiment)))) == 4
    cut = simulate(experiment, engine="compiled")
    # Each pixel is a sum of positive terms: rounding of a few hundred additions.
    torch.testing.assert_close(cut, whole, rtol=1e-13, atol=0)


def test_progress_reaches_the_end(cache, monkeypatch):
    monkeypatch.setattr(walk, "MOST_PIXELS", 64)
    seen, work = [], larger(EXPERIMENTS["list"])
    simulate(work, engine="compiled", progress=lambda *pixels: seen.append(pixels))
    assert seen == [(64, 200), (128, 200), (192, 200), (200, 200)]


def test_a_pixel_that_is_not_rendered_needs_no_kernel(empty):
    nothing = dataclasses.replace(EXPERIMENTS["list"], mask=Mask(np.zeros((5, 6), bool)))
    assert simulate(nothing, engine="compiled").sum() == 0
    assert not empty.exists()


class TestKinds:
    def test_one_sub_pixel_takes_one_kernel(self):
        (whole,) = kernels_of(EXPERIMENTS["list"])
        assert (whole.role, whole.sources, whole.steps) == (Role.WHOLE, False, True)
        roles = [kernel.role for kernel in kernels_of(EXPERIMENTS["corrected"])]
        assert roles == [Role.ADD, Role.FINISH]

    def test_a_kind_survives_json(self):
        for kernel in kernels_of(EXPERIMENTS["corrected"]):
            assert kernel_kind_from_json(kernel.to_json()) == kernel

    def test_every_choice_makes_another_file(self, empty):
        (kernel,) = kernels_of(EXPERIMENTS["list"])
        others = [dataclasses.replace(kernel, dtype="float32")]
        others += [
            dataclasses.replace(kernel, **{name: not getattr(kernel, name)})
            for name in ("sources", "steps")
        ]
        for field in dataclasses.fields(kernel.kind):
            value = getattr(kernel.kind, field.name)
            if isinstance(value, bool):
                kind = dataclasses.replace(kernel.kind, **{field.name: not value})
                others.append(dataclasses.replace(kernel, kind=kind))
        paths = {kernel_path(each) for each in (kernel, *others)}
        assert len(paths) == len(others) + 1
        assert {path.parent for path in paths} == {empty}

    def test_other_source_code_makes_another_file(self, empty, monkeypatch):
        (kernel,) = kernels_of(EXPERIMENTS["list"])
        before = kernel_path(kernel)
        monkeypatch.setattr("nb_physics.engine.cache._source_digest", lambda: "changed")
        assert kernel_path(kernel) != before

    def test_the_folder_follows_the_environment(self, monkeypatch, tmp_path):
        monkeypatch.delenv("NB_CACHE_DIR", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert cache_folder() == tmp_path / "nb" / "kernels"
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setenv("HOME", str(tmp_path))
        assert cache_folder() == tmp_path / ".cache" / "nb" / "kernels"


def test_auto_is_eager_for_a_small_image(empty):
    image = simulate(EXPERIMENTS["list"])
    assert torch.equal(image, simulate(EXPERIMENTS["list"], engine=Engine.EAGER))
    assert not empty.exists()


class TestFallback:
    """Where no kernel can be had, one warning, and eager torch."""

    def simulate_twice(self):
        plan = make_plan(EXPERIMENTS["list"])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            images = [simulate(plan, engine="compiled") for _ in range(2)]
        assert len(caught) == 1
        eager = simulate(EXPERIMENTS["list"], engine="eager")
        assert all(torch.equal(image, eager) for image in images)
        assert issubclass(caught[0].category, NbWarning)
        message = str(caught[0].message)
        assert message.startswith("no compiled kernels, eager torch is used")
        return message

    def test_a_compiler_that_fails(self, empty, monkeypatch):
        started = []

        def start(kernel, folder):
            started.append(kernel)
            with (folder / make.ERRORS).open("wb") as errors:
                words = ["sh", "-c", "echo no C++ compiler >&2; exit 1"]
                process = subprocess.Popen(words, stderr=errors, start_new_session=True)
            return make.Running(kernel, folder, process)

        monkeypatch.setattr(make, "start", start)
        assert "no C++ compiler" in self.simulate_twice()
        assert not empty.exists()
        assert len(started) == 1  # the second image does not try again

    def test_a_program_that_cannot_be_started(self, empty, monkeypatch):
        monkeypatch.setattr(make.sys, "executable", "/none/python")
        assert "/none/python" in self.simulate_twice()

    def test_a_gradient_that_cannot_be_built(self, cache, monkeypatch):
        """Its image is that of the kernels, and its gradient that of eager tiles."""
        experiment, width = EXPERIMENTS["list"], torch.tensor(0.1, dtype=torch.float64)

        def moved(engine):
            size = width.clone().requires_grad_()
            detector = dataclasses.replace(experiment.detector, pixel_size_mm=size)
            image = simulate(dataclasses.replace(experiment, detector=detector), engine=engine)
            return image.detach(), *torch.autograd.grad(image.sum(), size)

        expected, slope = moved("compiled")[0], moved("eager")[1]

        def refuse(kernels):
            raise load.BuildError("another inductor")

        monkeypatch.setattr(derive, "load_kernels", refuse)
        warn_once.cache_clear()
        with pytest.warns(NbWarning, match="another inductor"):
            image, found = moved("compiled")
        assert torch.equal(image, expected)
        assert torch.equal(found, slope)

    def test_a_damaged_kernel(self, empty):
        (kernel,) = kernels_of(EXPERIMENTS["list"])
        empty.mkdir()
        kernel_path(kernel).write_bytes(b"no kernel at all")
        with pytest.warns(NbWarning, match="could not be loaded"):
            simulate(EXPERIMENTS["list"], engine="compiled")
        assert not kernel_path(kernel).exists()

    @pytest.mark.parametrize("known", [True, False])
    def test_a_package_for_another_device_is_loaded_by_torch(self, monkeypatch, known):
        """By the quick binding where it is as known, else by the public function."""

        class Loader:
            def __init__(self, *arguments):
                if arguments and not known:
                    raise TypeError("other arguments than before")
                self.loader = self

            def run(self, arguments):
                return (sum(arguments),)

        monkeypatch.setattr(torch._C._aoti, "AOTIModelPackageLoader", Loader)
        monkeypatch.setattr("torch._inductor.aoti_load_package", lambda path: Loader())
        kernel = load._package_loader("kernel.pt2")
        (total,) = kernel([torch.tensor(1.0), Fixed(torch.tensor(2.0))])
        assert total == 3.0

    def test_a_library_that_is_no_kernel(self, empty, monkeypatch):
        (kernel,) = kernels_of(EXPERIMENTS["list"])
        empty.mkdir()
        kernel_path(kernel).write_bytes(Path(_ctypes.__file__).read_bytes())
        with pytest.warns(NbWarning, match="could not be loaded"):
            simulate(EXPERIMENTS["list"], engine="compiled")


class TestLibrary:
    @pytest.fixture
    def library(self, cache):
        simulate(EXPERIMENTS["list"], engine="compiled")
        return Library(kernel_path(*kernels_of(EXPERIMENTS["list"])))

    @pytest.fixture
    def arguments(self):
        scene = make_scene(make_plan(EXPERIMENTS["list"]))
        number = torch.zeros((), dtype=torch.float64)
        return [torch.arange(64), *[number] * 4, *kernel_tensors(scene).values()]

    def test_a_fixed_argument_is_as_good_as_a_tensor(self, library, arguments):
        (first,) = library(arguments)
        fixed = [arguments[0], *map(Fixed, arguments[1:])]
        for _ in range(3):
            assert torch.equal(library(fixed)[0], first)
        assert first.shape == (64,)
        assert first.dtype == torch.float64
        assert (first > 0).any()

    def test_another_number_of_arguments_is_refused(self, library, arguments):
        """The library itself would read beyond its end."""
        with pytest.raises(RuntimeError, match=r"arguments, where the kernel takes"):
            library(arguments[:-1])

    def test_several_threads_call_it_at_once(self, library, arguments):
        (expected,) = library(arguments)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: library(arguments)[0], range(64)))
        assert all(torch.equal(one, expected) for one in found)


class TestRefused:
    def test_an_engine_of_another_name(self):
        with pytest.raises(InputError, match="engine: fast: expected one of: auto, eager"):
            simulate(EXPERIMENTS["list"], engine="fast")

    def test_a_kernel_is_closed_to_torch_func(self, empty):
        def total(cell):
            return simulate(small_experiment(cell_a=cell), engine="compiled").sum()

        cell = torch.tensor(30.0, dtype=torch.float64)
        with pytest.raises(InputError, match="nor to torch"):
            torch.func.grad(total)(cell)

    def test_a_kernel_shows_nothing(self, empty):
        class Nothing:
            def wants(self, quantity):
                return False

            def record(self, quantity, value, site):
                raise AssertionError

        with pytest.raises(InputError, match="show nothing inside"):
            simulate(EXPERIMENTS["list"], engine="compiled", recorder=Nothing())
        simulate(EXPERIMENTS["list"], recorder=Nothing())

    @pytest.mark.parametrize("bytes_", [0, -1, (1 << 20) - 1])
    def test_too_little_memory(self, bytes_):
        with pytest.raises(InputError, match="max_memory"):
            simulate(EXPERIMENTS["list"], max_memory=bytes_)


FIELDS = {
    "crystal": ("cell_a", "cell_beta", "phi_start_deg"),
    "detector": ("distance_mm",),
    "beam": ("wavelength_A", "fluence"),
    "background": ("water_size_um",),
}


def gradients_of(experiment, engine):
    """Of a sum of all pixels, by some fields of every config."""
    moved, parameters = {}, []
    for section, names in FIELDS.items():
        config = getattr(experiment, section)
        own = [torch.tensor(float(getattr(config, name)), dtype=torch.float64) for name in names]
        parameters += [parameter.requires_grad_() for parameter in own]
        moved[section] = dataclasses.replace(config, **dict(zip(names, own, strict=True)))
    image = simulate(dataclasses.replace(experiment, **moved), engine=engine)
    weights = torch.linspace(1, 2, image.numel(), dtype=torch.float64).reshape(image.shape)
    return torch.autograd.grad((image * weights).sum(), parameters)


def test_kernels_give_the_gradient_of_the_eager_image(experiment, monkeypatch):
    """To 1e-10: sums have another order, and sines are polynomials."""
    expected = gradients_of(experiment, "eager")
    monkeypatch.setattr(derive, "MOST_EVALUATIONS", 300)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "no compiled kernels", NbWarning)
        found = gradients_of(experiment, "compiled")
    assert sum(bool(gradient != 0) for gradient in expected) >= 6  # there may be no water
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=0)
    assert any(one != other for one, other in zip(found, expected, strict=True))


def test_a_second_derivative_passes_the_kernels_by(cache):
    def slope(cell, engine):
        crystal = dataclasses.replace(EXPERIMENTS["list"].crystal, cell_a=cell)
        image = simulate(dataclasses.replace(EXPERIMENTS["list"], crystal=crystal), engine=engine)
        return torch.autograd.grad(image.sum(), cell, create_graph=True)[0]

    found = []
    for engine in ("eager", "compiled"):
        cell = torch.tensor(21.0, dtype=torch.float64, requires_grad=True)
        found += torch.autograd.grad(slope(cell, engine), cell)
    assert found[0] != 0
    torch.testing.assert_close(*found, rtol=1e-12, atol=0)


def test_the_gradient_by_a_list_is_that_of_eager_tiles(cache):
    gradients = []
    for engine in ("eager", "compiled"):
        F = torch.tensor(7.0, dtype=torch.float64, requires_grad=True)
        crystal = dataclasses.replace(EXPERIMENTS["list"].crystal, default_F=F)
        image = simulate(dataclasses.replace(EXPERIMENTS["list"], crystal=crystal), engine=engine)
        (image * torch.arange(image.numel()).reshape(image.shape)).sum().backward()
        gradients.append(F.grad)
    assert gradients[0] > 0
    assert torch.equal(*gradients)


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_little_memory_gives_the_same_image(cache, engine):
    big = small_experiment(
        structure_factors=small_list(), interpolate=False, fpixels=120, spixels=100, **STEPS
    )
    sizes = []
    whole = simulate(big, engine=engine)
    image = simulate(
        big,
        engine=engine,
        max_memory=1 << 20,
        progress=lambda done, total: sizes.append(done),
    )
    assert torch.equal(image, whole)
    assert sizes[0] * 15 * 400 <= 1 << 20
