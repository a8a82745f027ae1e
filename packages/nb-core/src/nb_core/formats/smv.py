"""SMV images (ADSC's and d*TREK's format): a header of text, then pixels of one type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

import numpy as np

from nb_core.errors import InputError
from nb_core.formats.atomic import AnyPath, atomic_write
from nb_core.formats.numbers import text_to_number
from nb_core.formats.reading import MOST_PIXELS, RegularFile, open_regular
from nb_core.formats.sniff import SMV, name_format
from nb_core.showing import Brief

HEADER_UNIT = 512
"""The length of a header, bytes, unless its text needs more."""

_HEADER_LIMIT = 1 << 24
MOST_BYTES = _HEADER_LIMIT + 4 * MOST_PIXELS
"""The largest file that can be an image."""

_BYTE_ORDERS = {"little_endian": "<", "big_endian": ">"}
_TYPES = {
    "u1": ("unsigned char",),
    "i1": ("signed char",),
    "u2": ("unsigned short", "unsigned short int"),
    "i2": ("short", "short int", "signed short", "signed short int"),
    "u4": ("unsigned long", "unsigned long int", "unsigned int"),
    "i4": ("long", "long int", "signed long", "signed long int", "int", "signed int"),
    "f4": ("float", "float ieee"),
}
"""numpy's name of a type of pixels, and the names that headers give it."""

DIALS_MARK = ("BEAM_CENTER_CONVENTION", "dxtbx")
"""The key, and its value, by which a header says that it was written for DIALS."""

_PLAIN = ("", "none", "1")
"""Values of a header's key of compression that say that there is none."""


class HeaderStyle(Enum):
    """Whom a header is written for: nanoBragg's own options (its very bytes), or DIALS.

    DIALS (dxtbx) takes BEAM_CENTER of a simulated image (BEAMLINE=fake) for ADXV's centre without
    a pixel, and a pedestal of 1 unless ADC_OFFSET says another.
    """

    NANOBRAGG = "nanobragg"
    DIALS = "dials"


@dataclass(frozen=True, repr=False)
class SmvHeader(Brief):
    """What is written into the header of an image: pixels, mm, Angstrom and degrees.

    beam_center: as -Xbeam and -Ybeam in the convention at hand; the centres of adxv, MOSFLM and
    DENZO follow, then the origins of DIALS (mm, x y z) and XDS (pixels)
    adc_offset: counts of no photon; only a header for DIALS says it
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
    style: HeaderStyle = HeaderStyle.NANOBRAGG
    adc_offset: float = 0.0


@dataclass(frozen=True, eq=False, repr=False)
class SmvImage(Brief):
    """An image and the header it came with.

    keys: the header's values by their whole names, as text; of a name given twice, the last
    data: counts in the file's own type, shape (slow, fast); nanoBragg's is uint16
    """

    keys: dict[str, str]
    data: np.ndarray
    source: str

    def number(self, key: str) -> float | None:
        """The value of a key, None when the header lacks it; InputError when it is no number."""
        if key not in self.keys:
            return None
        return text_to_number(self.keys[key], f"{self.source} {key}")

    @property
    def pedestal(self) -> float | None:
        """What was added to the counts (ADC_OFFSET or IMAGE_PEDESTAL), where the header says it."""
        given = (self.number(key) for key in ("ADC_OFFSET", "IMAGE_PEDESTAL"))
        return next((value for value in given if value is not None), None)

    @property
    def saturation(self) -> float:
        """Counts from which on a pixel is full: as the header says, else its type's largest."""
        given = (self.number(key) for key in ("SATURATED_VALUE", "CCD_IMAGE_SATURATION"))
        said = next((value for value in given if value is not None), None)
        if said is not None:
            return said
        return float(np.iinfo(self.data.dtype).max) if self.data.dtype.kind in "ui" else np.inf


def header_bytes(header: SmvHeader) -> bytes:
    """The header as its style has it: 512 bytes, or 1024 when its text needs more."""
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
    """Whether a file that begins with this content is an SMV image."""
    return name_format(content) == SMV


def read_smv(path: AnyPath) -> SmvImage:
    """An image of any program's: HEADER_BYTES, BYTE_ORDER and the type of the pixels count.

    The type is TYPE (ADSC) or Data_type (d*TREK): integers of 8, 16 or 32 bits, or float32.
    Raises InputError for a file that is not SMV, a header or an image cut short, bytes after the
    last pixel, compressed pixels, and sizes, a type or a byte order that make no sense.
    """
    with open_regular(path, "SMV image", MOST_BYTES) as file:
        return _read_open(file)


def _read_open(file: RegularFile) -> SmvImage:
    file.refuse_other_formats("an SMV image is read here", own=(SMV,))
    name = file.name
    keys = _parse_header(_header_part(file), file.what, name)
    start = _whole(keys, "HEADER_BYTES", name)
    if start > min(file.size, _HEADER_LIMIT) or b"}" not in file.read(start):
        raise InputError(name, f"HEADER_BYTES={start}", "the header is cut short")
    _refuse_other_layouts(keys, name)
    kind = np.dtype(_pixel_type(keys, name))
    fast, slow = _whole(keys, "SIZE1", name), _whole(keys, "SIZE2", name)
    needed = start + kind.itemsize * slow * fast
    if file.size != needed:
        state = "is cut short" if file.size < needed else "is followed by other data"
        pixels = f"{slow} x {fast} pixels of {8 * kind.itemsize} bits"
        remedy = f"the image {state}: {pixels} need {needed} bytes with the header"
        raise InputError(name, f"{file.size} bytes", remedy)
    data = np.frombuffer(file.read(), dtype=kind, offset=start)
    return SmvImage(keys, data.reshape(slow, fast).astype(kind.newbyteorder("=")), name)


