"""What taps recorded in two folders, compared."""

import copy
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nb_compare.tap_diff import compare_tap_folders
from nb_core import InputError, UnreadableError

VALUES = {
    "omega": {"unit": "sr", "axes": ["subpixel"], "value": [1.0, 2.0, 4.0]},
    "used": {"unit": "sr", "axes": [], "value": 1.0},
    "generator": {"unit": "1", "axes": [], "value": "torch"},
    "nopolar": {"unit": "1", "axes": [], "value": False},
    "absent": {"unit": "1", "axes": [], "value": None},
}


def result(tap="omega", pixel=(3, 4), tag=None, values=None, **head):
    """A file of the schema nb-tap/1."""
    return {
        "schema": "nb-tap/1",
        "tap": tap,
        "package": {"name": "nb-taps", "version": "0.1.0"},
        "tag": tag,
        "pixel": list(pixel),
        "rendered": True,
        "oversample": 1,
        "subpixels": [[0, 0, 0]],
        "profile": "reference",
        "device": "cpu",
        "dtype": "float64",
        "values": copy.deepcopy(VALUES) if values is None else values,
        **head,
    }


@pytest.fixture
def write(tmp_path):
    """Writes a folder of results."""

    def call(name, *results):
        folder = tmp_path / name
        folder.mkdir()
        for number, content in enumerate(results):
            (folder / f"{number}.json").write_text(json.dumps(content))
        return folder

    return call


@pytest.fixture
def compare(write):
    """Compares two lists of results."""

    def call(left, right, **more):
        return compare_tap_folders(write("a", *left), write("b", *right), **more)

    return call


@pytest.fixture
def values(compare):
    """Compares one field that has these values: the differences."""

    def call(a, b, **more):
        left, right = (
            result(values={"x": {"unit": "1", "axes": [], "value": value}}) for value in (a, b)
        )
        (pair,) = compare([left], [right], **more).compared
        return pair.differences

    return call


def test_the_same_twice(compare):
    report = compare([result(), result("f_cell")], [result(), result("f_cell")])
    assert report.agree
    assert [pair.tap for pair in report.compared] == ["omega", "f_cell"]
    assert report.text().splitlines() == [
        "omega at pixel 3, 4: agree",
        "f_cell at pixel 3, 4: agree",
        "2 compared, 0 differ, 0 alone",
    ]


class TestPairing:
    def pairs(self, report):
        return {(pair.tap, *pair.pixels) for pair in report.compared}

    def test_tap_tag_and_pixel(self, compare):
        """Other tags of the same tap and pixel are there on both sides."""
        both = [result(pixel=p, tag=t) for p in ((1, 1), (2, 2)) for t in ("x", "y")]
        right = copy.deepcopy(both)
        right[3]["values"]["used"]["value"] = 5.0
        report = compare(both, right[::-1])
        assert len(report.compared) == 4
        assert report.alone == ()
        assert [bool(pair.differences) for pair in report.compared] == [False] * 3 + [True]
        assert all(a == b for _, a, b in self.pairs(report))

    def test_tap_and_pixel_under_other_tags(self, compare):
        left = [result(pixel=(1, 1), tag="before"), result(pixel=(2, 2), tag="before")]
        right = [result(pixel=(2, 2), tag="after"), result(pixel=(1, 1), tag="after")]
        report = compare(left, right)
        assert self.pairs(report) == {("omega", (1, 1), (1, 1)), ("omega", (2, 2), (2, 2))}

    def test_tap_and_tag_at_other_pixels(self, compare):
        left = [result(pixel=(1, 1), tag="x"), result(pixel=(2, 2), tag="y")]
        right = [result(pixel=(3, 3), tag="y"), result(pixel=(4, 4), tag="x")]
        report = compare(left, right)
        assert self.pairs(report) == {("omega", (1, 1), (4, 4)), ("omega", (2, 2), (3, 3))}

    def test_the_tap_alone(self, compare):
        left = [result("omega", (0, 0), "edge"), result("f_cell", (0, 0), "edge")]
        right = [result("f_cell", (8, 8), "centre"), result("omega", (8, 8), "centre")]
        report = compare(left, right)
        assert self.pairs(report) == {("omega", (0, 0), (8, 8)), ("f_cell", (0, 0), (8, 8))}
        assert report.text().startswith("omega at pixel 0, 0 against 8, 8: agree")

    def test_the_nearest_kin_goes_first(self, compare):
        """The same pixel is preferred to the same tag; what is left goes together."""
        left = [result(pixel=(1, 1), tag="x"), result(pixel=(2, 2), tag="y")]
        right = [result(pixel=(1, 1), tag="y"), result(pixel=(9, 9), tag="x")]
        assert self.pairs(compare(left, right)) == {
            ("omega", (1, 1), (1, 1)),
            ("omega", (2, 2), (9, 9)),
        }

    def test_what_is_not_clear_stays_alone(self, compare, tmp_path):
        left = [result(pixel=(0, 0))]
        right = [result(pixel=(1, 1)), result(pixel=(2, 2)), result("f_cell", (0, 0))]
        report = compare(left, right)
        assert report.compared == ()
        assert not report.agree
        assert report.alone == (
            f"{tmp_path / 'a'}: omega at pixel 0, 0",
            f"{tmp_path / 'b'}: omega at pixel 1, 1",
            f"{tmp_path / 'b'}: omega at pixel 2, 2",
            f"{tmp_path / 'b'}: f_cell at pixel 0, 0",
        )
        lines = report.text().splitlines()
        assert lines[0] == f"only in one folder: {tmp_path / 'a'}: omega at pixel 0, 0"
        assert lines[-1] == "0 compared, 0 differ, 4 alone"

    def test_something_alone_is_no_agreement(self, compare):
        report = compare([result()], [result(), result("f_cell")])
        assert not any(pair.differences for pair in report.compared)
        assert not report.agree


