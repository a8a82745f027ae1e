"""What is recorded of the sums: weights, the sum as it grows, and the factors of the photons."""

import dataclasses
import itertools

import pytest
import torch
from oracle import oracle_image
from small_experiments import PROFILES, RICH, Collector, offered, rich_experiment, small_experiment

from nb_core import Profile, Roi
from nb_physics import make_plan, simulate, tiles
from nb_physics.scale import ELECTRON_RADIUS_SQUARED_M2

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
REFERENCE, CORRECTED = Profile.REFERENCE, Profile.CORRECTED
LATE = ("capture_used", "polarization_used", "omega_used")
PER_TERM = [
    dict(zip(("oversample_thick", "oversample_polar", "oversample_omega"), chosen, strict=True))
    for chosen in itertools.product([False, True], repeat=3)
]


def recorded(experiment):
    collector = Collector()
    image = simulate(experiment, recorder=collector)
    return image.flatten(), collector


@pytest.mark.parametrize("evaluations", [4, 12, 1 << 16])
@pytest.mark.parametrize("fields", RICH.values(), ids=RICH)
def test_the_running_sum_ends_at_the_intensity(monkeypatch, fields, evaluations):
    """One value a sub-pixel and block of steps; the last of each tile is the pixels' sum."""
    monkeypatch.setattr(tiles, "TILE_EVALUATIONS", evaluations)
    plan = make_plan(rich_experiment(roi=Roi(1, 3, 2, 3), **fields))
    _, collector = recorded(plan)
    tile_sums: dict[int, list[torch.Tensor]] = {}
    for site, value in collector.values["running_sum"]:
        tile_sums.setdefault(int(site.pixels[0]), []).append(value)
    blocks, subpixels = len(tiles.step_blocks(plan)), plan.layers.count * plan.oversample**2
    assert all(len(sums) == blocks * subpixels for sums in tile_sums.values())
    last = torch.cat([sums[-1] for sums in tile_sums.values()])
    assert torch.equal(last, torch.cat(collector.all("intensity")))


@pytest.mark.parametrize("fields", [{}, {"dmin_A": 6.0}, {"water_size_um": 0.01}])
def test_the_reference_adds_its_terms_one_after_another(fields):
    """From the water on, without those beyond dmin."""
    plan = make_plan(rich_experiment(**fields))
    _, collector = recorded(plan)
    total = plan.background.expand(30)
    for number, terms in enumerate(collector.all("term")):
        if fields.get("dmin_A"):
            kept = collector.all("within_dmin")[number]
            assert 0 < kept.sum() < kept.numel()
            terms = terms * kept[:, :, None]
        total = total + terms.sum(dim=(1, 2))
        found = collector.all("running_sum")[number]
        torch.testing.assert_close(found, total, rtol=1e-14, atol=0)
    assert total.count_nonzero() > 20


@pytest.mark.parametrize("chosen", PER_TERM[1:], ids=str)
def test_the_weight_of_the_reference_is_what_multiplies_the_sum_after_each_term(chosen):
    _, collector = recorded(small_experiment(oversample=2, phi_steps=2, **chosen))
    total = torch.zeros(30, dtype=torch.float64)
    names = ("term", "weight", "capture", "omega", "running_sum")
    parts = zip(*(collector.all(name) for name in names), strict=True)
    for number, (terms, weight, capture, omega, so_far) in enumerate(parts):
        expected = torch.ones(30, 1, dtype=torch.float64)
        if chosen["oversample_thick"]:
            expected = expected * capture[:, None]
        if chosen["oversample_polar"]:
            expected = expected * collector.all("polarization")[number]
        if chosen["oversample_omega"]:
            expected = expected * omega[:, None]
        torch.testing.assert_close(weight, expected, rtol=1e-15, atol=0)
        for step in range(2):
            total = (total + terms[:, 0, step]) * weight[:, 0]
        torch.testing.assert_close(so_far, total, rtol=1e-13, atol=0)


