"""An image as HTML for a notebook: a picture in it, and what it holds."""

from __future__ import annotations

import base64
import html
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from nb_core.showing import Rows, rows_to_html
from nb_core.wording import counted

if TYPE_CHECKING:
    from nb_core.formats.image_format import ImageData

LARGEST_SIDE = 512
"""Pixels of the longer side of a picture; of larger images it shows the brightest of each block."""

SMALLEST_SIDE = 256
"""Of the longer side as it is displayed: smaller pictures have larger pixels."""

DECADES = 4
"""Powers of ten below the brightest pixel that the grey scale spans at most."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def image_to_html(image: ImageData) -> str:
    """A picture, dark spots on white by the logarithm of what lies above the pedestal, and a table
    of its figures. Panels stand below one another in columns; grey levels are drawn as they are.
    """
    values = image.values
    rows = [("image", image.source), ("size", _size(values))]
    if not values.size:
        return rows_to_html(rows)
    good = np.isfinite(values) if image.measured is None else image.measured
    if not good.any():
        return rows_to_html([*rows, ("holds", f"no {image.kind.value} that were measured")])
    rows += _figures(image, good)
    above = np.where(good, values, 0).astype(np.float64) - (image.pedestal or 0.0)
    plane = _reduced(_side_by_side(above) if above.ndim == 3 else above)
    if image.kind.value == "grey levels":
        levels = plane.clip(0, 255).astype(np.uint8)
    else:
        levels, scale = _dark_spots(plane)
        rows.append(("drawn", scale))
    return f"{_picture(levels, image.source)}{rows_to_html(rows)}"


def _size(values: np.ndarray) -> str:
    axes = "panel, slow, fast" if values.ndim == 3 else "slow, fast"
    return f"{' x '.join(map(str, values.shape))} pixels ({axes}), {values.dtype}"


def _figures(image: ImageData, good: np.ndarray) -> Rows:
    """Maximum, where it is, and mean, of the pixels that hold a number."""
    values, unit = image.values, image.kind.value
    highest = np.where(good, values, values[good].min())
    place = np.unravel_index(int(highest.argmax()), values.shape)
    names = ("panel", "slow", "fast")[-values.ndim :]
    where = ", ".join(f"{name} {index}" for name, index in zip(names, place, strict=True))
    mean = float(values.mean(where=good, dtype=np.float64))
    rows = [("max", f"{values[place]:g} {unit} at {where}"), ("mean", f"{mean:g} {unit}")]
    if not good.all():
        rows.append(("left out", f"{counted(int((~good).sum()), 'pixel')} without a measurement"))
    if image.pedestal:
        rows.append(("pedestal", f"{image.pedestal:g} {unit}"))
    return rows


def _side_by_side(panels: np.ndarray) -> np.ndarray:
    """One plane of panels in columns, about as wide as it is high; shape (slow, fast)."""
    count, slow, fast = panels.shape
    across = min(count, max(1, round((count * slow / fast) ** 0.5)))
    down = -(-count // across)
    filled = np.zeros((across * down, slow, fast), dtype=panels.dtype)
    filled[:count] = panels
    columns = filled.reshape(across, down * slow, fast)
    return np.concatenate(list(columns), axis=1)


def _reduced(plane: np.ndarray) -> np.ndarray:
    """The brightest pixel of each block, at most LARGEST_SIDE of them along a side."""
    block = -(-max(plane.shape) // LARGEST_SIDE)
    if block == 1:
        return plane
    padding = [(0, -edge % block) for edge in plane.shape]
    padded = np.pad(plane, padding, constant_values=-np.inf)
    slow, fast = (edge // block for edge in padded.shape)
    reduced: np.ndarray = padded.reshape(slow, block, fast, block).max(axis=(1, 3))
    return reduced


def _dark_spots(plane: np.ndarray) -> tuple[np.ndarray, str]:
    """Grey levels, 0 (black) for the highest, and in words what they mean."""
    highest = float(plane.max())
    if highest <= 0:
        return np.full(plane.shape, 255, dtype=np.uint8), "nothing lies above zero"
    lowest = max(float(np.median(plane[plane > 0])) / 2, highest / 10**DECADES)
    share = np.log(plane.clip(lowest, highest) / lowest) / np.log(highest / lowest)
    scale = f"dark spots, by the logarithm from {lowest:.3g} to {highest:.3g}"
    return (255 * (1 - share)).round().astype(np.uint8), scale


def _picture(levels: np.ndarray, name: str) -> str:
    """An <img> that holds its data."""
    slow, fast = levels.shape
    larger = max(1, SMALLEST_SIDE // max(slow, fast))
    data = base64.b64encode(grey_png(levels)).decode()
    return (
        f'<img alt="{html.escape(name)}" width="{fast * larger}" height="{slow * larger}" '
        f'style="image-rendering: pixelated" src="data:image/png;base64,{data}"/>'
    )


def grey_png(levels: np.ndarray) -> bytes:
    """A PNG file of grey levels, uint8 of shape (slow, fast), as ISO/IEC 15948 has it."""
    slow, fast = levels.shape
    header = struct.pack(">IIBBBBB", fast, slow, 8, 0, 0, 0, 0)
    lines = np.zeros((slow, fast + 1), dtype=np.uint8)  # each begins with its filter, 0 for none
    lines[:, 1:] = levels
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes())), (b"IEND", b""))
    return PNG_SIGNATURE + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)
