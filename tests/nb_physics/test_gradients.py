"""First derivatives of the image, backwards and forwards, against differences: every field.

Fields are moved by a fraction t of their scale; with t of 1e-6 the image, which turns over within
about 1% of a field, changes by 1e-4 of its maximum. Central differences then err by 1e-16 / 1e-6
times some hundreds of turns of phase, and by the third derivative times 1e-12: both under 1e-6.
One sub-pixel, so that no number of sub-pixels changes along with a field.
"""

import dataclasses
import re

import pytest
import torch
from annotations import unchecked_annotations
from gradient_cases import GROUPS, PROFILES, TORCH_WARNS, Group, follows, table_rows
from small_experiments import small_experiment
from torch.autograd import forward_ad

from nb_core import (
    BackgroundConfig,
    BeamConfig,
    CrystalConfig,
    CrystalShape,
    Detector,
    DetectorConfig,
    GoniometerConfig,
    Panel,
    PanelGroup,
    Profile,
    SamplingConfig,
    Sensor,
)
from nb_physics import simulate

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning", TORCH_WARNS)
WEIGHTS = torch.linspace(1.0, 2.0, 9, dtype=torch.float64).reshape(3, 3)
WIDE = 0.002
"""The fudge with which flat tops are so wide that the pixels see some."""

ONE_OF_EACH = Group(
    {
        "cell_a": (21.0, 1.0),
        "distance_mm": (35.0, 1.0),
        "beam_center_x_mm": (3.0, 1.0),
        "wavelength_A": (1.0, 0.1),
        "polarization_factor": (0.5, 0.1),
        "detector_thick_um": (400.0, 10.0),
    },
    {"detector_abs_um": 300.0, "dispersion_percent": 5.0, "detector_roty_deg": 10.0},
)
WALKS = {
    "sub-pixels": {"oversample": 2},
    "curved": {"curved_detector": True},
    "point pixels": {"point_pixel": True},
    "running": {"oversample_thick": True, "oversample_polar": True, "oversample_omega": True},
    "dmin": {"dmin_A": 2.0},
}

SMOOTH = {"eps": 1e-6, "atol": 1e-5, "rtol": 1e-4}
ROUNDED = {"eps": 1e-3, "atol": 1e-4, "rtol": 1e-3}
"""For an angle rounded to float32: 1e-7 of 2 degrees, over 1e-3 of half a degree."""


def start_of(group):
    """How far each field is moved: not yet."""
    tensors = [torch.as_tensor(value, dtype=torch.float64) for value, _ in group.fields.values()]
    return tuple(torch.zeros_like(value).requires_grad_() for value in tensors)


def measure(group, shape, profile, moves, **walk):
    """A number that every pixel counts in, of the order of 1, with the fields moved."""
    values = {
        name: torch.as_tensor(value, dtype=torch.float64) + scale * move
        for (name, (value, scale)), move in zip(group.fields.items(), moves, strict=True)
    }
    given = {"fpixels": 3, "spixels": 3, "shape": shape, "profile": profile, "round_div": False}
    if shape is CrystalShape.TOPHAT:
        given["fudge"] = WIDE
    built = group.build(values)
    if "more_crystals" in built:
        alike = {name: given[name] for name in ("shape", "fudge") if name in given}
        more = (dataclasses.replace(one, **alike) for one in built["more_crystals"])
        built["more_crystals"] = tuple(more)
    image = simulate(small_experiment(**{**given, **group.more, **built, **walk}))
    return (image * WEIGHTS).sum() / 1000.0


def gradients_of(group, shape, profile, start):
    """Backwards; 0 where the image does not follow a field."""
    total = measure(group, shape, profile, start)
    if not total.requires_grad:
        return [torch.zeros_like(part) for part in start]
    return torch.autograd.grad(total, start, allow_unused=True, materialize_grads=True)


