"""Probes: what the simulation computes for a pixel, as it computes it."""

import dataclasses

import numpy as np
import pytest
import torch

from nb_core import (
    BackgroundConfig,
    BeamConfig,
    CrystalConfig,
    DetectorConfig,
    Experiment,
    InputError,
    Mask,
    Profile,
    Roi,
    SamplingConfig,
)
from nb_core.quantities import QUANTITIES
from nb_physics import make_plan, simulate
from nb_taps import PixelRecorder, probe
from nb_taps.testing import Glow

EXPERIMENT = Experiment(
    CrystalConfig(
        cell_a=60.0,
        cell_b=70.0,
        cell_c=80.0,
        misset_deg=(10.0, 20.0, 30.0),
        N_cells=(2, 2, 2),
        default_F=20.0,
        phi_start_deg=5.0,
        osc_range_deg=1.0,
        phi_steps=3,
        mosaic_spread_deg=0.5,
        mosaic_domains=2,
    ),
    DetectorConfig(
        fpixels=12,
        spixels=10,
        distance_mm=30.0,
        detector_abs_um=200.0,
        detector_thick_um=300.0,
        detector_thicksteps=2,
    ),
    BeamConfig(dispersion_percent=1.0, dispersion_steps=2),
    SamplingConfig(oversample=2),
    BackgroundConfig(water_size_um=0.01),
    profile=Profile.REFERENCE,
)
VARIANTS = {
    "reference": EXPERIMENT,
    "corrected": dataclasses.replace(EXPERIMENT, profile=Profile.CORRECTED),
    "backgrounds": dataclasses.replace(
        EXPERIMENT,
        profile=Profile.CORRECTED,
        background=BackgroundConfig(water_size_um=1.0, terms=(Glow(),)),
    ),
    "dmin": dataclasses.replace(EXPERIMENT, sampling=SamplingConfig(oversample=2, dmin_A=3.0)),
}
"""Experiments that between them offer every quantity, by name."""
PIXELS = [(3, 7), (0, 0), (9, 11)]
SIZES = {"3": 3, "sources": 2, "steps": 6}


@pytest.mark.parametrize("profile", list(Profile))
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_probed_pixel_has_the_photons_of_the_image(profile, dtype):
    experiment = dataclasses.replace(EXPERIMENT, profile=profile)
    image = simulate(experiment, dtype=dtype)
    readings = probe(experiment, PIXELS, ["photons"], dtype=dtype)
    assert {reading.pixel: reading.value.item() for reading in readings} == {
        pixel: image[pixel].item() for pixel in PIXELS
    }


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_readings_have_the_axes_of_the_grain(quantity):
    axes = QUANTITIES[quantity].grain.split()
    shape = tuple(SIZES[axis] for axis in axes if axis != "pixels")
    found = [probe(experiment, PIXELS, [quantity]) for experiment in VARIANTS.values()]
    assert any(found)
    for readings in filter(None, found):
        assert {reading.pixel for reading in readings} == set(PIXELS)
        assert all(reading.quantity == quantity for reading in readings)
        assert all(reading.unit == QUANTITIES[quantity].unit for reading in readings)
        assert all(tuple(reading.value.shape) == shape for reading in readings)


def test_readings_come_in_the_order_of_the_walk():
    readings = probe(EXPERIMENT, [(3, 7)], ["omega"])
    order = [(reading.layer, reading.sub_slow, reading.sub_fast) for reading in readings]
    assert order == [(t, s, f) for t in range(2) for s in range(2) for f in range(2)]
    assert all((r.first_source, r.first_step) == (0, 0) for r in readings)


def test_all_quantities_that_there_are_are_read_where_none_is_named():
    """A quantity that means nothing in an experiment is not there; none is missing in all."""
    found = {
        name: {reading.quantity for reading in probe(experiment, [(1, 2)])}
        for name, experiment in VARIANTS.items()
    }
    used = {"capture_used", "polarization_used", "omega_used"}
    plain = set(QUANTITIES) - {"background_photons"}
    assert found["reference"] == plain - {"within_dmin", "weight"}
    assert found["dmin"] == plain - {"weight"}
    assert found["corrected"] == plain - {"within_dmin"} - used
    assert found["backgrounds"] == set(QUANTITIES) - {"within_dmin"} - used


def test_a_term_is_the_product_of_its_factors():
    names = ["F_cell", "F_latt", "term"]
    found = {r.quantity: r.value for r in probe(EXPERIMENT, [(3, 7)], names)}
    product = found["F_cell"] ** 2 * found["F_latt"] ** 2
    torch.testing.assert_close(found["term"], product, rtol=1e-14, atol=0.0)


@pytest.mark.parametrize("mask", [None, np.zeros((10, 12), dtype=bool)])
def test_roi_and_mask_are_put_aside_for_pixels_outside_them(mask):
    hidden = dataclasses.replace(
        EXPERIMENT, roi=Roi(0, 1, 0, 1), mask=None if mask is None else Mask(mask)
    )
    (reading,) = probe(hidden, [(3, 7)], ["photons"])
    assert reading.value.item() == simulate(EXPERIMENT)[3, 7].item()


def test_pixels_inside_and_outside_the_region_are_read_together():
    """Those inside first: they are read in the tiles of the image."""
    hidden = dataclasses.replace(EXPERIMENT, roi=Roi(6, 8, 2, 4))
    image = simulate(EXPERIMENT)
    readings = probe(hidden, [(0, 0), (3, 7), (9, 11), (2, 6)], ["photons"])
    assert [reading.pixel for reading in readings] == [(2, 6), (3, 7), (0, 0), (9, 11)]
    assert all(reading.value.item() == image[reading.pixel].item() for reading in readings)


def test_a_value_outlives_the_simulation():
    recorder = PixelRecorder([(3, 7)], ["photons"], 12)
    image = simulate(make_plan(EXPERIMENT), recorder=recorder)
    kept = recorder.readings[0].value
    expected = image[3, 7].item()
    image.zero_()
    assert kept.item() == expected


def test_an_unknown_quantity_is_refused():
    with pytest.raises(InputError, match="quantity: charm: expected one of: position, airpath"):
        probe(EXPERIMENT, PIXELS, ["charm"])


@pytest.mark.parametrize("pixel", [(10, 0), (0, 12), (-1, 0)])
def test_a_pixel_off_the_detector_is_refused(pixel):
    with pytest.raises(InputError, match=r"pixel: .* the detector has \(10, 12\) pixels"):
        probe(EXPERIMENT, [pixel])
