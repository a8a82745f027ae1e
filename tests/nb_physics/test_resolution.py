"""Resolution in the middle of pixels, against Bragg's law by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_experiments import small_experiment

from nb_core import CrystalConfig, Detector, Experiment, InputError, Panel, Profile
from nb_physics import as_panels, make_plan, pixel_resolution, resolution_at, simulate

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
SLOW, FAST = torch.tensor([0, 1, 4]), torch.tensor([5, 0, 2])


class Spacings:
    """Keeps the sin(theta) / lambda that an image is made of."""

    def __init__(self):
        self.found = {}

    def wants(self, quantity):
        return quantity == "stol"

    def record(self, quantity, value, site):
        self.found = dict(zip(site.pixels.tolist(), (0.5 / value[:, 0]).tolist(), strict=True))


@settings(max_examples=50)
@given(st.floats(1e-3, 3.1), st.floats(0.2, 5.0), st.floats(0.1, 1e4), st.floats(0.0, 6.0))
def test_braggs_law(two_theta, wavelength, distance, around):
    across = distance * math.sin(two_theta)
    place = (across * math.cos(around), across * math.sin(around), distance * math.cos(two_theta))
    position = torch.tensor([place], dtype=torch.float64).T
    beam = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    found = resolution_at(position, beam, torch.tensor(wavelength, dtype=torch.float64))
    assert found.item() == pytest.approx(wavelength / (2 * math.sin(two_theta / 2)), rel=1e-9)


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize(
    "more", [{}, {"curved_detector": True}, {"detector_twotheta_deg": 30.0}], ids=repr
)
def test_it_is_that_of_the_images_own_rays(profile, more):
    experiment = small_experiment(profile=profile, oversample=1, **more)
    plan, seen = make_plan(experiment), Spacings()
    simulate(plan, recorder=seen)
    pixels = SLOW * experiment.plane.fpixels + FAST
    expected = [seen.found[pixel] for pixel in pixels.tolist()]
    assert pixel_resolution(plan, SLOW, FAST).tolist() == pytest.approx(expected, rel=1e-12)


def test_a_panel_that_was_cut_out_keeps_its_place():
    experiment = as_panels(small_experiment(profile=Profile.CORRECTED))
    whole = make_plan(experiment)
    slow, fast = whole.panels[0].shape
    cut = make_plan(
        Experiment(experiment.crystal, experiment.detector.cut(slow, fast), experiment.beam)
    )
    number = 2 * fast + 3
    here = pixel_resolution(cut, torch.tensor([0]), torch.tensor([0]), number)
    assert torch.equal(here, pixel_resolution(whole, torch.tensor([2]), torch.tensor([3])))


def test_in_the_direct_beam_it_is_infinite():
    panel = Panel(origin_mm=(0.0, 0.0, 100.0), shape=(4, 4))
    plan = make_plan(Experiment(CrystalConfig(cell_a=70.0, default_F=1.0), Detector((panel,))))
    corner = torch.tensor([-0.5], dtype=torch.float64)
    assert pixel_resolution(plan, corner, corner).item() == math.inf


@pytest.mark.parametrize("number", [-1, 1, True])
def test_a_panel_that_there_is_not(number):
    with pytest.raises(InputError, match="panel"):
        pixel_resolution(make_plan(small_experiment()), SLOW, FAST, number)
