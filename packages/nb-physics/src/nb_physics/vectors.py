"""Vector algebra on tensors whose first axis holds the lab components x, y, z.

Sums are written out, so that each result is rounded as in nanoBragg and does not depend on the
shape of the tensor it is part of (as a matrix product's would).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def dot(v: Float[Tensor, "3 *#n"], w: Float[Tensor, "3 *#n"]) -> Float[Tensor, "*n"]:
    """Inner product over the first axis."""
    return v[0] * w[0] + v[1] * w[1] + v[2] * w[2]


def cross(v: Float[Tensor, "3 *n"], w: Float[Tensor, "3 *n"]) -> Float[Tensor, "3 *n"]:
    """Vector product over the first axis."""
    return torch.stack(
        [v[1] * w[2] - v[2] * w[1], v[2] * w[0] - v[0] * w[2], v[0] * w[1] - v[1] * w[0]]
    )


def length(v: Float[Tensor, "3 *n"]) -> Float[Tensor, "*n"]:
    """Euclidean length over the first axis; the gradient of a length of 0 is 0."""
    squared = dot(v, v)
    nothing = squared == 0
    return torch.where(nothing, 0.0, torch.sqrt(torch.where(nothing, 1.0, squared)))


def angle_between(v: Float[Tensor, "3 *n"], w: Float[Tensor, "3 *n"]) -> Float[Tensor, "*n"]:
    """Angle (radians) between two vectors, which have a length."""
    return torch.acos((dot(v, w) / (length(v) * length(w))).clamp(-1.0, 1.0))


def unit(v: Float[Tensor, "3 *n"]) -> Float[Tensor, "3 *n"]:
    """Unit vector; a vector of no length stays as it is."""
    squared = dot(v, v)
    return v / torch.sqrt(torch.where(squared == 0, 1.0, squared))


def squarable(v: Float[Tensor, "3 *n"]) -> Float[Tensor, "3 *n"]:
    """The same directions, of lengths whose squares are numbers greater than 0."""
    largest = v.detach().abs().amax(dim=0)
    usual = (largest > 1e-100) & (largest < 1e100)
    return v / torch.where(usual | (largest == 0), 1.0, largest)


def rotate_xyz(v: Float[Tensor, "3 *n"], angles: Float[Tensor, "3"]) -> Float[Tensor, "3 *n"]:
    """Right-handed rotations (radians) about x, then y, then z."""
    x, y, z = v
    sin, cos = torch.sin(angles), torch.cos(angles)
    y, z = y * cos[0] - z * sin[0], y * sin[0] + z * cos[0]
    x, z = x * cos[1] + z * sin[1], -x * sin[1] + z * cos[1]
    x, y = x * cos[2] - y * sin[2], x * sin[2] + y * cos[2]
    return torch.stack([x, y, z])


def rotate_about(
    v: Float[Tensor, "3 *#n"], axis: Float[Tensor, "3 *#n"], angle: Float[Tensor, "*#n"]
) -> Float[Tensor, "3 *n"]:
    """Right-handed rotation by `angle` (radians) about a unit axis (Rodrigues' formula)."""
    sin, cos = torch.sin(angle), torch.cos(angle)
    along = dot(axis, v) * (1.0 - cos)
    return torch.stack(
        [
            axis[0] * along + v[0] * cos + (-axis[2] * v[1] + axis[1] * v[2]) * sin,
            axis[1] * along + v[1] * cos + (axis[2] * v[0] - axis[0] * v[2]) * sin,
            axis[2] * along + v[2] * cos + (-axis[1] * v[0] + axis[0] * v[1]) * sin,
        ]
    )


def rotation_matrix(
    axis: Float[Tensor, "3 *n"], angle: Float[Tensor, "*n"]
) -> Float[Tensor, "3 3 *n"]:
    """Matrix (row, column, ...) of the rotation by `angle` (radians) about a unit axis."""
    x, y, z = axis
    sin, cos = torch.sin(angle), torch.cos(angle)
    rest = 1.0 - cos
    rows = [
        [cos + rest * (x * x), rest * x * y - sin * z, rest * x * z + sin * y],
        [rest * x * y + sin * z, cos + rest * (y * y), rest * y * z - sin * x],
        [rest * x * z - sin * y, rest * y * z + sin * x, cos + rest * (z * z)],
    ]
    return torch.stack([torch.stack(row) for row in rows])


def apply_matrix(
    matrix: Float[Tensor, "3 3 *#n"], v: Float[Tensor, "3 *#n"]
) -> Float[Tensor, "3 *n"]:
    """Matrix times vector, over the first axes."""
    return torch.stack([row[0] * v[0] + row[1] * v[1] + row[2] * v[2] for row in matrix])
