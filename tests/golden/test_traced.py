"""Pixels looked at one by one are those of the eager image, bit for bit, in every recorded case."""

import contextlib
import json
import random
import warnings
from pathlib import Path

import pytest
import torch

from nb_core import NbWarning, flags_to_experiment
from nb_physics import make_plan, select_pixels, simulate
from nb_taps import record_pixels

HERE = Path(__file__).parent
MANY_SUBPIXELS = 400
"""Where a pixel has more, only its photons are recorded: the rest takes long."""
CASES = {case["name"]: case["args"] for case in json.loads((HERE / "cases.json").read_text())}


@pytest.mark.parametrize("name", CASES)
def test_photons_of_a_pixel_are_those_of_the_image(name):
    """The brightest pixel, the first that is rendered, and another."""
    with contextlib.chdir(HERE / "inputs"), warnings.catch_warnings():
        warnings.simplefilter("ignore", NbWarning)
        plan = make_plan(flags_to_experiment(CASES[name].split()))
    image, selection = simulate(plan, engine="eager"), select_pixels(plan.experiment)
    rendered = selection.indices(0, selection.count, torch.device("cpu")).tolist()
    chosen = [int(image.argmax()), rendered[0], random.Random(name).choice(rendered)]
    pixels = [divmod(index, image.shape[1]) for index in dict.fromkeys(chosen)]
    quantities = ["photons"] if plan.oversample**2 > MANY_SUBPIXELS else None
    records = record_pixels(plan, pixels, quantities)
    assert [record.pixel for record in records] == pixels
    assert image[pixels[0]] > 0
    for record in records:
        assert record.rendered
        assert torch.equal(record.array("photons"), image[record.pixel]), record.pixel