class TestValues:
    def test_numbers_that_differ(self, values):
        (found,) = values([[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.5], [3.0, 5.0]])
        assert (found.count, found.total) == (2, 4)
        assert found.where == (0, 1)
        assert (found.a, found.b) == (2.0, 2.5)
        assert found.largest == pytest.approx(0.2)

    def test_one_number(self, values):
        (found,) = values(-3.0, 1.0)
        assert (found.where, found.count, found.total) == ((), 1, 1)
        assert found.largest == pytest.approx(4 / 3)

    @pytest.mark.parametrize(("rtol", "differ"), [(1e-12, 1), (1e-3, 1), (0.011, 0), (0.0, 1)])
    def test_what_still_counts_as_equal(self, values, rtol, differ):
        assert len(values(100.0, 101.0, rtol=rtol)) == differ

    def test_the_last_digit_does_not_count(self, values):
        assert values([1.0, 0.0], [math.nextafter(1.0, 2.0), 0.0]) == ()

    def test_with_no_tolerance_the_last_digit_counts(self, values):
        assert len(values(1.0, math.nextafter(1.0, 2.0), rtol=0.0)) == 1

    def test_next_to_zero_nothing_is_equal(self, values):
        """There is no absolute tolerance: quantities have units from 1e-30 to 1e30."""
        (found,) = values(0.0, 1e-300)
        assert found.largest == 1.0

    @pytest.mark.parametrize("rtol", [-1e-9, math.nan])
    def test_a_tolerance_that_makes_no_sense(self, compare, rtol):
        with pytest.raises(InputError, match="0 or more") as caught:
            compare([result()], [result()], rtol=rtol)
        assert caught.value.field == "--rtol"

    @pytest.mark.parametrize(
        ("a", "b"),
        [
            (None, 1.0),
            (1.0, None),
            ("torch", "nanobragg"),
            (True, False),
            ("1", 1),
            ([1.0, None], [1.0, 2.0]),
        ],
    )
    def test_what_is_no_number(self, values, a, b):
        (found,) = values(a, b)
        assert found.largest is None
        assert found.count == 1

    @pytest.mark.parametrize("value", [None, "torch", True, [None, 1.0], 0.0, 7])
    def test_what_is_the_same(self, values, value):
        assert values(value, value) == ()

    def test_a_number_beside_what_is_none(self, values):
        """The largest difference is that of the numbers."""
        (found,) = values([None, 1.0], [2.0, 4.0])
        assert (found.count, found.where, found.largest) == (2, (0,), 0.75)

    @pytest.mark.parametrize(
        ("a", "b"),
        [([1.0, 2.0], [1.0]), ([[1.0, 2.0]], [1.0, 2.0]), (1.0, [1.0]), (None, [1.0])],
    )
    def test_other_shapes(self, values, a, b):
        (found,) = values(a, b)
        assert str(found.a).endswith(" values")
        assert found.largest is None

    @given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=5), st.data())
    def test_the_first_that_differs_is_named(self, tmp_path_factory, numbers, data):
        place = data.draw(st.integers(0, len(numbers) - 1))
        other = [*numbers]
        other[place] = -numbers[place] if abs(numbers[place]) > 1 else numbers[place] + 3
        top = tmp_path_factory.mktemp("taps")
        for name, content in (("a", numbers), ("b", other)):
            (top / name).mkdir()
            field = {"x": {"unit": "1", "axes": ["i"], "value": content}}
            (top / name / "x.json").write_text(json.dumps(result(values=field)))
        (pair,) = compare_tap_folders(top / "a", top / "b").compared
        (found,) = pair.differences
        assert (found.where, found.count, found.total) == ((place,), 1, len(numbers))
        assert (found.a, found.b) == (numbers[place], other[place])


