"""The crystal in the laboratory: cell, matrix, misset, phi and mosaic domains."""

import dataclasses
import math
import warnings

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from small_experiments import small_experiment

from nb_core import CrystalConfig, InputError, OrientationMatrix, Profile
from nb_core.ran1 import Ran1, rotation_draw
from nb_physics import simulate
from nb_physics.orientation import (
    misset_angles,
    mosaic_rotations,
    step_vectors,
    uniform_rotation,
    unit_cell,
)
from nb_physics.vectors import rotate_xyz

REFERENCE, CORRECTED = Profile.REFERENCE, Profile.CORRECTED
X, Y, Z = EYE = torch.eye(3, dtype=torch.float64)
edges = st.floats(5, 300)
# The program's numbers: rows of rotations that its own functions made, from seed 777.
SECOND_ROTATION_OF_777_BY_1_RADIAN = [
    [0.90313025149628934, -0.42345943944769965, -0.070977827346919722],
    [0.36848121167032982, 0.84925640890390708, -0.37813377074998927],
    [0.22040268936248197, 0.31535005165415758, 0.92302600149914815],
]


def cell(a, b, c, alpha, beta, gamma, **more):
    names = ("cell_a", "cell_b", "cell_c", "cell_alpha", "cell_beta", "cell_gamma")
    return CrystalConfig(**dict(zip(names, (a, b, c, alpha, beta, gamma), strict=True)), **more)


def edges_and_angles(real):
    lengths = real.norm(dim=1)
    cosines = [real[i] @ real[j] / lengths[i] / lengths[j] for i, j in ((1, 2), (2, 0), (0, 1))]
    return [*lengths.tolist(), *(math.degrees(math.acos(cosine)) for cosine in cosines)]


@given(a=edges, b=edges, c=edges, angle=st.floats(40, 140), which=st.integers(0, 2))
@settings(max_examples=50)
def test_the_cell_comes_back(a, b, c, angle, which):
    """Edges, angles and volume, for cells with one oblique angle."""
    angles = [90.0, 90.0, 90.0]
    angles[which] = angle
    found = unit_cell(cell(a, b, c, *angles, misset_deg=(10.0, 20.0, 30.0)), 1.0, REFERENCE)
    assert edges_and_angles(found.real) == pytest.approx([a, b, c, *angles], rel=1e-9)
    volume = a * b * c * math.sin(math.radians(angle))
    assert found.volume.item() == pytest.approx(volume, rel=1e-12)
    assert torch.linalg.det(found.real).item() == pytest.approx(volume, rel=1e-12)
    torch.testing.assert_close(found.real @ found.reciprocal.T, EYE, rtol=0, atol=1e-12)


@given(a=edges, b=edges, c=edges, angles=st.tuples(*[st.floats(35, 145)] * 3))
@settings(max_examples=200)
def test_behaviour_44_corrected_builds_every_cell_that_is_asked_for(a, b, c, angles):
    """Edges, angles and volume of any triclinic cell that encloses a volume worth the name."""
    cosines = [math.cos(math.radians(angle)) for angle in angles]
    squared = 1 + 2 * math.prod(cosines) - sum(cosine**2 for cosine in cosines)
    assume(squared > 0.01)
    try:
        crystal = cell(a, b, c, *angles, misset_deg=(10.0, 20.0, 30.0))
    except InputError:
        assume(False)
    found = unit_cell(crystal, 1.0, CORRECTED)
    assert edges_and_angles(found.real) == pytest.approx([a, b, c, *angles], rel=1e-9)
    volume = a * b * c * math.sqrt(squared)
    assert abs(torch.linalg.det(found.real).item()) == pytest.approx(volume, rel=1e-9)
    torch.testing.assert_close(found.real @ found.reciprocal.T, EYE, rtol=0, atol=1e-9)


