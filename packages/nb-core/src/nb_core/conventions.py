"""The detector conventions: the lab axes and the beam-centre rules of the programs of the field."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from nb_core.units import Value

__all__ = [
    "AXES",
    "Axes",
    "PIVOTS",
    "beam_point_to_centre",
    "centre_to_beam_point",
]

Axis = tuple[float, float, float]


class DetectorConvention(Enum):
    """Whose laboratory axes and beam-centre definition are used."""

    MOSFLM = "mosflm"
    XDS = "xds"
    DIALS = "dials"
    ADXV = "adxv"
    DENZO = "denzo"
    CUSTOM = "custom"


class DetectorPivot(Enum):
    """What stays in place when the detector is rotated."""

    BEAM = "beam"
    SAMPLE = "sample"


@dataclass(frozen=True)
class Axes:
    """Directions in the laboratory frame, before the detector is rotated.

    beam: along the incident beam; fast, slow, normal: of the detector
    twotheta: rotation axis of the two-theta arm; polarization: E vector; spindle: phi axis
    """

    beam: Axis
    fast: Axis
    slow: Axis
    normal: Axis
    twotheta: Axis
    polarization: Axis
    spindle: Axis


_X, _Y, _Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
_MINUS_X, _MINUS_Y, _MINUS_Z = (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0)

_MOSFLM = Axes(_X, _Z, _MINUS_Y, _X, _MINUS_Z, _Z, _Z)

AXES: dict[DetectorConvention, Axes] = {
    DetectorConvention.MOSFLM: _MOSFLM,
    DetectorConvention.DENZO: _MOSFLM,
    DetectorConvention.ADXV: Axes(_Z, _X, _MINUS_Y, _Z, _MINUS_X, _X, _X),
    DetectorConvention.XDS: Axes(_Z, _X, _Y, _Z, _X, _X, _X),
    DetectorConvention.DIALS: Axes(_Z, _X, _Y, _Z, _Y, _Y, _Y),
    DetectorConvention.CUSTOM: Axes(_X, _Z, _MINUS_Y, _X, _Y, _Z, _Z),
}
"""The axes of each convention; CUSTOM has the directions of vectors that the user does not give."""

PIVOTS: dict[DetectorConvention, DetectorPivot] = {
    DetectorConvention.MOSFLM: DetectorPivot.BEAM,
    DetectorConvention.DENZO: DetectorPivot.BEAM,
    DetectorConvention.ADXV: DetectorPivot.BEAM,
    DetectorConvention.XDS: DetectorPivot.SAMPLE,
    DetectorConvention.DIALS: DetectorPivot.SAMPLE,
    DetectorConvention.CUSTOM: DetectorPivot.BEAM,
}
"""What stays in place in each convention where the user does not say."""


def centre_to_beam_point(
    convention: DetectorConvention, x: Value, y: Value, pixel: Value, size_slow: Value
) -> tuple[Value, Value]:
    """Where the direct beam hits, (fast, slow) from the edge of the first pixel.

    x, y: the beam centre as the convention states it. MOSFLM and DENZO give x along the slow axis,
    MOSFLM from half a pixel outside; ADXV counts y from the far end of the slow axis.
    pixel, size_slow: pixel size and detector size along slow; all in one unit of length
    """
    if convention is DetectorConvention.MOSFLM:
        return y + 0.5 * pixel, x + 0.5 * pixel
    if convention is DetectorConvention.DENZO:
        return y, x
    if convention is DetectorConvention.ADXV:
        return x, size_slow - y
    return x, y


def beam_point_to_centre(
    convention: DetectorConvention, fast: Value, slow: Value, pixel: Value, size_slow: Value
) -> tuple[Value, Value]:
    """The beam centre (x, y) of a convention, from where the beam hits: the inverse of
    `centre_to_beam_point`, in its units.
    """
    if convention is DetectorConvention.MOSFLM:
        return slow - 0.5 * pixel, fast - 0.5 * pixel
    if convention is DetectorConvention.DENZO:
        return slow, fast
    if convention is DetectorConvention.ADXV:
        return fast, size_slow - slow
    return fast, slow
