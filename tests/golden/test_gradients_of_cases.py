"""No gradient is NaN or infinite in any recorded case, of any field that it gives or defaults."""

import contextlib
import dataclasses
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from nb_core import NbWarning, flags_to_experiment
from nb_physics import make_plan, photons_at

HERE = Path(__file__).parent
CASES = {case["name"]: case["args"] for case in json.loads((HERE / "cases.json").read_text())}

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")


def few_subpixels(experiment):
    """At most 2 x 2: more take long, and are the same formulas."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NbWarning)
        oversample = min(make_plan(experiment).oversample, 2)
    sampling = dataclasses.replace(experiment.sampling, oversample=oversample)
    return dataclasses.replace(experiment, sampling=sampling)


def with_tensors(value, change, path=""):
    """A config with all its continuous fields as tensors: `change` is called with each."""
    fields = {}
    for field in dataclasses.fields(value):
        part, name = getattr(value, field.name), f"{path}{field.name}"
        if dataclasses.is_dataclass(part) and field.name not in ("outputs", "mask"):
            fields[field.name] = with_tensors(part, change, f"{name}.")
        elif is_continuous(part, field):
            fields[field.name] = changed(part, change, name)
    return dataclasses.replace(value, **fields)


def is_continuous(part, field):
    """Numbers of a field that takes tensors; no absorption is not a number."""
    if isinstance(part, torch.Tensor):
        return part.is_floating_point()
    takes = "Scalar" in str(field.type) or "Vector" in str(field.type)
    return takes and part is not None and not isinstance(part, str) and part != float("inf")


def changed(part, change, name):
    if isinstance(part, tuple):
        return tuple(None if x is None else changed(x, change, name) for x in part)
    return change(name, torch.as_tensor(part, dtype=torch.float64).detach().clone())


def interesting_pixels(name, plan):
    """The brightest, the direct beam's where it hits the detector, the first and the last."""
    with np.load(HERE / f"{name}.npz") as arrays:
        image = arrays["float"]
    frame, shape = plan.frame, image.shape
    slow, fast = (int(at // frame.pixel_size) for at in (frame.beam_slow, frame.beam_fast))
    pixels = {int(image.argmax()), 0, image.size - 1}
    if 0 <= slow < shape[0] and 0 <= fast < shape[1]:
        pixels.add(slow * shape[1] + fast)
    return torch.tensor(sorted(pixels))


@pytest.mark.parametrize("name", CASES)
def test_every_gradient_is_finite(name):
    with contextlib.chdir(HERE / "inputs"):
        experiment = few_subpixels(flags_to_experiment(CASES[name].split()))
    inputs = []

    def leaf(field, value):
        inputs.append((field, value.requires_grad_()))
        return value

    plan = make_plan(with_tensors(experiment, leaf))
    pixels = interesting_pixels(name, plan)
    total = photons_at(plan, pixels).sum()
    fields, leaves = zip(*inputs, strict=True)
    assert {"crystal.fudge", "beam.wavelength_A", "detector.distance_mm"} < set(fields)
    gradients = torch.autograd.grad(total, leaves, allow_unused=True)
    for field, gradient in zip(fields, gradients, strict=True):
        assert gradient is None or gradient.isfinite().all(), field
