"""Several crystals in one shot: their photons are the sum of those of each alone."""

import dataclasses
import math

import pytest
import torch
from small_experiments import small_experiment, small_list

from nb_core import (
    BackgroundConfig,
    CrystalConfig,
    CrystalShape,
    Detector,
    DetectorConvention,
    Experiment,
    InputError,
    NbWarning,
    Panel,
    Profile,
    Roi,
    SamplingConfig,
)
from nb_physics import (
    choose_engine,
    crystal_experiment,
    kernels_of,
    long_work,
    make_plan,
    photons_and_jacobian,
    photons_at,
    plan_of_crystal,
    simulate,
    simulate_batch,
    simulate_pixels,
    structure_factor_jacobian,
)

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")

SECOND = CrystalConfig(
    cell_a=27.0,
    cell_b=23.0,
    cell_c=20.0,
    misset_deg=(40.0, -5.0, 12.0),
    N_cells=(4, 3, 6),
    default_F=12.0,
    shape=CrystalShape.GAUSS,
    mosaic_spread_deg=1.0,
    mosaic_domains=3,
    fraction=0.25,
)
THIRD = CrystalConfig(
    cell_a=18.0, N_cells=(3, 3, 3), default_F=10.0, phi_start_deg=30.0, fraction=2.0
)
CORRECTED = {"profile": Profile.CORRECTED}
WET = {"water_size_um": 0.02}


def three(**fields):
    """Three crystals before a plane, in water; the first with a fraction of 0.5."""
    given = {**CORRECTED, **WET, "fraction": 0.5, "fpixels": 12, "spixels": 10}
    return small_experiment(**given | {"more_crystals": (SECOND, THIRD)} | fields)


def on_panels(**fields):
    panels = [
        Panel(shape=(4, 8), pixel_size_mm=2.0, origin_mm=(-16.0 + 9.0 * n, -7.0, 30.0 + 4.0 * n))
        for n in range(3)
    ]
    return dataclasses.replace(three(), detector=Detector(tuple(panels)), **fields)


def alone(experiment, number):
    """A crystal with a fraction of 1, by hand: dry, but for the first."""
    crystal = dataclasses.replace(experiment.crystals[number], fraction=1.0)
    background = BackgroundConfig() if number else experiment.background
    return dataclasses.replace(experiment, crystal=crystal, more_crystals=(), background=background)


def dry(experiment):
    return dataclasses.replace(experiment, background=BackgroundConfig())


EXPERIMENTS = {
    "plane": three,
    "panels": on_panels,
    "list": lambda: three(structure_factors=small_list()),
    "sub-pixels": lambda: three(oversample=2, detector_thick_um=300.0, detector_abs_um=400.0),
}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_photons_are_the_sum_over_crystals_of_their_fractions(name):
    experiment = EXPERIMENTS[name]()
    image = simulate(experiment)
    water = simulate(alone(experiment, 0)) - simulate(alone(dry(experiment), 0))
    expected = water
    for number, crystal in enumerate(experiment.crystals):
        expected = expected + crystal.fraction * simulate(alone(dry(experiment), number))
    # Rounding: water is taken from a sum of three to four digits more than it has.
    torch.testing.assert_close(image, expected, rtol=1e-11, atol=1e-11 * image.max().item())
    assert water.min() > 0
    for number in range(3):
        assert (image - simulate(crystal_experiment(experiment, number))).abs().max() > 1.0


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_sum_is_that_of_each_alone_bit_for_bit_in_order(name):
    experiment = EXPERIMENTS[name]()
    first, second, third = (simulate(crystal_experiment(experiment, n)) for n in range(3))
    image = simulate(experiment)
    assert torch.equal(image, first + second + third)
    assert torch.equal(image, sum(simulate(plan_of_crystal(experiment, n)) for n in range(3)))


def test_a_fraction_multiplies_the_crystal_and_no_background():
    """Of one crystal, too; 1 changes no bit."""
    whole, half = (small_experiment(**CORRECTED, **WET, fraction=part) for part in (1.0, 0.5))
    plain = small_experiment(**CORRECTED, **WET)
    assert torch.equal(simulate(whole), simulate(plain))
    crystal = simulate(dry(plain))
    assert torch.equal(simulate(dry(half)), 0.5 * crystal)
    water = simulate(plain) - crystal
    # Rounding of the difference, 1e-16 of the brightest pixel.
    scale = 1e-14 * crystal.max().item()
    torch.testing.assert_close(simulate(half), 0.5 * crystal + water, rtol=1e-12, atol=scale)


