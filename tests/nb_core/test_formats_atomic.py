"""Files appear whole or not at all, whatever goes wrong, and the error says what did."""

import errno
import io
import os
import stat

import pytest
from numpy import zeros

from nb_core.errors import OutputError
from nb_core.formats import atomic
from nb_core.formats.atomic import atomic_folder, atomic_write
from nb_core.formats.floats import write_floats


def test_a_written_file_has_its_content_and_no_other_file_stays(tmp_path):
    with atomic_write(tmp_path / "out.bin") as handle:
        handle.write(b"image")
    assert (tmp_path / "out.bin").read_bytes() == b"image"
    assert os.listdir(tmp_path) == ["out.bin"]


def test_the_name_is_free_until_all_is_written(tmp_path):
    with atomic_write(tmp_path / "out.bin") as handle:
        handle.write(b"image")
        handle.flush()
        assert not (tmp_path / "out.bin").exists()


def test_an_old_file_is_replaced_only_at_the_end(tmp_path):
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")
    with atomic_write(path) as handle:
        handle.write(b"new")
        handle.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_permissions_follow_the_umask(tmp_path):
    previous = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "out.bin") as handle:
            handle.write(b"image")
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "out.bin").stat().st_mode) == 0o640


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path, stop):
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")

    def pixels():
        yield b"half an im"
        raise stop

    with pytest.raises(stop), atomic_write(path) as handle:
        handle.writelines(pixels())
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out.bin"]


class _FullDisk(io.FileIO):
    def write(self, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "open", _FullDisk, raising=False)
    with pytest.raises(OutputError, match=r"out\.bin: the disk is full"):
        write_floats(tmp_path / "out.bin", zeros((2, 2)))
    assert os.listdir(tmp_path) == []


def test_a_disk_found_full_at_the_end_leaves_nothing(tmp_path, monkeypatch):
    def fsync(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with (
        pytest.raises(OutputError, match="the disk is full"),
        atomic_write(tmp_path / "out.bin") as handle,
    ):
        handle.write(b"image")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.EACCES, "no permission to write there"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_a_folder_that_refuses_is_named(tmp_path, monkeypatch, code, reason):
    def refuse(name, mode):
        raise OSError(code, os.strerror(code), name)

    monkeypatch.setattr(atomic, "open", refuse, raising=False)
    with pytest.raises(OutputError, match=reason), atomic_write(tmp_path / "out.bin"):
        pass


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing/out.bin", "its folder does not exist"),
        ("file/out.bin", "a part of its path is a file"),
        ("folder", "it is a folder"),
        ("new/", "it is a folder"),
        ("x" * 300, "the name is too long"),
    ],
)
def test_a_name_that_cannot_be_is_an_error(tmp_path, name, reason):
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=reason), atomic_write(f"{tmp_path}/{name}"):
        pass
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_an_empty_name_is_an_error():
    with pytest.raises(OutputError, match="the name is empty"), atomic_write(""):
        pass


def test_a_read_only_file_is_not_replaced(tmp_path, monkeypatch):
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda name, mode: False)
    with pytest.raises(OutputError, match="read-only"), atomic_write(path):
        pass
    assert path.read_bytes() == b"old"


def test_overwriting_can_be_refused(tmp_path):
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")
    with pytest.raises(OutputError, match="exists already"), atomic_write(path, overwrite=False):
        pass
    assert path.read_bytes() == b"old"
    with atomic_write(tmp_path / "new.bin", overwrite=False) as handle:
        handle.write(b"new")
    assert (tmp_path / "new.bin").read_bytes() == b"new"


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path):
    path = tmp_path / "out.bin"
    with (
        pytest.raises(OutputError, match="exists already"),
        atomic_write(path, overwrite=False),
    ):
        path.write_bytes(b"theirs")
    assert path.read_bytes() == b"theirs"
    assert os.listdir(tmp_path) == ["out.bin"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data" / "out.bin")
    with atomic_write(tmp_path / "link") as handle:
        handle.write(b"image")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "data" / "out.bin").read_bytes() == b"image"


def test_a_device_is_written_to_directly():
    with atomic_write("/dev/null", overwrite=False) as handle:
        handle.write(b"image")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_stdout_is_written_to_directly(capfdbinary):
    with atomic_write("/dev/stdout") as handle:
        handle.write(b"image")
    assert capfdbinary.readouterr().out == b"image"


def test_a_full_device_is_an_output_error():
    with (
        pytest.raises(OutputError, match="the disk is full"),
        atomic_write("/dev/full") as handle,
    ):
        handle.write(b"image")


def left(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_folder_appears_when_it_is_complete(tmp_path):
    final = tmp_path / "results"
    with atomic_folder(final) as working:
        (working / "a").write_bytes(b"a")
        assert not final.exists()
        assert working.parent == tmp_path
    assert left(tmp_path) == ["results", "results/a"]
    assert final.stat().st_mode & 0o777 == 0o755


def fill_and_fail(final, error, **options):
    with atomic_folder(final, **options) as working:
        (working / "sub").mkdir()
        (working / "sub" / "a").write_bytes(b"a")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("empty", [True, False])
def test_nothing_is_left_of_a_folder_that_fails(tmp_path, error, empty):
    if empty:
        (tmp_path / "results").mkdir()
    before = left(tmp_path)
    with pytest.raises(error):
        fill_and_fail(tmp_path / "results", error, into_empty=True)
    assert left(tmp_path) == before


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_there_is_of_a_folder_is_kept_where_asked(tmp_path, error):
    with pytest.raises(error):
        fill_and_fail(tmp_path / "results", error, keep_partial=True)
    assert left(tmp_path) == ["results", "results/sub", "results/sub/a"]


@pytest.mark.parametrize("taken", ["file", "link", "folder", "full"])
def test_a_name_that_is_taken_is_left_alone(tmp_path, taken):
    final = tmp_path / "results"
    if taken == "file":
        final.write_bytes(b"mine")
    elif taken == "link":
        final.symlink_to(tmp_path / "nowhere")
    else:
        final.mkdir()
    if taken == "full":
        (final / "mine").write_bytes(b"mine")
    before = left(tmp_path)
    with (
        pytest.raises(OutputError, match="exists already"),
        atomic_folder(final, into_empty=taken == "full"),
    ):
        pytest.fail("it is taken")
    assert left(tmp_path) == before


def test_a_name_that_is_taken_meanwhile_is_left_alone(tmp_path):
    final = tmp_path / "results"

    def be_overtaken():
        with atomic_folder(final, into_empty=True) as working:
            (working / "a").write_bytes(b"a")
            final.mkdir()
            (final / "mine").write_bytes(b"mine")

    with pytest.raises(OutputError, match="has appeared meanwhile"):
        be_overtaken()
    assert left(tmp_path) == ["results", "results/mine"]


@pytest.mark.parametrize(
    ("parent", "told"), [("none", "No such file"), ("taken", "Not a directory")]
)
def test_a_folder_that_cannot_be_made(tmp_path, parent, told):
    (tmp_path / "taken").write_bytes(b"a file")
    with (
        pytest.raises(OutputError, match=f"no folder can be made there: {told}"),
        atomic_folder(tmp_path / parent / "results"),
    ):
        pytest.fail("there is no folder to write to")
