"""Running the C program: where it is found, what it is given, and what becomes of its image.

A small Python script stands in for it.
"""

import contextlib
import os
import signal
import sys
import tempfile
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nb_compare.program import (
    FLOAT_IMAGE,
    ProgramRun,
    StagedArguments,
    find_program,
    program_arguments,
    run_program,
    search_program,
    stage_arguments,
)
from nb_core import InputError, ProgramError, UnreadableError, flags_to_experiment

CRYSTAL = ["-cell", "20", "30", "40", "-default_F", "10", "-N", "3", "-lambda", "1"]
WRITE_IMAGE = """
import array, os, sys
array.array("f", [1, 2, 3, 4, 5, 6]).tofile(open("floatimage.bin", "wb"))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder, without a C program."""
    monkeypatch.delenv("NB_C_BIN", raising=False)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def program(tmp_path):
    """Writes a program in Python that stands in for nanoBragg."""

    def call(text, name="standin"):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!{sys.executable} -IS\n{text}")
        path.chmod(0o755)
        return path

    return call


@pytest.fixture
def run(tmp_path, program):
    """Runs a program of this text in a fresh folder."""

    def call(text, *arguments):
        fresh = tmp_path / "fresh"
        fresh.mkdir()
        return run_program(program(text), stage_arguments(arguments), fresh)

    return call


def make(path, content=b"x"):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(content)
    return Path(path).resolve()


class TestFindProgram:
    def test_what_is_given_comes_first(self, folder, tmp_path, program, monkeypatch):
        given, named, here = (program("", name) for name in ("given", "named", "nanoBragg"))
        here.rename(folder / "nanoBragg")
        monkeypatch.setenv("NB_C_BIN", str(named))
        assert find_program(str(given)) == given
        assert find_program(None) == named
        monkeypatch.setenv("NB_C_BIN", "")
        assert find_program(None) == folder / "nanoBragg"
        (folder / "nanoBragg").rename(tmp_path / "bin" / "nanoBragg")
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        assert find_program(None) == tmp_path / "bin" / "nanoBragg"
        monkeypatch.setenv("PATH", "")
        assert search_program() is None
        with pytest.raises(InputError, match="set NB_C_BIN") as caught:
            find_program(None)
        assert caught.value.field == "--c-bin"

    def test_it_is_found_from_other_folders(self, folder, program):
        """The C program runs in a folder of its own, so that its path must be absolute."""
        given = program("")
        found = find_program(os.path.relpath(given))
        assert found == given
        assert found.is_absolute()

    @pytest.mark.parametrize("source", ["--c-bin", "NB_C_BIN"])
    def test_one_that_is_not_there(self, folder, monkeypatch, source):
        given = "none" if source == "--c-bin" else None
        monkeypatch.setenv("NB_C_BIN", "none")
        with pytest.raises(InputError, match="none: no such file") as caught:
            find_program(given)
        assert caught.value.field == source

    def test_a_folder_is_no_program(self, folder):
        with pytest.raises(InputError, match="no such file"):
            find_program(str(folder))

    def test_a_file_that_cannot_be_run(self, folder, program):
        path = program("")
        path.chmod(0o644)
        with pytest.raises(InputError, match="is not a program that can be run"):
            find_program(str(path))

    def test_a_wrong_one_is_not_passed_over(self, folder, program, monkeypatch):
        """Somebody who names a program wants no other."""
        monkeypatch.setenv("NB_C_BIN", str(program("")))
        with pytest.raises(InputError):
            find_program("none")


class TestProgramArguments:
    def test_flags_are_taken_as_they_are(self):
        flags = [*CRYSTAL, "-misset", "random", "-stol", "x"]
        assert program_arguments(flags_to_experiment(CRYSTAL), flags) == flags

    def test_a_file_is_written_as_flags(self):
        experiment = flags_to_experiment([*CRYSTAL, "-phi", "3"])
        found = program_arguments(experiment, ["x.toml", "-phi", "3"])
        assert "x.toml" not in found
        assert flags_to_experiment(found) == experiment


