"""Kernels of all kinds beside eager torch: every two choices of a kind meet in one of them.

Six of them by default; all of them, a quarter of an hour of two cores, with NB_TEST_KERNELS=all,
as `nox -s kernels` sets it.
"""

import dataclasses
import itertools
import os

import pytest
import torch
from covering import covering_rows
from small_experiments import small_experiment, small_list

from nb_core import CrystalShape, Profile
from nb_physics import as_panels, simulate

pytestmark = [
    pytest.mark.filterwarnings("ignore::nb_core.NbWarning"),
    pytest.mark.kernels,
]

AXES = {
    "shape": [shape.value for shape in CrystalShape],
    "summed with each term": ["nothing", "thick", "polar", "omega"],
    "profile": [profile.value for profile in Profile],
    "structure factors": ["constant", "nearest", "tricubic"],
    "detector": ["flat", "curved", "panels"],
    "precision": ["float64", "float32"],
    "point pixels": ["no", "yes"],
    "dmin": ["no", "yes"],
    "polarization": ["yes", "no"],
    "sensor": ["no", "yes"],
    "sources": ["one", "several"],
    "steps": ["one", "several"],
    "sub-pixels": ["one", "several"],
    "water": ["no", "yes"],
}
APART = [
    (("profile", "reference"), ("detector", "panels")),
    (("summed with each term", "thick"), ("sensor", "no")),
]
"""nanoBragg knows of one plane, and a sensor of no thickness captures nothing."""

ROWS = covering_rows(AXES, APART)
BY_DEFAULT = 6
FIELDS = {
    ("structure factors", "nearest"): {"structure_factors": small_list(), "interpolate": False},
    ("structure factors", "tricubic"): {"structure_factors": small_list(), "interpolate": True},
    ("detector", "curved"): {"curved_detector": True},
    ("point pixels", "yes"): {"point_pixel": True},
    ("dmin", "yes"): {"dmin_A": 3.0},
    ("polarization", "no"): {"nopolar": True},
    ("sensor", "yes"): {
        "detector_thick_um": 400.0,
        "detector_abs_um": 300.0,
        "detector_thicksteps": 2,
    },
    ("sources", "several"): {"dispersion_percent": 5.0, "hdiv_range_mrad": 20.0, "hdiv_steps": 2},
    ("steps", "several"): {
        "phi_steps": 2,
        "osc_range_deg": 1.0,
        "mosaic_spread_deg": 1.0,
        "mosaic_domains": 3,
    },
    ("sub-pixels", "several"): {"oversample": 2},
    ("water", "yes"): {"water_size_um": 0.01},
}
WITHIN = {"float64": 1e-12, "float32": 2e-5}
"""Of the maximum. float64: sines are polynomials, and sums have another order. float32: an edge of
five cells turns 6e-8 of a phase of 5 pi into 1e-6 of an amplitude, and squares, the product of
three edges, and interpolation over 64 reflections of both signs make ten times that of it.
"""


def name_of(row):
    return ", ".join(f"{axis}: {value}" for axis, value in row.items())


def experiment_of(row):
    fields = {"shape": CrystalShape(row["shape"]), "profile": Profile(row["profile"])}
    for choice in row.items():
        fields |= FIELDS.get(choice, {})
    if row["summed with each term"] != "nothing":
        fields[f"oversample_{row['summed with each term']}"] = True
    experiment = small_experiment(**fields)
    if row["detector"] != "panels":
        return experiment
    whole = as_panels(experiment)
    return dataclasses.replace(whole, detector=whole.detector.cut(1, 2))


def test_every_pair_of_choices_is_among_the_rows():
    choices = [(axis, value) for axis, values in AXES.items() for value in values]
    pairs = {p for p in itertools.combinations(choices, 2) if p[0][0] != p[1][0]}
    found = {pair for row in ROWS for pair in itertools.combinations(row.items(), 2)}
    assert pairs - found == set(APART)
    assert found <= pairs
    assert len(ROWS) < 30


def test_the_rows_are_the_same_every_time():
    assert covering_rows(AXES, APART) == ROWS


@pytest.mark.parametrize(
    "row",
    ROWS if os.environ.get("NB_TEST_KERNELS") == "all" else ROWS[:BY_DEFAULT],
    ids=name_of,
)
def test_kernels_give_the_image_of_eager_torch(cache, row):
    experiment, told = experiment_of(row), []
    dtype = getattr(torch, row["precision"])
    eager = simulate(experiment, engine="eager", dtype=dtype)
    found = simulate(experiment, engine="compiled", dtype=dtype, chosen=told.append)
    assert told[0].engine.value == "compiled"
    assert eager.max() > 0
    within = WITHIN[row["precision"]] * eager.max().item()
    torch.testing.assert_close(found, eager, rtol=0, atol=within)