@pytest.mark.parametrize("nopolar", [False, True])
@pytest.mark.parametrize("dmin_A", [0.0, 6.0])
def test_the_weight_of_the_corrected_profile_multiplies_each_term(nopolar, dmin_A):
    """Solid angle x capture x polarization x the source's weight, 0 beyond dmin."""
    plan = make_plan(rich_experiment(profile=CORRECTED, nopolar=nopolar, dmin_A=dmin_A))
    _, collector = recorded(plan)
    total = torch.zeros(30, dtype=torch.float64)
    for number, weight in enumerate(collector.all("weight")):
        parts = {name: collector.all(name)[number] for name in ("omega", "capture", "polarization")}
        expected = parts["omega"][:, None] * parts["capture"][:, None] * plan.sources.weight
        if not nopolar:
            expected = expected * parts["polarization"]
        if dmin_A:
            kept = collector.all("within_dmin")[number]
            assert 0 < kept.sum() < kept.numel()
            expected = expected * kept
        torch.testing.assert_close(weight, expected, rtol=1e-14, atol=0)
        total = total + (collector.all("term")[number] * weight[:, :, None]).sum(dim=(1, 2))
        found = collector.all("running_sum")[number]
        torch.testing.assert_close(found, total, rtol=1e-13, atol=0)


@pytest.mark.parametrize("chosen", PER_TERM, ids=str)
@pytest.mark.parametrize("more", [{}, {"nopolar": True}, {"dmin_A": 6.0}])
def test_the_factors_used_are_those_of_the_photons(chosen, more):
    plan = make_plan(rich_experiment(detector_thicksteps=2, **chosen, **more))
    image, collector = recorded(plan)
    expected = ELECTRON_RADIUS_SQUARED_M2 * plan.fluence * collector.all("intensity")[0]
    expected = expected / plan.divisor
    for name in LATE:
        if name in offered(plan.experiment):
            expected = expected * collector.all(name)[0]
    torch.testing.assert_close(image, expected, rtol=1e-14, atol=0)


def test_the_reference_uses_the_first_solid_angle_and_polarization_and_the_last_layers_capture():
    """Behaviours 31 and 33; four sub-pixels in each of two layers."""
    _, collector = recorded(rich_experiment(detector_thicksteps=2))
    assert torch.equal(collector.all("omega_used")[0], collector.all("omega")[0])
    first = collector.all("polarization")[0][:, 0]
    assert torch.equal(collector.all("polarization_used")[0], first)
    assert len(collector.all("capture")) == 8
    assert torch.equal(collector.all("capture_used")[0], collector.all("capture")[4])


def test_without_polarization_the_factor_used_is_one():
    _, collector = recorded(rich_experiment(nopolar=True))
    assert collector.all("polarization_used")[0].tolist() == [1.0] * 30


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("fields", [{}, {"nopolar": True}, {"detector_thicksteps": 3}])
def test_the_photons_of_the_water_are_those_without_a_crystal(profile, fields):
    """An experiment with default_F = 0 and no list has the water only."""
    fields = {"profile": profile, "water_size_um": 0.01, **fields}
    image, collector = recorded(rich_experiment(**fields))
    (share,) = collector.all("water_photons")
    empty = rich_experiment(**fields, default_F=0.0, structure_factors=None)
    assert share.min() > 0
    torch.testing.assert_close(share, simulate(empty).flatten(), rtol=1e-14, atol=0)
    dry = dataclasses.replace(
        rich_experiment(**fields), background=rich_experiment(profile=profile).background
    )
    torch.testing.assert_close(image - share, simulate(dry).flatten(), rtol=1e-9, atol=0)


@pytest.mark.parametrize("profile", PROFILES)
def test_without_water_it_has_no_photons(profile):
    _, collector = recorded(rich_experiment(profile=profile))
    assert not collector.all("water_photons")[0].any()


def test_the_divisor_counts_terms_and_sources_only_where_they_have_no_weight():
    """2 sources, 2 phi steps, 3 domains, 2 x 2 sub-pixels; layers are summed."""
    fields = {"detector_thicksteps": 3}
    reference = make_plan(rich_experiment(**fields))
    corrected = make_plan(rich_experiment(profile=CORRECTED, **fields))
    assert (reference.steps, reference.divisor) == (48.0, 48.0)
    assert (corrected.steps, corrected.divisor) == (48.0, 24.0)
    assert reference.terms_of_source == 24.0
    assert corrected.sources.weight.sum().item() == pytest.approx(1.0)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_divisor_is_that_of_the_slow_twin(profile):
    """A sensor of two layers, water and two sources, one number at a time."""
    experiment = rich_experiment(profile=profile, detector_thicksteps=2, water_size_um=0.01)
    torch.testing.assert_close(simulate(experiment), oracle_image(experiment), rtol=1e-9, atol=0)
