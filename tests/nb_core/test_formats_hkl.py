"""Structure factor lists in text."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nb_core.errors import InputError, NbWarning
from nb_core.formats import hkl
from nb_core.formats.hkl import GRID_LIMIT, read_hkl, write_hkl

INDEX = st.integers(-6, 6)
LISTS = st.dictionaries(
    st.tuples(INDEX, INDEX, INDEX),
    st.floats(allow_nan=False, allow_infinity=False),
    min_size=1,
    max_size=30,
)


def _write(folder, text):
    path = folder / "list.hkl"
    path.write_text(text)
    return path


def test_a_list_stands_on_a_dense_grid(tmp_path):
    path = _write(tmp_path, "-1 0 2 10.5\n\n 1\t1 2  3e1\n  \n0 0 3 -4\n")
    factors = read_hkl(path)
    assert (factors.h_min, factors.k_min, factors.l_min) == (-1, 0, 2)
    assert factors.F.dtype == torch.float64
    expected = torch.zeros(3, 2, 2, dtype=torch.float64)
    expected[0, 0, 0], expected[2, 1, 0], expected[1, 0, 1] = 10.5, 30.0, -4.0
    assert torch.equal(factors.F, expected)
    assert torch.equal(factors.present, expected != 0)
    assert factors.count == 3
    assert factors.kind == "hkl"
    assert factors.source == str(path)


def test_an_amplitude_of_zero_is_present(tmp_path):
    factors = read_hkl(_write(tmp_path, "0 0 0 0\n0 0 2 5\n"))
    assert factors.present.tolist() == [[[True, False, True]]]


@pytest.mark.parametrize("text", ["0 0 1 5", "0 0 1 5\r\n", "0 0 1 5\r", "\n\n0.0 0e0 1. 5\n"])
def test_line_ends_and_spellings_do_not_matter(tmp_path, text):
    path = tmp_path / "list.hkl"
    path.write_bytes(text.encode())
    factors = read_hkl(path)
    assert (factors.l_min, factors.F.tolist()) == (1, [[[5.0]]])


@given(entries=LISTS)
def test_a_list_reads_back_as_written(tmp_path_factory, entries):
    folder = tmp_path_factory.mktemp("hkl")
    text = "".join(f"{h} {k} {l} {F!r}\n" for (h, k, l), F in entries.items())
    factors = read_hkl(_write(folder, text))
    origin = torch.tensor([factors.h_min, factors.k_min, factors.l_min])
    found = {
        tuple((torch.tensor(index) + origin).tolist()): factors.F[tuple(index)].item()
        for index in factors.present.nonzero().tolist()
    }
    assert found == entries
    write_hkl(folder / "again.hkl", factors)
    again = read_hkl(folder / "again.hkl")
    assert torch.equal(again.F, factors.F)
    assert torch.equal(again.present, factors.present)
    assert (again.h_min, again.k_min, again.l_min) == tuple(origin.tolist())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2 3 4\n\n1 x 3 4\n", "line 3: x: not a finite number"),
        ("1 2 3 4\n1 2 4 1_0\n", "line 2: 1_0: not a finite number"),
        ("1 2 3 4\n1 2 4 nan\n", "line 2: nan: not a finite number"),
        ("1 2 3 4\n1 2 4 inf\n", "line 2: inf: not a finite number"),
        ("1 2 3 4\n1 2 4 1e999\n", "line 2: 1e999: too large"),
        ("1 2 3 4\n1 2 3\n", "line 2: 1 2 3: 3 columns"),
        ("1 2 3\n1 2 4\n", "line 1: 1 2 3: 3 columns"),
        ("# h k l F\n1 2 3\n", "line 2: 1 2 3: 3 columns"),
        ("1 2 3 4 # strong\n\n1 2 x 4\n", "line 3: x: not a finite number"),
        ("1-2-x 4\n", "line 1: -x: not a finite number"),
        ("1 2 3 4\n\n1 2.5 3 4\n", "line 3: 1 2.5 3 4: h, k and l are whole numbers"),
        ("0 0 2147483648 1\n", "line 1: .*: h, k and l fit into 32 bits"),
        ("0 0 1 1\n-2147483648 0 0 1\n", "line 2: .*: h, k and l fit into 32 bits"),
        ("1 2 3 4\n\n0 0 0 1\n1 2 3 5\n", "line 4: 1 2 3 5: the same h k l as line 1"),
    ],
)
def test_a_bad_line_is_named(tmp_path, text, message):
    with pytest.raises(InputError, match=rf"list\.hkl {message}"):
        read_hkl(_write(tmp_path, text))


def test_the_first_repeated_line_is_named(tmp_path):
    text = "5 0 0 1\n1 0 0 1\n5 0 0 2\n1 0 0 3\n5 0 0 4\n"
    with pytest.raises(InputError, match="line 3: 5 0 0 2: the same h k l as line 1"):
        read_hkl(_write(tmp_path, text))


def test_a_grid_that_cannot_fit_names_its_ranges(tmp_path):
    path = _write(tmp_path, "-1000 -1000 -1000 1\n1000 1000 1000 1\n")
    with pytest.raises(InputError, match=f"h -1000 to 1000, k .*{2001**3} grid.*{GRID_LIMIT}"):
        read_hkl(path)


FIXED = "  10-10-11   100.0\n  -1  2-12-12345.6\n"


def test_numbers_that_touch_in_fixed_columns_are_read(tmp_path):
    factors = read_hkl(_write(tmp_path, FIXED))
    assert (factors.h_min, factors.k_min, factors.l_min) == (-1, -10, -12)
    assert factors.count == 2
    assert factors.F[11, 0, 1].item() == 100.0
    assert factors.F[0, 12, 0].item() == -12345.6


def test_an_exponent_is_not_taken_for_the_next_number(tmp_path):
    factors = read_hkl(_write(tmp_path, "1 2 3 1.5e-3\n1 2-3 2E+2\n"))
    assert factors.F[0, 0, 6].item() == 1.5e-3
    assert factors.F[0, 0, 0].item() == 200.0


@pytest.mark.parametrize(
    "text",
    [
        "# a list\n# h k l F\n1 2 3 10\n; later\n1 2 4 20\n",
        "! a list\n1 2 3 10 ! strong\n\n  # between\n1 2 4 20 # weak\n",
        "h k l F\n1 2 3 10\n1 2 4 20\n",
        "  H   K   L   FOBS\n1 2 3 10\n1 2 4 20\n",
    ],
)
def test_behaviour_28_comments_and_titles_are_skipped(tmp_path, text):
    factors = read_hkl(_write(tmp_path, text))
    assert factors.F.tolist() == [[[10.0, 20.0]]]


@pytest.mark.parametrize(
    "text",
    [
        "1 2 3 10 0.5\n1 2 4 20 0.7\n",
        "# h k l F sigma phase flag\n1 2 3 10 0.5 -120.0 o\n1 2 4 20 nan 13 x\n",
        "1 2 3 10\n1 2 4 20 0.7\n",
        "   1   2   3   10.00    0.50\n   1   2   4   20.00    0.70\n",
    ],
)
def test_behaviour_28_of_more_columns_the_fourth_is_F_and_that_is_said(tmp_path, text):
    with pytest.warns(NbWarning, match=r"list\.hkl: \d columns: the fourth is taken as F"):
        factors = read_hkl(_write(tmp_path, text))
    assert factors.F.tolist() == [[[10.0, 20.0]]]


@pytest.mark.parametrize("title", ["I", "I(obs)", "IMEAN", "F^2", "Fo2", "F_squared", "intensity"])
@pytest.mark.parametrize("mark", ["", "# "])
def test_a_title_that_says_intensities_is_an_error(tmp_path, title, mark):
    text = f"{mark}h k l {title} sigma\n1 2 3 10 0.5\n"
    with pytest.raises(InputError, match=r"list\.hkl: column .*: intensities, where amplitudes"):
        read_hkl(_write(tmp_path, text))


@pytest.mark.parametrize("batch", ["", "   1"])
def test_reflections_of_shelx_are_an_error(tmp_path, batch):
    lines = ("   1   2   3   10.00    0.50", "   1   2  -4-1234.56    0.70")
    end = "   0   0   0    0.00    0.00"
    text = "".join(f"{line}{batch}\n" for line in (*lines, end))
    with pytest.raises(InputError, match="SHELX reflections"):
        read_hkl(_write(tmp_path, text))


def test_a_file_of_comments_only_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"list\.hkl: no line of numbers"):
        read_hkl(_write(tmp_path, "# h k l F\n! none\n"))


def test_an_empty_list_is_an_error(tmp_path):
    with pytest.raises(InputError, match="the file is empty"):
        read_hkl(_write(tmp_path, "\n \n"))


def test_binary_data_is_an_error(tmp_path):
    (tmp_path / "list.hkl").write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match="not a text file"):
        read_hkl(tmp_path / "list.hkl")


def test_a_good_list_is_parsed_without_a_loop_over_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(hkl, "_parse_line", None)
    monkeypatch.setattr(hkl, "_numbered_lines", None)
    lines = (f"{n // 2500} {n // 50 % 50} {n % 50} {n / 8}\n" for n in range(10_000))
    factors = read_hkl(_write(tmp_path, "".join(lines) + "\n"))
    assert factors.count == 10_000
    assert factors.F[3, 49, 49].item() == 9_999 / 8


def test_a_list_parted_by_commas_is_told_of_them(tmp_path):
    path = tmp_path / "a.hkl"
    path.write_text("0,0,1,10\n")
    with pytest.raises(InputError, match="blanks part them, not commas"):
        read_hkl(path)
