"""SMV images (ADSC's format): a header of text, then unsigned 16-bit pixels."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

import numpy as np

from nb_core.errors import InputError
from nb_core.formats.atomic import AnyPath, atomic_write, read_bytes
from nb_core.formats.numbers import text_to_number

HEADER_UNIT = 512
"""The length of a header, bytes, unless its text needs more."""

_HEADER_LIMIT = 1 << 24
_BYTE_ORDERS = {"little_endian": "<u2", "big_endian": ">u2"}


@dataclass(frozen=True)
class SmvHeader:
    """What nanoBragg writes into the header of an image: pixels, mm, Angstrom and degrees.

    beam_center: as -Xbeam and -Ybeam in the convention at hand; the centres of adxv, MOSFLM and
    DENZO follow, then the origins of DIALS (mm, x y z) and XDS (pixels)
    """

    fpixels: int
    spixels: int
    pixel_size_mm: float
    distance_mm: float
    wavelength_A: float
    beam_center_x_mm: float
    beam_center_y_mm: float
    adxv_center_x_mm: float
    adxv_center_y_mm: float
    mosflm_center_x_mm: float
    mosflm_center_y_mm: float
    denzo_x_beam_mm: float
    denzo_y_beam_mm: float
    dials_origin_mm: tuple[float, float, float]
    xds_orgx: float
    xds_orgy: float
    close_distance_mm: float
    phi_deg: float
    osc_start_deg: float
    osc_range_deg: float
    twotheta_deg: float


@dataclass(frozen=True, eq=False)
class SmvImage:
    """An image and the header it came with.

    keys: the header's values by their whole names, as text; of a name given twice, the last
    data: counts, uint16, shape (slow, fast)
    """

    keys: dict[str, str]
    data: np.ndarray
    source: str

    def number(self, key: str) -> float | None:
        """The value of a key, None when the header lacks it; InputError when it is no number."""
        if key not in self.keys:
            return None
        return text_to_number(self.keys[key], f"{self.source} {key}")


def header_bytes(header: SmvHeader) -> bytes:
    """The header as nanoBragg writes it: 512 bytes, or 1024 when its text needs more."""
    size = HEADER_UNIT
    text = _header_text(header, size)
    while len(text) > size:
        size *= 2
        text = _header_text(header, size)
    return text.ljust(size).encode("ascii")


def write_smv(path: AnyPath, header: SmvHeader, data: np.ndarray, overwrite: bool = True) -> None:
    """Write an image of uint16 counts, shape (slow, fast).

    Raises InputError when data and header disagree, OutputError when it cannot be written.
    """
    if data.dtype != np.uint16:
        raise InputError("image", data.dtype, "SMV holds unsigned 16-bit counts")
    if data.shape != (header.spixels, header.fpixels):
        shape = (header.spixels, header.fpixels)
        raise InputError("image", data.shape, f"the header says {shape} pixels (slow, fast)")
    with atomic_write(path, overwrite) as handle:
        handle.write(header_bytes(header))
        handle.write(np.ascontiguousarray(data, dtype="<u2").data)


def is_smv(content: bytes) -> bool:
    """Whether a file with this content begins as SMV images do."""
    return content.startswith(b"{\nHEADER_BYTES")


def read_smv(path: AnyPath) -> SmvImage:
    """An image of any program's: HEADER_BYTES and BYTE_ORDER are honoured, padding is skipped.

    Raises InputError for a file that is not SMV, a header or an image cut short, and for sizes,
    a type or a byte order that are missing or make no sense.
    """
    content = read_bytes(path, "SMV image")
    name = os.fspath(path)
    keys = _parse_header(content, name)
    start = _whole(keys, "HEADER_BYTES", name)
    if start > min(len(content), _HEADER_LIMIT) or b"}" not in content[:start]:
        raise InputError(name, f"HEADER_BYTES={start}", "the header is cut short")
    order = _pixel_type(keys, name)
    fast, slow = _whole(keys, "SIZE1", name), _whole(keys, "SIZE2", name)
    if len(content) < start + 2 * slow * fast:
        raise InputError(
            name,
            f"{len(content)} bytes",
            f"the image is cut short: {slow} x {fast} pixels need {start + 2 * slow * fast}",
        )
    data = np.frombuffer(content, dtype=order, count=slow * fast, offset=start)
    return SmvImage(keys, data.reshape(slow, fast).astype(np.uint16), name)


def _header_text(header: SmvHeader, size: int) -> str:
    values: list[tuple[str, float]] = [
        ("PIXEL_SIZE", header.pixel_size_mm),
        ("DISTANCE", header.distance_mm),
        ("WAVELENGTH", header.wavelength_A),
        ("BEAM_CENTER_X", header.beam_center_x_mm),
        ("BEAM_CENTER_Y", header.beam_center_y_mm),
        ("ADXV_CENTER_X", header.adxv_center_x_mm),
        ("ADXV_CENTER_Y", header.adxv_center_y_mm),
        ("MOSFLM_CENTER_X", header.mosflm_center_x_mm),
        ("MOSFLM_CENTER_Y", header.mosflm_center_y_mm),
        ("DENZO_X_BEAM", header.denzo_x_beam_mm),
        ("DENZO_Y_BEAM", header.denzo_y_beam_mm),
    ]
    after: list[tuple[str, float]] = [
        ("XDS_ORGX", header.xds_orgx),
        ("XDS_ORGY", header.xds_orgy),
        ("CLOSE_DISTANCE", header.close_distance_mm),
        ("PHI", header.phi_deg),
        ("OSC_START", header.osc_start_deg),
        ("OSC_RANGE", header.osc_range_deg),
        ("TWOTHETA", header.twotheta_deg),
    ]
    origin = ",".join(f"{value:g}" for value in header.dials_origin_mm)
    return (
        f"{{\nHEADER_BYTES={size};\nDIM=2;\nBYTE_ORDER=little_endian;\nTYPE=unsigned_short;\n"
        f"SIZE1={header.fpixels};\nSIZE2={header.spixels};\n{_format_keys(values)}"
        f"DIALS_ORIGIN={origin}\n{_format_keys(after)}DETECTOR_SN=000;\nBEAMLINE=fake;\n}}\f"
    )


def _format_keys(values: list[tuple[str, float]]) -> str:
    return "".join(f"{key}={value:g};\n" for key, value in values)


def _parse_header(content: bytes, name: str) -> dict[str, str]:
    """The keys between the braces; a value ends at a semicolon or at the line's end."""
    if not re.match(rb"\{\s*HEADER_BYTES\s*=", content):
        raise InputError("SMV image", name, "not an SMV file: it must begin with HEADER_BYTES")
    end = content.find(b"}", 0, _HEADER_LIMIT)
    if end < 0:
        raise InputError("SMV image", name, "the header is cut short: its closing brace is missing")
    items = re.split(r"[;\n]", content[1:end].decode("latin-1"))
    pairs = (item.split("=", 1) for item in items if "=" in item)
    return {key.strip(): value.strip() for key, value in pairs}


def _whole(keys: dict[str, str], key: str, name: str) -> int:
    """The value of a key that must be a positive whole number."""
    if key not in keys:
        raise InputError(name, key, "missing from the header")
    if not re.fullmatch(r"\d{1,18}", keys[key]) or int(keys[key]) == 0:
        raise InputError(name, f"{key}={keys[key]}", "a positive whole number is needed")
    return int(keys[key])


def _pixel_type(keys: dict[str, str], name: str) -> str:
    """The numpy type of the pixels; TYPE may be missing."""
    kind = keys.get("TYPE", "unsigned_short")
    if kind != "unsigned_short":
        raise InputError(name, f"TYPE={kind}", "only unsigned_short is known")
    order = keys.get("BYTE_ORDER", "missing")
    if order not in _BYTE_ORDERS:
        raise InputError(name, f"BYTE_ORDER={order}", "little_endian or big_endian is needed")
    return _BYTE_ORDERS[order]