class TestStageArguments:
    def test_files_keep_their_relative_names(self, folder):
        for name in ("P1.hkl", "sub/deep/A.mat"):
            make(name)
        given = ["-hkl", "P1.hkl", "-mat", "sub/deep/A.mat", "-N", "5"]
        staged = stage_arguments(given)
        assert list(staged.arguments) == given
        assert staged.inputs == {
            "P1.hkl": folder / "P1.hkl",
            "sub/deep/A.mat": folder / "sub/deep/A.mat",
        }
        assert staged.outputs == ()

    @pytest.mark.parametrize("name", ["./P1.hkl", "sub/../P1.hkl", ".//P1.hkl"])
    def test_names_are_made_plain(self, folder, name):
        make("P1.hkl")
        (folder / "sub").mkdir()
        assert stage_arguments(["-hkl", name]).arguments == ("-hkl", "P1.hkl")

    def test_files_elsewhere_get_names_of_their_own(self, folder, tmp_path):
        above, absolute = make("../above.hkl"), make(tmp_path / "far" / "A.mat")
        staged = stage_arguments(["-hkl", "../above.hkl", "-mat", str(absolute)])
        _, first, _, second = staged.arguments
        assert [PurePosixPath(name).parent.name for name in (first, second)] == ["inputs"] * 2
        assert first.endswith("-above.hkl")
        assert second.endswith("-A.mat")
        assert staged.inputs == {first: above, second: absolute}

    def test_an_absolute_name_of_a_file_here(self, folder):
        path = make("P1.hkl")
        _, name = stage_arguments(["-hkl", str(path)]).arguments
        assert name.startswith("inputs/")

    def test_files_of_one_name_stay_apart(self, folder):
        files = [make(f"../{place}/x", place.encode()) for place in "abc"]
        options = ("-hkl", "-mat", "-sourcefile")
        given = [
            word for pair in zip(options, (str(f) for f in files), strict=True) for word in pair
        ]
        staged = stage_arguments(given)
        assert [staged.inputs[name].read_bytes() for name in staged.arguments[1::2]] == [
            b"a",
            b"b",
            b"c",
        ]

    def test_a_missing_file_is_not_replaced_by_another_of_its_name(self, folder):
        there = make("../there/x")
        staged = stage_arguments(["-hkl", "../none/x", "-mat", "../there/x"])
        assert list(staged.inputs.values()) == [there]
        assert staged.arguments[1] not in staged.inputs
        assert staged.arguments[3] in staged.inputs

    def test_an_output_is_no_input_of_the_same_name(self, folder):
        make("../there/x")
        staged = stage_arguments(["-intfile", "/none/x", "-hkl", "../there/x"])
        assert not set(staged.outputs) & staged.inputs.keys()

    def test_a_name_of_a_file_here_is_not_given_to_another(self, folder):
        ours = make("inputs/0-x", b"ours")
        theirs = make("../there/x", b"theirs")
        staged = stage_arguments(["-hkl", "../there/x", "-mat", "inputs/0-x"])
        assert staged.inputs[staged.arguments[1]] == theirs
        assert staged.inputs[staged.arguments[3]] == ours

    def test_a_dump_is_read_without_a_list(self, folder):
        dump = make("Fdump.bin")
        staged = stage_arguments(["-dump", "Fdump.bin"])
        assert (staged.inputs, staged.outputs) == ({"Fdump.bin": dump}, ())

    @pytest.mark.parametrize("order", [1, -1])
    def test_a_dump_is_written_with_a_list(self, folder, order):
        make("Fdump.bin")
        hkl = make("P1.hkl")
        first, second = [["-hkl", "P1.hkl"], ["-dump", "Fdump.bin"]][::order]
        staged = stage_arguments(first + second)
        assert (staged.inputs, staged.outputs) == ({"P1.hkl": hkl}, ("Fdump.bin",))

    def test_what_is_not_named_is_not_read(self, folder):
        make("Fdump.bin")
        assert stage_arguments(CRYSTAL).inputs == {}

    @pytest.mark.parametrize("option", ["-floatfile", "-intfile", "-pgmfile", "-noisefile"])
    def test_outputs_are_not_read(self, folder, option):
        make("out.img")
        staged = stage_arguments([option, "out.img"])
        assert (staged.inputs, staged.outputs) == ({}, ("out.img",))

    @pytest.mark.parametrize("option", ["-hkl", "-mat", "-sourcefile", "-mask", "-img", "-dump"])
    def test_every_input_is_found(self, folder, option):
        path = make("sub/file")
        assert stage_arguments([option, "sub/file"]).inputs == {"sub/file": path}

    @pytest.mark.parametrize("option", ["-hklfile", "-matrix", "-matfile", "-floatimagefile"])
    def test_longer_spellings(self, folder, option):
        make("f")
        staged = stage_arguments([option, "../work/f"])
        assert staged.arguments[0] == option
        assert staged.arguments[1].startswith("inputs/") or staged.arguments[1] == "f"
        assert len(staged.inputs) + len(staged.outputs) == 1

    def test_words_after_misset(self, folder):
        path = make("../P1.hkl")
        for words in (["random"], ["1", "-2", "3"]):
            staged = stage_arguments(["-misset", *words, "-hkl", "../P1.hkl"])
            assert staged.arguments[:-1] == ("-misset", *words, "-hkl")
            assert staged.inputs == {staged.arguments[-1]: path}

    def test_words_that_are_no_options(self, folder):
        """With --ignore-unknown-flags they are there; nanoBragg's options begin with a dash."""
        path = make("P1.hkl")
        given = ["stray", "a-hkl", "-nosuch", "3", "-hkl", "P1.hkl"]
        staged = stage_arguments(given)
        assert list(staged.arguments) == given
        assert staged.inputs == {"P1.hkl": path}

    def test_a_file_that_does_not_exist(self, folder):
        staged = stage_arguments(["-hkl", "none.hkl", "-mat", "/none/A.mat"])
        assert staged.inputs == {}
        assert staged.arguments[1] == "none.hkl"

    def test_a_folder_is_no_file(self, folder):
        (folder / "sub").mkdir()
        assert stage_arguments(["-hkl", "sub"]).inputs == {}

    parts = st.lists(st.sampled_from(["..", ".", "a", "b", "x.hkl", "..x"]), min_size=1, max_size=5)
    names = st.builds(lambda root, parts: root + "/".join(parts), st.sampled_from(["", "/"]), parts)

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["-hkl", "-mat", "-floatfile", "-intfile", "-dump", "-mask"]), names
            ),
            max_size=5,
        )
    )
    def test_nothing_is_outside_the_folder(self, pairs):
        given = [word for pair in pairs for word in pair]
        with tempfile.TemporaryDirectory() as top, contextlib.chdir(top):
            for name in ("a/x.hkl", "b/a/x.hkl", "..x", "x.hkl"):
                make(name)
            os.chdir("b")
            staged = stage_arguments(given)
            kept = [name for _, name in pairs]
            os.chdir("..")
        assert len(staged.arguments) == len(given)
        for name in [*staged.arguments[1::2], *staged.inputs, *staged.outputs]:
            inside = os.path.normpath(os.path.join("/fresh", name))
            assert not os.path.isabs(name)
            assert inside == "/fresh" or inside.startswith("/fresh/")
        for before, after in zip(kept, staged.arguments[1::2], strict=True):
            assert os.path.basename(os.path.normpath(before)) in after

    def test_filling_copies_and_makes_folders(self, folder, tmp_path):
        make("sub/P1.hkl", b"list")
        make("../A.mat", b"matrix")
        given = ["-hkl", "sub/P1.hkl", "-mat", "../A.mat", "-floatfile", "out/deep/f.bin"]
        staged = stage_arguments(given)
        fresh = tmp_path / "fresh"
        fresh.mkdir()
        staged.fill(fresh)
        files = {p.relative_to(fresh).as_posix(): p for p in fresh.rglob("*") if p.is_file()}
        assert {name: path.read_bytes() for name, path in files.items()} == {
            "sub/P1.hkl": b"list",
            staged.arguments[3]: b"matrix",
        }
        assert (fresh / "out" / "deep").is_dir()
        (fresh / "sub/P1.hkl").write_bytes(b"changed")
        assert (folder / "sub/P1.hkl").read_bytes() == b"list"

    def test_an_input_that_is_gone_is_named(self, folder, tmp_path):
        make("P1.hkl", b"list")
        staged = stage_arguments(["-hkl", "P1.hkl"])
        (folder / "P1.hkl").unlink()
        with pytest.raises(InputError, match=r"^input file: .*P1\.hkl: was there and is gone$"):
            staged.fill(tmp_path)