def check_forward(group, shape, profile, start, gradients):
    """In one direction, all fields at once: each gradient has been held against differences."""
    generator = torch.Generator().manual_seed(5)
    tangents = [torch.rand(part.shape, generator=generator).double() + 0.5 for part in start]
    expected = sum((g * t).sum() for g, t in zip(gradients, tangents, strict=True))
    with forward_ad.dual_level():
        moves = [
            forward_ad.make_dual(part.detach(), tangent)
            for part, tangent in zip(start, tangents, strict=True)
        ]
        found = forward_ad.unpack_dual(measure(group, shape, profile, moves)).tangent
    # Rounding: 1e-16 of some hundreds of terms of both signs.
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("shape", CrystalShape, ids=lambda shape: shape.value)
@pytest.mark.parametrize(
    ("title", "profile"),
    [(title, profile) for title, group in GROUPS.items() for profile in group.profiles],
    ids=lambda part: getattr(part, "value", part),
)
def test_gradients_of_fields(title, shape, profile):
    group = GROUPS[title]
    start = start_of(group)
    gradients = gradients_of(group, shape, profile, start)
    for name, gradient in zip(group.fields, gradients, strict=True):
        expected = follows(name, group, shape, profile)
        largest = gradient.abs().max().item()
        assert largest > 1e-9 if expected else largest == 0, (name, largest)
    if not any(gradient.any() for gradient in gradients):
        return
    rounded = "mosaic_spread_deg" in group.fields and profile is Profile.REFERENCE
    with unchecked_annotations():
        assert torch.autograd.gradcheck(
            lambda *moves: measure(group, shape, profile, moves),
            start,
            check_undefined_grad=False,
            fast_mode=group.fast,
            **(ROUNDED if rounded else SMOOTH),
        )
    check_forward(group, shape, profile, start, gradients)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.value)
@pytest.mark.parametrize("walk", WALKS)
def test_gradients_in_other_walks(walk, profile):
    """One field of each kind, with other positions, sums and solid angles."""
    group, shape = ONE_OF_EACH, CrystalShape.SQUARE
    start = start_of(group)
    gradients = torch.autograd.grad(measure(group, shape, profile, start, **WALKS[walk]), start)
    assert all(gradient.abs() > 1e-9 for gradient in gradients)
    with unchecked_annotations():
        assert torch.autograd.gradcheck(
            lambda *moves: measure(group, shape, profile, moves, **WALKS[walk]),
            start,
            check_undefined_grad=False,
            **SMOOTH,
        )


def test_the_table_has_every_continuous_field():
    configs = (CrystalConfig, DetectorConfig, BeamConfig, SamplingConfig, BackgroundConfig)
    continuous = {
        field.name
        for config in configs
        for field in dataclasses.fields(config)
        if re.search(r"Scalar|Vector|\bMatrix", str(field.type))
    }
    assert {"cell_a", "misset_deg", "N_cells", "water_size_um"} < continuous
    checked = {name for group in GROUPS.values() for name in group.fields}
    files = {"matrix", "sources", "structure_factors"}
    files |= {"panel", "sensor", "group", "detector", "goniometer", "more"}
    assert {name for name in checked if name.split(".")[0] not in files} == continuous
    homes = {"panel": Panel, "sensor": Sensor, "group": PanelGroup, "detector": Detector}
    for home, config in {**homes, "goniometer": GoniometerConfig}.items():
        fields = {
            f"{home}.{field.name}"
            for field in dataclasses.fields(config)
            if re.search("Scalar|Vector", str(field.type))
        }
        assert fields - {"panel.gain", "panel.trusted_range"} <= checked


def test_the_table_names_the_profile_that_reads_a_field():
    rows = {row[0]: row[1:] for row in table_rows()}
    assert rows["`cell_a`"] == ("both", "1 2 F", "1 2 F", "1 2 F", "0")
    assert rows["`sources.weights`"] == ("corrected", *["1 F"] * 4)
    assert rows["`dmin_A`"] == ("none", *["0"] * 4)
    assert rows["`hdiv_step_mrad`"] == ("both", *["1 F"] * 3, "1 F, corrected")
