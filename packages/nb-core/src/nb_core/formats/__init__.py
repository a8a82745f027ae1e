"""Readers and writers of the files that nanoBragg knows, and how files are read and written safely.

Image formats as plugins bring them are names of `nb_core`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nb_core.lazy import lazy_exports

if TYPE_CHECKING:
    from nb_core.formats.atomic import AnyPath, atomic_folder, atomic_write
    from nb_core.formats.fdump import read_dump, write_dump
    from nb_core.formats.floats import read_floats, write_floats
    from nb_core.formats.hkl import read_hkl, write_hkl
    from nb_core.formats.mask import read_mask, write_mask
    from nb_core.formats.matrix import read_matrix, write_matrix
    from nb_core.formats.pgm import PgmImage, pgm_bytes, read_pgm, write_pgm
    from nb_core.formats.reading import read_text
    from nb_core.formats.smv import (
        HeaderStyle,
        SmvHeader,
        SmvImage,
        header_bytes,
        read_smv,
        write_smv,
    )
    from nb_core.formats.sources import read_sources, write_sources
    from nb_core.formats.targets import check_folder, check_targets

_HOMES = {
    "AnyPath": "atomic",
    "atomic_folder": "atomic",
    "atomic_write": "atomic",
    "read_dump": "fdump",
    "write_dump": "fdump",
    "read_floats": "floats",
    "write_floats": "floats",
    "read_hkl": "hkl",
    "write_hkl": "hkl",
    "read_mask": "mask",
    "write_mask": "mask",
    "read_matrix": "matrix",
    "write_matrix": "matrix",
    "PgmImage": "pgm",
    "pgm_bytes": "pgm",
    "read_pgm": "pgm",
    "write_pgm": "pgm",
    "read_text": "reading",
    "HeaderStyle": "smv",
    "SmvHeader": "smv",
    "SmvImage": "smv",
    "header_bytes": "smv",
    "read_smv": "smv",
    "write_smv": "smv",
    "read_sources": "sources",
    "write_sources": "sources",
    "check_folder": "targets",
    "check_targets": "targets",
}

__all__ = [
    "AnyPath",
    "HeaderStyle",
    "PgmImage",
    "SmvHeader",
    "SmvImage",
    "atomic_folder",
    "atomic_write",
    "check_folder",
    "check_targets",
    "header_bytes",
    "pgm_bytes",
    "read_dump",
    "read_floats",
    "read_hkl",
    "read_mask",
    "read_matrix",
    "read_pgm",
    "read_smv",
    "read_sources",
    "read_text",
    "write_dump",
    "write_floats",
    "write_hkl",
    "write_mask",
    "write_matrix",
    "write_pgm",
    "write_smv",
    "write_sources",
]

if not TYPE_CHECKING:  # with it no name would be unknown to a type checker
    __getattr__, __dir__ = lazy_exports(__name__, _HOMES)
