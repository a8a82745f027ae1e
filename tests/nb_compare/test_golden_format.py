"""CASES.toml and the files of a golden folder: what is read, and what is refused and how."""

import json

import numpy as np
import pytest

from nb_compare.golden import CaseRequest, GoldenCase, image_arrays, read_cases, read_golden
from nb_compare.golden.format import float_sha256, write_arrays, write_json
from nb_core import InputError, UnreadableError

SHAPE = (3, 5)
FIGURES = {
    "max_I": 7.5,
    "max_at_m": [0.001, 0.002],
    "mean": 1.0,
    "rms": 2.0,
    "rmsd": 1.5,
    "sources": 1,
    "mosaic_domains": 2,
    "phi_steps": 3,
    "oversample": 4,
}
ALL_KINDS = ("int", "noise", "pgm")


def images() -> dict[str, np.ndarray]:
    """Images of every kind, each pixel with a value of its own."""
    values = np.arange(15, dtype=np.float32).reshape(SHAPE)
    header = np.frombuffer(b"{".ljust(512), np.uint8)
    return {
        "float": values,
        "int_header": header,
        "int": values.astype(np.uint16) + 40,
        "noise_header": header,
        "noise": values.astype(np.uint16) + 41,
        "pgm": np.frombuffer(b"P5\n5 3\n255\n" + bytes(15), np.uint8),
    }


def case(name: str, **more) -> GoldenCase:
    fields = {
        "arguments": ("-hkl", "a b.hkl", "-N", "5"),
        "shape": SHAPE,
        "float_sha256": float_sha256(images()["float"]),
        "figures": FIGURES,
        "printout": {(1, 4): ("4    1 : stol = 1", "Z: 1 2 3")},
    }
    return GoldenCase(name, **(fields | more))


@pytest.fixture
def folder(tmp_path):
    """A golden folder of two cases."""
    write_json(tmp_path / "cases.json", [case("one").to_json(), case("two").to_json()])
    for name in ("one", "two"):
        write_arrays(tmp_path, name, images())
    return tmp_path


def change(folder, **keys) -> None:
    """Changes keys of the first case; None takes one away."""
    entries = json.loads((folder / "cases.json").read_text())
    entries[0] |= keys
    entries[0] = {key: value for key, value in entries[0].items() if value is not None}
    write_json(folder / "cases.json", entries)


def test_a_golden_folder_reads_back_as_it_was_written(folder):
    golden = read_golden(folder)
    assert dict(golden.cases) == {"one": case("one"), "two": case("two")}
    assert golden.provenance is None
    arrays = golden.arrays("one", ALL_KINDS)
    assert set(arrays) == set(images())
    for key, values in images().items():
        np.testing.assert_array_equal(arrays[key], values, strict=True)


def test_in_the_file_pixels_are_fast_first_and_args_are_one_line(folder):
    entry = json.loads((folder / "cases.json").read_text())[0]
    assert list(entry["printout"]) == ["4,1"]
    assert entry["args"] == "-hkl 'a b.hkl' -N 5"
    assert entry["shape_slow_fast"] == [3, 5]
    assert "printout" not in case("one", printout={}).to_json()


def test_keys_of_unknown_meaning_are_ignored(folder):
    change(folder, comment="made on a Monday")
    assert read_golden(folder).cases["one"] == case("one")


def test_provenance_is_read_where_there_is_one(folder):
    content = {"schema": "nb-golden/1", "cases": 2}
    write_json(folder / "provenance.json", content)
    assert read_golden(folder).provenance == content
    write_json(folder / "provenance.json", {"schema": "nb-golden/2"})
    with pytest.raises(UnreadableError, match=r"provenance\.json: its schema is 'nb-golden/2'"):
        read_golden(folder)


