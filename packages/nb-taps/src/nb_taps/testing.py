"""The contract that every tap keeps, as tests for a plugin's own test suite to inherit:

    from nb_taps.testing import TapContract

    class TestMyTap(TapContract):
        tap = MyTap()

Needs the extra nb-taps[testing].
"""

from __future__ import annotations

import dataclasses
import json
import warnings
from dataclasses import dataclass
from typing import Any

import torch

from nb_core import (
    BackgroundConfig,
    BeamConfig,
    CrystalConfig,
    CrystalShape,
    DetectorConfig,
    Experiment,
    NbWarning,
    Profile,
    SamplingConfig,
    StructureFactors,
)
from nb_core.configs import Scalar
from nb_physics import Background, ScatteredRays, make_plan, simulate
from nb_taps.manager import TapEntry, check_tap
from nb_taps.result import TapResult, tap_schema
from nb_taps.run import NoiseChoice, trace_pixels
from nb_taps.tap import Tap

PIXELS = [(0, 0), (2, 3), (4, 5)]


def plain_experiment() -> Experiment:
    """A still of 5 x 6 pixels with one step a pixel and no list, in the reference profile."""
    crystal = CrystalConfig(cell_a=60.0, cell_b=70.0, cell_c=80.0, default_F=20.0)
    detector = DetectorConfig(spixels=5, fpixels=6, distance_mm=30.0, pixel_size_mm=0.5)
    sampling = SamplingConfig(oversample=1)
    return Experiment(crystal, detector, sampling=sampling, profile=Profile.REFERENCE)


def rich_experiment() -> Experiment:
    """Every loop has more than one step; a list with a gap, water, and a sensor of two layers."""
    present = torch.ones(7, 7, 7, dtype=torch.bool)
    present[2, 2, 4] = False
    factors = StructureFactors(
        torch.arange(343.0, dtype=torch.float64).reshape(7, 7, 7), present, -3, -3, -3, 342
    )
    plain = plain_experiment()
    crystal = dataclasses.replace(
        plain.crystal,
        misset_deg=(10.0, 20.0, 30.0),
        N_cells=(3, 4, 5),
        phi_start_deg=5.0,
        osc_range_deg=1.0,
        phi_steps=3,
        mosaic_spread_deg=0.5,
        mosaic_domains=2,
    )
    detector = dataclasses.replace(
        plain.plane, detector_abs_um=200.0, detector_thick_um=300.0, detector_thicksteps=2
    )
    return Experiment(
        crystal,
        detector,
        BeamConfig(dispersion_percent=1.0, dispersion_steps=2),
        SamplingConfig(oversample=2, interpolate=False),
        BackgroundConfig(water_size_um=0.01),
        structure_factors=factors,
        profile=Profile.REFERENCE,
    )


def experiments() -> dict[str, Experiment]:
    """The experiments that a tap must be able to read, by name."""
    plain, rich = plain_experiment(), rich_experiment()
    round_crystal = dataclasses.replace(rich.crystal, shape=CrystalShape.ROUND)
    per_term = dataclasses.replace(
        rich.sampling, oversample_omega=True, oversample_polar=True, oversample_thick=True
    )
    return {
        "plain": plain,
        "rich": rich,
        "corrected": dataclasses.replace(rich, profile=Profile.CORRECTED),
        "round": dataclasses.replace(rich, crystal=round_crystal),
        "oversample_*": dataclasses.replace(rich, sampling=per_term),
        "interpolated": dataclasses.replace(
            rich, sampling=dataclasses.replace(rich.sampling, interpolate=True)
        ),
        "dmin": dataclasses.replace(rich, sampling=dataclasses.replace(rich.sampling, dmin_A=13.0)),
        "backgrounds": dataclasses.replace(
            rich,
            background=BackgroundConfig(water_size_um=0.01, terms=(Glow(),)),
            profile=Profile.CORRECTED,
        ),
    }


@dataclass(frozen=True)
class Glow(Background):
    """The same in all directions."""

    name = "glow"
    label = "glow"
    summary = "photons per steradian, the same in all directions"

    level: Scalar = 1e5

    def intensity(self, rays: ScatteredRays) -> torch.Tensor:
        return torch.as_tensor(self.level) * torch.ones_like(rays.stol)


class TapContract:
    """Derive, set `tap`, and pytest runs these tests on it."""

    tap: Tap

    def _read(self, experiment: Experiment, **choices: Any) -> list[TapResult]:
        entry, noise = TapEntry(self.tap, "contract", "0"), NoiseChoice(seed=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NbWarning)
            traced = trace_pixels(
                experiment, PIXELS, [entry], every_quantity=False, noise=noise, **choices
            )
        return [pixel.results[0] for pixel in traced]

    def test_the_tap_is_complete(self) -> None:
        assert check_tap(self.tap, "contract") is self.tap
        assert "\n" not in self.tap.summary
        assert all(field.unit and field.meaning for field in self.tap.fields)

    def test_it_reads_every_kind_of_experiment(self) -> None:
        """From the quantities that it asks for, and no others."""
        for name, experiment in experiments().items():
            results = self._read(experiment)
            assert [result.pixel for result in results] == PIXELS, name

    def test_its_results_are_valid_json(self) -> None:
        import jsonschema

        for name, experiment in experiments().items():
            for result in self._read(experiment):
                content = result.to_json(tag="contract")
                jsonschema.validate(content, tap_schema())
                assert json.loads(json.dumps(content, allow_nan=False)) == content, name

    def test_it_reads_single_precision(self) -> None:
        results = self._read(rich_experiment(), dtype=torch.float32)
        assert all(result.to_json()["dtype"] == "float32" for result in results)

    def test_it_reads_the_same_twice(self) -> None:
        for experiment in experiments().values():
            first, second = self._read(experiment), self._read(experiment)
            assert [r.to_json() for r in first] == [r.to_json() for r in second]

    def test_it_changes_nothing(self) -> None:
        """The image is the same after the tap has read it, and the plan is as it was."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NbWarning)
            plan = make_plan(rich_experiment())
        before, vectors = simulate(plan), plan.cell_vectors.clone()
        entry = TapEntry(self.tap, "contract", "0")
        trace_pixels(plan, PIXELS, [entry], noise=NoiseChoice(seed=1))
        assert torch.equal(simulate(plan), before)
        assert torch.equal(plan.cell_vectors, vectors)
