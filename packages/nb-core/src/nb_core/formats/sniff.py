"""The format of a file, told by its first bytes: what nb reads, and what other programs write.

A name is a phrase with its article, as it stands in an error; where the file has to be changed
first, it goes on with how.
"""

from __future__ import annotations

import codecs
import re

HEAD_BYTES = 4096
"""How much of a file is looked at."""

SMV = "an SMV image"
PGM = "a PGM picture"
DUMP = "a dump of structure factors (nanoBragg's Fdump.bin)"
TOML = "an experiment of nb's (TOML)"

_BINARY: tuple[tuple[bytes, str], ...] = (
    (rb"\{\s*HEADER_BYTES\s*=", SMV),
    (rb"P5\s", PGM),
    (rb"-?\d{1,10}( -?\d{1,10}){5}\n\f", DUMP),
    (rb"\x1f\x8b\x08", "data packed with gzip; unpack it first (gunzip)"),
    (rb"\x1f\x9d\x90", "data packed with compress (.Z); unpack it first (gunzip)"),
    (rb"BZh[1-9](1AY&SY|\x17rE8P)", "data packed with bzip2; unpack it first (bunzip2)"),
    (rb"\xfd7zXZ\0", "data packed with xz; unpack it first (unxz)"),
    (rb"\x28\xb5\x2f\xfd", "data packed with zstd; unpack it first (unzstd)"),
    (rb"\x04\x22\x4d\x18", "data packed with lz4; unpack it first (unlz4)"),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (rb"PK\x03\x04", "a zip archive; unpack it first"),
    (rb".{257}ustar", "a tar archive; unpack it first"),
    (rb"(.{512}|.{1024}|.{2048})?\x89HDF\r\n\x1a\n", "an HDF5 file (NeXus, CXI and others)"),
    (rb"###\s?_?CBF", "a CBF image"),
    (rb".{1028}MMX\0", "a MarCCD image (TIFF)"),
    (rb"II[*+]\0|MM\0[*+]", "a TIFF image"),
    (rb"(\xd2\x04\0\0|\0\0\x04\xd2).{124}mar |.{128}mar research", "a mar345 image"),
    (rb"R-?AXIS", "an R-AXIS image"),
    (rb"OD SAPPHIRE", "a CrysAlis image (ROD)"),
    (rb"FORMAT *: *\d+.*VERSION *:", "a Bruker image (SFRM)"),
    (
        rb"\s*\{[^}]{0,2048}?\b(EDF_\w+|HeaderID|Dim_1|DataType|ByteOrder)\s*=",
        "an EDF image",
    ),
    (rb"MTZ ", "an MTZ file (reflections)"),
    (rb".{208}MAP ", "a CCP4 map"),
    (rb"\x93NUMPY", "a NumPy array (.npy)"),
    (rb".{0,8}dials::af::reflection_table", "a DIALS reflection table (.refl)"),
    (rb"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (rb"\xff\xd8\xff[\xc0-\xff]", "a JPEG picture"),
    (rb"GIF8[79]a", "a GIF picture"),
    (rb"RIFF....WEBP", "a WebP picture"),
    (rb"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (rb"%PDF-", "a PDF document"),
    (rb"%!PS", "a PostScript document"),
    (rb"\x7fELF", "a program"),
    (rb"SQLite format 3\0", "an SQLite database"),
    (rb"\xff\xfe[\t-~]\0[\t-~]\0|\xfe\xff\0[\t-~]\0[\t-~]", "text in UTF-16; save it as UTF-8"),
)

_TEXTS: tuple[tuple[str, str], ...] = (
    (r"\A\s*CrystFEL reflection list", "a CrystFEL reflection list (.hkl)"),
    (r"\A\s*CrystFEL stream format", "a CrystFEL stream"),
    (r"\A\s*CrystFEL unit cell file", "a CrystFEL unit cell"),
    (r"^!FORMAT=XDS_ASCII", "an XDS_ASCII file (intensities)"),
    (r"^!OUTPUT_FILE=INTEGRATE", "an INTEGRATE.HKL of XDS (intensities)"),
    (r"\A\s*G?XPARM\.XDS", "an XPARM.XDS (geometry)"),
    (r"^\s*(JOB|ORGX|DETECTOR_DISTANCE|NAME_TEMPLATE_OF_DATA_FRAMES)\s*=\s*\S", "an XDS.INP"),
    (r"^\s*\w+/(corner_[xy]|(min|max)_[fs]s|[fs]s|dim\d)\s*=", "a CrystFEL geometry (.geom)"),
    (r"\A(\s*(#[^\n]*)?\n)*\s*data_", "a CIF or mmCIF file"),
    (
        r"^(HEADER {4}|CRYST1 +\d|ATOM {2,6}\d+ |HETATM *\d+ |REMARK +\d|TITLE {5}\S)",
        "a PDB file (atoms)",
    ),
    (r"^(TITL\b|CELL +\d+\.\d+ +\d+\.|ZERR +\d|LATT +-?\d)", "a SHELX instruction file (.ins)"),
    (r"^\s*(NREF(lection)?s?\s*=|INDEx?\s+-?\d+\s+-?\d+)", "an X-PLOR or CNS reflection file"),
    (r"\A\s*1\s*\n\s*-98\d\s*\n", "a SCALEPACK reflection file (.sca)"),
    (r"^(poni_version|Poni1)\s*:", "a pyFAI geometry (.poni)"),
    (r"^\s*\[(crystal|detector|beam|sampling|background|outputs)\]", TOML),
    (r"\A\s*[{\[][^\x00]{0,200}\"ExperimentList\"", "a DIALS experiment list (.expt)"),
    (r"\A\s*(\{\s*\"|\[\s*\{)", "JSON"),
    (r"\A\s*<(!doctype html|html)", "a page of a website (HTML)"),
    (r"\A\s*<(\?xml|svg)", "XML"),
    (r"\Aversion https://git-lfs", "a pointer of Git LFS; fetch the file itself (git lfs pull)"),
)

_BINARY_PATTERNS = tuple((re.compile(pattern, re.DOTALL), name) for pattern, name in _BINARY)
_TEXT_PATTERNS = tuple(
    (re.compile(pattern, re.MULTILINE | re.IGNORECASE), name) for pattern, name in _TEXTS
)
_CONTROL = re.compile(rb"[\0-\x08\x0b\x0e-\x1f\x7f]")


def is_text(head: bytes) -> bool:
    """Whether a file that begins with these bytes is text in UTF-8."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return not _CONTROL.search(head)


def name_format(head: bytes) -> str | None:
    """What a file that begins with these bytes is, as words with an article; None if unknown.

    head: the first `HEAD_BYTES` bytes, or the whole of a shorter file
    A raw float image and a plain list of numbers bear no mark: None.
    """
    for mark, name in _BINARY_PATTERNS:
        if mark.match(head):
            return name
    if _CONTROL.search(head):
        return None
    text = head.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    return next((name for pattern, name in _TEXT_PATTERNS if pattern.search(text)), None)
