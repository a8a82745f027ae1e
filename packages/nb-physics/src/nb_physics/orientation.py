"""The crystal in the laboratory: cell vectors of every phi step and mosaic domain."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import CrystalConfig, Profile
from nb_core.configs import Scalar, matrix_tensor, scalar_tensor, vector_tensor
from nb_core.ran1 import Ran1, matrix_to_misset, mosaic_draws, rotation_draw
from nb_core.showing import Brief
from nb_core.sweeps import Sweep, resolve_mosaic, resolve_phi, resolve_rotation
from nb_core.units import deg_to_rad
from nb_physics.vectors import (
    apply_matrix,
    cross,
    dot,
    length,
    rotate_about,
    rotate_xyz,
    rotation_matrix,
)


@dataclass(frozen=True, eq=False, repr=False)
class UnitCell(Brief):
    """Cell vectors at phi = 0, without mosaic rotation.

    real: a, b, c in Angstrom, shape (3 vectors, 3 components)
    reciprocal: a*, b*, c* in 1/Angstrom, same shape; volume: Angstrom^3
    misset: the rotation about x, y, z that was applied, radians, shape (3,)
    """

    real: Float[Tensor, "3 3"]
    reciprocal: Float[Tensor, "3 3"]
    volume: Float[Tensor, ""]
    misset: Float[Tensor, "3"]


@dataclass(frozen=True, eq=False)
class CellParameters:
    """Edges (Angstrom), angles (radians) and volume (Angstrom^3) of a triclinic cell."""

    edges: tuple[Tensor, Tensor, Tensor]
    angles: tuple[Tensor, Tensor, Tensor]
    volume: Float[Tensor, ""]


def cell_parameters(crystal: CrystalConfig) -> CellParameters | None:
    """The cell with its defaults (b = c = a, right angles); None where only a matrix is given."""
    if crystal.cell_a is None:
        return None
    a = scalar_tensor(crystal.cell_a)
    b = a if crystal.cell_b is None else scalar_tensor(crystal.cell_b)
    c = a if crystal.cell_c is None else scalar_tensor(crystal.cell_c)
    alpha, beta, gamma = (
        torch.tensor(torch.pi / 2, dtype=torch.float64)
        if angle is None
        else deg_to_rad(scalar_tensor(angle))
        for angle in (crystal.cell_alpha, crystal.cell_beta, crystal.cell_gamma)
    )
    half = (alpha + beta + gamma) / 2
    skew = torch.sin(half) * torch.sin(half - alpha)
    skew = skew * torch.sin(half - beta) * torch.sin(half - gamma)
    volume = 2.0 * a * b * c * torch.sqrt(torch.abs(skew))
    return CellParameters((a, b, c), (alpha, beta, gamma), volume)


def standard_orientation(cell: CellParameters, profile: Profile) -> Float[Tensor, "3 3"]:
    """Reciprocal vectors (1/Angstrom) with a* along x and b* in the x-y plane, so c along z.

    International Tables for Crystallography B, section 1.1; shape (3 vectors, 3 components).
    c* . c = 1 asks for a z component of c* of 1 / c; nanoBragg's, sin(gamma) / (c sin(gamma*)), is
    another where two or more angles are oblique, and the reference profile keeps it.
    """
    (a, b, c), (alpha, beta, gamma) = cell.edges, cell.angles
    volume, inverse = cell.volume, 1.0 / cell.volume
    a_star = b * c * torch.sin(alpha) * inverse
    b_star = c * a * torch.sin(beta) * inverse
    c_star = a * b * torch.sin(gamma) * inverse
    sin_gamma = (c * inverse / a_star / b_star).clamp(-1.0, 1.0)
    cos_alpha = _reciprocal_cosine(alpha, beta, gamma)
    cos_beta = _reciprocal_cosine(beta, gamma, alpha)
    cos_gamma = _reciprocal_cosine(gamma, alpha, beta)
    zero = torch.zeros_like(a_star)
    rise = 1.0 / c
    if profile is Profile.REFERENCE:
        rise = c_star * volume / (a * b * c * sin_gamma)
    return torch.stack(
        [
            torch.stack([a_star, zero, zero]),
            torch.stack([b_star * cos_gamma, b_star * sin_gamma, zero]),
            torch.stack(
                [
                    c_star * cos_beta,
                    c_star * (cos_alpha - cos_beta * cos_gamma) / sin_gamma,
                    rise,
                ]
            ),
        ]
    )


def unit_cell(crystal: CrystalConfig, wavelength_A: Scalar, profile: Profile) -> UnitCell:
    """The oriented cell: from the cell, the A matrix or real-space vectors, then the misset.

    Given cell and A matrix, the matrix sets the directions and the cell the lengths. A U matrix
    turns the cell from its default orientation.
    """
    if crystal.vectors_A is not None:
        return _cell_of_vectors(matrix_tensor(crystal.vectors_A), misset_angles(crystal, profile))
    cell = cell_parameters(crystal)
    if crystal.matrix is not None:
        reciprocal = crystal.matrix.values.T * (1.0 / scalar_tensor(wavelength_A))
    else:
        assert cell is not None
        reciprocal = standard_orientation(cell, profile)
    if crystal.U_matrix is not None:
        turn = matrix_tensor(crystal.U_matrix)
        reciprocal = torch.stack([apply_matrix(turn, vector) for vector in reciprocal])
    misset = misset_angles(crystal, profile)
    reciprocal = torch.stack([rotate_xyz(vector, misset) for vector in reciprocal])
    areas = _cross_products(reciprocal)
    if cell is None:
        inverse_volume = dot(reciprocal[0], areas[0])
    else:
        areas = torch.stack(
            [
                (edge / cell.volume) / length(area) * area
                for edge, area in zip(cell.edges, areas, strict=True)
            ]
        )
        inverse_volume = 1.0 / cell.volume
    volume = 1.0 / inverse_volume
    real = areas * volume
    return UnitCell(real, _cross_products(real) * inverse_volume, volume, misset)


def _cell_of_vectors(real: Float[Tensor, "3 3"], misset: Float[Tensor, "3"]) -> UnitCell:
    """The cell of a, b, c (Angstrom), turned by the misset."""
    real = torch.stack([rotate_xyz(vector, misset) for vector in real])
    areas = _cross_products(real)
    volume = dot(real[0], areas[0])
    return UnitCell(real, areas / volume, volume, misset)


def misset_angles(crystal: CrystalConfig, profile: Profile) -> Float[Tensor, "3"]:
    """Rotation about x, y, z in radians; a random one is drawn from `misset_seed`.

    Reference: nanoBragg's draw, a rotation by up to 90 radians. Corrected: uniform over SO(3)
    (Shoemake, Graphics Gems III, 1992).
    """
    if crystal.misset_deg is None:
        return torch.zeros(3, dtype=torch.float64)
    if not isinstance(crystal.misset_deg, str):
        return deg_to_rad(vector_tensor(crystal.misset_deg))
    stream = Ran1(crystal.misset_seed or 0)
    if profile is Profile.REFERENCE:
        axis, fraction = rotation_draw(stream)
        turn = torch.tensor(fraction, dtype=torch.float32) * 90.0
        axes = torch.tensor(axis, dtype=torch.float64)
        matrix = rotation_matrix(axes, turn.to(torch.float64))
    else:
        matrix = uniform_rotation(*(stream.uniform() for _ in range(3)))
    return torch.tensor(matrix_to_misset(matrix.numpy()), dtype=torch.float64)


def uniform_rotation(u: float, v: float, w: float) -> Float[Tensor, "3 3"]:
    """Rotation matrix, uniform over SO(3), from three uniform deviates (Shoemake 1992)."""
    draws = torch.tensor([u, v, w], dtype=torch.float64)
    flat, steep = torch.sqrt(1 - draws[0]), torch.sqrt(draws[0])
    first, second = 2 * torch.pi * draws[1], 2 * torch.pi * draws[2]
    x, y = flat * torch.sin(first), flat * torch.cos(first)
    z, cosine = steep * torch.sin(second), steep * torch.cos(second)
    sine = torch.sqrt(1 - cosine * cosine)
    axis = torch.stack([x, y, z]) / sine
    return rotation_matrix(axis, 2 * torch.atan2(sine, cosine))


def phi_sweep(crystal: CrystalConfig, profile: Profile) -> Sweep:
    """The rotation's steps, radians.

    Reference: a negative range or step is one that is not given. Corrected: it turns backwards.
    """
    osc, step = (
        None if angle is None else deg_to_rad(angle)
        for angle in (crystal.osc_range_deg, crystal.phi_step_deg)
    )
    resolve = resolve_phi if profile is Profile.REFERENCE else resolve_rotation
    return resolve(osc, step, crystal.phi_steps)


def phi_angles(crystal: CrystalConfig, profile: Profile) -> Float[Tensor, " phi"]:
    """Spindle angles (radians) of each step: reference, at its start; corrected, in its middle.

    `phi_start_deg` is where the first step begins, in both.
    """
    sweep = phi_sweep(crystal, profile)
    start = deg_to_rad(scalar_tensor(crystal.phi_start_deg))
    steps = torch.arange(sweep.count, dtype=torch.float64)
    if profile is not Profile.REFERENCE:
        steps = steps + 0.5
    return start + scalar_tensor(sweep.step) * steps


def mosaic_rotations(crystal: CrystalConfig, profile: Profile) -> Float[Tensor, "3 3 domains"]:
    """Rotation matrices of the mosaic domains, drawn from `mosaic_seed`; the first is unity.

    Axes are uniform on the sphere; the angle is the spread times the drawn fraction, rounded to
    float32 in the reference profile as the program does; its gradient is that of the angle
    before rounding.
    """
    spread_deg, domains, _ = resolve_mosaic(crystal.mosaic_spread_deg, crystal.mosaic_domains)
    spread = deg_to_rad(spread_deg)
    axes, fractions = (
        torch.from_numpy(part) for part in mosaic_draws(crystal.mosaic_seed, domains)
    )
    angle = scalar_tensor(spread) * fractions
    if profile is Profile.REFERENCE:
        single = scalar_tensor(spread).to(torch.float32) * fractions.to(torch.float32)
        angle = _valued(angle, single.to(torch.float64))
    matrices = rotation_matrix(axes.T.contiguous(), angle)
    first = torch.eye(3, dtype=torch.float64)[:, :, None]
    return torch.cat([first, matrices[:, :, 1:]], dim=2)


def step_vectors(
    cell: UnitCell,
    spindle: Float[Tensor, "3"],
    phi: Float[Tensor, " phi"],
    mosaic: Float[Tensor, "3 3 domains"],
) -> Float[Tensor, "3 3 steps"]:
    """a, b, c (first axis; Angstrom) of every step; steps run over phi, then domains (fastest)."""
    steps = []
    for vector in cell.real:
        turned = rotate_about(vector[:, None], spindle[:, None], phi)
        domains = apply_matrix(mosaic[:, :, None, :], turned[:, :, None])
        steps.append(domains.reshape(3, -1))
    return torch.stack(steps)


def _reciprocal_cosine(
    own: Float[Tensor, ""], second: Float[Tensor, ""], third: Float[Tensor, ""]
) -> Float[Tensor, ""]:
    cosine = torch.cos(second) * torch.cos(third) - torch.cos(own)
    cosine = cosine / (torch.sin(second) * torch.sin(third))
    return cosine.clamp(-1.0, 1.0)


def _valued(smooth: Float[Tensor, "*n"], rounded: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """The value of `rounded` with the gradient of `smooth`, which differs from it by rounding."""
    return smooth - (smooth - rounded).detach()


def _cross_products(vectors: Float[Tensor, "3 3"]) -> Float[Tensor, "3 3"]:
    a, b, c = vectors
    return torch.stack([cross(b, c), cross(c, a), cross(a, b)])
