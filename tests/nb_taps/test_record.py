"""Records: what was recorded of a pixel in tiles and blocks, put together again."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch

from nb_core import InputError, Mask, Profile, Roi
from nb_core.quantities import QUANTITIES
from nb_physics import make_plan, simulate, tiles
from nb_taps import probe, record_pixels
from nb_taps.testing import experiments, rich_experiment

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
EXPERIMENTS = experiments()
PIXELS = [(2, 3), (0, 0), (4, 5)]
STEP = ("subpixel", "source", "phi", "domain")
AXES = {
    "position": ("subpixel", "xyz"),
    "airpath": ("subpixel",),
    "diffracted": ("subpixel", "xyz"),
    "omega": ("subpixel",),
    "capture": ("subpixel",),
    "incident": ("source", "xyz"),
    "wavelength": ("source",),
    "q": ("subpixel", "source", "xyz"),
    "stol": ("subpixel", "source"),
    "within_dmin": ("subpixel", "source"),
    "polarization": ("subpixel", "source"),
    "cell_vectors": ("phi", "domain", "abc", "xyz"),
    "hkl": (*STEP, "hkl"),
    "hkl_nearest": (*STEP, "hkl"),
    "F_latt_a": STEP,
    "F_latt_b": STEP,
    "F_latt_c": STEP,
    "F_latt": STEP,
    "F_cell": STEP,
    "F_cell_origin": STEP,
    "term": STEP,
    "weight": ("subpixel", "source"),
    "running_sum": ("addition",),
    "intensity": (),
    "capture_used": (),
    "polarization_used": (),
    "omega_used": (),
    "water_photons": (),
    "background_photons": (),
    "photons": (),
}


def sizes_of(experiment):
    """Lengths of the axes, from the configs."""
    crystal, beam = experiment.crystal, experiment.beam
    n, layers = experiment.sampling.oversample, experiment.detector.detector_thicksteps or 1
    return {
        "subpixel": n * n * layers,
        "source": beam.dispersion_steps or 1,
        "phi": crystal.phi_steps or 1,
        "domain": crystal.mosaic_domains or 1,
        **dict.fromkeys(("xyz", "abc", "hkl"), 3),
    }


def assembled(experiment, readings):
    """Every number of the readings by its place: (sub-pixel, source, phi, domain), components."""
    sizes, n = sizes_of(experiment), experiment.sampling.oversample
    numbers = {}
    for reading in readings:
        grain = [axis for axis in QUANTITIES[reading.quantity].grain.split() if axis != "pixels"]
        for index in itertools.product(*map(range, reading.value.shape)):
            place = {"3": []}
            for axis, i in zip(grain, index, strict=True):
                if axis == "3":
                    place["3"].append(i)
                elif axis == "sources":
                    place["source"] = reading.first_source + i
                else:
                    step = reading.first_step + i
                    place["phi"], place["domain"] = divmod(step, sizes["domain"])
            if "pixels" in QUANTITIES[reading.quantity].grain and reading.layer is not None:
                place["subpixel"] = (reading.layer * n + reading.sub_slow) * n + reading.sub_fast
            key = [place[axis] for axis in STEP if axis in place]
            numbers[(*key, *place["3"])] = reading.value[index].item()
    return numbers


@pytest.mark.parametrize("evaluations", [4, 6, 1 << 16])
@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_arrays_hold_every_number_in_its_place(monkeypatch, experiment, evaluations):
    """4: the 2 x 6 steps are cut within a source; 6: between the sources; else in one block."""
    monkeypatch.setattr(tiles, "TILE_EVALUATIONS", evaluations)
    plan, sizes = make_plan(experiment), sizes_of(experiment)
    steps = plan.steps / plan.oversample**2
    assert len(tiles.step_blocks(plan)) == (1 if steps == 1 else {4: 4, 6: 2}.get(evaluations, 1))
    (record,) = record_pixels(plan, [(2, 3)])
    for quantity in set(QUANTITIES) - {"running_sum"}:
        readings, array = probe(plan, [(2, 3)], [quantity]), record.array(quantity)
        if not readings:
            assert array is None
            continue
        assert record.axes(quantity) == AXES[quantity]
        assert array.shape == tuple(sizes[axis] for axis in AXES[quantity])
        numbers = assembled(experiment, readings)
        for index in itertools.product(*map(range, array.shape)):
            assert array[index].item() == numbers.get(index, math.nan) or (
                index not in numbers and array[index].isnan()
            ), (quantity, index)
        if quantity != "polarization":
            assert len(numbers) == array.numel(), quantity


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_blocks_cannot_be_seen_in_the_arrays(monkeypatch, experiment):
    """Every number but the sums and the polarization is the same, however the steps are cut."""
    whole = record_pixels(experiment, [(4, 5)])[0]
    monkeypatch.setattr(tiles, "TILE_EVALUATIONS", 4)
    cut = record_pixels(experiment, [(4, 5)])[0]
    sums = {
        "running_sum",
        "intensity",
        "photons",
        "polarization",
        "water_photons",
        "background_photons",
    }
    for quantity in set(QUANTITIES) - sums:
        array = whole.array(quantity)
        assert (array is None) is (cut.array(quantity) is None)
        assert array is None or torch.equal(array, cut.array(quantity)), quantity
    for quantity in ("intensity", "photons"):
        assert cut.number(quantity) == pytest.approx(whole.number(quantity), rel=1e-13)


def test_every_quantity_is_recorded_in_some_experiment():
    found = set()
    for experiment in EXPERIMENTS.values():
        found |= set(record_pixels(experiment, [(2, 3)])[0].readings)
    assert found == set(QUANTITIES) == set(AXES)


@pytest.mark.parametrize(("evaluations", "blocks"), [(4, 4), (6, 2), (1 << 16, 1)])
def test_the_running_sum_has_one_addition_a_subpixel_and_block(monkeypatch, evaluations, blocks):
    monkeypatch.setattr(tiles, "TILE_EVALUATIONS", evaluations)
    (record,) = record_pixels(rich_experiment(), [(2, 3)])
    sums = record.array("running_sum")
    assert record.axes("running_sum") == ("addition",)
    assert sums.shape == (8 * blocks,)
    assert (sums.diff() > 0).all()
    assert sums[-1].item() == record.number("intensity")


@pytest.mark.parametrize(("evaluations", "computed"), [(1 << 16, 2), (6, 1)])
def test_polarization_is_nan_where_the_reference_computes_none(monkeypatch, evaluations, computed):
    """Of the first sub-pixel and the first block of sources only."""
    monkeypatch.setattr(tiles, "TILE_EVALUATIONS", evaluations)
    (record,) = record_pixels(rich_experiment(), [(2, 3)])
    polarization = record.array("polarization")
    assert not polarization[0, :computed].isnan().any()
    assert polarization.isnan().sum() == 16 - computed


@pytest.mark.parametrize("name", ["corrected", "oversample_*", "dmin"])
def test_polarization_is_there_where_each_step_has_its_own(name):
    (record,) = record_pixels(EXPERIMENTS[name], [(2, 3)])
    assert not record.array("polarization").isnan().any()


def test_subpixels_come_in_the_order_of_the_program():
    (record,) = record_pixels(rich_experiment(), [(2, 3)])
    assert record.subpixels == [(t, s, f) for t in range(2) for s in range(2) for f in range(2)]
    assert record.array("omega").tolist() == [
        reading.value.item() for reading in probe(rich_experiment(), [(2, 3)], ["omega"])
    ]


def test_a_quantity_that_was_not_recorded_has_no_array():
    (record,) = record_pixels(rich_experiment(), [(2, 3)], ["photons"])
    assert list(record.readings) == ["photons"]
    assert record.array("omega") is None
    assert record.number("intensity") is None


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("profile", list(Profile))
def test_the_photons_are_those_of_the_image(profile, dtype):
    experiment = dataclasses.replace(rich_experiment(), profile=profile)
    image = simulate(experiment, dtype=dtype)
    records = record_pixels(experiment, PIXELS, dtype=dtype)
    assert [record.pixel for record in records] == PIXELS
    for record in records:
        assert torch.equal(record.array("photons"), image[record.pixel])
        assert (record.dtype, record.device) == (str(dtype).removeprefix("torch."), "cpu")
        assert record.rendered
        assert record.noise is None


def test_a_pixel_named_twice_is_recorded_once():
    records = record_pixels(rich_experiment(), [(0, 0), (2, 3), (0, 0)], ["photons", "omega"])
    assert [record.pixel for record in records] == [(0, 0), (2, 3)]
    assert all(len(record.readings["photons"]) == 1 for record in records)
    assert all(len(record.readings["omega"]) == 8 for record in records)


REGIONS = {
    "roi": {"roi": Roi(3, 5, 1, 2)},
    "mask": {"mask": Mask(np.arange(30).reshape(5, 6) == 2 * 6 + 3)},
}


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
def test_pixels_that_are_not_rendered_are_said_to_be_so(region):
    """Their record is that of an image without region of interest and mask."""
    hidden, image = dataclasses.replace(rich_experiment(), **region), simulate(rich_experiment())
    records = record_pixels(hidden, PIXELS)
    assert [record.pixel for record in records] == PIXELS
    assert [record.rendered for record in records] == [True, False, False]
    for record in records:
        assert torch.equal(record.array("photons"), image[record.pixel])
        assert record.plan.experiment is hidden


def test_a_plan_stands_in_for_its_experiment():
    plan = make_plan(rich_experiment())
    (record,) = record_pixels(plan, [(2, 3)])
    assert record.plan is plan


def test_a_pixel_off_the_detector_is_refused():
    with pytest.raises(InputError, match=r"pixel: \(5, 0\): the detector has \(5, 6\) pixels"):
        record_pixels(rich_experiment(), [(2, 3), (5, 0)])


def test_an_unknown_quantity_is_refused():
    with pytest.raises(InputError, match="quantity: charm"):
        record_pixels(rich_experiment(), [(2, 3)], ["charm"])