def test_behaviour_44_a_triclinic_cell_has_the_angles_that_the_program_gives_it():
    """nanoBragg prints 75.0391 85.0136 95.0081 for 75 85 95: its c* is too short or too long."""
    found = unit_cell(cell(70.0, 80.0, 90.0, 75.0, 85.0, 95.0), 1.0, REFERENCE)
    printed = [70.0, 80.0, 90.0, 75.0391, 85.0136, 95.0081]
    assert edges_and_angles(found.real) == pytest.approx(printed, abs=5e-5)
    a, b, c = found.real.tolist()
    assert a == pytest.approx([69.28031109, -7.95101471, 6.08439479], abs=5e-9)
    assert b == pytest.approx([0.0, 77.28816322, 20.65284063], abs=5e-9)
    assert c == pytest.approx([0.0, 0.0, 90.0], abs=5e-9)
    assert found.volume.item() == pytest.approx(481811, abs=0.5)


def test_edges_and_angles_default_to_a_cube():
    found = unit_cell(CrystalConfig(cell_a=50.0), 1.0, REFERENCE)
    torch.testing.assert_close(found.real, 50 * EYE, rtol=0, atol=1e-13)
    assert found.misset.tolist() == [0.0, 0.0, 0.0]


def test_the_standard_orientation():
    """a* lies along x, b* in the x-y plane, c along z."""
    found = unit_cell(cell(30.0, 40.0, 50.0, 90.0, 90.0, 120.0), 1.0, REFERENCE)
    assert found.reciprocal[0, 1:].tolist() == [0.0, 0.0]
    assert found.reciprocal[1, 2].item() == 0.0
    assert found.real[2].tolist() == pytest.approx([0.0, 0.0, 50.0])


def test_misset_turns_about_x_then_y_then_z():
    found = unit_cell(CrystalConfig(cell_a=1.0, misset_deg=(90.0, 90.0, 0.0)), 1.0, REFERENCE)
    torch.testing.assert_close(found.real, torch.stack([-Z, X, -Y]), rtol=0, atol=1e-15)


def matrix_of(reciprocal, wavelength):
    return OrientationMatrix(reciprocal.T * wavelength)


def test_a_matrix_gives_cell_and_orientation_at_its_wavelength():
    turned = unit_cell(
        cell(30.0, 40.0, 50.0, 90.0, 100.0, 90.0, misset_deg=(5.0, 6.0, 7.0)), 1, CORRECTED
    )
    matrix = matrix_of(turned.reciprocal, 1.7)
    found = unit_cell(CrystalConfig(matrix=matrix), 1.7, REFERENCE)
    torch.testing.assert_close(found.real, turned.real, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.reciprocal, turned.reciprocal, rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(found.volume, turned.volume, rtol=1e-12, atol=0)
    torch.testing.assert_close(
        unit_cell(CrystalConfig(matrix=matrix), 0.85, REFERENCE).real, turned.real / 2
    )


def test_a_matrix_is_misset_too():
    matrix = matrix_of(EYE / 20.0, 1.0)
    found = unit_cell(CrystalConfig(matrix=matrix, misset_deg=(0.0, 0.0, 90.0)), 1.0, REFERENCE)
    torch.testing.assert_close(found.real, 20 * torch.stack([Y, -X, Z]), rtol=0, atol=1e-13)


def test_with_matrix_and_cell_the_cell_gives_the_lengths():
    turned = rotate_xyz(EYE, torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)).T
    crystal = cell(30.0, 40.0, 50.0, 90.0, 90.0, 90.0, matrix=matrix_of(turned / 7, 1.0))
    found = unit_cell(crystal, 1.0, REFERENCE)
    assert edges_and_angles(found.real) == pytest.approx([30.0, 40.0, 50.0, 90.0, 90.0, 90.0])
    torch.testing.assert_close(found.real[1] / 40, turned[1], rtol=0, atol=1e-14)


def mosaic(spread_deg, profile=REFERENCE, domains=5, seed=777):
    crystal = CrystalConfig(
        cell_a=1.0, mosaic_spread_deg=spread_deg, mosaic_domains=domains, mosaic_seed=seed
    )
    return mosaic_rotations(crystal, profile)


@pytest.mark.parametrize("profile", Profile)
def test_the_first_mosaic_domain_is_not_turned(profile):
    matrices = mosaic(5.0, profile)
    assert matrices.shape == (3, 3, 5)
    assert torch.equal(matrices[:, :, 0], EYE)
    for domain in range(1, 5):
        matrix = matrices[:, :, domain]
        torch.testing.assert_close(matrix @ matrix.T, EYE, rtol=0, atol=1e-14)
        assert matrix[0, 0] != 1.0


