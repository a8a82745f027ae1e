"""Structure factor lists in text."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nb_core.errors import InputError
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
        ("1 2 3 4 5\n", "line 1: 1 2 3 4 5: 5 columns"),
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
