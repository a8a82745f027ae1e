"""Second derivatives of the image against differences of first ones, as Newton's method takes them.

All fields of SECOND at once, mixed ones too. A field is moved by a fraction t of a hundredth of its
scale, within which the image turns over once: derivatives of every order are of the order of 1 for
the sum that is measured. Central differences over 1e-5 then err by 1e-10 (third derivatives), and
by the rounding of a first derivative, 1e-16 times some hundreds of turns of phase over 1e-5: 1e-9.
"""

import pytest
import torch
from annotations import unchecked_annotations
from gradient_cases import GROUPS, PROFILES, SECOND, SMOOTH, TORCH_WARNS
from lattice_values import lattice_value
from small_experiments import small_experiment

from nb_physics import simulate

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning", TORCH_WARNS)
WEIGHTS = torch.linspace(1.0, 2.0, 4, dtype=torch.float64).reshape(2, 2)
FIELDS = {
    name: group.fields[name] for group in GROUPS.values() for name in group.fields if name in SECOND
}
STRAIGHT = {
    "cell_alpha": 90.0,
    "cell_beta": 90.0,
    "cell_gamma": 90.0,
    "misset_deg": (0.0, 0.0, 0.0),
}


def measure(moves, given, values):
    """A number that every pixel counts in, of the order of 1, with the fields moved."""
    fields = {
        name: torch.as_tensor(values[name], dtype=torch.float64) + 0.01 * FIELDS[name][1] * move
        for name, move in zip(values, moves, strict=True)
    }
    fields["N_cells"] = tuple(fields["N_cells"])
    image = simulate(small_experiment(**{"fpixels": 2, "spixels": 2, **given, **fields}))
    return (image * WEIGHTS).sum() / 1000.0


def check(given, other):
    """Holds them against differences, and gives the sum of each row."""
    values = {name: other.get(name, FIELDS[name][0]) for name in SECOND}
    tensors = [torch.as_tensor(value, dtype=torch.float64) for value in values.values()]
    start = tuple(torch.zeros_like(value).requires_grad_() for value in tensors)

    def moved(*moves):
        return measure(moves, given, values)

    tolerances = {"eps": 1e-5, "atol": 1e-7, "rtol": 1e-5}
    with unchecked_annotations():
        assert torch.autograd.gradgradcheck(moved, start, check_undefined_grad=False, **tolerances)
    gradients = torch.autograd.grad(moved(*start), start, create_graph=True)
    return torch.autograd.grad(sum(gradient.sum() for gradient in gradients), start)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.value)
@pytest.mark.parametrize("shape", SMOOTH, ids=lambda shape: shape.value)
def test_second_derivatives(shape, profile):
    rows = check({"shape": shape, "profile": profile}, {})
    assert all(row.abs().min() > 1e-6 for row in rows)


def test_second_derivatives_at_a_spot_of_a_right_angled_cell():
    """The first pixel looks along the beam: h, k, l are exactly 0, and sines of the cell 1."""
    centre = {"beam_center_x_mm": 0.0, "beam_center_y_mm": 0.0, "default_F": 1.0}
    check(centre, STRAIGHT)


OFFSETS = {
    "at a spot": [0.0, 0.0, 0.0],
    "in a plane": [0.0, 0.1, -0.2],
    "close": [1e-9, -1e-7, 1e-5],
    "where the series ends": [0.01 / 3, 0.01 / 4, 0.00999 / 5],
}


@pytest.mark.parametrize("offset", OFFSETS.values(), ids=OFFSETS)
@pytest.mark.parametrize("shape", SMOOTH, ids=lambda shape: shape.value)
def test_second_derivatives_of_the_lattice_factor(shape, offset):
    """A direct formula would lose 1e-16 over the square of the offset: all digits."""
    reciprocal = torch.tensor([[0.05, 0.0, 0.0], [0.01, 0.04, 0.0], [-0.01, 0.0, 0.03]]).double()
    cells, fudge = torch.tensor([3.0, 4.0, 5.0]).double(), torch.ones(()).double()
    inputs = [torch.tensor(offset, dtype=torch.float64), cells, reciprocal, fudge]
    start = [value.requires_grad_() for value in inputs]
    # Of 60 N^2: differences over 1e-5 err by the fourth derivative, N^2 1e-10 of it.
    tolerances = {"eps": 1e-5, "atol": 1e-5, "rtol": 1e-6}

    def factor(offset, *rest):
        return lattice_value(shape, offset[:, None], *rest)

    assert torch.autograd.gradgradcheck(factor, start, check_undefined_grad=False, **tolerances)
