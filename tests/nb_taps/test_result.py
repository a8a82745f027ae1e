"""What a tap returns: checked against its fields, and as JSON."""

import json
import math

import jsonschema
import pytest
import torch

from nb_core import InputError
from nb_taps import Field, Tap, TapEntry, TapResult, record_pixels, tap_schema
from nb_taps.result import read_tap
from nb_taps.testing import plain_experiment, rich_experiment

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")


class Fixed(Tap):
    """Returns what it is given."""

    name = "fixed"
    summary = "what it is given"
    quantities = ("omega",)
    fields = (
        Field("number", "1", (), "a number"),
        Field("list", "m", ("subpixel",), "one a sub-pixel"),
    )

    def __init__(self, **values):
        self.values = {"number": 1.0, "list": torch.arange(8.0), **values}

    def read(self, record):
        return self.values


@pytest.fixture(scope="module")
def record():
    return record_pixels(rich_experiment(), [(2, 3)], ["omega"])[0]


def result(record, **values) -> TapResult:
    return read_tap(TapEntry(Fixed(**values), "a-package", "3.2"), record)


def value_of(record, name, value):
    return result(record, **{name: value}).to_json()["values"][name]["value"]


def test_the_whole_of_a_result(record):
    assert result(record).to_json("run-1") == {
        "schema": "nb-tap/1",
        "tap": "fixed",
        "package": {"name": "a-package", "version": "3.2"},
        "tag": "run-1",
        "pixel": [2, 3],
        "rendered": True,
        "oversample": 2,
        "subpixels": [[t, s, f] for t in range(2) for s in range(2) for f in range(2)],
        "profile": "reference",
        "device": "cpu",
        "dtype": "float64",
        "values": {
            "number": {"unit": "1", "axes": [], "value": 1.0},
            "list": {"unit": "m", "axes": ["subpixel"], "value": [float(i) for i in range(8)]},
        },
    }
    assert result(record).to_json()["tag"] is None


def test_a_result_follows_the_schema(record):
    jsonschema.Draft202012Validator.check_schema(tap_schema())
    for tag in (None, "run-1"):
        jsonschema.validate(result(record).to_json(tag), tap_schema())


@pytest.mark.parametrize(
    "wrong",
    [
        {"schema": "nb-tap/2"},
        {"tap": "Not A Name"},
        {"package": {"name": "a-package"}},
        {"package": {"name": "a", "version": "1", "home": "here"}},
        {"pixel": [2, 3, 4, 5]},
        {"pixel": [2]},
        {"pixel": [2, -3]},
        {"pixel": [-1, 3]},
        {"pixel": [2.5, 3]},
        {"rendered": 1},
        {"oversample": 0},
        {"subpixels": [[0, 0]]},
        {"profile": "other"},
        {"dtype": "float16"},
        {"tag": 3},
        {"values": {}},
        {"values": {"x": {"unit": "1", "axes": []}}},
        {"values": {"x": {"unit": "", "axes": [], "value": 1}}},
        {"values": {"x": {"unit": "1", "axes": "subpixel", "value": 1}}},
        {"values": {"x": {"unit": "1", "axes": [], "value": {"a": 1}}}},
        {"more": 1},
    ],
    ids=str,
)
def test_the_schema_refuses_what_is_not_a_result(record, wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**result(record).to_json(), **wrong}, tap_schema())


@pytest.mark.parametrize(
    "name", ["schema", "tap", "package", "tag", "pixel", "rendered", "subpixels", "values"]
)
def test_the_schema_wants_every_part(record, name):
    content = result(record).to_json()
    del content[name]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, tap_schema())


@pytest.mark.parametrize("value", [1.5, 3, "text", True, None])
def test_single_values_are_kept_as_they_are(record, value):
    found = value_of(record, "number", value)
    assert found == value
    assert type(found) is type(value)


def test_tensors_become_nested_lists(record):
    assert value_of(record, "number", torch.tensor(2.5)) == 2.5
    assert value_of(record, "number", torch.tensor(3)) == 3
    given = torch.arange(8, dtype=torch.int64)
    assert value_of(record, "list", given) == list(range(8))
    assert value_of(record, "list", torch.arange(8.0, requires_grad=True))[7] == 7.0
    assert value_of(record, "list", given > 6) == [False] * 7 + [True]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_hold_becomes_null(record, value):
    assert value_of(record, "number", value) is None
    assert value_of(record, "number", torch.tensor(value)) is None
    listed = torch.arange(8.0)
    listed[3] = value
    found = value_of(record, "list", listed)
    assert found == [0.0, 1.0, 2.0, None, 4.0, 5.0, 6.0, 7.0]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_field_without_a_value_is_null_whatever_its_axes(record):
    assert value_of(record, "list", None) is None


def test_fields_come_in_the_order_of_the_tap(record):
    tap = Fixed()
    tap.values = dict(reversed(tap.values.items()))
    found = read_tap(TapEntry(tap, "a-package", "1"), record).to_json()["values"]
    assert list(found) == ["number", "list"]


def test_a_value_without_a_field_is_refused(record):
    with pytest.raises(InputError, match=r"tap fixed of a-package: charm: .*the same names"):
        result(record, charm=1.0)


def test_a_field_that_is_left_out_is_refused(record):
    tap = Fixed()
    del tap.values["list"]
    with pytest.raises(InputError, match=r"tap fixed of a-package: list: .*the same names"):
        read_tap(TapEntry(tap, "a-package", "1"), record)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("number", torch.zeros(1)),
        ("number", torch.zeros(8)),
        ("list", torch.tensor(1.0)),
        ("list", 1.0),
        ("list", "text"),
        ("list", torch.zeros(8, 1)),
    ],
)
def test_a_value_of_other_axes_is_refused(record, name, value):
    with pytest.raises(InputError, match=rf"tap fixed of a-package: shape .*field {name} has the"):
        result(record, **{name: value})


@pytest.mark.parametrize(
    ("axis", "length"), [("subpixel", 8), ("source", 2), ("phi", 3), ("domain", 2)]
)
def test_a_value_of_another_length_is_refused(record, axis, length):
    fields = (Field("list", "1", ("anything", axis), "values"),)
    for given in (length, length + 1):
        tap = Fixed()
        tap.fields, tap.values = fields, {"list": torch.zeros(5, given)}
        entry = TapEntry(tap, "a-package", "1")
        if given == length:
            read_tap(entry, record)
        else:
            message = rf"shape \(5, {given}\): axis {axis} of field list has length {length}"
            with pytest.raises(InputError, match=message):
                read_tap(entry, record)


def test_a_pixel_of_one_subpixel():
    (record,) = record_pixels(plain_experiment(), [(0, 0)], ["omega"])
    content = result(record, list=torch.zeros(1)).to_json()
    assert content["subpixels"] == [[0, 0, 0]]
    assert content["oversample"] == 1