LISTING = """
for folder, _, files in sorted(os.walk(".")):
    for name in sorted(files):
        print("file", os.path.join(folder, name))
print("folder", os.getcwd())
for word in sys.argv[1:]:
    print("word", word)
print("input", repr(sys.stdin.read()))
print("aside", file=sys.stderr)
"""


class TestRunProgram:
    def test_it_sees_its_files_and_no_others(self, folder, run, tmp_path):
        make("P1.hkl")
        make("../A.mat")
        make("Fdump.bin", b"stale")
        done = run(
            "import os, sys\n" + LISTING + WRITE_IMAGE,
            *["-hkl", "P1.hkl", "-mat", "../A.mat", "-misset", "random"],
        )
        lines = [line.partition(" ") for line in done.log.splitlines()]

        def said(what):
            return [text for name, _, text in lines if name == what]

        assert said("file") == ["./P1.hkl", "./inputs/1-A.mat"]
        assert said("folder") == [str(tmp_path / "fresh")]
        assert said("word") == [
            *("-hkl", "P1.hkl", "-mat", "inputs/1-A.mat", "-misset", "random"),
            *("-floatfile", FLOAT_IMAGE),
        ]
        assert said("input") == ["''"]
        assert "aside" in done.log.splitlines()
        assert done.folder == tmp_path / "fresh"
        assert done.command == (str(tmp_path / "bin" / "standin"), *said("word"))
        assert done.seconds > 0
        np.testing.assert_array_equal(done.image((2, 3)), [[1, 2, 3], [4, 5, 6]])

    def test_the_image_is_where_it_is_looked_for(self, folder, run):
        """The last of several -floatfile counts, so that an earlier name does no harm."""
        done = run(WRITE_IMAGE, "-floatfile", "mine.bin")
        assert done.command[-4:] == ("-floatfile", "mine.bin", "-floatfile", FLOAT_IMAGE)

    def test_an_exit_code(self, folder, run):
        with pytest.raises(ProgramError, match="ended with exit code 9") as caught:
            run("import sys; print('talk'); sys.stderr.write('no\\nsuch file\\n'); sys.exit(9)")
        assert caught.value.output == "no\nsuch file"
        assert str(caught.value).endswith("it said: no | such file")
        assert caught.value.program.name == "standin"

    def test_an_exit_code_with_an_image_is_a_failure(self, folder, run):
        with pytest.raises(ProgramError, match="exit code 1"):
            run(WRITE_IMAGE + "sys.exit(1)")

    def test_what_was_printed_where_stderr_is_empty(self, folder, run):
        with pytest.raises(ProgramError) as caught:
            run("import sys\nfor n in range(9): print('line', n)\nsys.exit(3)")
        assert caught.value.output.splitlines() == [f"line {n}" for n in range(4, 9)]

    def test_bytes_that_are_no_text(self, folder, run):
        with pytest.raises(ProgramError, match="it said: bad \ufffd"):
            run("import os, sys; os.write(2, b'bad \\xff'); sys.exit(3)")

    @pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
    def test_a_signal(self, folder, run, name):
        number = int(signal.Signals[name])
        with pytest.raises(ProgramError, match=f"was ended by signal {number}$"):
            run(f"import os; os.kill(os.getpid(), {number})")

    def test_no_image(self, folder, run):
        with pytest.raises(ProgramError, match="wrote no float image; it said: usage"):
            run("print('usage')")

    def test_a_file_of_no_known_format(self, folder, tmp_path):
        path = make(tmp_path / "bin" / "odd", b"\x00\x01\x02 no program")
        path.chmod(0o755)
        fresh = tmp_path / "fresh"
        fresh.mkdir()
        with pytest.raises(ProgramError, match="cannot be run: Exec format error"):
            run_program(path, stage_arguments([]), fresh)


