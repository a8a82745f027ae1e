"""The contracts of what plugins bring to the simulation, as tests for a plugin's own test suite to
inherit:

    from nb_physics.testing import LatticeFactorContract

    class TestMyShape(LatticeFactorContract):
        shape = MyShape()

Needs the extra nb-physics[testing].
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from nb_core import (
    BACKGROUNDS,
    SHAPES,
    BackgroundConfig,
    BeamConfig,
    CrystalConfig,
    DetectorConfig,
    Experiment,
    InputError,
    SamplingConfig,
    read_toml,
    write_toml,
)
from nb_physics.background import Background
from nb_physics.elementary import IN_KERNEL, OF_PAIRS
from nb_physics.engine.choice import Engine
from nb_physics.lattice import Domain, LatticeFactor, lattice_factor
from nb_physics.own_tensors import OwnTensors
from nb_physics.plan import make_plan
from nb_physics.simulate import photons_at, simulate

_SEED = 1013
_RECIPROCAL = ((0.02, 0.0, 0.0), (0.01, 0.022, 0.0), (0.002, -0.001, 0.013))


def _refuses_bad_numbers(part: OwnTensors) -> None:
    """What is no finite number is refused by the name of its field."""
    for name in part.scalars():
        for value in (float("nan"), float("inf"), "wide"):
            with pytest.raises(InputError, match=name):
                dataclasses.replace(part, **{name: value})


def _by_both_engines(experiment: Experiment) -> tuple[Tensor, Tensor]:
    """The image by torch, operation by operation, and by a kernel."""
    eager = simulate(experiment, engine=Engine.EAGER)
    return eager, simulate(experiment, engine=Engine.COMPILED)


class LatticeFactorContract:
    """Derive, set `shape`, and pytest runs these tests on it.

    cells: Na, Nb, Nc that the shape accepts; compiled: whether its kernel is built, too, which
    takes half a minute
    """

    shape: LatticeFactor
    cells: tuple[float, float, float] = (5.0, 5.0, 7.0)
    compiled: bool = True

    def _domain(self, dtype: torch.dtype = torch.float64) -> Domain:
        return Domain(
            torch.tensor(self.cells, dtype=dtype),
            torch.tensor(_RECIPROCAL, dtype=dtype),
            torch.tensor(1.0, dtype=dtype),
        )

    def _ready(self, dtype: torch.dtype = torch.float64) -> LatticeFactor:
        """The shape with its numbers as tensors, as the simulation has it."""
        return self.shape.as_tensors(dtype)

    def _offsets(self, *size: int) -> Tensor:
        generator = torch.Generator().manual_seed(_SEED)
        return torch.rand(3, *size, generator=generator, dtype=torch.float64) - 0.5

    def _experiment(self, shape: Any) -> Experiment:
        """A small image with bright spots and dark places."""
        a, b, c = (int(count) for count in self.cells)
        crystal = CrystalConfig(
            cell_a=50.0,
            cell_b=50.0,
            cell_c=80.0,
            cell_gamma=120.0,
            N_cells=(a, b, c),
            misset_deg=(10.0, 20.0, 30.0),
            mosaic_spread_deg=0.5,
            mosaic_domains=3,
            default_F=20.0,
            shape=shape,
        )
        detector = DetectorConfig(
            spixels=20,
            fpixels=24,
            distance_mm=100.0,
            pixel_size_mm=0.05,
            detector_twotheta_deg=15.0,
        )
        return Experiment(crystal, detector, sampling=SamplingConfig(oversample=1))

    def _agree(self, found: Tensor, exact: Tensor, rtol: float, atol: float) -> None:
        """That all agree, of the greatest; of flat spots all but those at an edge, 1 in 50."""
        limit = atol * float(exact.abs().max()) + rtol * exact.abs()
        apart = (found.to(exact.dtype).abs() - exact.abs()).abs() > limit
        assert apart.double().mean() <= (0.02 if self.shape.flat else 0.0)

    def test_it_is_installed_and_found_by_its_name(self) -> None:
        """As files and command lines name it."""
        found = SHAPES.known()[self.shape.name]
        assert found.thing is type(self.shape)
        assert lattice_factor(SHAPES.make("shape", self.shape.name)) == type(self.shape)()

    def test_amplitudes_have_the_shape_and_precision_of_the_offsets(self) -> None:
        for dtype in (torch.float64, torch.float32):
            for size in ((), (1,), (4, 3, 2)):
                offsets = self._offsets(*size).to(dtype)
                found = self._ready(dtype).amplitude(offsets, self._domain(dtype))
                assert found.shape == size
                assert found.dtype == dtype
                assert found.isfinite().all()

    def test_amplitudes_do_not_depend_on_their_neighbours(self) -> None:
        """One by one or together: tiles may be cut anywhere."""
        offsets, domain, shape = self._offsets(40), self._domain(), self._ready()
        whole = shape.amplitude(offsets, domain)
        parts = [shape.amplitude(part, domain) for part in offsets.split(8, dim=1)]
        assert torch.equal(torch.cat(parts), whole)

    def test_a_spot_is_finite_and_nowhere_higher_than_at_its_centre(self) -> None:
        shape, domain = self._ready(), self._domain()
        centre = shape.amplitude(torch.zeros(3, 1, dtype=torch.float64), domain).abs()
        assert centre.isfinite().all()
        assert centre > 0
        around = shape.amplitude(self._offsets(2000), domain).abs()
        assert around.max() <= centre * (1 + 1e-12)  # rounding of the two

    def test_spots_are_continuous_at_their_centre(self) -> None:
        shape, domain = self._ready(), self._domain()
        near = torch.logspace(-3, -14, 12, dtype=torch.float64)
        for direction in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, -2.0, 1.5)):
            offsets = torch.tensor(direction, dtype=torch.float64)[:, None] * near
            found = shape.amplitude(offsets, domain).abs()
            centre = shape.amplitude(torch.zeros(3, 1, dtype=torch.float64), domain).abs()
            # Spots curve: of (N x)^2 at x = 1.5e-3 or less, and N of `cells`, 0.5 of the height.
            assert (found / centre - 1.0).abs().max() < 0.5
            assert (found[4:] / centre - 1.0).abs().max() < 1e-6

    def test_float32_agrees_with_float64(self) -> None:
        offsets = self._offsets(500)
        exact = self._ready().amplitude(offsets, self._domain())
        single = torch.float32
        found = self._ready(single).amplitude(offsets.to(single), self._domain(single))
        # 6e-8 of an offset, whose slope is N of `cells` times the height at most.
        self._agree(found, exact, rtol=1e-4, atol=1e-5)

    def test_arithmetics_agree(self) -> None:
        """That of torch, of kernels, and of devices without float64."""
        offsets, shape = self._offsets(500), self._ready()
        exact = shape.amplitude(offsets, self._domain())
        for arithmetic in (IN_KERNEL, OF_PAIRS):
            domain = dataclasses.replace(self._domain(), arithmetic=arithmetic)
            found = shape.amplitude(offsets, domain)
            # Sines of some phases N pi, of which 1e-16 N is rounded.
            self._agree(found, exact, rtol=1e-11, atol=1e-12)

    def test_gradients_are_those_of_differences(self) -> None:
        """By the offset, the cells and the shape's own numbers, in float64."""
        shape, domain, names = self._ready(), self._domain(), self.shape.scalars()
        numbers = [getattr(shape, name).clone().requires_grad_() for name in names]
        offsets = self._offsets(6).requires_grad_()
        cells = domain.cells.clone().requires_grad_()

        def amplitude(offsets: Tensor, cells: Tensor, *own: Tensor) -> Tensor:
            moved = shape.with_numbers(dict(zip(names, own, strict=True)))
            return moved.amplitude(offsets, dataclasses.replace(domain, cells=cells)) ** 2

        height = amplitude(torch.zeros(3, 1, dtype=torch.float64), cells).max().item()
        # Differences over 1e-6 err by their third derivative, and by 1e-16 of the height over 1e-6.
        assert torch.autograd.gradcheck(
            amplitude, (offsets, cells, *numbers), atol=1e-7 * height, check_undefined_grad=False
        )

    def test_no_gradient_is_lost_at_a_centre(self) -> None:
        offsets = torch.zeros(3, 1, dtype=torch.float64, requires_grad=True)
        value = self._ready().amplitude(offsets, self._domain()) ** 2
        if value.requires_grad:
            value.sum().backward()
            assert offsets.grad is not None
            assert offsets.grad.isfinite().all()

    def test_what_it_shows_has_the_shape_of_the_amplitudes(self) -> None:
        offsets, domain = self._offsets(4, 3), self._domain()
        for values in self._ready().factors(offsets, domain).values():
            assert values.shape == (4, 3)

    def test_an_image_is_computed(self) -> None:
        """By the object as by its name; pixels alone as among all."""
        image = simulate(self._experiment(self.shape))
        assert image.isfinite().all()
        assert (image >= 0).all()
        assert image.max() > 0
        pixels = torch.tensor([0, 3 * 24 + 5, 19 * 24 + 23])
        alone = photons_at(self._experiment(self.shape), pixels)
        assert torch.equal(alone, image.flatten()[pixels])
        assert make_plan(self._experiment(self.shape)).shape.label == self.shape.label

    def test_an_image_has_gradients_by_the_shapes_own_numbers(self) -> None:
        for name in self.shape.scalars():
            value = torch.tensor(float(getattr(self.shape, name)), dtype=torch.float64)
            shape = dataclasses.replace(self.shape, **{name: value.requires_grad_()})
            simulate(self._experiment(shape)).sum().backward()
            assert value.grad is not None
            assert value.grad.isfinite()

    def test_bad_numbers_are_refused(self) -> None:
        _refuses_bad_numbers(self.shape)

    def test_its_kernel_gives_the_same_image(
        self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not self.compiled:
            pytest.skip("the test says that no kernel is to be built")
        monkeypatch.setenv("NB_CACHE_DIR", str(tmp_path))
        eager, compiled = _by_both_engines(self._experiment(self.shape))
        self._agree(compiled, eager, rtol=1e-9, atol=1e-12)  # the rounding of phases


class BackgroundContract:
    """Derive, set `background`, and pytest runs these tests on it.

    compiled: whether its kernel is built, too, which takes half a minute
    """

    background: Background
    compiled: bool = True

    def _experiment(self, *terms: Any, **more: Any) -> Experiment:
        """Two sources, sub-pixels and layers of a sensor, and hardly a crystal."""
        crystal = CrystalConfig(cell_a=5.0, N_cells=(1, 1, 1), default_F=1e-3)
        detector = DetectorConfig(
            spixels=7,
            fpixels=6,
            distance_mm=40.0,
            pixel_size_mm=2.0,
            detector_abs_um=500.0,
            detector_thick_um=300.0,
            detector_thicksteps=2,
        )
        beam = BeamConfig(wavelength_A=1.0, dispersion_percent=5.0, dispersion_steps=2)
        return Experiment(
            crystal,
            detector,
            beam,
            sampling=SamplingConfig(oversample=more.pop("oversample", 2)),
            background=BackgroundConfig(terms=terms, **more),
        )

    def _alone(self, *terms: Any, **more: Any) -> Tensor:
        """Photons of these backgrounds: with them less those without."""
        without = self._experiment(oversample=more.get("oversample", 2))
        return simulate(self._experiment(*terms, **more)) - simulate(without)

    def test_it_is_installed_and_found_by_its_name(self) -> None:
        """As files and command lines name it."""
        found = BACKGROUNDS.known()[self.background.name]
        assert found.thing is type(self.background)
        assert BACKGROUNDS.make("terms", self.background.name) == type(self.background)()

    def test_photons_are_finite_and_not_negative(self) -> None:
        photons = self._alone(self.background)
        assert photons.isfinite().all()
        assert photons.min() >= -1e-12 * photons.max()  # what the difference rounds
        assert photons.max() > 0

    def test_it_adds_to_all_else(self) -> None:
        """Twice is twice; beside water the two add up."""
        once = self._alone(self.background)
        twice = self._alone(self.background, self.background)
        with_water = self._alone(self.background, water_size_um=3.0)
        water = self._alone(water_size_um=3.0)
        size = float(with_water.max() + twice.max())
        torch.testing.assert_close(twice, 2 * once, rtol=1e-12, atol=1e-13 * size)
        torch.testing.assert_close(with_water, once + water, rtol=1e-12, atol=1e-13 * size)

    def test_it_is_sampled_as_the_crystal_is(self) -> None:
        """Finer sub-pixels converge; the number of steps plays no part."""
        coarse, fine = (self._alone(self.background, oversample=n) for n in (3, 6))
        assert (coarse.sum() / fine.sum() - 1).abs() < 0.05
        still = self._experiment(self.background)
        turned = dataclasses.replace(
            still, crystal=dataclasses.replace(still.crystal, osc_range_deg=1.0, phi_steps=3)
        )
        size = float(simulate(still).max())
        torch.testing.assert_close(simulate(turned), simulate(still), rtol=1e-6, atol=1e-9 * size)

    def test_pixels_alone_are_those_of_the_image(self) -> None:
        experiment = self._experiment(self.background)
        pixels = torch.tensor([0, 17, 41])
        assert torch.equal(photons_at(experiment, pixels), simulate(experiment).flatten()[pixels])

    def test_gradients_by_its_own_numbers(self) -> None:
        for name in self.background.scalars():

            def photons(value: Tensor, name: str = name) -> Tensor:
                term = dataclasses.replace(self.background, **{name: value})
                return photons_at(self._experiment(term), torch.tensor([3, 20]))

            start = torch.tensor(float(getattr(self.background, name)), dtype=torch.float64)
            size = float(photons(start).max())
            # Differences over 1e-6 err by 1e-16 of the photons over 1e-6.
            assert torch.autograd.gradcheck(photons, start.requires_grad_(), atol=1e-8 * size)

    def test_it_is_written_and_read_back(self, tmp_path: Path) -> None:
        experiment = self._experiment(self.background)
        write_toml(tmp_path / "a.toml", experiment)
        assert read_toml(tmp_path / "a.toml") == experiment

    def test_bad_numbers_are_refused(self) -> None:
        _refuses_bad_numbers(self.background)

    def test_its_kernel_gives_the_same_image(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not self.compiled:
            pytest.skip("the test says that no kernel is to be built")
        monkeypatch.setenv("NB_CACHE_DIR", str(tmp_path))
        eager, compiled = _by_both_engines(self._experiment(self.background))
        torch.testing.assert_close(compiled, eager, rtol=1e-11, atol=1e-13 * float(eager.max()))
