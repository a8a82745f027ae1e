"""The simulation as objects."""

import math

import numpy as np
import pytest
import torch

from nb_core import (
    BeamConfig,
    CrystalConfig,
    DetectorConfig,
    DetectorConvention,
    InputError,
    Profile,
    Roi,
    SamplingConfig,
)
from nb_physics import Crystal, Detector, Simulator, make_plan, simulate

CRYSTAL = CrystalConfig(cell_a=100.0, N_cells=(5, 5, 5), default_F=100.0)


def test_a_crystal_has_its_vectors():
    crystal = Crystal(CrystalConfig(cell_a=20.0, cell_b=30.0, cell_c=40.0), dtype=torch.float32)
    assert crystal.real_vectors.dtype is torch.float32
    torch.testing.assert_close(crystal.real_vectors, torch.diag(torch.tensor([20.0, 30.0, 40.0])))
    product = crystal.real_vectors @ crystal.reciprocal_vectors.T
    torch.testing.assert_close(product, torch.eye(3))
    assert crystal.unit_cell().volume.item() == pytest.approx(24000.0)


def test_a_detector_has_its_place():
    detector = Detector(DetectorConfig(fpixels=4, spixels=4, pixel_size_mm=1.0, distance_mm=50.0))
    assert detector.pix0_vector.tolist() == pytest.approx([0.05, 0.003, -0.003])
    assert detector.frame().close_distance.item() == pytest.approx(0.05)


def test_a_beam_of_its_own_direction_places_the_detector():
    detector = Detector(DetectorConfig(detector_convention=DetectorConvention.CUSTOM))
    frame = detector.frame(BeamConfig(beam_vector=(3.0, 4.0, 0.0)))
    assert frame.beam.tolist() == pytest.approx([0.6, 0.8, 0.0])


@pytest.mark.parametrize("model", [Crystal, Detector])
def test_models_refuse_other_devices_and_precisions(model):
    config = CRYSTAL if model is Crystal else DetectorConfig()
    with pytest.raises(InputError, match="dtype"):
        model(config, dtype=torch.int32)
    with pytest.raises(InputError, match="device"):
        model(config, device="nonsense")


@pytest.mark.parametrize("profile", Profile)
def test_a_simulator_gives_the_pixel_that_nanobragg_stores(profile):
    """Unrounded; as float32 it is what the C program writes, 0.229943260550 in decimals."""
    simulator = Simulator(
        Crystal(CRYSTAL),
        Detector(DetectorConfig(fpixels=4096, spixels=4096, pixel_size_mm=0.05, distance_mm=500.0)),
        beam_config=BeamConfig(wavelength_A=0.5),
        roi=Roi(2048, 2048, 1792, 1792),
        profile=profile,
    )
    image = simulator.run()
    assert image.dtype is torch.float64
    value = image[1792, 2048].item()
    assert value == pytest.approx(0.2299432643879784, rel=1e-14)
    assert float(np.float32(value)) == 0.22994326055049896


def small_simulator(crystal=CRYSTAL, **more):
    detector = DetectorConfig(fpixels=5, spixels=4, distance_mm=100.0)
    return Simulator(
        Crystal(crystal), Detector(detector), sampling=SamplingConfig(oversample=2), **more
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("profile", Profile)
def test_run_is_simulate_to_the_last_bit(dtype, profile):
    simulator = small_simulator(dtype=dtype, profile=profile)
    expected = simulate(simulator.experiment, dtype=dtype)
    image = simulator.run()
    assert image.dtype is dtype
    assert torch.equal(image, expected)
    if dtype is torch.float64:
        assert not torch.equal(image, image.float().double())


def test_a_gradient_does_not_change_what_run_gives():
    """And it is the difference of two images, which rounded ones would hide: here 1e-6 A apart."""

    def total(edge):
        return small_simulator(CrystalConfig(cell_a=edge, default_F=100.0)).run()

    edge = torch.tensor(100.0, dtype=torch.float64, requires_grad=True)
    image = total(edge)
    assert torch.equal(image.detach(), total(100.0))
    image.sum().backward()
    difference = (total(100.0 + 1e-6) - total(100.0 - 1e-6)).sum().item() / 2e-6
    assert edge.grad.item() == pytest.approx(difference, rel=1e-5)


def test_objects_have_the_corrected_profile_unless_told_otherwise():
    assert small_simulator().experiment.profile is Profile.CORRECTED
    triclinic = CrystalConfig(cell_a=70.0, cell_alpha=75.0, cell_beta=85.0, cell_gamma=95.0)
    vectors = Crystal(triclinic).real_vectors
    cosine = vectors[1] @ vectors[2] / (vectors[1].norm() * vectors[2].norm())
    assert math.degrees(math.acos(cosine)) == pytest.approx(75.0, abs=1e-9)
    origin = (0.1, 0.2, 0.3)
    placed = DetectorConfig(detector_convention=DetectorConvention.CUSTOM, pix0_vector_m=origin)
    assert Detector(placed).pix0_vector.tolist() == list(origin)


def test_a_crystal_config_of_its_own_wins():
    other = CrystalConfig(cell_a=90.0, default_F=50.0)
    assert small_simulator(crystal_config=other).experiment.crystal is other
    assert small_simulator().experiment.crystal is CRYSTAL


def test_progress_and_recorder_are_passed_on():
    calls = []
    small_simulator().run(progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (20, 20)


def test_a_wrong_field_is_refused_with_the_one_that_was_meant():
    with pytest.raises(
        InputError, match=r"profle: .*did you mean profile.*Simulator takes: sampling"
    ):
        small_simulator(profle=Profile.REFERENCE)


def test_models_say_in_a_line_what_they_are():
    assert repr(Crystal(CRYSTAL)).startswith("Crystal(CrystalConfig(cell_a=100")
    assert repr(Detector(DetectorConfig())).endswith("dtype=torch.float64, device=cpu)")
    text = repr(make_plan(small_simulator().experiment))
    assert text == (
        "Plan(corrected profile: 4 x 5 pixels (slow, fast) of 2 x 2 sub-pixels, 1 layers, "
        "1 sources, 1 phi steps, 1 domains)"
    )
