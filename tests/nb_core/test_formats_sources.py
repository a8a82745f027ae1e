"""Tables of X-ray sources."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nb_core.data import SourceTable
from nb_core.errors import InputError, NbWarning
from nb_core.formats.sources import read_sources, write_sources

COORDINATE = st.floats(-1e3, 1e3)
ROWS = st.tuples(
    st.floats(0.001, 1e3), COORDINATE, COORDINATE, st.floats(0.0, 1e6), st.floats(1e-13, 1e-6)
)


def _write(folder, text):
    path = folder / "sources.txt"
    path.write_text(text)
    return path


def _rows(table):
    return torch.cat(
        [table.positions_m, table.weights[:, None], table.wavelengths_m[:, None]], dim=1
    )


def test_five_columns_are_read(tmp_path):
    path = _write(tmp_path, "-10 0 0 1.0 1e-10\n-10 0.004 0 0 1.01e-10\n")
    table = read_sources(path)
    assert _rows(table).tolist() == [
        [-10.0, 0.0, 0.0, 1.0, 1e-10],
        [-10.0, 0.004, 0.0, 0.0, 1.01e-10],
    ]
    assert _rows(table).dtype == torch.float64
    assert table.source == str(path)


@pytest.mark.parametrize(
    "text", ["-10,0;0:2!1e-10\n", "  -10\t0 , 0 2;1e-10", ",-10 0 0 2 1e-10,\n"]
)
def test_the_delimiters_are_those_of_the_program(tmp_path, text):
    assert _rows(read_sources(_write(tmp_path, text))).tolist() == [[-10.0, 0.0, 0.0, 2.0, 1e-10]]


@pytest.mark.parametrize("end", ["", "\n", " \n", "\n\n  \n,\n"])
def test_missing_columns_are_nan_also_at_the_end_of_the_file(tmp_path, end):
    table = read_sources(_write(tmp_path, f"\n-10 0 0 2\n\n-10 1 0{end}"))
    expected = torch.tensor(
        [[-10.0, 0.0, 0.0, 2.0, math.nan], [-10.0, 1.0, 0.0, math.nan, math.nan]],
        dtype=torch.float64,
    )
    torch.testing.assert_close(_rows(table), expected, rtol=0, atol=0, equal_nan=True)


def test_a_sixth_column_is_ignored_with_a_warning(tmp_path):
    path = _write(tmp_path, "-10 0 0 2 1e-10 the middle one\n")
    with pytest.warns(NbWarning, match="line 1: ignored after the fifth column: the middle"):
        assert read_sources(path).weights.tolist() == [2.0]


def test_comments_are_skipped_without_a_warning(tmp_path):
    path = _write(tmp_path, "# X Y Z weight wavelength\n-10 0 0 2 1e-10 # the middle one\n\n#\n")
    assert read_sources(path).weights.tolist() == [2.0]


@given(rows=st.lists(ROWS, min_size=1, max_size=5), width=st.integers(3, 5))
def test_a_table_reads_back_as_written(tmp_path_factory, rows, width):
    path = tmp_path_factory.mktemp("sources") / "sources.txt"
    values = torch.tensor(rows, dtype=torch.float64)
    values[:, width:] = math.nan
    write_sources(path, SourceTable(values[:, :3], values[:, 3], values[:, 4]))
    found = _rows(read_sources(path))
    torch.testing.assert_close(found, values, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    "text",
    [
        *("0.9795 1.0\n0.9800 0.5\n", "12658 1\n", "9.795e-11,1\n", "1.0\n2.0\n"),
        *("-10 0 0 1 1e-10\n1.0 0.3\n", "-10 1\n"),
    ],
)
def test_behaviour_27_a_spectrum_of_wavelength_and_weight_is_refused(tmp_path, text):
    with pytest.raises(
        InputError, match="fewer than three columns; a line is X Y Z weight"
    ) as told:
        read_sources(_write(tmp_path, text))
    assert "-1 0 0 WEIGHT WAVELENGTH" in told.value.remedy


@pytest.mark.parametrize("gap", [0, 2, 3])
def test_a_gap_before_a_given_column_cannot_be_written(tmp_path, gap):
    values = torch.tensor([[-10.0, 0.0, 0.0, 1.0, 1e-10]], dtype=torch.float64)
    values[0, gap] = math.nan
    if gap == 2:
        values[0, 3:] = math.nan
    with pytest.raises(InputError, match="only columns at the end of a line can be missing"):
        write_sources(tmp_path / "out.txt", SourceTable(values[:, :3], values[:, 3], values[:, 4]))
    assert not (tmp_path / "out.txt").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-10 0 0\n-10 zero 0\n", r"sources\.txt line 2: zero: not a finite number"),
        ("X Y Z\n-10 0 0\n", "line 1: X: not a finite number"),
        ("# X Y Z\n", "the file has no source"),
        ("-10 nan 0\n", "line 1: nan: not a finite number"),
        ("-10 inf 0\n", "line 1: inf: not a finite number"),
        ("\n0 0.0 -0\n", "line 2: 0 0 0: a source at the origin"),
        ("-10 0 0 -1\n", r"line 1: -1\.0: a weight is not negative"),
        ("-10 0 0 1 0\n", r"line 1: 0\.0: a wavelength in metres"),
        ("-10 0 0 1 -1e-10\n", "a wavelength in metres"),
        ("-10 0 0 1 1.0\n", r"line 1: 1\.0: a wavelength in metres, not Angstrom"),
        (",;\n:!\n", "the file has no source"),
        ("\n", "the file is empty"),
    ],
)
def test_a_bad_table_is_an_error(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_sources(_write(tmp_path, text))
