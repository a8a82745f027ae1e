"""What the ending of a file's name says of its format, for the files that are written."""

from __future__ import annotations

import os

from nb_core.errors import InputError

_WRITTEN = {
    "SMV": ("an SMV image", ".img"),
    "raw": ("a raw float32 image", ".bin"),
    "PGM": ("a PGM picture", ".pgm"),
    "dump": ("a binary dump of structure factors", ".bin"),
}
_FORMATS = {
    "SMV": ".smv",
    "PGM": ".pgm",
    "raw": ".f32",
    "CBF": ".cbf",
    "EDF": ".edf",
    "HDF5": ".h5 .hdf5 .hdf .nxs .nx .cxi",
    "TIFF": ".tif .tiff",
    "MarCCD": ".mccd .marccd",
    "R-AXIS": ".osc",
    "Bruker": ".sfrm",
    "PNG": ".png",
    "JPEG": ".jpg .jpeg .jp2",
    "GIF": ".gif",
    "BMP": ".bmp",
    "WebP": ".webp",
    "PDF": ".pdf",
    "SVG": ".svg",
    "PostScript": ".ps .eps",
    "NumPy": ".npy .npz",
    "packed": ".gz .bz2 .xz .zst .lz4 .z .zip .tar .tgz .7z",
    "MTZ": ".mtz",
    "SCALEPACK": ".sca",
    "CIF": ".cif .mmcif",
    "PDB": ".pdb .ent",
    "DIALS": ".expt .refl",
    "JSON": ".json",
    "CrystFEL": ".geom .stream",
    "pyFAI": ".poni",
}
_OF_ENDING = {ending: name for name, endings in _FORMATS.items() for ending in endings.split()}

SHARED = frozenset(("", ".img", ".bin", ".dat"))
"""Endings that stand for no one format, and suit all."""


def promised_format(ending: str) -> str | None:
    """The format that an ending stands for, as files of it are called; None: no one format."""
    return _OF_ENDING.get(ending.lower())


def check_ending(field: str, path: str, written: str) -> None:
    """Raises InputError where a name's ending promises another format than is written.

    field: of the config, for the error; written: "SMV", "raw", "PGM" or "dump"
    Endings that stand for no one format (.img, .bin, .dat, none) suit all.
    """
    ending = os.path.splitext(path)[1]
    promised = promised_format(ending)
    if promised not in (None, written):
        what, usual = _WRITTEN[written]
        remedy = f"{ending} is the ending of {promised} files, and {what} is written: use {usual}"
        raise InputError(field, path, remedy)
