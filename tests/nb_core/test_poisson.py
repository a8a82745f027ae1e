"""nanoBragg's photon noise, against its recorded images and its own functions."""

from pathlib import Path

import numpy as np
import pytest

from nb_core.errors import InputError
from nb_core.poisson import poisson_image
from nb_core.ran1 import Ran1

GOLDEN = Path(__file__).parents[1] / "golden"
ADC_OFFSET = 40
RECORDED = {
    0.3: [1, 1, 0, 1, 0, 0, 3, 0],
    5.0: [6, 6, 4, 2, 2, 6, 10, 4],
    12.0: [10, 7, 12, 8, 15, 13, 12, 4],
    50.5: [47, 41, 51, 43, 53, 50, 36, 56],
    1e4: [9953, 9872, 10016, 9899, 10047, 10005, 9796, 10090],
    1e6: [1000169, 998999, 1000477, 1000059, 997960, 1000908, 1000722, 1001031],
    3e8: [300002336, 300016000, 300008320, 300024928, 299992160, 300007040, 300009792, 299991008],
}


def _noise(photons, seed):
    counts = poisson_image(photons, seed) + ADC_OFFSET
    return np.minimum(counts, 65535.0).astype(np.uint16)


@pytest.mark.parametrize(
    ("case", "seed"), [("out_noise_low", 99), ("out_noise_water", 31415), ("out_noise_high", 5)]
)
def test_recorded_noise_is_reproduced_in_every_pixel_56(case, seed):
    with np.load(GOLDEN / f"{case}.npz") as recorded:
        np.testing.assert_array_equal(_noise(recorded["float"], seed), recorded["noise"])


def test_recorded_noise_of_a_region_is_reproduced_51_56():
    inside = slice(35, 111), slice(20, 91)
    with np.load(GOLDEN / "out_roi_noise.npz") as recorded:
        expected = recorded["noise"]
        noise = np.zeros_like(expected)
        noise[inside] = _noise(recorded["float"][inside], 7)
    np.testing.assert_array_equal(noise, expected)


@pytest.mark.parametrize("mean", RECORDED)
def test_every_way_of_drawing_is_the_programs_56(mean):
    assert poisson_image(np.full(8, mean, np.float32), 3).tolist() == RECORDED[mean]


def test_one_stream_serves_all_ways_in_turn_56():
    photons = np.array([[0.0, 5e7, 3.0], [100.0, 5e7, 5e7]], dtype=np.float32)
    counts = poisson_image(photons, 11)
    generator = Ran1(11)
    generator.uniform()
    first, second = generator.gaussian(), generator.gaussian()
    assert counts[0, 0] == 0.0
    assert counts[0, 1] == np.float32(5e7 + 5e7**0.5 * first)
    assert counts[1, 1] == np.float32(5e7 + 5e7**0.5 * second)
    assert counts[1, 2] != counts[0, 1]


@pytest.mark.parametrize("mean", [0.5, 8.0, 40.0, 5000.0])
def test_the_mean_and_the_variance_are_the_mean(mean):
    counts = poisson_image(np.full(20_000, mean, np.float32), 21)
    assert abs(counts.mean() - mean) < 5 * (mean / 20_000) ** 0.5
    assert abs(counts.var() / mean - 1.0) < 0.06


def test_no_photons_give_none_and_the_shape_stays():
    counts = poisson_image(np.array([[0.0, -1.0, -1e30]]), 1)
    assert counts.tolist() == [[0.0, 0.0, 0.0]]
    assert counts.dtype == np.float64
    assert poisson_image(np.zeros((3, 0)), 1).shape == (3, 0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_mean_that_is_not_finite_is_an_error(value):
    with pytest.raises(InputError, match="needs a finite mean"):
        poisson_image(np.array([1.0, value]), 1)
