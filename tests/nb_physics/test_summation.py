"""The sum of each profile, as whatever computes a tile drives it."""

import pytest
import torch
from small_experiments import PROFILES, Slope, rich_experiment, small_experiment

from nb_core import Profile
from nb_core.recorder import Site
from nb_physics import make_plan, simulate
from nb_physics.rays import Offers, sub_pixel
from nb_physics.scene import make_scene
from nb_physics.summation import summation_of
from nb_physics.tile import turns
from nb_physics.tiles import StepBlock, step_blocks

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
F64 = torch.float64


def test_turns_go_by_layer_sub_pixel_and_block():
    scene = make_scene(make_plan(rich_experiment(detector_thicksteps=2)))
    blocks = [StepBlock(slice(0, 2), slice(0, 4)), StepBlock(slice(0, 2), slice(4, 6))]
    found = list(turns(scene, blocks))
    assert [turn.place for turn in found[::2]] == [
        (layer, slow, fast) for layer in (0, 1) for slow in (0, 1) for fast in (0, 1)
    ]
    assert {(turn.block, turn.share) for turn in found[::2]} == {(0, 1)}
    assert {(turn.block, turn.share) for turn in found[1::2]} == {(1, 0)}


def by_hand(scene, blocks):
    """As kernels do it: sums handed from call to call, factors from the first sub-pixels anew."""
    summation, pixels = summation_of(scene.kind), torch.arange(30)
    silent = Offers(None, Site(pixels))
    sums = summation.open(scene, pixels)
    for turn in turns(scene, blocks):
        sub = sub_pixel(scene, pixels, turn.place, silent)
        part = scene.part(blocks[turn.block])
        sums = summation.add(part, sub, sums, turn.share, F64, silent)
        assert len(sums) == summation.count(scene.kind)
    first, last = (sub_pixel(scene, pixels, (n, 0, 0), silent) for n in (0, scene.layers - 1))
    return summation.finish(scene, sums, (first, last), silent)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("fields", [{}, {"dmin_A": 6.0}, {"nopolar": True}, {"water_size_um": 0.1}])
def test_the_sum_of_a_tile_is_that_of_its_parts(profile, fields):
    plan = make_plan(rich_experiment(profile=profile, detector_thicksteps=3, **fields))
    found = by_hand(make_scene(plan), step_blocks(plan))
    assert torch.equal(found, simulate(plan, engine="eager").flatten())


def test_a_background_may_follow_the_angle():
    """It is averaged over sub-pixels, summed over layers and sources, and apart from the terms."""
    fields = {"profile": Profile.CORRECTED, "oversample": 2}
    without = simulate(small_experiment(**fields), engine="eager").flatten()
    plan = make_plan(small_experiment(**fields, terms=(Slope(),)))
    found = simulate(plan, engine="eager").flatten() - without
    scene, pixels = make_scene(plan), torch.arange(30)
    expected = torch.zeros(30, dtype=F64)
    for place in scene.places():
        sub = sub_pixel(scene, pixels, place, Offers(None, Site(pixels)))
        q = torch.linalg.vector_norm(sub.diffracted - scene.incident, dim=0) / scene.wavelength
        cosine = scene.incident[:, 0] @ sub.diffracted
        # K = 0: half of 1 + cos^2, whatever the direction across the beam
        expected += 1e9 * q / 2 * sub.omega * (1 + cosine.square()) / 2 / 4
    assert float(scene.polarization) == 0
    # of the difference of two images, one part in 1e12 of the photons is lost
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=0)
