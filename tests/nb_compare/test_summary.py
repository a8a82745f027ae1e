"""The summary of a comparison: its verdict, its form, and its schema."""

import json
from dataclasses import asdict

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nb_compare import compare_images
from nb_compare.summary import (
    SCHEMA,
    Thresholds,
    find_reasons,
    measure,
    summary_schema,
    to_json_types,
)
from nb_core import InputError

photons = st.floats(0.0, 1e6, width=32)
shapes = st.tuples(st.integers(1, 6), st.integers(1, 6))
pairs = shapes.flatmap(
    lambda shape: st.tuples(*[arrays(np.float32, shape, elements=photons) for _ in range(2)])
)
RNG = np.random.default_rng(0)
IMAGE = RNG.gamma(0.5, 20, (40, 50)).astype(np.float32)


def whole(parts, shape):
    """A summary with everything that images do not give."""
    command = "nb simulate -- -N 5"
    return {
        "schema": SCHEMA,
        "created": "2026-11-21T06:30:00Z",
        "arguments": ["-N", "5"],
        "thresholds": asdict(Thresholds()),
        "shape": list(shape),
        "roi": None,
        "resampled_from": None,
        "reference": {
            "kind": "program",
            "name": "nanoBragg",
            "sha256": "0" * 64,
            "command": "./nanoBragg -N 5",
            "seconds": 1.5,
        },
        "nb": {
            "version": "0.1.0",
            "command": command,
            "seconds": 0.5,
            "device": "cpu",
            "dtype": "float64",
            "engine": {"name": "compiled", "reason": "kernel at hand", "kernels": ["whole-x"]},
        },
        "inputs": [{"name": "P1.hkl", "sha256": "f" * 64}],
        "environment": {"python": "3.11.7"},
        **parts,
    }


def valid(summary):
    text = json.dumps(summary, allow_nan=False)
    jsonschema.validate(json.loads(text), summary_schema())


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(summary_schema())
    assert summary_schema()["properties"]["schema"]["const"] == SCHEMA


@given(pairs)
def test_any_pair_of_images_gives_a_valid_summary(pair):
    parts = measure(*pair)
    valid(whole(parts, pair[0].shape))
    assert list(parts) == ["verdict", "reasons", "metrics", "ulp_histogram", "peaks", "blocks"]
    assert (parts["verdict"] == "agree") == (not parts["reasons"])


@given(pairs)
def test_an_image_agrees_with_itself(pair):
    parts = measure(pair[0], pair[0])
    assert (parts["verdict"], parts["reasons"]) == ("agree", [])


@pytest.mark.parametrize("value", [0.0, 5.0])
def test_identical_constant_images_agree(value):
    image = np.full((3, 4), value, np.float32)
    assert measure(image, image)["verdict"] == "agree"


def test_constant_images_that_differ():
    image = np.full((3, 4), 5, np.float32)
    near, far = np.nextafter(image, np.float32(9)), image * np.float32(1.001)
    assert measure(near, image)["verdict"] == "agree"
    parts = measure(far, image)
    assert parts["metrics"]["correlation"] is None
    assert parts["reasons"][0].startswith("an image is constant")
    assert "sum ratio 1.00" in parts["reasons"][1]


def test_an_image_against_zeros():
    zero = np.zeros((3, 4), np.float32)
    parts = measure(zero + 1, zero)
    assert parts["metrics"]["sum_ratio"] is None
    assert parts["metrics"]["max_relative"] is None
    assert parts["blocks"]["max_relative"][0][0] is None
    assert "the sum of the reference is 0" in parts["reasons"]
    valid(whole(parts, zero.shape))


def test_rounding_agrees_and_a_scale_does_not():
    rounded = np.nextafter(IMAGE, np.float32(np.inf))
    assert measure(rounded, IMAGE)["verdict"] == "agree"
    parts = measure(IMAGE * np.float32(1.0001), IMAGE)
    (reason,) = parts["reasons"]
    assert reason.startswith("sum ratio 1.0001")
    assert reason.endswith("is further than 1e-06 from 1")


def test_moved_pixels_have_another_correlation():
    (reason,) = measure(np.ascontiguousarray(IMAGE[::-1]), IMAGE)["reasons"]
    assert reason.startswith("correlation ")
    assert reason.endswith("is below 0.9999999")


def test_thresholds_decide():
    image = IMAGE * np.float32(1.0001)
    image[3, 3] += 2
    assert len(measure(image, IMAGE)["reasons"]) == 2
    loose = Thresholds(correlation=0.99, sum_tolerance=1e-3)
    assert measure(image, IMAGE, loose)["verdict"] == "agree"


def test_the_metrics_are_those_of_compare_images():
    image = IMAGE[:, ::-1].copy()
    expected = compare_images(image, IMAGE)
    assert measure(image, IMAGE)["metrics"] == {
        **asdict(expected),
        "worst": list(expected.worst),
    }
    assert expected.mse == pytest.approx(expected.rmse**2)


def test_a_threshold_that_is_met_exactly_is_met():
    difference = compare_images(IMAGE, IMAGE)
    assert find_reasons(difference, Thresholds(correlation=1.0, sum_tolerance=0.0)) == []


def test_json_types():
    value = {"a": (1.0, float("nan"), [float("-inf")]), "b": "x", "c": None, "d": True}
    assert to_json_types(value) == {"a": [1.0, None, [None]], "b": "x", "c": None, "d": True}


@pytest.mark.parametrize(
    ("path", "bad"),
    [
        (("schema",), "nb-compare/2"),
        (("verdict",), "perhaps"),
        (("created",), "yesterday"),
        (("metrics", "worst"), [1]),
        (("peaks", "matched"), -1),
        (("ulp_histogram", 0, "pixels"), 1.5),
        (("reference", "kind"), "guess"),
        (("reference", "sha256"), "abc"),
        (("nb", "colour"), "red"),
        (("roi",), [1, 2, 3]),
        (("extra",), 1),
    ],
)
def test_the_schema_refuses(path, bad):
    summary = whole(measure(IMAGE, IMAGE), IMAGE.shape)
    valid(summary)
    place = summary
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = bad
    with pytest.raises(jsonschema.ValidationError):
        valid(summary)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(InputError, match="reference's shape"):
        measure(IMAGE, IMAGE[1:])
