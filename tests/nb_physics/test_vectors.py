"""Vector algebra, against plain numpy-free arithmetic and the properties of rotations."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nb_physics.vectors import (
    apply_matrix,
    cross,
    dot,
    length,
    rotate_about,
    rotate_xyz,
    rotation_matrix,
    unit,
)

numbers = st.floats(-100, 100)
vectors = st.tuples(numbers, numbers, numbers).map(lambda v: torch.tensor(v, dtype=torch.float64))
axes = vectors.filter(lambda v: v.norm() > 0.1).map(lambda v: v / v.norm())
angles = st.floats(-7, 7).map(lambda angle: torch.tensor(angle, dtype=torch.float64))
X, Y, Z = torch.eye(3, dtype=torch.float64)


@given(v=vectors, w=vectors)
def test_products(v, w):
    product = cross(v, w)
    assert dot(v, w).item() == pytest.approx(float(v @ w), abs=1e-10)
    assert dot(product, v).abs() < 1e-9
    assert length(product) ** 2 + dot(v, w) ** 2 == pytest.approx(
        float(dot(v, v) * dot(w, w)), rel=1e-9, abs=1e-12
    )


def test_cross_is_right_handed():
    assert torch.equal(cross(X, Y), Z)
    assert torch.equal(cross(Y, Z), X)


@given(v=vectors.filter(lambda v: v.norm() > 1e-100))
def test_unit_vectors(v):
    assert length(unit(v)).item() == pytest.approx(1.0, abs=1e-14)
    assert length(cross(unit(v), v)) <= 1e-14 * length(v)


def test_a_vector_of_no_length_stays():
    assert unit(torch.zeros(3, dtype=torch.float64)).tolist() == [0.0, 0.0, 0.0]


@given(v=vectors, axis=axes, angle=angles)
def test_rotations_about_an_axis_keep_length_and_axis(v, axis, angle):
    turned = rotate_about(v, axis, angle)
    assert length(turned).item() == pytest.approx(length(v).item(), abs=1e-12)
    assert dot(turned, axis).item() == pytest.approx(dot(v, axis).item(), abs=1e-12)
    back = rotate_about(turned, axis, -angle)
    torch.testing.assert_close(back, v, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("axis", "before", "after"), [(X, Y, Z), (Y, Z, X), (Z, X, Y)])
def test_rotations_are_right_handed(axis, before, after):
    quarter = torch.tensor(math.pi / 2, dtype=torch.float64)
    assert torch.allclose(rotate_about(before, axis, quarter), after, rtol=0, atol=1e-15)
    assert torch.allclose(rotate_xyz(before, axis * quarter), after, rtol=0, atol=1e-15)


@given(v=vectors, turns=vectors)
def test_rotations_about_x_then_y_then_z(v, turns):
    expected = v
    for axis, angle in zip((X, Y, Z), turns, strict=True):
        expected = rotate_about(expected, axis, angle)
    torch.testing.assert_close(rotate_xyz(v, turns), expected, rtol=0, atol=1e-11)


@given(v=vectors, axis=axes, angle=angles)
def test_a_rotation_matrix_turns_as_rodrigues_does(v, axis, angle):
    matrix = rotation_matrix(axis, angle)
    torch.testing.assert_close(
        apply_matrix(matrix, v), rotate_about(v, axis, angle), rtol=0, atol=1e-11
    )
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(3).double(), rtol=0, atol=1e-14)
    assert torch.linalg.det(matrix).item() == pytest.approx(1.0, abs=1e-14)


def test_sums_do_not_depend_on_the_shape():
    """The same vector gives the same bits, alone or in a crowd."""
    crowd = torch.randn(3, 1000, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    axis, angle = crowd[:, :1] / crowd[:, :1].norm(), torch.tensor([0.3], dtype=torch.float64)
    together = rotate_about(crowd, axis, angle)
    for column in (0, 17, 999):
        alone = rotate_about(crowd[:, column : column + 1], axis, angle)
        assert torch.equal(alone[:, 0], together[:, column])
