"""Every error has an exit code, the same wherever it is raised."""

import errno
import os

import pytest

from nb_core import (
    ExitCode,
    InputError,
    NbError,
    OutputError,
    ProgramError,
    ShapeError,
    UnreadableError,
)
from nb_core.formats import atomic
from nb_core.formats.atomic import atomic_write

EXPECTED = {
    InputError: (InputError("-cell", "x", "expected a number"), ExitCode.BAD_INPUT),
    OutputError: (OutputError("a.bin", "is a folder"), ExitCode.BAD_INPUT),
    UnreadableError: (UnreadableError("a.json", "is not JSON"), ExitCode.UNREADABLE),
    ShapeError: (ShapeError((2, 3), (4, 5), "--resample helps"), ExitCode.SHAPES_DIFFER),
    ProgramError: (ProgramError("./nanoBragg", "failed"), ExitCode.PROGRAM_FAILED),
}


def subclasses(error):
    found = [error]
    for below in error.__subclasses__():
        found += subclasses(below)
    return found


def test_the_numbers_are_those_that_scripts_rely_on():
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "BAD_INPUT": 2,
        "DIFFERENT": 3,
        "SHAPES_DIFFER": 4,
        "UNREADABLE": 5,
        "PROGRAM_FAILED": 6,
        "INTERRUPTED": 130,
        "PIPE_CLOSED": 141,
    }


def test_every_error_of_nb_core_is_here():
    ours = {error for error in subclasses(NbError) if error.__module__.startswith("nb_core.")}
    assert ours == {NbError, *EXPECTED}


def test_no_error_goes_without_a_code():
    for error in subclasses(NbError):
        assert isinstance(error.exit_code, ExitCode), error
        assert error.exit_code is not ExitCode.OK, error
        if error.__module__.startswith("nb_core."):  # only what compares or fits finds a difference
            assert error.exit_code is not ExitCode.DIFFERENT, error


@pytest.mark.parametrize("kind", EXPECTED, ids=lambda kind: kind.__name__)
def test_each_error_has_its_code(kind):
    error, code = EXPECTED[kind]
    assert error.exit_code is code
    assert isinstance(error, NbError)
    assert "\n" not in str(error)


def test_what_the_errors_say():
    said = {kind: str(error) for kind, (error, _) in EXPECTED.items()}
    assert said[InputError] == "-cell: x: expected a number"
    assert said[OutputError] == "a.bin: is a folder"
    assert said[UnreadableError] == "a.json: is not JSON"
    assert "nb has (2, 3), the reference (4, 5) (slow, fast): --resample helps" in said[ShapeError]
    assert said[ProgramError] == "./nanoBragg: failed"


def test_a_program_that_failed_is_quoted_on_one_line():
    error = ProgramError("./nanoBragg", "ended with exit code 9", "no such file\nusage: ...")
    assert str(error) == "./nanoBragg: ended with exit code 9; it said: no such file | usage: ..."
    assert error.output == "no such file\nusage: ..."


def test_a_program_that_writes_bare_returns_is_quoted_on_one_line():
    """A progress meter goes back to the start of its line."""
    assert len(str(ProgramError("p", "failed", "1% done\r2% done\nbad")).splitlines()) == 1


def test_an_output_error_is_the_users_unless_the_device_failed():
    assert OutputError("a", "b").exit_code is ExitCode.BAD_INPUT
    assert OutputError("a", "b", failed=True).exit_code is ExitCode.UNREADABLE
    assert OutputError("a", "b").exit_code is ExitCode.BAD_INPUT


def test_it_is_still_the_errors_that_python_has():
    assert issubclass(InputError, ValueError)
    assert issubclass(OutputError, OSError)


def write(path):
    with atomic_write(path) as handle:
        handle.write(b"content")


def fail(number):
    def call(*arguments):
        raise OSError(number, os.strerror(number))

    return call


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_device_that_fails_is_unreadable(tmp_path, monkeypatch, step, number):
    monkeypatch.setattr(os, step, fail(number))
    with pytest.raises(OutputError) as caught:
        write(tmp_path / "a.bin")
    assert caught.value.exit_code is ExitCode.UNREADABLE
    assert caught.value.path == str(tmp_path / "a.bin")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", fail(errno.ENOSPC))
    with pytest.raises(OutputError, match="the disk is full; free some space"):
        write(tmp_path / "a.bin")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_place_that_may_not_be_written_to_is_bad_input(tmp_path, monkeypatch, number):
    monkeypatch.setattr(os, "replace", fail(number))
    with pytest.raises(OutputError, match="choose another folder") as caught:
        write(tmp_path / "a.bin")
    assert caught.value.exit_code is ExitCode.BAD_INPUT


@pytest.mark.parametrize("name", ["none/a.bin", "file/a.bin", "folder", "x" * 300])
def test_another_name_helps(tmp_path, name):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError) as caught:
        write(tmp_path / name)
    assert caught.value.exit_code is ExitCode.BAD_INPUT
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_every_reason_is_either_the_devices_or_the_names():
    own = set(atomic._WRITE_REASONS) - atomic._MENDED_BY_ANOTHER_NAME
    assert own == {errno.ENOSPC, errno.EDQUOT}


def test_a_long_value_keeps_its_beginning_and_its_end():
    text = str(InputError("mask", "/data/" + "x" * 200 + "/mask.img", "no such file"))
    assert text.startswith("mask: /data/xxx")
    assert text.endswith("xxx/mask.img: no such file")
    assert len(text) == len("mask: : no such file") + 80
