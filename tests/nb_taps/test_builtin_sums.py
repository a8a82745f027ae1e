"""The taps on sums, photons and noise: their values against independent statements."""

import dataclasses

import numpy as np
import pytest
import torch

from nb_core import Mask, OutputConfig, Profile, Roi
from nb_physics import NoiseGenerator, counted_photons, simulate
from nb_taps import NoiseChoice, collect_taps, make_manager, trace_pixels
from nb_taps.testing import PIXELS, experiments, plain_experiment, rich_experiment

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
EXPERIMENTS = experiments()
TAPS = collect_taps(make_manager(external=False))
R_E_SQR = 7.94079248018965e-30
FLUENCE = 125932015286227086360700780544.0
REFERENCE = [n for n, e in EXPERIMENTS.items() if e.profile is Profile.REFERENCE]


def read(name, experiment, pixel=(4, 5), **choices):
    """What a tap returns for a pixel, recorded from the quantities that it asks for."""
    (traced,) = trace_pixels(experiment, [pixel], [TAPS[name]], every_quantity=False, **choices)
    return traced.results[0].values


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_terms_are_the_products_of_the_two_amplitudes(name):
    experiment = EXPERIMENTS[name]
    F_cell = read("hkl_subpixel", experiment)["F_cell"]
    F_latt = read("f_latt", experiment)["F_latt"]
    found = read("accumulation", experiment)["term"]
    torch.testing.assert_close(found, (F_cell * F_latt) ** 2, rtol=1e-13, atol=0)


@pytest.mark.parametrize("name", ["plain", "rich", "round", "interpolated", "dmin"])
@pytest.mark.parametrize("pixel", PIXELS)
def test_the_sum_of_the_reference(name, pixel):
    """The water, and the terms that dmin keeps."""
    experiment = EXPERIMENTS[name]
    found = read("accumulation", experiment, pixel)
    assert found["weight"] is None
    terms = found["term"].sum(dim=(2, 3))
    if name == "dmin":
        terms = terms * found["within_dmin"]
    else:
        assert found["within_dmin"] is None
    total = read("water", experiment)["I_bg"].item()
    for number, added in enumerate(terms.sum(dim=1).tolist()):
        total += added
        assert found["running_sum"][number].item() == pytest.approx(total, rel=1e-13)
    assert found["running_sum"][-1] == found["intensity"]


@pytest.mark.parametrize("pixel", PIXELS)
def test_the_sum_with_a_factor_at_each_step(pixel):
    """The whole sum is multiplied after each term; terms of 0 without water would be left out."""
    found = read("accumulation", EXPERIMENTS["oversample_*"], pixel)
    total = read("water", EXPERIMENTS["oversample_*"])["I_bg"].item()
    for number, sources in enumerate(found["term"].flatten(2).tolist()):
        for source, terms in enumerate(sources):
            for term in terms:
                total = (total + term) * found["weight"][number, source].item()
        assert found["running_sum"][number].item() == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("dmin", [False, True])
def test_the_sum_of_the_corrected_profile(dmin):
    """Each term has its own solid angle, capture and polarization, and its source weighs 1/2."""
    base = EXPERIMENTS["dmin" if dmin else "rich"]
    experiment = dataclasses.replace(base, profile=Profile.CORRECTED)
    found = read("accumulation", experiment, (0, 0))
    omega = read("omega", experiment, (0, 0))["omega"]
    capture = read("absorption", experiment, (0, 0))["capture"]
    polarization = read("polarization", experiment, (0, 0))["polarization"]
    weight = (omega * capture)[:, None] * polarization / 2
    if dmin:
        assert 0 < found["within_dmin"].sum() < 16
        weight = weight * found["within_dmin"]
    torch.testing.assert_close(found["weight"], weight, rtol=1e-13, atol=0)
    sums = (found["term"].sum(dim=(2, 3)) * weight).sum(dim=1).cumsum(dim=0)
    torch.testing.assert_close(found["running_sum"], sums, rtol=1e-13, atol=0)
    assert found["running_sum"][-1] == found["intensity"]


@pytest.mark.parametrize("name", REFERENCE)
@pytest.mark.parametrize("pixel", PIXELS)
def test_photons_are_the_product_of_what_the_intensity_tap_shows(name, pixel):
    found = read("intensity", EXPERIMENTS[name], pixel)
    steps = 1 if name == "plain" else 2 * 3 * 2 * 4
    assert found["r_e_sqr"] == R_E_SQR
    assert found["fluence"].item() == pytest.approx(FLUENCE, rel=1e-15)
    assert found["steps"] == steps
    expected = R_E_SQR * FLUENCE * found["intensity"] / steps
    factors = [found[factor] for factor in ("capture", "polarization", "omega")]
    if name == "oversample_*":
        assert factors == [None] * 3
    else:
        for factor in factors:
            expected *= factor
    assert found["photons"] == pytest.approx(expected, rel=1e-14)
    assert found["photons"] == simulate(EXPERIMENTS[name])[pixel].item()
    assert found["rendered"] is True


def test_photons_of_the_corrected_profile_are_those_of_crystal_and_water():
    experiment = EXPERIMENTS["corrected"]
    found, water = read("intensity", experiment), read("water", experiment)["water_photons"]
    assert [found[factor] for factor in ("capture", "polarization", "omega")] == [None] * 3
    assert found["steps"] == 3 * 2 * 4
    expected = R_E_SQR * FLUENCE * found["intensity"] / found["steps"] + water
    assert found["photons"] == pytest.approx(expected, rel=1e-14)
    assert found["photons"] == simulate(experiment)[4, 5].item()


