"""nanoBragg's binary dumps of structure factors."""

import struct

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nb_core.errors import InputError
from nb_core.formats.fdump import read_dump, write_dump
from nb_core.formats.hkl import read_hkl

SIX = "0 0 0 100\n1 0 0 50\n0 1 0 25\n2 0 0 12.5\n0 2 0 6\n1 2 0 3\n"
SIX_HEADER = b"0 2 0 2 0 0\n\f"
SIX_DUMP_WITH_DEFAULT_7 = SIX_HEADER + struct.pack(
    "<32d",
    *(100, 0, 25, 0, 6, 0, 0, 0),
    *(50, 0, 7, 0, 3, 0, 0, 0),
    *(12.5, 0, 7, 0, 7, 0, 0, 0),
    *[0.0] * 8,
)


def _factors(folder, text=SIX):
    (folder / "list.hkl").write_text(text)
    return read_hkl(folder / "list.hkl")


def _dump(folder, content):
    path = folder / "Fdump.bin"
    path.write_bytes(content)
    return path


def test_the_bytes_are_those_of_the_program(tmp_path):
    write_dump(tmp_path / "Fdump.bin", _factors(tmp_path), default_F=7.0)
    assert (tmp_path / "Fdump.bin").read_bytes() == SIX_DUMP_WITH_DEFAULT_7


def test_missing_entries_hold_the_default(tmp_path):
    factors = read_dump(_dump(tmp_path, SIX_DUMP_WITH_DEFAULT_7))
    assert factors.F.tolist() == [
        [[100.0], [25.0], [6.0]],
        [[50.0], [7.0], [3.0]],
        [[12.5], [7.0], [7.0]],
    ]
    assert factors.F.dtype == torch.float64
    assert bool(factors.present.all())
    assert factors.present.shape == (3, 3, 1)
    assert factors.count == 9
    assert factors.kind == "dump"
    assert factors.source == str(tmp_path / "Fdump.bin")


@given(
    origin=st.tuples(*[st.integers(-(10**6), 10**6)] * 3),
    amplitude=st.floats(allow_nan=False, allow_infinity=False),
)
def test_a_dump_reads_back_as_written(tmp_path_factory, origin, amplitude):
    folder = tmp_path_factory.mktemp("dump")
    h, k, l = origin
    factors = _factors(folder, f"{h} {k} {l} {amplitude!r}\n{h + 1} {k + 2} {l + 3} 2.5\n")
    write_dump(folder / "Fdump.bin", factors)
    again = read_dump(folder / "Fdump.bin")
    assert (again.h_min, again.k_min, again.l_min) == origin
    assert torch.equal(again.F, factors.F)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (SIX_DUMP_WITH_DEFAULT_7[:-1], "268 bytes: the dump is cut short: 269 are needed"),
        (SIX_HEADER, "the dump is cut short"),
        (SIX_DUMP_WITH_DEFAULT_7 + b"\n", "followed by other data: 269 are needed"),
        (b"0 2 0 2 0\n\f", "not a dump"),
        (b"\x7fELF\x02\x01\x01" * 9, "the content is a program"),
        (b"\x01\x02\x03" * 9, "not a dump"),
        (b"0 0 0 0 0 0\n" + bytes(64), "not a dump"),
        (b"3 1 0 0 0 0\n\f" + bytes(64), "3 1 0 0 0 0: a range of indices ends before"),
        (b"0 9999 0 9999 0 9999\n\f", "grid entries, more than"),
        (b"1 1 2 2 3 3\n\f" + struct.pack("<8d", float("nan"), *[0] * 7), "F of 1 2 3: not a fin"),
        (b"1 1 2 2 3 3\n\f" + struct.pack("<8d", float("inf"), *[0] * 7), "F of 1 2 3: not a fin"),
        (b"", "the file is empty"),
    ],
)
def test_a_bad_dump_is_an_error(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read_dump(_dump(tmp_path, content))
