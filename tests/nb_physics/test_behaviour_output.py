"""Behaviour 50 to 56: what is written of an image."""

import dataclasses

import numpy as np
import pytest
import torch

from nb_core import (
    BeamConfig,
    CrystalConfig,
    DetectorConfig,
    DetectorConvention,
    Experiment,
    Mask,
    Roi,
)
from nb_core.formats.smv import header_bytes
from nb_core.poisson import poisson_image
from nb_physics import (
    NoiseGenerator,
    counted_photons,
    image_figures,
    make_plan,
    select_pixels,
    simulate,
    smv_header,
)
from nb_physics.digitize import integer_image, integer_scale, noise_counts, picture, picture_scale
from nb_physics.geometry import rectangle_solid_angle, solid_angle

SMALL = Experiment(
    CrystalConfig(cell_a=50.0, default_F=10.0),
    DetectorConfig(fpixels=6, spixels=5, distance_mm=20.0),
    BeamConfig(fluence=1e24),
)
IMAGE = np.arange(30, dtype=np.float32).reshape(5, 6)
ROI = Roi(1, 3, 2, 4)


def with_roi(**more):
    return select_pixels(dataclasses.replace(SMALL, roi=ROI, **more))


def test_behaviour_50_a_long_header_takes_1024_bytes():
    short = header_bytes(smv_header(make_plan(SMALL)))
    assert len(short) == 512
    assert b"HEADER_BYTES=512;" in short
    turned = DetectorConfig(
        fpixels=6,
        spixels=5,
        pixel_size_mm=0.100013,
        distance_mm=151.234,
        detector_convention=DetectorConvention.MOSFLM,
        detector_rotx_deg=11.2345,
        detector_roty_deg=-12.3456,
        detector_twotheta_deg=-13.4567,
        beam_center_x_mm=-101.234,
        beam_center_y_mm=-103.456,
    )
    crystal = dataclasses.replace(SMALL.crystal, phi_start_deg=-123.456, osc_range_deg=0.123456)
    beam = BeamConfig(wavelength_A=0.977777)
    long = header_bytes(smv_header(make_plan(Experiment(crystal, turned, beam))))
    assert len(long) == 1024
    assert b"HEADER_BYTES=1024;" in long


def test_behaviour_51_bounds_are_inclusive_and_outside_is_0_without_the_offset():
    image = integer_image(IMAGE, with_roi(), 1.0, 40.0)
    expected = np.zeros((5, 6), dtype=np.uint16)
    expected[2:5, 1:4] = IMAGE[2:5, 1:4] + 40
    np.testing.assert_array_equal(image, expected)
    rendered = simulate(dataclasses.replace(SMALL, roi=ROI)) > 0
    np.testing.assert_array_equal(rendered.numpy(), expected > 0)


def test_behaviour_52_spread_is_over_n_less_1_and_rmsd_counts_masked_pixels():
    keep = np.ones((5, 6), dtype=bool)
    keep[2, 1] = keep[4, 3] = False
    selection = with_roi(mask=Mask(keep))
    image = np.where(keep, IMAGE, 0).astype(np.float32)
    figures = image_figures(image, selection)
    kept = [float(IMAGE[s, f]) for s in range(2, 5) for f in range(1, 4) if keep[s, f]]
    mean = sum(kept) / 7
    assert figures.mean == pytest.approx(mean)
    assert figures.rms == pytest.approx((sum(v * v for v in kept) / 6) ** 0.5)
    squares = sum((v - mean) ** 2 for v in [*kept, 0.0, 0.0])
    assert figures.rmsd == pytest.approx((squares / 8) ** 0.5)
    assert picture_scale(None, 1.0, figures) == pytest.approx(50 / figures.rmsd)
    assert picture_scale(0.3, 1.0, figures) == 0.3


def test_behaviour_53_the_integer_image_rounds_and_the_noise_image_truncates():
    values = np.full((5, 6), 7.6, dtype=np.float32)
    selection = select_pixels(SMALL)
    assert integer_image(values, selection, 1.0, 0.0)[0, 0] == 8
    counts, overloads = noise_counts(np.full((5, 6), 7.0), 0.6)
    assert counts[0, 0] == 7
    assert overloads == 0
    full, overloads = noise_counts(np.full((5, 6), 65500.0), 40.0)
    assert full[0, 0] == 65535
    assert overloads == 30
    assert integer_image(values, selection, 1e6, 0.0)[0, 0] == 65535
    assert picture(values, selection, 1.0)[0, 0] == 7
    assert picture(values, selection, 100.0)[0, 0] == 255


def test_behaviour_54_the_maximum_is_that_of_the_first_pixel_that_has_it():
    image = np.zeros((5, 6), dtype=np.float32)
    image[3, 2] = image[3, 3] = image[4, 1] = 5
    figures = image_figures(image, with_roi())
    assert (figures.maximum, figures.slow, figures.fast) == (5.0, 3, 2)
    assert integer_scale(None, figures) == 11000.0
    assert integer_scale(2.5, figures) == 2.5


@pytest.mark.parametrize("phi_steps", [1, 3])
def test_behaviour_55_the_solid_angle_is_that_of_the_pixels_whatever_the_steps(phi_steps):
    tilted = dataclasses.replace(SMALL.detector, detector_rotx_deg=20.0)
    crystal = dataclasses.replace(SMALL.crystal, phi_steps=phi_steps)
    frame = make_plan(Experiment(crystal, tilted, SMALL.beam)).frame
    total = torch.zeros(())
    for slow in range(5):
        for fast in range(6):
            centre = (fast + 0.5) * frame.fast + (slow + 0.5) * frame.slow
            position = frame.origin + frame.pixel_size * centre
            airpath = torch.linalg.vector_norm(position)[None]
            profile = SMALL.profile
            total = total + solid_angle(airpath, frame, point_pixel=False, profile=profile)
    whole = rectangle_solid_angle(frame, (0, 6), (0, 5))
    # The pixels' own angles are taken at their centres: (pixel / distance)^2 = 2.5e-5 apart.
    torch.testing.assert_close(total[0], whole, rtol=1e-4, atol=0.0)


def test_behaviour_56_the_noise_is_the_programs_stream_or_torchs():
    image = torch.full((5, 6), 20.0, dtype=torch.float64)
    ours = counted_photons(image, NoiseGenerator.NANOBRAGG, 99)
    np.testing.assert_array_equal(ours, poisson_image(image.float().numpy(), 99))
    fast = counted_photons(image, NoiseGenerator.TORCH, 99)
    np.testing.assert_array_equal(fast, counted_photons(image, NoiseGenerator.TORCH, 99))
    assert not np.array_equal(fast, counted_photons(image, NoiseGenerator.TORCH, 98))
    assert not np.array_equal(fast, ours)
    assert fast.mean() == pytest.approx(20.0, abs=5 * (20 / 30) ** 0.5)


def test_an_image_of_nothing_keeps_its_scale():
    figures = image_figures(np.zeros((5, 6), dtype=np.float32), select_pixels(SMALL))
    assert integer_scale(None, figures) == 1.0
    assert picture_scale(None, 1.0, figures) == 1.0
