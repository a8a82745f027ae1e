"""Files that are read: regular ones only, as large as their content can be, of nb's formats."""

import errno
import os
import socket

import numpy as np
import pytest

from nb_core import flags_to_experiment, read_toml
from nb_core.errors import InputError
from nb_core.formats.fdump import read_dump
from nb_core.formats.floats import read_floats
from nb_core.formats.hkl import read_hkl
from nb_core.formats.images import read_image
from nb_core.formats.mask import read_mask
from nb_core.formats.matrix import read_matrix
from nb_core.formats.pgm import read_pgm
from nb_core.formats.reading import open_regular, read_bytes, read_text
from nb_core.formats.smv import read_smv
from nb_core.formats.sources import read_sources

READERS = {
    "hkl": read_hkl,
    "dump": read_dump,
    "matrix": read_matrix,
    "sources": read_sources,
    "smv": read_smv,
    "mask": read_mask,
    "pgm": read_pgm,
    "floats": read_floats,
    "image": read_image,
    "toml": read_toml,
}
OPTIONS = ("-hkl", "-dump", "-mat", "-sourcefile", "-img", "-mask")
CRYSTAL = ["-cell", "70", "80", "90", "-default_F", "5"]


@pytest.fixture(params=READERS.values(), ids=READERS)
def reader(request):
    return request.param


def test_an_endless_device_is_refused_without_being_read(reader):
    with pytest.raises(InputError, match="/dev/zero: a device or terminal, where a regular file"):
        reader("/dev/zero")


def test_a_pipe_is_refused_and_not_waited_for(reader, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe: a pipe, where a regular file is needed"):
        reader(tmp_path / "pipe")


def test_a_socket_and_a_folder_are_refused(reader, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(InputError, match="a socket"):
            reader("socket")
    with pytest.raises(InputError, match="a folder, where a file is needed"):
        reader(tmp_path)


def test_standard_input_that_is_a_pipe_is_refused(reader):
    ends = os.pipe()
    kept = os.dup(0)
    os.dup2(ends[0], 0)
    try:
        with pytest.raises(InputError, match="/dev/stdin: a pipe"):
            reader("/dev/stdin")
    finally:
        os.dup2(kept, 0)
        for descriptor in (*ends, kept):
            os.close(descriptor)


def test_a_file_of_terabytes_is_refused_without_being_read(reader, tmp_path):
    path = tmp_path / "sparse"
    path.write_bytes(b"{\nHEADER_BYTES=512;\n")
    os.truncate(path, 2**42)
    with pytest.raises(InputError, match="4398046511104 bytes, more than the"):
        reader(path)


def test_a_header_that_promises_terabytes_reserves_no_memory(tmp_path):
    path = tmp_path / "in.img"
    sizes = b"SIZE1=1000000;\nSIZE2=1000000;\n"
    header = b"{\nHEADER_BYTES=512;\nDIM=2;\nBYTE_ORDER=little_endian;\n" + sizes + b"}"
    path.write_bytes(header.ljust(512) + bytes(1000))
    with pytest.raises(InputError, match="1512 bytes: the image is cut short"):
        read_smv(path)
    (tmp_path / "in.pgm").write_bytes(b"P5\n1000000 1000000\n255\n" + bytes(1000))
    with pytest.raises(InputError, match=r"1000000 x 1000000 pixels: .* missing"):
        read_pgm(tmp_path / "in.pgm")
    (tmp_path / "in.bin").write_bytes(b"-200 200 -200 200 -200 200\n\f" + bytes(1000))
    with pytest.raises(InputError, match="the dump is cut short: "):
        read_dump(tmp_path / "in.bin")


@pytest.mark.parametrize("name", ["none", "file/none", "x" * 300, "no\0name"])
def test_a_name_that_leads_to_no_file_is_an_error_of_nbs(reader, tmp_path, name):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(InputError, match=r"no such file|the name of a file is needed"):
        reader(f"{tmp_path}/{name}")


@pytest.mark.parametrize("option", OPTIONS)
def test_the_option_is_named_for_a_device(option):
    with pytest.raises(InputError, match=f"{option} .*/dev/zero: a device"):
        flags_to_experiment([*CRYSTAL, option, "/dev/zero"])


@pytest.mark.parametrize("entry", ["hkl", "dump", "mask", "crystal.matrix", "beam.sources"])
def test_a_toml_experiment_that_names_a_device_is_refused(entry, tmp_path):
    lines = {f"{entry}": "'/dev/zero'", "crystal.cell_a": "50", "crystal.default_F": "1"}
    path = tmp_path / "in.toml"
    path.write_text("".join(f"{key} = {value}\n" for key, value in lines.items()))
    with pytest.raises(InputError, match="/dev/zero: a device"):
        read_toml(path)


def test_nothing_beyond_the_asked_bytes_is_read(tmp_path):
    (tmp_path / "file").write_bytes(b"0123456789")
    with open_regular(tmp_path / "file", "file", 10) as file:
        assert (file.size, file.read(4), file.read()) == (10, b"0123", b"0123456789")
    with pytest.raises(InputError, match="10 bytes, more than the 9"):
        read_bytes(tmp_path / "file", "file", 9)


def test_a_regular_file_by_standard_input_is_read(tmp_path):
    np.ones((2, 2), dtype="<f4").tofile(tmp_path / "in.bin")
    kept = os.dup(0)
    with open(tmp_path / "in.bin", "rb") as stream:
        os.dup2(stream.fileno(), 0)
    try:
        assert read_floats("/dev/stdin").shape == (2, 2)
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"mask: .*none\.img: no such file"):
        read_bytes(tmp_path / "none.img", "mask", 100)


def test_a_path_through_a_file_is_an_input_error(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(InputError, match="a part of its path is not a folder"):
        read_bytes(tmp_path / "file" / "mask.img", "mask", 100)


def test_a_folder_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="a folder, where a file is needed"):
        read_bytes(tmp_path, "mask", 100)


def test_a_forbidden_file_is_an_input_error(tmp_path, monkeypatch):
    def refuse(name, flags):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    (tmp_path / "mask.img").write_bytes(b"x")
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(InputError, match="no permission to read it"):
        read_bytes(tmp_path / "mask.img", "mask", 100)


@pytest.mark.parametrize("content", [b"", b" \n\t\n"])
def test_an_empty_text_is_an_input_error(tmp_path, content):
    (tmp_path / "list.hkl").write_bytes(content)
    with pytest.raises(InputError, match="the file is empty"):
        read_text(tmp_path / "list.hkl", "list")


@pytest.mark.parametrize("content", [b"\x89PNG\xff\xfe", b"1 2 3\0"])
def test_binary_data_is_not_text(tmp_path, content):
    (tmp_path / "list.hkl").write_bytes(content)
    with pytest.raises(InputError, match="not a text file"):
        read_text(tmp_path / "list.hkl", "list")


def test_line_ends_and_a_byte_order_mark_are_normalised(tmp_path):
    (tmp_path / "list.hkl").write_bytes(b"\xef\xbb\xbf1\r\n2\r3\n")
    assert read_text(tmp_path / "list.hkl", "list") == "1\n2\n3\n"