class TestFields:
    def test_other_units(self, compare):
        right = result()
        right["values"]["used"]["unit"] = "msr"
        (pair,) = compare([result()], [right]).compared
        (found,) = pair.differences
        assert (found.field, found.a, found.b) == ("used", "sr", "msr")

    @pytest.mark.parametrize("side", [0, 1])
    def test_a_field_that_is_missing(self, compare, side):
        sides = [result(), result()]
        del sides[side]["values"]["used"]
        (pair,) = compare(*[[one] for one in sides]).compared
        (found,) = pair.differences
        assert found.field == "used"
        assert (found.a, found.b)[side] == "(none)"
        assert (found.a, found.b)[1 - side] == "sr"

    @pytest.mark.parametrize(
        ("name", "other"), [("oversample", 2), ("profile", "corrected"), ("rendered", False)]
    )
    def test_how_it_was_computed(self, compare, name, other):
        (pair,) = compare([result()], [result(**{name: other})]).compared
        (found,) = pair.differences
        assert (found.field, found.b) == (name, other)

    def test_where_it_was_computed_does_not_count(self, compare):
        other = result(tag="x", device="cuda", dtype="float32")
        assert compare([result()], [other]).agree

    def test_what_the_report_says(self, compare):
        right = result()
        right["values"]["omega"]["value"] = [1.0, 2.5, 8.0]
        right["values"]["generator"]["value"] = "nanobragg"
        right["values"]["used"]["value"] = 2.0
        report = compare([result()], [right])
        assert report.text().splitlines() == [
            "omega at pixel 3, 4: differ",
            "  omega[1]: 2.0 | 2.5  (2 of 3 values, largest relative difference 0.5)",
            "  used: 1.0 | 2.0  (largest relative difference 0.5)",
            "  generator: torch | nanobragg",
            "1 compared, 1 differ, 0 alone",
        ]
        assert not report.agree


class TestFolders:
    def test_other_files_are_passed_over(self, write):
        folder = write("a", result())
        (folder / "environment.json").write_text('{"schema": "nb-environment/1"}')
        (folder / "list.json").write_text("[1, 2]")
        (folder / "3-4.trace").write_text("TRACE_PY: x=1")
        assert len(compare_tap_folders(folder, folder).compared) == 1

    @pytest.mark.parametrize("side", [0, 1])
    def test_a_folder_that_is_not_there(self, write, tmp_path, side):
        folders = [write("a", result()), write("b", result())]
        folders[side] = tmp_path / "none"
        with pytest.raises(InputError, match="none: no such folder; name one that nb trace --json"):
            compare_tap_folders(*folders)

    @pytest.mark.parametrize("content", [None, '{"schema": "nb-environment/1"}'])
    def test_a_folder_without_taps(self, write, content):
        empty = write("b")
        if content is not None:
            (empty / "environment.json").write_text(content)
        with pytest.raises(InputError, match="holds no taps; write some with nb trace --json"):
            compare_tap_folders(write("a", result()), empty)

    @pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe", b'{"schema": "nb-tap/1"'])
    def test_broken_json(self, write, content):
        folder = write("a", result())
        (folder / "broken.json").write_bytes(content)
        with pytest.raises(UnreadableError, match="not JSON") as caught:
            compare_tap_folders(folder, folder)
        assert caught.value.path == folder / "broken.json"

    @pytest.mark.parametrize(
        "change",
        [
            {"pixel": [1]},
            {"pixel": "3 4"},
            {"pixel": None},
            {"pixel": ["a", "b"]},
            {"values": [1]},
            {"values": None},
            {"values": {"x": 1.0}},
            {"values": {"x": {"unit": "1"}}},
            {"values": {"x": {"value": 1.0}}},
        ],
    )
    def test_json_that_is_no_tap(self, write, change):
        folder = write("a", result() | change)
        with pytest.raises(UnreadableError, match="not as the schema nb-tap/1 says"):
            compare_tap_folders(folder, folder)

    @pytest.mark.parametrize("key", ["tap", "pixel", "values"])
    def test_a_key_that_is_missing(self, write, key):
        content = result()
        del content[key]
        folder = write("a", content)
        with pytest.raises(UnreadableError, match="not as the schema"):
            compare_tap_folders(folder, folder)

    @pytest.mark.parametrize("key", ["tag", "oversample", "profile", "rendered"])
    def test_keys_that_may_be_missing(self, write, key):
        content = result()
        del content[key]
        folder = write("a", content)
        assert compare_tap_folders(folder, folder).agree
