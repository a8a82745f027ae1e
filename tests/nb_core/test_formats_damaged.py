"""Damaged files of every kind that is read: read, or refused with nb's own error, never else."""

import random
import warnings
from pathlib import Path

import numpy as np
import pytest

from nb_core import InputError, NbWarning, StructureFactors
from nb_core.formats.fdump import read_dump, write_dump
from nb_core.formats.floats import read_floats
from nb_core.formats.hkl import read_hkl
from nb_core.formats.images import read_image
from nb_core.formats.mask import read_mask
from nb_core.formats.matrix import read_matrix
from nb_core.formats.pgm import pgm_bytes, read_pgm
from nb_core.formats.smv import read_smv
from nb_core.formats.sources import read_sources
from nb_core.toml import read_toml

INPUTS = Path(__file__).parents[1] / "golden" / "inputs"
TOML = b"profile = 'reference'\n[crystal]\ncell_a = 50.0\ndefault_F = 1.0\n[beam]\nflux = 1e12\n"
READERS = {
    "hkl": (read_hkl, "six.hkl"),
    "dump": (read_dump, None),
    "matrix": (read_matrix, "tric.mat"),
    "sources": (read_sources, "sources5.txt"),
    "smv": (read_smv, "header.img"),
    "mask": (read_mask, "mask.img"),
    "pgm": (read_pgm, None),
    "floats": (read_floats, None),
    "image": (read_image, "header.img"),
    "toml": (read_toml, None),
}
PIECES = (
    b"nan",
    b"-inf",
    b"1e400",
    b"=99999999999;",
    b"SIZE1=-4;",
    b"SIZE2=99999;\n",
    b"HEADER_BYTES=0;",
    b"TYPE=float;",
    b"Data_type= long int;\n",
    b"COMPRESSION=pck;\n",
    b"BYTE_ORDER=middle;",
    b"{",
    b"}",
    b"\0",
    b"\xff" * 8,
    b"\n\f",
    b"-",
    b"#",
    b"!FORMAT=XDS_ASCII\n",
    b"[[x]]\n",
    b"mask = '/dev/zero'\n",
    b"\x1f\x8b\x08",
    b" 2147483648 ",
    b"0 0 0 0\n",
)
CHANGES = 60


def _whole(kind, folder):
    """A file of the kind that is read."""
    _, name = READERS[kind]
    if name is not None:
        return (INPUTS / name).read_bytes()
    if kind == "dump":
        factors: StructureFactors = read_hkl(INPUTS / "six.hkl")
        write_dump(folder / "dump.bin", factors)
        return (folder / "dump.bin").read_bytes()
    if kind == "pgm":
        return pgm_bytes(np.arange(30, dtype=np.uint8).reshape(5, 6), 1.0)
    return TOML if kind == "toml" else np.arange(25, dtype="<f4").tobytes()


def _damaged(content, chance):
    """The content with a few bytes changed, lost, doubled, swapped or put in."""
    damaged = bytearray(content)
    for _ in range(chance.choice([1, 1, 3, 20])):
        if not damaged:
            break
        place = chance.randrange(min(len(damaged), chance.choice([60, 600, len(damaged)])))
        how = chance.randrange(5)
        if how == 0:
            damaged[place] = chance.randrange(256)
        elif how == 1:
            del damaged[place : place + chance.randrange(1, 200)]
        elif how == 2:
            damaged[place:place] = chance.choice(PIECES)
        elif how == 3:
            damaged[place:place] = damaged[: chance.randrange(100)]
        else:
            del damaged[place:]
    return bytes(damaged)


@pytest.mark.parametrize("kind", READERS)
def test_a_whole_file_is_read(kind, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(_whole(kind, tmp_path))
    assert READERS[kind][0](path) is not None


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", READERS)
def test_a_damaged_file_is_read_or_refused_in_one_line(kind, seed, tmp_path):
    content, chance = _whole(kind, tmp_path), random.Random(seed)
    path = tmp_path / "file"
    refusals = []
    for _ in range(CHANGES):
        path.write_bytes(_damaged(content, chance))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NbWarning)
            try:
                READERS[kind][0](path)
            except InputError as error:
                refusals.append(str(error))
    assert refusals
    assert not any("\n" in line for line in refusals)