@pytest.mark.parametrize("name", ["plane", "panels"])
def test_all_ways_to_pixels_agree(name):
    experiment = EXPERIMENTS[name]()
    image = simulate(experiment)
    flat = image.flatten()
    chosen = torch.tensor([flat.numel() - 1, 0, 7, 40, 7])
    assert torch.equal(photons_at(experiment, chosen), flat[chosen])
    assert photons_at(experiment, chosen[:0]).shape == (0,)
    places = [tuple(int(at) for at in torch.unravel_index(n, image.shape)) for n in chosen[:3]]
    assert torch.equal(simulate_pixels(experiment, places), flat[chosen[:3]])
    other = dataclasses.replace(experiment, more_crystals=(THIRD, SECOND))
    with pytest.raises(InputError, match="simulate it apart"):
        simulate_batch([experiment, other])
    turned = dataclasses.replace(SECOND, misset_deg=(1.0, 2.0, 3.0))
    moved = dataclasses.replace(experiment, more_crystals=(turned, THIRD))
    both = simulate_batch([experiment, moved])
    assert torch.equal(both[0], image)
    assert torch.equal(both[1], simulate(moved))
    with pytest.raises(InputError, match="as many crystals"):
        simulate_batch([experiment, dataclasses.replace(experiment, more_crystals=(SECOND,))])


@pytest.mark.parametrize("threads", [1, 3])
def test_no_bit_depends_on_threads_or_tiles(threads):
    experiment = three(structure_factors=small_list(), roi=Roi(2, 9, 1, 8))
    usual = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        image = simulate(experiment)
        small = simulate(experiment, max_memory=1 << 20)
    finally:
        torch.set_num_threads(usual)
    assert torch.equal(image, simulate(experiment))
    assert torch.equal(image, small)
    assert image[0].abs().max() == 0
    assert image[4, 5] > 0


def test_an_image_of_float32_is_rounded_when_all_crystals_are_added():
    experiment = three()
    single = simulate(experiment, image_dtype=torch.float32)
    assert torch.equal(single, simulate(experiment).float())


def test_progress_counts_the_pixels_of_each_crystal():
    told = []

    def tell(done, total):
        told.append((done, total))

    every, both = torch.arange(120), [three(), three()]
    for call, of, last in (
        (simulate, (three(),), 360),
        (photons_at, (three(), every), 360),
        (simulate_pixels, (three(), [(0, 1)]), 3),
        (simulate_batch, (both,), 360),
        (photons_and_jacobian, (three(), torch.ones(1, dtype=torch.float64), every), 360),
    ):
        told.clear()
        call(*of, progress=tell)
        assert told[-1] == (last, last)
        assert told == sorted(told)


def test_gradients_of_all_crystals_come_from_tiles():
    """The sum of the gradients of each alone, with a list that all share."""
    factors = small_list()
    F = factors.F.clone().requires_grad_()
    edge = torch.tensor(27.0, dtype=torch.float64, requires_grad=True)
    second = dataclasses.replace(SECOND, cell_a=edge)
    listed = dataclasses.replace(factors, F=F)
    experiment = dataclasses.replace(three(structure_factors=listed), more_crystals=(second, THIRD))
    image = simulate(experiment)
    assert torch.equal(image.detach(), simulate(three(structure_factors=factors)))
    weight = torch.linspace(1.0, 2.0, image.numel(), dtype=torch.float64).reshape(image.shape)
    by_F, by_edge = torch.autograd.grad((image * weight).sum(), (F, edge))
    parts = [simulate(crystal_experiment(experiment, n)) for n in range(3)]
    sums = [(part * weight).sum() for part in parts]
    expected = sum(torch.autograd.grad(one, F, retain_graph=True)[0] for one in sums)
    torch.testing.assert_close(by_F, expected, rtol=1e-12, atol=1e-12 * expected.abs().max().item())
    assert torch.equal(by_edge, torch.autograd.grad(sums[1], edge, retain_graph=True)[0])
    assert not parts[0].isnan().any()
    pixels = torch.arange(image.numel())
    rows = structure_factor_jacobian(experiment, pixels)
    dense = (rows.to_dense() * weight.reshape(-1, 1)).sum(0).reshape(F.shape)
    # Sums of some hundred terms, in another order.
    torch.testing.assert_close(dense, by_F, rtol=1e-10, atol=1e-10 * by_F.abs().max().item())