class TestImage:
    @pytest.fixture
    def left(self, tmp_path):
        """A run that left these bytes, and this log."""

        def call(values, log=""):
            content = values if isinstance(values, bytes) else np.array(values, "<f4").tobytes()
            (tmp_path / FLOAT_IMAGE).write_bytes(content)
            return ProgramRun(("nanoBragg",), tmp_path, log, 0.1)

        return call

    def test_it_has_the_shape_that_is_expected(self, left):
        image = left(range(6)).image((2, 3))
        np.testing.assert_array_equal(image, [[0, 1, 2], [3, 4, 5]])
        assert image.dtype == np.float32

    def test_it_has_the_shape_that_was_printed(self, left):
        """The program names the fast axis first."""
        log = "  distance=0.2 detsize=0.1x0.1  pixel=0.0005 meters (3x2 pixels)\n"
        assert left(range(6), log).image((6, 1)).shape == (2, 3)

    @pytest.mark.parametrize("log", ["", "(3x3 pixels)"])
    @pytest.mark.parametrize("count", [0, 5, 7])
    def test_another_size(self, left, log, count):
        with pytest.raises(UnreadableError, match=f"{count} pixels, where ") as caught:
            left(range(count), log).image((2, 3))
        assert caught.value.path.name == FLOAT_IMAGE

    @pytest.mark.parametrize("more", [1, 2, 3])
    def test_part_of_a_pixel(self, left, more):
        with pytest.raises(UnreadableError):
            left(np.arange(6, dtype="<f4").tobytes() + b"x" * more).image((2, 3))

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_what_is_not_finite(self, left, bad):
        with pytest.raises(UnreadableError, match="NaN or infinity; see its log"):
            left([1, 2, 3, 4, bad, 6]).image((2, 3))


def test_staged_arguments_are_what_they_are_made_of():
    assert stage_arguments(["-N", "5"]) == StagedArguments(("-N", "5"), {}, ())