def test_a_folder_that_does_not_exist_is_bad_input(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        read_golden(tmp_path / "none")


@pytest.mark.parametrize("key", [*FIGURES, "name", "args", "shape_slow_fast", "float_sha256"])
def test_every_key_but_printout_is_needed(folder, key):
    change(folder, **{key: None})
    with pytest.raises(UnreadableError, match=rf"has no {key}$"):
        read_golden(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "../one"),
        ("args", ["-N", "5"]),
        ("args", "-hkl 'a"),
        ("shape_slow_fast", [3, 0]),
        ("shape_slow_fast", [15]),
        ("max_I", "7.5"),
        ("max_at_m", [1]),
        ("sources", 1.5),
        ("sources", True),
        ("printout", ["1,4"]),
        ("printout", {"1": ["x"]}),
        ("printout", {"a,b": ["x"]}),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(folder, key, value):
    change(folder, **{key: value})
    with pytest.raises(UnreadableError, match=rf"cases\.json: case .*{key}"):
        read_golden(folder)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("[{", "is not JSON"), ("{}", "no list"), ("[]", "no list"), ("[1]", "no table")],
)
def test_a_broken_list_of_cases_is_refused(folder, text, reason):
    (folder / "cases.json").write_text(text)
    with pytest.raises(UnreadableError, match=reason):
        read_golden(folder)


def test_missing_and_doubled_cases_are_refused(folder):
    change(folder, name="two")
    with pytest.raises(UnreadableError, match="two cases are called two"):
        read_golden(folder)
    (folder / "cases.json").unlink()
    with pytest.raises(UnreadableError, match="cannot be read: No such file"):
        read_golden(folder)