def test_a_pixel_outside_the_region_is_said_to_be_so():
    inside = dataclasses.replace(rich_experiment(), roi=Roi(5, 5, 4, 4))
    assert read("intensity", inside, (4, 5))["rendered"] is True
    outside = read("intensity", inside, (2, 3))
    assert outside["rendered"] is False
    assert outside["photons"] == simulate(rich_experiment())[2, 3].item()


@pytest.mark.parametrize("profile", list(Profile))
def test_water_is_the_image_without_a_crystal(profile):
    experiment = dataclasses.replace(rich_experiment(), profile=profile)
    found = read("water", experiment)
    crystal = dataclasses.replace(experiment.crystal, default_F=0.0)
    empty = dataclasses.replace(experiment, crystal=crystal, structure_factors=None)
    assert found["water_photons"] == pytest.approx(simulate(empty)[4, 5].item(), rel=1e-14)
    assert 0 < found["water_photons"] < found["photons"]
    assert found["photons"] == simulate(experiment)[4, 5].item()
    assert found["water_size"] == 0.01
    per_sr = 2.57**2 * R_E_SQR * FLUENCE * (0.01e-6) ** 3 * 1e6 * 6.02214179e23 / 18.0
    assert found["I_bg"].item() == pytest.approx(per_sr, rel=1e-12)


def test_water_cannot_be_told_apart_where_the_sum_is_multiplied():
    assert read("water", EXPERIMENTS["oversample_*"])["water_photons"] is None


def test_other_backgrounds_are_the_image_less_crystal_and_water():
    experiment = EXPERIMENTS["backgrounds"]
    found = read("water", experiment)
    without = dataclasses.replace(experiment.background, terms=())
    rest = simulate(dataclasses.replace(experiment, background=without))[4, 5].item()
    assert found["photons"] == simulate(experiment)[4, 5].item()
    assert found["background_photons"] == pytest.approx(found["photons"] - rest, rel=1e-9)
    assert found["background_photons"] > 0
    assert read("water", EXPERIMENTS["corrected"])["background_photons"] is None


def test_no_water():
    found = read("water", plain_experiment())
    assert (found["water_size"], found["water_photons"]) == (0.0, 0.0)


SELECTIONS = {
    "all": {},
    "roi": {"roi": Roi(1, 4, 1, 3)},
    "mask": {"mask": Mask(np.arange(30).reshape(5, 6) % 3 != 1)},
    "roi and mask": {"roi": Roi(1, 4, 1, 3), "mask": Mask(np.arange(30).reshape(5, 6) % 3 != 1)},
}


@pytest.mark.parametrize("generator", list(NoiseGenerator))
@pytest.mark.parametrize("selection", SELECTIONS.values(), ids=SELECTIONS)
def test_noise_is_that_of_the_noise_image(generator, selection):
    """The region is drawn row by row; counts + offset, truncated to 16 bits; 0 outside it."""
    outputs = OutputConfig(adc_offset=10.5, noise_seed=7)
    experiment = dataclasses.replace(rich_experiment(), outputs=outputs, **selection)
    image = simulate(experiment)
    roi = experiment.roi or Roi(0, 5, 0, 4)
    region = (slice(roi.ymin, roi.ymax + 1), slice(roi.xmin, roi.xmax + 1))
    counts = np.zeros((5, 6))
    counts[region] = counted_photons(image[region], generator, 7)
    digital = np.zeros((5, 6), dtype=int)
    digital[region] = np.trunc(np.clip(counts[region] + 10.5, 0, 65535))
    pixels = [(slow, fast) for slow in range(5) for fast in range(6)]
    noise = NoiseChoice(generator, 7)
    traced = trace_pixels(experiment, pixels, [TAPS["noise"]], noise=noise)
    found = [pixel.results[0].values for pixel in traced]
    assert [values["counted"] for values in found] == counts.flatten().tolist()
    assert [values["digital"] for values in found] == digital.flatten().tolist()
    assert counts.any()
    whole = simulate(rich_experiment()).flatten().tolist()
    assert [values["expected"] for values in found] == whole
    for values in found:
        assert values["adc_offset"] == 10.5
        assert (values["generator"], values["seed"]) == (generator.value, 7)


def test_a_pixel_that_is_too_bright_for_16_bits():
    crystal = dataclasses.replace(plain_experiment().crystal, default_F=3e4)
    experiment = dataclasses.replace(plain_experiment(), crystal=crystal)
    found = read("noise", experiment, (2, 3), noise=NoiseChoice(seed=1))
    assert found["counted"] > 65535
    assert found["digital"] == 65535


def test_the_seed_of_the_noise_is_the_experiments_where_none_is_chosen():
    outputs = OutputConfig(noise_seed=23)
    experiment = dataclasses.replace(rich_experiment(), outputs=outputs)
    found = read("noise", experiment)
    assert found["seed"] == 23
    assert found["counted"] == read("noise", experiment, noise=NoiseChoice(seed=23))["counted"]
    other = read("noise", experiment, noise=NoiseChoice(seed=24))
    assert other["counted"] != found["counted"]


def test_without_a_seed_the_clock_is_the_seed(monkeypatch):
    monkeypatch.setattr("nb_taps.run.time.time", lambda: 1234567.8)
    assert read("noise", rich_experiment())["seed"] == 1234567
