"""Parameters: what each group moves, its bounds, and what it refuses; the Jacobian."""

import dataclasses

import pytest
import torch

from nb_core import DetectorConvention, InputError, OrientationMatrix, Profile
from nb_physics import as_panels, make_plan, photons_at, simulate
from nb_refine import GROUP_NAMES, Lattice
from nb_refine.images import photons_and_jacobian
from nb_refine.lattice import TERMS, TIES, free_terms
from nb_refine.parameters import make_model

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")


def changed(experiment, section, **fields):
    part = dataclasses.replace(getattr(experiment, section), **fields)
    return dataclasses.replace(experiment, **{section: part})


def model_of(experiment, *groups, **options):
    return make_model(experiment, make_plan(experiment), groups, **options)


@pytest.fixture
def mosaic(truth):
    return changed(truth, "crystal", mosaic_spread_deg=1.0, mosaic_domains=3)


CHOICES = [(group, profile) for group in GROUP_NAMES for profile in Profile]
CHOICES.remove(("detector", Profile.REFERENCE))  # panels take the corrected profile


def with_group(experiment, group, profile):
    """The experiment in a profile, on a panel where panels are to be moved."""
    chosen = dataclasses.replace(experiment, profile=profile)
    return as_panels(chosen) if group == "detector" else chosen


@pytest.mark.parametrize(("group", "profile"), CHOICES)
def test_at_the_start_nothing_changes(mosaic, profile, group):
    """To rounding: degrees become radians and back, and a cube root is cubed."""
    experiment = with_group(mosaic, group, profile)
    model = model_of(experiment, group)
    pixels = torch.arange(0, 160 * 160, 97)
    again = photons_at(model.experiment(model.start), pixels, engine="eager")
    before = photons_at(experiment, pixels, engine="eager")
    torch.testing.assert_close(again, before, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("group", "profile"), CHOICES)
def test_the_jacobian_agrees_with_differences(mosaic, profile, group):
    """Central differences with a millionth of the bounds' width: errors of 1e-7 of the largest,
    or of 1e-4 for the mosaic spread of the reference profile, whose angles are float32.
    """
    model = model_of(with_group(mosaic, group, profile), group)
    pixels = torch.arange(0, 160 * 160, 61)
    _, jacobian = photons_and_jacobian(model.experiment, model.start, pixels)
    lower, upper = model.bounds()
    single = group == "mosaic" and profile is Profile.REFERENCE
    step = 1e-3 if single else 1e-6
    for number in range(len(model.parameters)):
        move = torch.zeros_like(model.start)
        move[number] = step * (upper - lower)[number]
        above, below = (
            photons_at(model.experiment(model.start + sign * move), pixels, engine="eager")
            for sign in (1, -1)
        )
        expected = (above - below) / (2 * move[number])
        largest = float(expected.abs().max())
        assert largest > 0
        # steps of the spread of 0.01 degrees: the third derivative, too
        tolerance = (2e-2 if single else 1e-5) * largest
        torch.testing.assert_close(jacobian[:, number], expected, rtol=0.0, atol=tolerance)


@pytest.mark.parametrize("profile", Profile)
def test_background_is_that_of_the_water_whatever_the_scale(truth, profile):
    """In both profiles, though water grows with another power of the fluence in each."""
    dark = changed(truth, "crystal", default_F=0.0)
    dark = dataclasses.replace(dark, profile=profile)
    model = model_of(dark, "scale", "background")
    before = simulate(dark)
    after = simulate(model.experiment(torch.tensor([3.0, 1.5], dtype=torch.float64)))
    torch.testing.assert_close(after, 1.5 * before, rtol=1e-12, atol=0.0)  # rounding


def test_scale_changes_the_flux_where_that_sets_the_fluence(truth):
    bright = changed(truth, "beam", flux=1e20)
    model = model_of(bright, "scale")
    moved = model.experiment(torch.tensor([2.0], dtype=torch.float64))
    assert float(make_plan(moved).fluence) == 2 * float(make_plan(bright).fluence)


@pytest.mark.parametrize("convention", DetectorConvention)
def test_the_beam_centre_moves_in_every_convention(truth, convention):
    experiment = changed(truth, "detector", detector_convention=convention)
    model = model_of(experiment, "beam_centre")
    before = make_plan(experiment).frame.origin
    for number in range(2):
        values = model.start
        values[number] += 0.1
        after = make_plan(model.experiment(values)).frame.origin
        assert (after - before).abs().max() > 1e-5


def test_the_distance_along_the_normal_is_refined_where_given(truth):
    model = model_of(changed(truth, "detector", close_distance_mm=41.0), "distance")
    moved = model.experiment(torch.tensor([42.0], dtype=torch.float64))
    assert float(moved.detector.close_distance_mm) == 42.0


def refused(experiment, *groups, **options):
    with pytest.raises(InputError) as caught:
        model_of(experiment, *groups, **options)
    return str(caught.value)


def test_what_an_experiment_lacks_is_refused(truth):
    assert refused(truth, "mosaic").startswith("mosaic_spread_deg: 0.0: give a spread")
    dry = changed(truth, "background", water_size_um=0.0)
    assert refused(dry, "background").startswith("water_size_um: 0.0: a background to refine")
    dark = changed(truth, "beam", fluence=0.0)
    assert refused(dark, "scale").startswith("fluence: 0.0: must be greater")
    sized = changed(truth, "crystal", sample_size_mm=(1e-5, None, None))
    assert refused(sized, "N").startswith("sample_size_mm: (1e-05, None, None): the sample's size")
    matrix = OrientationMatrix(torch.eye(3, dtype=torch.float64) / 30.0)
    turned = changed(truth, "crystal", matrix=matrix)
    assert "an A matrix sets the cell's directions" in refused(turned, "cell")
    placed = changed(
        truth,
        "detector",
        detector_convention=DetectorConvention.CUSTOM,
        pix0_vector_m=(0.04, 0.03, -0.03),
    )
    placed = dataclasses.replace(placed, profile=Profile.CORRECTED)
    for group in ("distance", "beam_centre"):
        assert "places the detector" in refused(placed, group)


@pytest.mark.parametrize("lattice", Lattice)
def test_each_lattice_ties_its_terms(truth, lattice):
    numbers = {"a": 21.0, "b": 24.0, "c": 27.0, "alpha": 81.0, "beta": 95.0, "gamma": 102.0}
    ties = zip(TERMS, TIES[lattice], strict=True)
    cell = {f"cell_{term}": numbers.get(tie, tie) for term, tie in ties}
    model = model_of(changed(truth, "crystal", **cell), "cell", lattice=lattice)
    assert model.names == [f"cell_{term}" for term in free_terms(lattice)]
    moved = model.experiment(model.start * 1.001).crystal
    for term, tie in zip(TERMS, TIES[lattice], strict=True):
        value = float(getattr(moved, f"cell_{term}"))
        assert value == pytest.approx(1.001 * numbers[tie] if tie in numbers else tie, rel=1e-12)


@pytest.mark.parametrize("lattice", [each for each in Lattice if each is not Lattice.TRICLINIC])
def test_a_cell_of_another_lattice_is_refused(truth, lattice):
    message = refused(truth, "cell", lattice=lattice)
    assert f"a {lattice.value} cell has" in message
    assert message.startswith("cell_")


def test_one_crystal_is_refined(truth):
    corrected = dataclasses.replace(truth, profile=Profile.CORRECTED)
    several = dataclasses.replace(corrected, more_crystals=(truth.crystal,))
    with pytest.raises(InputError, match=r"^more_crystals: 2 crystals: one crystal is refined"):
        model_of(several, "orientation")
