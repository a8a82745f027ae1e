"""Running taps over pixels."""

import dataclasses

import pytest
import torch

from nb_core import InputError, Profile, Roi
from nb_core.quantities import QUANTITIES
from nb_physics import NoiseGenerator, make_plan, plan_of_crystal, simulate
from nb_physics.digital import digital_image
from nb_taps import (
    Field,
    NoiseChoice,
    Tap,
    TapEntry,
    choose_taps,
    collect_taps,
    make_manager,
    probe,
    trace_pixels,
)
from nb_taps.testing import PIXELS, rich_experiment

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
TAPS = collect_taps(make_manager(external=False))


class Spy(Tap):
    """Keeps the records that it is given."""

    name = "spy"
    summary = "keeps records"
    quantities = ("omega", "photons")
    fields = (Field("photons", "photons", (), "the pixel of the image"),)

    def __init__(self):
        self.records = []

    def read(self, record):
        self.records.append(record)
        return {"photons": record.number("photons")}


def entry_of(tap):
    return TapEntry(tap, "a-package", "1")


def test_every_tap_reads_every_pixel_in_order():
    entries = choose_taps(TAPS, ["f_cell", "omega", "intensity"])
    traced = trace_pixels(rich_experiment(), PIXELS, entries)
    assert [pixel.record.pixel for pixel in traced] == PIXELS
    for pixel in traced:
        assert [result.entry for result in pixel.results] == entries
        assert all(result.record is pixel.record for result in pixel.results)


@pytest.mark.parametrize("profile", list(Profile))
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_photons_are_those_of_the_image(profile, dtype):
    experiment = dataclasses.replace(rich_experiment(), profile=profile)
    image, spy = simulate(experiment, dtype=dtype), Spy()
    for pixel in trace_pixels(experiment, PIXELS, [entry_of(spy)], dtype=dtype):
        assert pixel.results[0].values["photons"] == image[pixel.record.pixel].item()


def test_every_quantity_is_recorded_unless_only_what_taps_ask_for():
    spy = Spy()
    trace_pixels(rich_experiment(), [(2, 3)], [entry_of(spy)])
    trace_pixels(rich_experiment(), [(2, 3)], [entry_of(spy)], every_quantity=False)
    every, asked = spy.records
    assert set(every.readings) == set(QUANTITIES) - {"within_dmin", "weight", "background_photons"}
    assert set(asked.readings) == {"omega", "photons"}


def test_the_quantities_of_all_taps_are_recorded_together():
    spy, entries = Spy(), choose_taps(TAPS, ["geometry"])
    trace_pixels(rich_experiment(), [(2, 3)], [*entries, entry_of(spy)], every_quantity=False)
    wanted = {"omega", "photons", "position", "diffracted", "airpath"}
    assert set(spy.records[0].readings) == wanted


def test_without_taps_pixels_are_recorded_and_nothing_is_read():
    (traced,) = trace_pixels(rich_experiment(), [(2, 3)], [])
    assert traced.results == []
    assert traced.record.number("photons") == simulate(rich_experiment())[2, 3].item()


def test_a_pixel_named_twice_is_traced_once():
    traced = trace_pixels(rich_experiment(), [(0, 0), (2, 3), (0, 0)], [])
    assert [pixel.record.pixel for pixel in traced] == [(0, 0), (2, 3)]


def test_a_plan_stands_in_for_its_experiment():
    plan = make_plan(rich_experiment())
    assert trace_pixels(plan, [(2, 3)], [])[0].record.plan is plan


def test_pixels_inside_and_outside_the_region():
    hidden = dataclasses.replace(rich_experiment(), roi=Roi(2, 4, 1, 3))
    traced = trace_pixels(hidden, PIXELS, choose_taps(TAPS, ["intensity"]))
    assert [pixel.record.pixel for pixel in traced] == PIXELS
    assert [pixel.results[0].to_json()["rendered"] for pixel in traced] == [False, True, False]