def _header_text(header: SmvHeader, size: int) -> str:
    for_dials = header.style is HeaderStyle.DIALS
    digits = 10 if for_dials else 6
    origin = ",".join(f"{value:.{digits}g}" for value in header.dials_origin_mm)
    middle = f"DIALS_ORIGIN={origin}{';' if for_dials else ''}\n"
    end = "}\f"
    if for_dials:
        middle += f"ADC_OFFSET={header.adc_offset:.10g};\n{'='.join(DIALS_MARK)};\n"
        end = "}\n"
    return (
        f"{{\nHEADER_BYTES={size};\nDIM=2;\nBYTE_ORDER=little_endian;\nTYPE=unsigned_short;\n"
        f"SIZE1={header.fpixels};\nSIZE2={header.spixels};\n"
        f"{_format_keys(_beam_keys(header), digits)}{middle}"
        f"{_format_keys(_other_keys(header), digits)}DETECTOR_SN=000;\nBEAMLINE=fake;\n{end}"
    )


def _beam_keys(header: SmvHeader) -> list[tuple[str, float]]:
    centre = (header.beam_center_x_mm, header.beam_center_y_mm)
    if header.style is HeaderStyle.DIALS:
        pixel = header.pixel_size_mm
        centre = (header.adxv_center_x_mm - pixel, header.adxv_center_y_mm + pixel)
    return [
        ("PIXEL_SIZE", header.pixel_size_mm),
        ("DISTANCE", header.distance_mm),
        ("WAVELENGTH", header.wavelength_A),
        ("BEAM_CENTER_X", centre[0]),
        ("BEAM_CENTER_Y", centre[1]),
        ("ADXV_CENTER_X", header.adxv_center_x_mm),
        ("ADXV_CENTER_Y", header.adxv_center_y_mm),
        ("MOSFLM_CENTER_X", header.mosflm_center_x_mm),
        ("MOSFLM_CENTER_Y", header.mosflm_center_y_mm),
        ("DENZO_X_BEAM", header.denzo_x_beam_mm),
        ("DENZO_Y_BEAM", header.denzo_y_beam_mm),
    ]


def _other_keys(header: SmvHeader) -> list[tuple[str, float]]:
    return [
        ("XDS_ORGX", header.xds_orgx),
        ("XDS_ORGY", header.xds_orgy),
        ("CLOSE_DISTANCE", header.close_distance_mm),
        ("PHI", header.phi_deg),
        ("OSC_START", header.osc_start_deg),
        ("OSC_RANGE", header.osc_range_deg),
        ("TWOTHETA", header.twotheta_deg),
    ]


def _format_keys(values: list[tuple[str, float]], digits: int) -> str:
    return "".join(f"{key}={value:.{digits}g};\n" for key, value in values)


def _header_part(file: RegularFile) -> bytes:
    """The bytes that hold the header, as far as HEADER_BYTES at its beginning says."""
    said = re.match(rb"\{\s*HEADER_BYTES\s*=\s*(\d{1,9})", file.head)
    length = max(int(said.group(1)), len(file.head)) if said else len(file.head)
    return file.read(min(length, _HEADER_LIMIT))


def _parse_header(content: bytes, what: str, name: str) -> dict[str, str]:
    """The keys between the braces; a value ends at a semicolon or at the line's end."""
    if not is_smv(content):
        raise InputError(what, name, "not an SMV file: it must begin with HEADER_BYTES")
    end = content.find(b"}")
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


def _refuse_other_layouts(keys: dict[str, str], name: str) -> None:
    """InputError for pixels that are compressed, or that have more than two dimensions."""
    for key in ("COMPRESSION", "RAXIS_COMPRESSION_RATIO"):
        if keys.get(key, "").lower() not in _PLAIN:
            raise InputError(name, f"{key}={keys[key]}", "only pixels without compression are read")
    if keys.get("DIM", "2") != "2":
        raise InputError(name, f"DIM={keys['DIM']}", "an image has two dimensions")


def _pixel_type(keys: dict[str, str], name: str) -> str:
    """The numpy type of the pixels; without TYPE and Data_type they are unsigned 16-bit."""
    given = {key: keys[key] for key in keys if key.lower() in ("type", "data_type")}
    kinds = {_type_name(key, value, name) for key, value in given.items()} or {"u2"}
    if len(kinds) > 1:
        both = ", ".join(f"{key}={value}" for key, value in given.items())
        raise InputError(name, both, "two types of pixels; correct the header")
    kind = kinds.pop()
    order = keys.get("BYTE_ORDER", "missing")
    if order.lower() not in _BYTE_ORDERS:
        raise InputError(name, f"BYTE_ORDER={order}", "little_endian or big_endian is needed")
    return _BYTE_ORDERS[order.lower()] + kind


def _type_name(key: str, value: str, name: str) -> str:
    words = " ".join(value.lower().replace("_", " ").split())
    for kind, names in _TYPES.items():
        if words in names:
            return kind
    known = ", ".join(names[0] for names in _TYPES.values())
    raise InputError(name, f"{key}={value}", f"a type of pixels is one of: {known}")