def test_photons_and_jacobian_add_those_of_each_crystal():
    values = torch.tensor([0.5, 27.0, 21.0], dtype=torch.float64, requires_grad=True)
    second = dataclasses.replace(SECOND, cell_a=values[1], fraction=values[0])
    base = three(cell_a=values[2])
    experiment = dataclasses.replace(base, more_crystals=(second, THIRD))
    pixels = torch.tensor([3, 50, 77])
    chosen = []
    photons, jacobian = photons_and_jacobian(experiment, values, pixels, chosen=chosen.append)
    assert len(chosen) == 1
    image = simulate(experiment).flatten()[pixels]
    torch.testing.assert_close(photons, image.detach(), rtol=1e-13, atol=0.0)  # sums of three
    for row, pixel in zip(jacobian, image, strict=True):
        (exact,) = torch.autograd.grad(pixel, values, retain_graph=True)
        torch.testing.assert_close(row, exact, rtol=1e-9, atol=1e-9 * exact.abs().max().item())


def test_kernels_compute_all_crystals(cache):
    """One kernel serves crystals of one kind."""
    plane, panels = three(), on_panels()
    assert len(kernels_of(plane)) == 2
    for experiment in (plane, panels):
        eager = simulate(experiment, engine="eager")
        # The rounding of phases, as of one crystal.
        near = {"rtol": 1e-9, "atol": 1e-12 * eager.max().item()}
        torch.testing.assert_close(simulate(experiment, engine="compiled"), eager, **near)
    chosen = choose_engine(plane, engine="compiled")
    assert not chosen.missing


def test_compiled_gradients_by_fractions(cache):
    """Backwards from the image, and of each pixel."""
    values = torch.tensor([0.5, 2.0], dtype=torch.float64, requires_grad=True)
    second = dataclasses.replace(THIRD, fraction=values[1])
    experiment = dataclasses.replace(three(fraction=values[0]), more_crystals=(second,))
    assert len(kernels_of(experiment)) == 1
    assert len(kernels_of(experiment, gradient=True)) == 2
    pixels = torch.tensor([3, 50, 77])
    found = photons_at(experiment, pixels, engine="compiled")
    (slopes,) = torch.autograd.grad(found.sum(), values)
    one, two = (photons_at(crystal_experiment(dry(experiment), n), pixels) for n in range(2))
    exact = torch.stack([one / values[0], two / values[1]], dim=1).detach()
    torch.testing.assert_close(slopes, exact.sum(0), rtol=1e-9, atol=0.0)  # rounding of phases
    photons, jacobian = photons_and_jacobian(experiment, values, pixels, engine="compiled")
    torch.testing.assert_close(jacobian, exact, rtol=1e-9, atol=0.0)
    torch.testing.assert_close(photons, found.detach(), rtol=1e-9, atol=0.0)


def test_each_crystal_is_resolved_as_if_it_were_alone():
    """Sub-pixels and interpolation, too; the list is kept once where default_F is the same."""
    thin = dataclasses.replace(SECOND, N_cells=(2, 30, 2), default_F=10.0)
    experiment = dataclasses.replace(
        three(structure_factors=small_list(), oversample=None), more_crystals=(SECOND, thin)
    )
    plan = make_plan(experiment)
    own = [make_plan(alone(experiment, n)) for n in range(3)]
    assert [c.oversample for c in plan.crystals] == [one.oversample for one in own]
    assert [c.interpolate for c in plan.crystals] == [False, False, True]
    assert [float(c.fraction) for c in plan.crystals] == [0.5, 0.25, 0.25]
    assert plan.crystals[2].structure is plan.crystals[0].structure
    assert plan.crystals[1].structure is not plan.crystals[0].structure
    assert plan.evaluations == sum(one.evaluations for one in own)
    noted = [note for note in plan.notes if note.startswith("crystal 2: ")]
    assert len(noted) == 2
    assert "of the first of 3 crystals" in repr(plan)
    assert float(plan.crystal_fluence) == 0.5 * float(plan.fluence)


