"""Single pixels: those of the image, bit for bit, and in the tiles of the image."""

import dataclasses

import numpy as np
import pytest
import torch
from annotations import unchecked_annotations
from small_experiments import PROFILES, RICH, Collector, rich_experiment, small_experiment

from nb_core import InputError, Mask, Profile, Roi
from nb_physics import make_plan, photons_at, simulate, simulate_pixels, tiles

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
EVERY = [(slow, fast) for slow in range(5) for fast in range(6)]
SOME = [(4, 5), (0, 0), (2, 3), (0, 0), (1, 4)]
MASK = Mask(np.array([[(slow + 2 * fast) % 3 != 0 for fast in range(6)] for slow in range(5)]))
REGIONS = {
    "all": {},
    "roi": {"roi": Roi(1, 4, 1, 3)},
    "mask": {"mask": MASK},
    "roi and mask": {"roi": Roi(1, 9, 1, 9), "mask": MASK},
}


def rendered(experiment):
    """The pixels that the image renders, in plain words."""
    roi, mask = experiment.roi, experiment.mask
    return [
        (slow, fast)
        for slow, fast in EVERY
        if (roi is None or (roi.xmin <= fast <= roi.xmax and roi.ymin <= slow <= roi.ymax))
        and (mask is None or mask.values[slow, fast])
    ]


def of_image(image, pixels):
    return torch.stack([image[pixel] for pixel in pixels])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("fields", RICH.values(), ids=RICH)
def test_they_are_the_pixels_of_the_image(fields, dtype):
    """In the order given, a pixel as often as it is named."""
    experiment = rich_experiment(**fields)
    found = simulate_pixels(experiment, SOME, dtype=dtype)
    assert found.dtype is dtype
    assert torch.equal(found, of_image(simulate(experiment, dtype=dtype), SOME))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
@pytest.mark.parametrize("evaluations", [5, 12, 7 * 12])
def test_they_are_the_same_in_tiles_of_any_size(monkeypatch, profile, region, evaluations):
    monkeypatch.setattr(tiles, "TILE_EVALUATIONS", evaluations)
    plan = make_plan(rich_experiment(profile=profile, **region))
    chosen = rendered(plan.experiment)[::-2]
    assert len(chosen) >= 3
    found = simulate_pixels(plan, chosen)
    with unchecked_annotations():  # as in tests of tiles
        assert torch.equal(found, of_image(simulate(plan), chosen))


def test_only_the_tiles_of_the_pixels_are_simulated(monkeypatch):
    """Of 30 pixels in tiles of 4; what a recorder is offered are these tiles as the image has."""
    monkeypatch.setattr(tiles, "TILE_EVALUATIONS", 4)
    collector, whole, calls = Collector("photons"), Collector("photons"), []
    simulate_pixels(
        small_experiment(),
        [(4, 5), (0, 5), (0, 1), (0, 4)],
        recorder=collector,
        progress=lambda done, total: calls.append((done, total)),
    )
    found = [site.pixels.tolist() for site, _ in collector.values["photons"]]
    assert found == [[0, 1, 2, 3], [4, 5, 6, 7], [28, 29]]
    assert calls == [(1, 3), (2, 3), (3, 3)]
    simulate(small_experiment(), recorder=whole)
    for tile, own in zip((0, 1, 7), collector.all("photons"), strict=True):
        assert torch.equal(own, whole.all("photons")[tile])


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
def test_a_pixel_that_is_not_rendered_is_refused(region):
    experiment = rich_experiment(**region)
    inside = rendered(experiment)
    outside = [*(pixel for pixel in EVERY if pixel not in inside), (5, 0), (0, 6), (-1, 2), (2, -1)]
    for pixel in outside:
        with pytest.raises(InputError, match=r"pixel: \(.*\): not rendered: off the detector, out"):
            simulate_pixels(experiment, [inside[0], pixel])


def test_a_mask_that_keeps_nothing_refuses_all():
    mask = Mask(np.zeros((5, 6), dtype=bool))
    with pytest.raises(InputError, match=r"pixel: \(0, 0\): not rendered"):
        simulate_pixels(small_experiment(mask=mask), [(0, 0)])


def test_no_pixels_are_no_photons():
    found = simulate_pixels(small_experiment(), [], dtype=torch.float32)
    assert (found.dtype, found.shape) == (torch.float32, (0,))


@pytest.mark.parametrize(
    ("choice", "message"),
    [({"device": "nonsense"}, "device: nonsense"), ({"dtype": torch.int64}, "dtype: torch.int64")],
)
def test_device_and_precision_are_checked(choice, message):
    with pytest.raises(InputError, match=message):
        simulate_pixels(small_experiment(), [(0, 0)], **choice)


def test_a_gradient_reaches_the_inputs_of_a_pixel():
    """That of the image's pixel."""
    experiment = rich_experiment(profile=Profile.CORRECTED)
    gradients = []
    for photons in (
        lambda given: simulate_pixels(given, [(2, 3)])[0],
        lambda given: simulate(given)[2, 3],
    ):
        cell_a = torch.tensor(21.0, dtype=torch.float64, requires_grad=True)
        crystal = dataclasses.replace(experiment.crystal, cell_a=cell_a)
        photons(dataclasses.replace(experiment, crystal=crystal)).backward()
        gradients.append(cell_a.grad.item())
    assert gradients[0] == gradients[1] != 0.0


def test_photons_at_any_pixels_in_their_order():
    """To some ulp: the last lanes of a vector instruction may round otherwise than the others."""
    experiment = small_experiment(fpixels=7, spixels=5)
    image = simulate(experiment).flatten()
    pixels = torch.tensor([34, 0, 8, 8, 21])
    values = photons_at(experiment, pixels)
    assert torch.allclose(values, image[pixels], rtol=1e-12, atol=0)
    assert photons_at(experiment, pixels[:0]).shape == (0,)


@pytest.mark.parametrize("pixel", [-1, 35])
def test_photons_at_pixels_off_the_detector_are_refused(pixel):
    with pytest.raises(
        InputError, match=r"pixels: .*: flat indices of this detector run from 0 to 34"
    ):
        photons_at(small_experiment(fpixels=7, spixels=5), torch.tensor([3, pixel]))