def test_the_whole_image_is_simulated_only_for_taps_that_need_it():
    calls = []

    def progress(done, total):
        calls.append((done, total))

    trace_pixels(rich_experiment(), [(2, 3)], choose_taps(TAPS, None), progress=progress)
    assert calls == []
    entries = choose_taps(TAPS, ["omega", "noise"])
    (traced,) = trace_pixels(
        rich_experiment(), [(2, 3)], entries, noise=NoiseChoice(seed=3), progress=progress
    )
    assert calls[-1] == (30, 30)
    assert traced.record.noise.seed == 3
    assert [result.entry.name for result in traced.results] == ["omega", "noise"]


def test_no_seed_of_the_choice_is_the_clock_and_not_the_experiments(monkeypatch):
    monkeypatch.setattr("nb_taps.run.time.time", lambda: 77.9)
    outputs = dataclasses.replace(rich_experiment().outputs, noise_seed=5)
    experiment = dataclasses.replace(rich_experiment(), outputs=outputs)
    entries = choose_taps(TAPS, ["noise"])
    (traced,) = trace_pixels(experiment, [(2, 3)], entries, noise=NoiseChoice())
    assert traced.record.noise.seed == 77


@pytest.mark.parametrize("generator", list(NoiseGenerator))
def test_the_noise_tap_has_the_pixels_of_the_noise_image(generator):
    """Of the file's, drawn from the image as float32, on the CPU, the region of interest only."""
    experiment = dataclasses.replace(rich_experiment(), roi=Roi(1, 4, 1, 3))
    plan = make_plan(experiment)
    counts, _, _ = digital_image(plan, simulate(plan)).noise(generator, 3)
    pixels = [(slow, fast) for slow in range(5) for fast in range(6)]
    entries, choice = choose_taps(TAPS, ["noise"]), NoiseChoice(generator, 3)
    found = [traced.record.noise for traced in trace_pixels(plan, pixels, entries, noise=choice)]
    assert [draw.digital for draw in found] == counts.flatten().tolist()
    assert any(draw.count > 0 for draw in found)


def test_errors_of_a_tap_name_it_and_its_package():
    spy = Spy()
    spy.fields = (*Spy.fields, Field("more", "1", (), "not returned"))
    with pytest.raises(InputError, match="tap spy of a-package: more:"):
        trace_pixels(rich_experiment(), [(2, 3)], [entry_of(spy)])


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"pixels": [(5, 0)]}, r"pixel: \(5, 0\): the detector has"),
        ({"device": "nonsense"}, "device: nonsense"),
        ({"dtype": torch.float16}, "dtype: torch.float16"),
    ],
)
def test_pixels_device_and_precision_are_checked(choice, message):
    arguments = {"pixels": [(2, 3)], **choice}
    with pytest.raises(InputError, match=message):
        trace_pixels(rich_experiment(), taps=[], **arguments)


def test_one_crystal_of_several_is_traced():
    """The first, where none is named; its photons are its share of the pixel."""
    plain = dataclasses.replace(rich_experiment(), profile=Profile.CORRECTED)
    second = dataclasses.replace(plain.crystal, fraction=0.5, mosaic_domains=2)
    experiment = dataclasses.replace(plain, more_crystals=(second,))
    image = simulate(experiment)
    entries = choose_taps(TAPS, ["intensity", "f_cell"])
    for number in range(2):
        options = {"crystal": number} if number else {}
        own = simulate(plan_of_crystal(experiment, number))
        for traced in trace_pixels(experiment, PIXELS, entries, **options):
            assert traced.record.crystal == number
            assert traced.record.number("photons") == own[traced.record.pixel].item()
            assert traced.results[0].to_json()["crystal"] == number
            image[traced.record.pixel] -= traced.record.number("photons")
    for pixel in PIXELS:
        assert abs(image[pixel].item()) <= 1e-12 * own.max().item()  # rounding of the sum
    (alone,) = trace_pixels(plain, PIXELS[:1], entries)
    assert alone.record.crystal is None
    assert "crystal" not in alone.results[0].to_json()
    with pytest.raises(InputError, match="numbered 0 to 1"):
        trace_pixels(experiment, PIXELS, entries, crystal=2)
    with pytest.raises(InputError, match="one of several crystals"):
        trace_pixels(experiment, PIXELS, choose_taps(TAPS, ["noise"]))
    with pytest.raises(InputError, match="numbered 0 to 1"):
        probe(experiment, PIXELS, ["omega"], crystal=-1)