def test_what_is_odd_about_a_crystal_names_it():
    second = dataclasses.replace(SECOND, mosaic_spread_deg=-1.0, cell_a=6000.0)
    experiment = dataclasses.replace(three(), more_crystals=(second,))
    with pytest.warns(NbWarning) as told:
        make_plan(experiment)
    messages = [str(one.message) for one in told]
    assert "crystal 1: mosaic_spread_deg -1 is negative: it counts as not given" in messages
    assert any(text.startswith("crystal 1: cell edge a of 6000 A") for text in messages)
    many = dataclasses.replace(SECOND, phi_steps=100_000, mosaic_domains=100_000)
    with pytest.raises(InputError, match=r"^crystal 1: .*phi_steps"):
        make_plan(dataclasses.replace(three(), more_crystals=(many,)))
    wide = dataclasses.replace(SECOND, N_cells=(9000, 9000, 9000))
    large = dataclasses.replace(three(oversample=None), more_crystals=(wide,))
    assert "9000 x 9000 x 9000 cells" in long_work(make_plan(large))


def test_an_experiment_prints_its_crystals():
    text = str(three())
    assert "  crystals " in text
    assert "  crystal 2 " in text
    many = dataclasses.replace(SECOND, phi_steps=100_000, mosaic_domains=100_000)
    text = str(dataclasses.replace(three(), more_crystals=(many,)))
    assert "  more_crystals " in text
    assert "  no image       crystal 1: phi_steps" in text


def test_all_crystals_turn_about_one_spindle():
    custom = {
        "detector_convention": DetectorConvention.CUSTOM,
        "spindle_axis": (0.0, 0.6, 0.8),
        "phi_start_deg": 30.0,
    }
    turned = dataclasses.replace(SECOND, phi_start_deg=30.0)
    experiment = dataclasses.replace(three(**custom), more_crystals=(turned,))
    second = dataclasses.replace(turned, spindle_axis=(0.0, 0.6, 0.8), fraction=1.0)
    by_hand = dataclasses.replace(dry(experiment), crystal=second, more_crystals=())
    found = simulate(experiment) - simulate(crystal_experiment(experiment, 0))
    # Rounding of the difference.
    limit = 1e-13 * float(simulate(experiment).max())
    torch.testing.assert_close(found, 0.25 * simulate(by_hand), rtol=1e-9, atol=limit)


class Recorder:
    def wants(self, quantity):
        return True

    def record(self, quantity, value, site):
        pass


def test_what_cannot_be_done_is_refused():
    experiment = three()
    for number in (3, -1):
        with pytest.raises(InputError, match=r"^crystal: .*numbered 0 to 2"):
            plan_of_crystal(experiment, number)
    with pytest.raises(InputError, match="there is one crystal, 0"):
        crystal_experiment(crystal_experiment(experiment, 1), 1)
    with pytest.raises(InputError, match=r"^recorder: 3 crystals: .*plan_of_crystal"):
        simulate(experiment, recorder=Recorder())
    with pytest.raises(InputError, match=r"^recorder: 3 crystals"):
        simulate_pixels(experiment, [(0, 0)], recorder=Recorder())
    simulate(plan_of_crystal(experiment, 1), recorder=Recorder())


def test_many_crystals():
    """As many as a serial shot has, each in an orientation of its own."""
    many = tuple(
        dataclasses.replace(THIRD, misset_deg=(float(n), 2.0 * n, 0.0), fraction=1.0 / 12)
        for n in range(12)
    )
    experiment = Experiment(
        THIRD, three().detector, sampling=SamplingConfig(oversample=1), more_crystals=many
    )
    image = simulate(experiment)
    total = sum(simulate(crystal_experiment(experiment, n)) for n in range(13))
    assert torch.equal(image, total)
    assert math.isfinite(float(image.sum()))
    assert str(choose_engine(experiment)).startswith("eager")
