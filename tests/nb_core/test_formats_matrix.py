"""MOSFLM orientation matrices."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from nb_core.data import OrientationMatrix
from nb_core.errors import InputError
from nb_core.formats.matrix import SINGULAR, read_matrix, write_matrix

NINE = " 0.01 0 0\n-0.002 0.02 1e-3\n .003 -0.004 +0.03\n"


def _write(folder, text):
    path = folder / "auto.mat"
    path.write_text(text)
    return path


@pytest.mark.parametrize("rest", ["", " 0.000 0.000 0.000\n", "1 0 0\n0 1 0\nSYMM P1\n"])
def test_the_first_nine_numbers_are_the_matrix(tmp_path, rest):
    path = _write(tmp_path, NINE + rest)
    matrix = read_matrix(path)
    expected = [[0.01, 0.0, 0.0], [-0.002, 0.02, 0.001], [0.003, -0.004, 0.03]]
    assert matrix.values.tolist() == expected
    assert matrix.values.dtype == torch.float64
    assert matrix.source == str(path)


def test_lines_do_not_matter(tmp_path):
    assert read_matrix(_write(tmp_path, "1 2 3 4 5\n6 7\n8 10")).values.tolist() == [
        [1.0, 2.0, 3.0],
        [4.0, 5.0, 6.0],
        [7.0, 8.0, 10.0],
    ]


def test_numbers_that_touch_in_fixed_columns_are_read(tmp_path):
    lines = (
        "  0.01214963-0.02546154-0.00087968\n",
        " -0.00214963 0.01546154 0.00987968\n",
        "  0.02914963 0.00546154-0.01087968\n",
    )
    values = read_matrix(_write(tmp_path, "".join(lines))).values
    assert values[0].tolist() == [0.01214963, -0.02546154, -0.00087968]
    assert values[2].tolist() == [0.02914963, 0.00546154, -0.01087968]


@given(numbers=st.lists(st.floats(-1.0, 1.0), min_size=9, max_size=9))
def test_a_matrix_reads_back_as_written(tmp_path_factory, numbers):
    values = np.array(numbers).reshape(3, 3)
    lengths = np.linalg.norm(values, axis=0)
    assume(lengths.all() and abs(np.linalg.det(values / lengths)) > 2 * SINGULAR)
    path = tmp_path_factory.mktemp("matrix") / "auto.mat"
    write_matrix(path, OrientationMatrix(values=torch.from_numpy(values)))
    assert read_matrix(path).values.tolist() == values.tolist()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 0 0\n0 1 0\n0 0\n", r"auto\.mat: 8 numbers: a matrix needs nine"),
        ("1 0 0\n0 one 0\n0 0 1\n", "line 2: one: not a finite number"),
        ("1 0 0\n0 1 0\n0 0 nan\n", "line 3: nan: not a finite number"),
        ("1 0 0\n0 1 0\n0 0 -inf\n", "line 3: -inf: not a finite number"),
        ("1 0 0\n0 1 0\n0 0 0\n", "singular"),
        ("1 2 3\n4 5 6\n7 8 9\n", "singular"),
        ("\n", "the file is empty"),
    ],
)
def test_a_bad_matrix_is_an_error(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_matrix(_write(tmp_path, text))


def test_a_small_matrix_is_not_singular(tmp_path):
    assert read_matrix(_write(tmp_path, "1e-6 0 0 0 1e-6 0 0 0 1e-6")).values[2, 2] == 1e-6


def test_a_missing_matrix_is_an_error_15(tmp_path):
    with pytest.raises(InputError, match=r"orientation matrix: .*no such file"):
        read_matrix(tmp_path / "none.mat")


def test_comments_of_a_matrix_are_left_out(tmp_path):
    path = tmp_path / "a.mat"
    path.write_text("# of a program\n0.01 0 0 # a*\n0 0.02 0\n0 0 0.03\n")
    assert read_matrix(path).values.diagonal().tolist() == [0.01, 0.02, 0.03]