def cut_in_half(folder):
    content = (folder / "one.npz").read_bytes()
    (folder / "one.npz").write_bytes(content[: len(content) // 2])


def flip_a_byte(folder):
    content = bytearray((folder / "one.npz").read_bytes())
    content[content.index(b"float.npy") + 60] ^= 0xFF
    (folder / "one.npz").write_bytes(content)


def save_an_array(folder):
    with (folder / "one.npz").open("wb") as stream:
        np.save(stream, ONE_MORE)


def rewrite(**changed):
    def damage(folder):
        arrays = {k: v for k, v in (images() | changed).items() if v is not None}
        write_arrays(folder, "one", arrays)

    return damage


ONE_MORE = images()["float"] + np.eye(*SHAPE, dtype=np.float32)
DAMAGES = {
    "missing": (lambda folder: (folder / "one.npz").unlink(), "cannot be read: No such file"),
    "cut": (cut_in_half, "is not a whole"),
    "flipped": (flip_a_byte, "is not a whole"),
    "empty": (lambda folder: (folder / "one.npz").write_bytes(b""), "is not a whole"),
    "text": (lambda folder: (folder / "one.npz").write_text("x"), "is not a whole"),
    "array": (save_an_array, "is not a whole"),
    "objects": (rewrite(float=np.array([None])), "is not a whole"),
    "no float": (rewrite(float=None), "has no float"),
    "no int": (rewrite(int=None), "has no int"),
    "no header": (rewrite(noise_header=None), "has no noise_header"),
    "float64": (rewrite(float=images()["float"].astype(np.float64)), "float is float64"),
    "float shape": (rewrite(float=images()["float"].T), r"float is float32 \(5, 3\)"),
    "int shape": (rewrite(int=images()["int"].T), r"int is uint16 \(5, 3\), not uint16 \(3, 5\)"),
    "pgm type": (rewrite(pgm=images()["int"].ravel()), "pgm is uint16"),
    "pgm shape": (rewrite(pgm=np.zeros(SHAPE, np.uint8)), "pgm is uint8"),
    "other pixels": (rewrite(float=ONE_MORE), "not the one that cases.json has the checksum of"),
}


@pytest.mark.parametrize(("damage", "reason"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_images_are_refused(folder, damage, reason):
    damage(folder)
    golden = read_golden(folder)
    with pytest.raises(UnreadableError, match=rf"one\.npz: .*{reason}"):
        golden.arrays("one", ALL_KINDS)
    assert set(golden.arrays("two", ALL_KINDS)) == set(images())


def test_images_that_are_not_finite_are_refused(folder):
    values = images()["float"] / np.float32(0.5)
    values[0, 0] = np.inf
    write_arrays(folder, "one", {"float": values})
    change(folder, float_sha256=float_sha256(values))
    with pytest.raises(UnreadableError, match="not finite"):
        read_golden(folder).arrays("one")


def test_files_become_arrays():
    wanted = images()
    files = {
        "int": wanted["int_header"].tobytes() + wanted["int"].astype("<u2").tobytes(),
        "pgm": wanted["pgm"].tobytes(),
    }
    arrays = image_arrays(wanted["float"], files)
    assert list(arrays) == ["float", "int_header", "int", "pgm"]
    for key, values in arrays.items():
        np.testing.assert_array_equal(values, wanted[key], strict=True)


@pytest.mark.parametrize("content", [None, b"", bytes(30)])
def test_a_file_that_is_missing_or_short_is_refused(content):
    with pytest.raises(UnreadableError, match="noise"):
        image_arrays(images()["float"], {"noise": content})


def write_cases(folder, text):
    path = folder / "cases.toml"
    path.write_text(text)
    return path


def test_cases_to_record_are_read(tmp_path):
    text = """
    [[case]]
    name = "still-1.a_b"
    args = "-hkl 'a b.hkl' -N 5"
    printout = [[1, 2], [3, 4]]
    [[case]]
    name = "listed"
    args = ["-hkl", "a b.hkl"]
    """
    assert read_cases(write_cases(tmp_path, text)) == (
        CaseRequest("still-1.a_b", ("-hkl", "a b.hkl", "-N", "5"), ((1, 2), (3, 4))),
        CaseRequest("listed", ("-hkl", "a b.hkl")),
    )


GOOD = '[[case]]\nname = "a"\nargs = "-N 5"\n'
REFUSED = {
    "not TOML": ("[[case", "not TOML"),
    "nothing": ("x = 1", "x: 1: unknown key; known: case"),
    "no cases": ("case = []", "no cases: write a table"),
    "no table": ("case = [1]", "no cases: write a table"),
    "no name": ('[[case]]\nargs = "-N 5"', r"case 1 of .*: name: \(not given\): give each"),
    "number": ("[[case]]\nname = 5", "case 1 of .*: name: 5: use letters"),
    "folder": ('[[case]]\nname = "../a"', "case 1 of .*: name: ../a: use letters"),
    "hidden": ('[[case]]\nname = ".a"', "case 1 of .*: name: .a: use letters"),
    "space": ('[[case]]\nname = "a b"', "case 1 of .*: name: a b: use letters"),
    "empty name": ('[[case]]\nname = ""', "case 1 of .*: name: : use letters"),
    "twice": (GOOD + GOOD, "case 2 of .*: name: a: another case has this name"),
    "capitals": (GOOD + GOOD.replace('"a"', '"A"'), "case 2 of .*: name: A: another case"),
    "unknown": (GOOD + "phi = 3", "case a: phi: 3: unknown key; known: name, args, printout"),
    "no args": ('[[case]]\nname = "a"', r"case a: args: \(not given\): give nanoBragg's options"),
    "empty args": (GOOD.replace("-N 5", ""), "case a: args: : give nanoBragg's options"),
    "args number": ('[[case]]\nname = "a"\nargs = [5]', "case a: args: .5.: give nanoBragg's"),
    "quotes": (GOOD.replace("-N", "-hkl 'x"), "case a: args: .*No closing quotation; give"),
    "printout": (GOOD + "printout = [1, 2]", "case a: printout: .1, 2.: give a list of pixels"),
    "printout word": (GOOD + 'printout = "all"', "case a: printout: all: give a list of pixels"),
    "printout bool": (GOOD + "printout = [[1, true]]", "case a: printout: .*give a list of pixels"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_a_bad_list_of_cases_is_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_cases(write_cases(tmp_path, text))


def test_a_list_of_cases_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml: no such file"):
        read_cases(tmp_path / "none.toml")
