"""Numbers and tables in words."""

from nb_core.wording import aligned, counted


def test_one_thing_and_several():
    assert [counted(number, "panel") for number in (0, 1, 2)] == ["0 panels", "1 panel", "2 panels"]


def test_columns_are_as_wide_as_their_widest_cell():
    rows = [("name", "size", "what"), ("a", "1.5 MB", ""), ("longer", "12 MB", "kept here")]
    assert aligned(rows) == [
        "name    size    what",
        "a       1.5 MB",
        "longer  12 MB   kept here",
    ]


def test_numbers_may_stand_flush_right():
    assert aligned([("a", "1"), ("b", "200")], right=(1,)) == ["a    1", "b  200"]


def test_a_row_with_fewer_cells_runs_on():
    rows = [("q", "1/A", "0.1 0.2 0.3"), ("term", "1", "7", "0", "12")]
    assert aligned(rows) == ["q     1/A  0.1 0.2 0.3", "term  1    7  0  12"]


def test_no_rows_are_no_lines():
    assert aligned([]) == []
