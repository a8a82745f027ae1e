"""Why a pixel is bright: shares of its photons, held against images in which a part is missing."""

import dataclasses
import math

import pytest
import torch

from nb_core import CrystalConfig, DetectorConfig, Experiment, SamplingConfig
from nb_physics import simulate
from nb_taps import explain_pixel, record_pixels
from nb_taps.testing import PIXELS, experiments, plain_experiment

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
EXPERIMENTS = experiments()


def explain(experiment, pixel):
    (record,) = record_pixels(experiment, [pixel])
    return explain_pixel(record)


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.parametrize("pixel", PIXELS)
def test_the_shares_of_a_pixel_add_up_to_one(name, pixel):
    experiment = EXPERIMENTS[name]
    found = explain(experiment, pixel)
    assert found.photons == simulate(experiment)[pixel].item()
    parts = [sum(entry.share for entry in found.reflections), *map(sum, found.shares.values())]
    assert parts == pytest.approx([1.0 - found.water] * 5, abs=1e-12)
    shares = [entry.share for entry in found.reflections]
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize("name", ["rich", "corrected", "round", "oversample_*", "dmin"])
@pytest.mark.parametrize("pixel", PIXELS)
def test_without_a_reflection_its_share_is_missing(name, pixel):
    experiment = EXPERIMENTS[name]
    factors, found = experiment.structure_factors, explain(experiment, pixel)
    first = (factors.h_min, factors.k_min, factors.l_min)
    listed = [e for e in found.reflections if max(map(abs, e.hkl)) <= 3]
    for entry in listed:
        place = tuple(index - least for index, least in zip(entry.hkl, first, strict=True))
        F, present = factors.F.clone(), factors.present.clone()
        F[place], present[place] = 0.0, True
        changed = dataclasses.replace(factors, F=F, present=present)
        without = dataclasses.replace(experiment, structure_factors=changed)
        left = simulate(without)[pixel].item() / found.photons
        assert left == pytest.approx(1.0 - entry.share, abs=1e-12)
    assert listed or pixel == (0, 0)  # where the list does not reach


@pytest.mark.parametrize("name", ["rich", "corrected"])
def test_without_water_its_share_is_missing(name):
    experiment = EXPERIMENTS[name]
    found = explain(experiment, (4, 5))
    assert found.water > 1e-3
    dry = dataclasses.replace(
        experiment, background=dataclasses.replace(experiment.background, water_size_um=0.0)
    )
    left = simulate(dry)[4, 5].item() / found.photons
    assert left == pytest.approx(1.0 - found.water, abs=1e-12)


def test_a_phi_step_alone_gives_its_share():
    crystal = EXPERIMENTS["rich"].crystal
    dry = dataclasses.replace(
        EXPERIMENTS["rich"],
        background=dataclasses.replace(EXPERIMENTS["rich"].background, water_size_um=0.0),
    )
    found = explain(dry, (4, 5))
    step = crystal.osc_range_deg / crystal.phi_steps
    for number, share in enumerate(found.shares["phi"]):
        alone = dataclasses.replace(
            crystal,
            phi_start_deg=crystal.phi_start_deg + number * step,
            phi_steps=1,
            osc_range_deg=0.0,
        )
        photons = simulate(dataclasses.replace(dry, crystal=alone))[4, 5].item()
        assert photons / 3 / found.photons == pytest.approx(share, rel=1e-9)


def test_the_distance_from_the_sphere():
    """A cubic cell of 100 A at 1 A, beam along lab x, c* along z: of (0 0 l) by hand."""
    crystal = CrystalConfig(
        cell_a=100.0, cell_b=100.0, cell_c=100.0, default_F=10.0, N_cells=(7, 7, 7)
    )
    detector = DetectorConfig(
        fpixels=64, spixels=64, pixel_size_mm=1.0, distance_mm=100.0, beam_center_x_mm=32.0
    )
    experiment = Experiment(crystal, detector, sampling=SamplingConfig(oversample=1))
    (record,) = record_pixels(experiment, [(10, 32)])
    entry = explain_pixel(record).reflections[0]
    point = torch.tensor(entry.hkl, dtype=torch.float64) / 100.0
    beam = record.array("incident")[0].double() / record.array("wavelength")[0].double()
    away = (beam + point).norm() - beam.norm()
    assert entry.from_sphere == pytest.approx(away.item(), rel=1e-9)
    assert entry.d == pytest.approx(1.0 / point.norm().item(), rel=1e-12)
    assert entry.fringes_from_sphere == pytest.approx(abs(away.item()) * 700.0, rel=1e-9)
    offset = record.array("hkl")[0, 0, 0, 0] - torch.tensor(entry.hkl)
    assert entry.fringes_from_pixel == pytest.approx(7 * offset.norm().item(), rel=1e-9)
    assert entry.F_cell == 10.0


def test_a_pixel_without_photons_has_no_shares():
    plain = plain_experiment()
    dark = dataclasses.replace(plain, beam=dataclasses.replace(plain.beam, flux=0.0, fluence=0.0))
    found = explain(dark, (2, 3))
    assert (found.photons, found.water) == (0.0, 0.0)
    assert all(sum(shares) == 0.0 for shares in found.shares.values())
    (entry,) = found.reflections
    assert (entry.share, entry.hkl) == (0.0, explain(plain, (2, 3)).reflections[0].hkl)
    assert math.isfinite(entry.fringes_from_pixel)
