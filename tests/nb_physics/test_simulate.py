"""The walk over the image: devices, precision, progress, recorders, and a number to remember."""

import numpy as np
import pytest
import torch
from small_experiments import (
    PROFILES,
    RICH,
    Collector,
    offered,
    rich_experiment,
    small_experiment,
)

from nb_core import (
    BeamConfig,
    CrystalConfig,
    CrystalShape,
    DetectorConfig,
    Experiment,
    InputError,
    Mask,
    Profile,
    Roi,
)
from nb_core.quantities import QUANTITIES, STAGES
from nb_physics import make_plan, simulate, tiles

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")


@pytest.mark.parametrize("profile", PROFILES)
def test_one_pixel_of_the_benchmark(profile):
    """Slow 1792, fast 2048 of 4096 x 4096; one sub-pixel, where both profiles agree."""
    experiment = Experiment(
        CrystalConfig(cell_a=100.0, N_cells=(5, 5, 5), default_F=100.0),
        DetectorConfig(fpixels=4096, spixels=4096, pixel_size_mm=0.05, distance_mm=500.0),
        BeamConfig(wavelength_A=0.5),
        roi=Roi(2048, 2048, 1792, 1792),
        profile=profile,
    )
    image = simulate(experiment)
    assert image.shape == (4096, 4096)
    assert image[1792, 2048].item() == pytest.approx(0.229943264374, rel=1e-9)
    assert image.count_nonzero() == 1


def test_a_plan_stands_in_for_its_experiment():
    experiment = rich_experiment()
    assert torch.equal(simulate(make_plan(experiment)), simulate(experiment))


@pytest.mark.parametrize("device", ["cuda:99", "nonsense"])
def test_a_device_that_is_not_there_is_an_error(device):
    with pytest.raises(InputError, match=f"device: {device}: this machine has no such device"):
        simulate(small_experiment(), device=device)


@pytest.mark.parametrize("dtype", [torch.float16, torch.int64])
def test_other_precisions_are_an_error(dtype):
    with pytest.raises(InputError, match=r"dtype: .*expected torch.float64 or torch.float32"):
        simulate(small_experiment(), dtype=dtype)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("shape", [s for s in CrystalShape if s is not CrystalShape.TOPHAT])
def test_single_precision_is_near(profile, shape):
    """Phases stay in float64, so that a few roundings of 6e-8 are all that is lost."""
    experiment = rich_experiment(profile=profile, shape=shape)
    double, single = simulate(experiment), simulate(experiment, dtype=torch.float32)
    assert single.dtype is torch.float32
    assert (single - double).abs().max() < 2e-6 * double.max()
    assert (single - double).abs().max() > 0


def test_progress_counts_pixels_tile_by_tile(monkeypatch):
    experiment, calls = small_experiment(roi=Roi(0, 4, 0, 1)), []
    monkeypatch.setattr(tiles, "TILE_EVALUATIONS", 4)
    simulate(experiment, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(4, 10), (8, 10), (10, 10)]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_mask_that_keeps_nothing_gives_zeros(profile):
    mask = Mask(np.zeros((5, 6), dtype=bool))
    image = simulate(small_experiment(profile=profile, mask=mask), dtype=torch.float32)
    assert image.shape == (5, 6)
    assert image.dtype is torch.float32
    assert not image.any()


@pytest.mark.parametrize("fields", RICH.values(), ids=RICH)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_recorder_is_offered_what_there_is_and_changes_nothing(fields, dtype):
    experiment, collector = rich_experiment(**fields), Collector()
    recorded = simulate(experiment, dtype=dtype, recorder=collector)
    assert set(collector.values) == offered(experiment)
    assert torch.equal(recorded, simulate(experiment, dtype=dtype))


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_quantity_is_offered_by_some_experiment_and_has_a_stage(quantity):
    assert any(quantity in offered(rich_experiment(**fields)) for fields in RICH.values())
    assert QUANTITIES[quantity].stage in STAGES


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_recorder_gets_what_it_wants_and_no_more(quantity):
    for fields in RICH.values():
        experiment, collector = rich_experiment(**fields), Collector(quantity)
        simulate(experiment, recorder=collector)
        assert list(collector.values) == [quantity] * (quantity in offered(experiment))


@pytest.mark.parametrize("fields", RICH.values(), ids=RICH)
def test_recorded_values_have_the_grain_of_their_quantity(monkeypatch, fields):
    """In tiles of pixels, 2 sources and 6 steps; the sites cover every pixel."""
    monkeypatch.setattr(tiles, "TILE_EVALUATIONS", 7 * 12)
    collector = Collector()
    simulate(rich_experiment(**fields), recorder=collector)
    for quantity, found in collector.values.items():
        pixels = []
        for site, value in found:
            sizes = {"3": 3, "pixels": site.pixels.numel(), "sources": 2, "steps": 6}
            grain = QUANTITIES[quantity].grain.split()
            assert value.shape == tuple(sizes[axis] for axis in grain), quantity
            pixels += site.pixels.tolist()
        assert set(pixels) == set(range(30)), quantity


def test_recorded_photons_are_the_image():
    collector = Collector("photons")
    image = simulate(rich_experiment(profile=Profile.CORRECTED), recorder=collector)
    assert torch.equal(torch.cat(collector.all("photons")), image.flatten())