def test_mosaic_domains_are_the_programs():
    """The first domain draws, but is not turned: the second has the stream's second rotation."""
    found = mosaic(math.degrees(1.0))[:, :, 1]
    expected = torch.tensor(SECOND_ROTATION_OF_777_BY_1_RADIAN, dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("profile", Profile)
def test_mosaic_angles_are_the_spread_times_the_draw(profile):
    """Rounded to float32 in the reference profile, as the program does."""
    generator = Ran1(777)
    matrices = mosaic(3.0, profile)
    for domain in range(5):
        axis, fraction = rotation_draw(generator)
        spread = math.radians(3.0)
        turn = torch.tensor(spread * fraction, dtype=torch.float64)
        single = torch.tensor(spread).float() * torch.tensor(fraction).float()
        if domain:
            matrix = matrices[:, :, domain]
            sine = torch.stack(
                [
                    matrix[2, 1] - matrix[1, 2],
                    matrix[0, 2] - matrix[2, 0],
                    matrix[1, 0] - matrix[0, 1],
                ]
            )
            found = torch.asin(sine.norm() / 2)
            expected = single.double() if profile is REFERENCE else turn
            assert found.item() == pytest.approx(expected.item(), rel=1e-12)
            torch.testing.assert_close(
                sine / sine.norm(), torch.tensor(axis, dtype=torch.float64), rtol=0, atol=1e-12
            )
            assert abs(single.double() - turn) > 1e-11 * turn


def test_without_a_spread_there_is_one_domain():
    assert torch.equal(mosaic(None)[:, :, 0], EYE)
    assert mosaic(None).shape == mosaic(0.0).shape == (3, 3, 1)
    assert mosaic(1.0, domains=None).shape == (3, 3, 10)


@pytest.mark.parametrize(
    ("seed", "expected"),
    [(777, None), (1138, [0.7557603757968453, 0.50494410667397072, 0.41696247254475666])],
)
def test_random_missets_of_the_reference_are_the_programs(seed, expected):
    """Turned back into the rotation: the first row of the program's matrix for a seed.

    In 1138 a power in float64, rounded afterwards, would differ in the last bit of the angle.
    """
    crystal = CrystalConfig(cell_a=1.0, misset_deg="random", misset_seed=seed)
    angles = misset_angles(crystal, REFERENCE)
    matrix = torch.stack([rotate_xyz(v, angles) for v in EYE], dim=1)
    axis, fraction = rotation_draw(Ran1(seed))
    turn = (torch.tensor(fraction, dtype=torch.float32) * 90.0).double()
    axis = torch.tensor(axis, dtype=torch.float64)
    torch.testing.assert_close(matrix @ axis, axis, rtol=0, atol=1e-13)
    assert (matrix.trace().item() - 1) / 2 == pytest.approx(math.cos(turn), abs=1e-13)
    if expected:
        assert matrix[0].tolist() == pytest.approx(expected, abs=1e-15)


def test_uniform_rotations_have_no_preference():
    """Every element of the matrix has mean 0 and mean square 1/3; 1000 draws scatter by 0.018."""
    generator = Ran1(5)
    matrices = torch.stack(
        [uniform_rotation(*(generator.uniform() for _ in range(3))) for _ in range(1000)]
    )
    torch.testing.assert_close(matrices @ matrices.mT, EYE.expand_as(matrices), rtol=0, atol=1e-12)
    assert matrices.mean(dim=0).abs().max() < 0.07
    assert (matrices.square().mean(dim=0) - 1 / 3).abs().max() < 0.05
    traces = matrices.diagonal(dim1=1, dim2=2).sum(dim=1)
    assert abs(traces.mean()) < 0.12
    assert traces.square().mean().item() == pytest.approx(1.0, abs=0.15)


def test_steps_turn_by_phi_first_then_by_domain_which_runs_fastest():
    crystal = unit_cell(cell(30.0, 40.0, 50.0, 90.0, 95.0, 90.0), 1.0, REFERENCE)
    phi = torch.tensor([0.0, 0.4, -1.1], dtype=torch.float64)
    domains = mosaic(20.0, domains=2)
    steps = step_vectors(crystal, Y, phi, domains)
    assert steps.shape == (3, 3, 6)
    for step in range(6):
        turn = phi[step // 2]
        for vector in range(3):
            turned = rotate_xyz(crystal.real[vector], torch.stack([0 * turn, turn, 0 * turn]))
            expected = domains[:, :, step % 2] @ turned
            torch.testing.assert_close(steps[vector, :, step], expected, rtol=0, atol=1e-12)


def test_behaviour_44_a_cell_and_the_same_cell_as_a_matrix_give_one_image():
    """A protein's cell; the matrix from vectors worked out by hand (c along z, b in the y-z plane),
    which are nb's standard orientation.
    """
    names = ("cell_a", "cell_b", "cell_c", "cell_alpha", "cell_beta", "cell_gamma")
    a, b, c, *degrees = numbers = (27.28, 31.98, 34.29, 88.53, 108.57, 111.85)
    alpha, beta, gamma = (math.cos(math.radians(angle)) for angle in degrees)
    by, bz, az = b * math.sqrt(1 - alpha**2), b * alpha, a * beta
    ay = (a * b * gamma - az * bz) / by
    rows = [[math.sqrt(a**2 - ay**2 - az**2), ay, az], [0.0, by, bz], [0.0, 0.0, c]]
    matrix = matrix_of(torch.linalg.inv(torch.tensor(rows, dtype=torch.float64)).T, 1.0)
    fields = {"N_cells": (15, 15, 15), "distance_mm": 60.0, "pixel_size_mm": 1.0, "oversample": 9}
    size = {"fpixels": 40, "spixels": 40, "misset_deg": (10.0, 20.0, 30.0)}
    cells = [dict(zip(names, numbers, strict=True)), dict.fromkeys(names) | {"matrix": matrix}]

    def correlation(profile):
        with warnings.catch_warnings(action="ignore"):
            images = [
                simulate(small_experiment(**fields, **size, **cell, profile=profile))
                for cell in cells
            ]
        return torch.corrcoef(torch.stack([image.flatten() for image in images]))[0, 1].item()

    assert correlation(CORRECTED) == pytest.approx(1.0, abs=1e-9)
    assert correlation(REFERENCE) < 0.99


class TestOtherWaysToSayACell:
    """A U matrix and a cell, or a, b, c in the lab: the same crystal as a misset cell."""

    misset = dataclasses.replace(
        CrystalConfig(cell_a=70.0, cell_b=80.0, cell_c=90.0, cell_alpha=75.0, cell_beta=85.0),
        misset_deg=(10.0, -20.0, 30.0),
    )

    @pytest.fixture
    def expected(self):
        return unit_cell(self.misset, 1.0, Profile.CORRECTED)

    def same(self, found, expected):
        for name in ("real", "reciprocal", "volume"):
            torch.testing.assert_close(
                getattr(found, name), getattr(expected, name), rtol=1e-12, atol=1e-12
            )

    def test_real_vectors(self, expected):
        vectors = tuple(tuple(row) for row in expected.real.tolist())
        for rows in (vectors, expected.real):
            crystal = CrystalConfig(vectors_A=rows)
            self.same(unit_cell(crystal, 1.0, Profile.CORRECTED), expected)

    def test_a_u_matrix(self, expected):
        straight = unit_cell(
            dataclasses.replace(self.misset, misset_deg=None), 1.0, Profile.CORRECTED
        )
        turn = expected.reciprocal.T @ torch.linalg.inv(straight.reciprocal.T)
        crystal = dataclasses.replace(self.misset, misset_deg=None, U_matrix=turn)
        self.same(unit_cell(crystal, 1.0, Profile.CORRECTED), expected)

    def test_a_misset_turns_them_further(self, expected):
        vectors = unit_cell(
            dataclasses.replace(self.misset, misset_deg=None), 1.0, Profile.CORRECTED
        ).real
        crystal = CrystalConfig(vectors_A=vectors, misset_deg=self.misset.misset_deg)
        self.same(unit_cell(crystal, 1.0, Profile.CORRECTED), expected)
