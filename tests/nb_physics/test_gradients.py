"""First derivatives of the image, backwards and forwards, against differences: every field.

Fields are moved by a fraction t of their scale; with t of 1e-6 the image, which turns over within
about 1% of a field, changes by 1e-4 of its maximum. Central differences then err by 1e-16 / 1e-6
times some hundreds of turns of phase, and by the third derivative times 1e-12: both under 1e-6.
One sub-pixel, so that no number of sub-pixels changes along with a field.
"""

import pytest
import torch
from gradient_cases import GROUPS, PROFILES, TORCH_WARNS, follows
from small_experiments import small_experiment
from torch.autograd import forward_ad

from nb_core import CrystalShape, Profile
from nb_physics import simulate

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning", TORCH_WARNS)
WEIGHTS = torch.linspace(1.0, 2.0, 9, dtype=torch.float64).reshape(3, 3)
WIDE = 0.002
"""The fudge with which flat tops are so wide that the pixels see some."""

SMOOTH = {"eps": 1e-6, "atol": 1e-5, "rtol": 1e-4}
ROUNDED = {"eps": 1e-3, "atol": 1e-4, "rtol": 1e-3}
"""For an angle rounded to float32: 1e-7 of 2 degrees, over 1e-3 of half a degree."""


def start_of(group):
    """How far each field is moved: not yet."""
    tensors = [torch.as_tensor(value, dtype=torch.float64) for value, _ in group.fields.values()]
    return tuple(torch.zeros_like(value).requires_grad_() for value in tensors)


def measure(group, shape, profile, moves):
    """A number that every pixel counts in, of the order of 1, with the fields moved."""
    values = {
        name: torch.as_tensor(value, dtype=torch.float64) + scale * move
        for (name, (value, scale)), move in zip(group.fields.items(), moves, strict=True)
    }
    given = {"fpixels": 3, "spixels": 3, "shape": shape, "profile": profile, "round_div": False}
    if shape is CrystalShape.TOPHAT:
        given["fudge"] = WIDE
    image = simulate(small_experiment(**{**given, **group.more, **group.build(values)}))
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


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.value)
@pytest.mark.parametrize("shape", CrystalShape, ids=lambda shape: shape.value)
@pytest.mark.parametrize("title", GROUPS)
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
    assert torch.autograd.gradcheck(
        lambda *moves: measure(group, shape, profile, moves),
        start,
        check_undefined_grad=False,
        fast_mode=group.fast,
        **(ROUNDED if rounded else SMOOTH),
    )
    check_forward(group, shape, profile, start, gradients)
