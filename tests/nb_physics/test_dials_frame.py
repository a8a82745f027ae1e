"""An orientation and a detector of DIALS, by the two ways that the guide gives.

DIALS' laboratory (dxtbx, imgCIF): the beam runs along -z, the spindle lies along x, an image's fast
axis is mostly x and its slow axis -y.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from nb_core import NbWarning, OrientationMatrix, Profile, flags_to_experiment
from nb_core.formats.matrix import read_matrix
from nb_physics import make_plan, simulate

WAVELENGTH = 0.9
PIXEL = 0.4
PIXELS = 48
ORIGIN = np.array([-9.3, 10.1, -60.0])
"""Of the first pixel's corner, mm."""
FAST, SLOW = np.array([1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0])
TO_MOSFLM = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
"""What turns DIALS' x, y, z into the axes of -mosflm."""
CELL = (61.0, 73.0, 89.0)
COMMON = (
    f"-lambda {WAVELENGTH} -detpixels {PIXELS} -pixel {PIXEL} -N 12 -default_F 100 -oversample 1"
)
PHI = 25.0


def dials_matrix():
    """A* of an orthogonal cell, turned: columns a*, b*, c* in DIALS' axes, 1/Angstrom."""
    axis, angle = np.array([0.3, -0.5, 0.8]) / np.linalg.norm([0.3, -0.5, 0.8]), 1.1
    skew = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    turn = np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * skew @ skew
    return turn @ np.diag([1 / edge for edge in CELL])


def predicted_indices(slow, fast, phi_deg):
    """The fractional h k l that DIALS gives a pixel's centre: s1 - s0 in its own axes."""
    point = ORIGIN + (fast + 0.5) * PIXEL * FAST + (slow + 0.5) * PIXEL * SLOW
    q = (point / np.linalg.norm(point) - np.array([0.0, 0.0, -1.0])) / WAVELENGTH
    phi = np.deg2rad(phi_deg)
    about_x = np.array([[1, 0, 0], [0, np.cos(phi), -np.sin(phi)], [0, np.sin(phi), np.cos(phi)]])
    return np.linalg.inv(about_x @ dials_matrix()) @ q


def write_matrix(folder, matrix):
    """A MOSFLM A matrix file: the columns are a*, b*, c* times the wavelength."""
    path = Path(folder) / "A.mat"
    rows = WAVELENGTH * matrix
    path.write_text("\n".join(" ".join(f"{part:.12f}" for part in row) for row in rows) + "\n")
    return path


def brightest(image):
    slow, fast = divmod(int(image.argmax()), PIXELS)
    return slow, fast


def own_axes(folder):
    """The first way: DIALS' axes, given as vectors; the matrix and the origin as they are."""
    path = write_matrix(folder, dials_matrix())
    vectors = (
        "-beam_vector 0 0 -1 -spindle_axis 1 0 0 -polar_vector 1 0 0 "
        "-fdet_vector 1 0 0 -sdet_vector 0 -1 0"
    )
    origin = " ".join(str(part) for part in ORIGIN)
    line = f"-mat {path} {COMMON} {vectors} -pix0_vector_mm {origin} -phi {PHI} -osc 0.0001"
    return flags_to_experiment([*line.split(), "-phisteps", "1"], profile=Profile.CORRECTED)


def turned_into_mosflm(folder):
    """The second way: the matrix turned into MOSFLM's axes, which every profile takes."""
    path = write_matrix(folder, TO_MOSFLM @ dials_matrix())
    slow, fast = -ORIGIN @ SLOW, -ORIGIN @ FAST
    line = f"-mat {path} {COMMON} -denzo -Xbeam {slow} -Ybeam {fast} -distance 60 -phi {PHI}"
    return flags_to_experiment(
        [*line.split(), "-osc", "0.0001", "-phisteps", "1"], profile=Profile.CORRECTED
    )


def image_of(experiment):
    with pytest.warns(NbWarning, match="oversample"):
        plan = make_plan(experiment)
    return plan, simulate(plan)


def test_both_ways_give_one_image_and_its_spots_lie_where_dials_predicts(tmp_path):
    (tmp_path / "a").mkdir()
    _, first = image_of(own_axes(tmp_path))
    _, second = image_of(turned_into_mosflm(tmp_path / "a"))
    correlation = torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1]
    assert correlation.item() == pytest.approx(1.0, abs=1e-6)
    slow, fast = brightest(first)
    found = predicted_indices(slow, fast, PHI)
    # a spot of 12 cells is 1/12 wide: half of that from a whole number, and not 0 0 0
    assert np.abs(found - np.rint(found)).max() < 0.5 / 12
    assert np.abs(np.rint(found)).max() > 0
    not_turned = predicted_indices(slow, fast, 0.0)
    assert np.abs(not_turned - np.rint(not_turned)).max() > 0.5 / 12


def test_the_option_called_dials_is_another_laboratory(tmp_path):
    """Its spindle is y and its beam +z: the matrix as DIALS has it gives another pattern."""
    path = write_matrix(tmp_path, dials_matrix())
    origin = f"-ORGX {-ORIGIN @ FAST / PIXEL + 0.5} -ORGY {-ORIGIN @ SLOW / PIXEL + 0.5}"
    line = f"-mat {path} {COMMON} -dials {origin} -distance 60 -phi {PHI} -osc 0.0001 -phisteps 1"
    plan, wrong = image_of(flags_to_experiment(line.split(), profile=Profile.CORRECTED))
    _, right = image_of(own_axes(tmp_path))
    correlation = torch.corrcoef(torch.stack([wrong.flatten(), right.flatten()]))[0, 1]
    assert abs(correlation.item()) < 0.5
    assert any("the crystal is turned against mosflm's" in note for note in plan.notes)


def test_the_turn_into_mosflm_s_axes_is_a_rotation_that_keeps_fast_and_slow():
    assert np.linalg.det(TO_MOSFLM) == pytest.approx(1.0)
    for dials, mosflm in (
        ((0.0, 0.0, -1.0), (1.0, 0.0, 0.0)),  # the beam
        ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),  # fast and the spindle
        ((0.0, -1.0, 0.0), (0.0, -1.0, 0.0)),  # slow
    ):
        assert (TO_MOSFLM @ np.array(dials)).tolist() == list(mosflm)


def test_a_matrix_file_is_read_as_it_is_written(tmp_path):
    found = read_matrix(write_matrix(tmp_path, dials_matrix()))
    assert isinstance(found, OrientationMatrix)
    np.testing.assert_allclose(found.values, WAVELENGTH * dials_matrix(), atol=1e-11)
