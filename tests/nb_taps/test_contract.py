"""The contract for taps notices taps that break it, and its experiments show what they promise."""

import random

import jsonschema
import pytest

from nb_core import InputError
from nb_physics.structure import Origin
from nb_taps import Field, Tap, record_pixels
from nb_taps.testing import PIXELS, TapContract, experiments

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
EXPERIMENTS = experiments()


class Good(Tap):
    """A tap that keeps the contract."""

    name = "good"
    summary = "the photons"
    quantities = ("photons",)
    fields = (Field("photons", "photons", (), "the pixel of the image"),)

    def read(self, record):
        return {"photons": record.number("photons")}


class Unasked(Good):
    """Reads what it did not ask for."""

    def read(self, record):
        return {"photons": record.array("omega").sum()}


class OnlyOneLayer(Good):
    """Takes it that every pixel has one sub-pixel."""

    quantities = ("omega",)

    def read(self, record):
        return {"photons": record.array("omega").item()}


class NotJson(Good):
    """Returns an object."""

    def read(self, record):
        return {"photons": record}


class Random(Good):
    """Returns something else each time."""

    def read(self, record):
        return {"photons": random.random()}


class Meddler(Good):
    """Writes into the plan."""

    def read(self, record):
        record.plan.cell_vectors.zero_()
        return {"photons": 0.0}


class TwoLines(Good):
    """A summary that breaks the list of taps."""

    summary = "one\ntwo"


class NoUnit(Good):
    """A field that does not say its unit."""

    fields = (Field("photons", "", (), "the pixel of the image"),)


BREACHES = [
    (Unasked, "test_it_reads_every_kind_of_experiment", AttributeError),
    (OnlyOneLayer, "test_it_reads_every_kind_of_experiment", (RuntimeError, ValueError)),
    (NotJson, "test_its_results_are_valid_json", (jsonschema.ValidationError, TypeError)),
    (Random, "test_it_reads_the_same_twice", AssertionError),
    (Meddler, "test_it_changes_nothing", AssertionError),
    (TwoLines, "test_the_tap_is_complete", AssertionError),
    (NoUnit, "test_the_tap_is_complete", AssertionError),
    (type("Bad", (Good,), {"name": "Bad"}), "test_the_tap_is_complete", InputError),
]


def contract_of(tap):
    return type("Contract", (TapContract,), {"tap": tap()})()


@pytest.mark.parametrize("test", [name for name in dir(TapContract) if name.startswith("test_")])
def test_a_good_tap_passes(test):
    getattr(contract_of(Good), test)()


@pytest.mark.parametrize(("tap", "test", "error"), BREACHES)
def test_a_breach_is_noticed(tap, test, error):
    with pytest.raises(error):
        getattr(contract_of(tap), test)()


def found(name, quantity):
    """The values of a quantity over the pixels of the contract."""
    records = record_pixels(EXPERIMENTS[name], PIXELS, [quantity])
    return {value for record in records for value in record.array(quantity).flatten().tolist()}


def test_look_ups_find_entries_gaps_and_nothing():
    assert found("rich", "F_cell_origin") == {Origin.OUTSIDE, Origin.GAP, Origin.LISTED}
    assert Origin.INTERPOLATED in found("interpolated", "F_cell_origin")


def test_dmin_drops_some_rays_and_keeps_some():
    assert found("dmin", "within_dmin") == {0.0, 1.0}
