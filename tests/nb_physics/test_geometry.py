"""From pixels to rays."""

import dataclasses
import math

import pytest
import torch
from small_experiments import PROFILES, small_experiment

from nb_core import Profile
from nb_physics.axes import lab_axes
from nb_physics.frame import place_detector
from nb_physics.geometry import (
    capture_fraction,
    curved_positions,
    directions,
    flat_positions,
    solid_angle,
    subpixel_coordinates,
)


def number(value):
    return torch.tensor(value, dtype=torch.float64)


@pytest.fixture
def frame():
    experiment = small_experiment(pixel_size_mm=1.0, distance_mm=100.0)
    return place_detector(experiment.detector, lab_axes(experiment), Profile.CORRECTED)


def test_subpixels_lie_at_the_centres_of_equal_parts():
    index, size = torch.arange(3), number(0.3)
    parts = [subpixel_coordinates(index, sub, 3, size) for sub in range(3)]
    found = torch.stack(parts, dim=1).flatten()
    torch.testing.assert_close(found, (torch.arange(9).double() + 0.5) * 0.1)


def test_positions_are_along_fast_slow_and_normal(frame):
    fast, slow = number([0.001, 0.004]), number([0.002, 0.0])
    position = flat_positions(fast, slow, number(0.5), frame)
    for pixel in range(2):
        expected = (
            frame.origin + fast[pixel] * frame.fast + slow[pixel] * frame.slow + 0.5 * frame.normal
        )
        torch.testing.assert_close(position[:, pixel], expected, rtol=0, atol=1e-17)


def test_directions():
    path, ray = directions(number([[3.0, 0.0], [0.0, 2.0], [4.0, 0.0]]))
    assert path.tolist() == [5.0, 2.0]
    assert ray.T.tolist() == [[0.6, 0.0, 0.8], [0.0, 1.0, 0.0]]


def test_solid_angles_of_all_pixels_of_a_sphere_of_directions(frame):
    """Summed over a large square plate at the distance they give its solid angle."""
    half, pixels = 0.1, 200
    ticks = (torch.arange(pixels).double() + 0.5) * (2 * half / pixels) - half
    path = (ticks[:, None] ** 2 + ticks[None, :] ** 2 + 0.1**2).sqrt().flatten()
    total = solid_angle(path, frame, point_pixel=False, profile=Profile.REFERENCE).sum()
    exact = 4 * math.asin(half**2 / (half**2 + 0.1**2))
    assert total.item() == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize(("profile", "area"), list(zip(PROFILES, (1.0, 1e-6), strict=True)))
def test_solid_angle_of_point_pixels(frame, profile, area):
    found = solid_angle(number([0.1, 0.2]), frame, point_pixel=True, profile=profile)
    assert found.tolist() == pytest.approx([area / 0.01, area / 0.04])


def test_layers_absorb_what_the_ones_before_let_through(frame):
    slant = math.cos(0.7)
    ray = number([[slant], [math.sin(0.7)], [0.0]])
    shares = [
        capture_fraction(ray, frame, layer, number(2e-4), number(1500.0)).item()
        for layer in range(5)
    ]
    for layer, share in enumerate(shares):
        before = math.exp(-layer * 0.3 / slant)
        assert share == pytest.approx(before * (1 - math.exp(-0.3 / slant)), rel=1e-13)
    assert sum(shares) == pytest.approx(1 - math.exp(-1.5 / slant), rel=1e-13)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_beam_centre_of_a_curved_detector_looks_along_the_beam(frame, profile):
    fast, slow = frame.beam_fast[None], frame.beam_slow[None]
    flat = flat_positions(fast, slow, number(0.0), frame)
    position = curved_positions(flat, fast, slow, frame, profile)
    torch.testing.assert_close(position[:, 0], 0.1 * frame.beam, rtol=0, atol=1e-17)


def test_a_curved_detector_is_flat_near_the_beam(frame):
    """To third order; the reference's turns even exchange y and z in the MOSFLM convention."""
    fast, slow = frame.beam_fast[None] + 1e-5, frame.beam_slow[None] - 2e-5
    flat = flat_positions(fast, slow, number(0.0), frame)
    corrected = curved_positions(flat, fast, slow, frame, Profile.CORRECTED)
    torch.testing.assert_close(corrected[1:], flat[1:], rtol=0, atol=1e-12)
    reference = curved_positions(flat, fast, slow, frame, Profile.REFERENCE)
    torch.testing.assert_close(reference[1:], flat[1:].flip(0), rtol=0, atol=1e-12)


def on_the_sphere(frame, fast, slow):
    flat = flat_positions(fast, slow, number(0.0), frame)
    return curved_positions(flat, fast, slow, frame, Profile.CORRECTED)


def test_a_corrected_sphere_is_the_same_whichever_axis_is_called_fast(frame):
    fast, slow = number([0.0, 0.05, 0.2, -0.3]), number([0.1, 0.08, -0.2, 0.01])
    exchanged = dataclasses.replace(
        frame,
        fast=frame.slow,
        slow=frame.fast,
        close_fast=frame.close_slow,
        close_slow=frame.close_fast,
    )
    found, other = on_the_sphere(frame, fast, slow), on_the_sphere(exchanged, slow, fast)
    torch.testing.assert_close(found, other, rtol=0, atol=1e-16)
    torch.testing.assert_close(found.norm(dim=0), number([0.1] * 4), rtol=1e-15, atol=0)


def test_a_corrected_sphere_turns_by_the_distance_on_the_plane(frame):
    """On either side of where its power series ends, at an angle of 0.1."""
    far = number([0.0, 1e-9, 9.9e-3, 1.01e-2, 0.1, 0.5])
    fast, slow = frame.close_fast + 0.6 * far, frame.close_slow - 0.8 * far
    across = (0.6 * frame.fast - 0.8 * frame.slow)[:, None]
    angle = far / 0.1
    expected = 0.1 * (torch.cos(angle) * frame.normal[:, None] + torch.sin(angle) * across)
    torch.testing.assert_close(on_the_sphere(frame, fast, slow), expected, rtol=0, atol=1e-16)


def test_a_corrected_sphere_has_derivatives_where_it_is_nearest(frame):
    def position(place):
        return on_the_sphere(frame, place[:1], place[1:])

    nearest = torch.stack([frame.close_fast, frame.close_slow])
    slopes = torch.autograd.functional.jacobian(position, nearest)[:, 0]
    torch.testing.assert_close(slopes, torch.stack([frame.fast, frame.slow], dim=1))
    bent = torch.autograd.functional.hessian(
        lambda place: (position(place)[:, 0] * frame.normal).sum(), nearest
    )
    torch.testing.assert_close(bent, -torch.eye(2, dtype=torch.float64) / 0.1)
