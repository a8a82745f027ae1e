"""The detector conventions: the lab axes and the beam-centre rules of the programs of the field."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

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
"""CUSTOM lists the directions of those vectors that the user does not give."""

PIVOTS: dict[DetectorConvention, DetectorPivot] = {
    DetectorConvention.MOSFLM: DetectorPivot.BEAM,
    DetectorConvention.DENZO: DetectorPivot.BEAM,
    DetectorConvention.ADXV: DetectorPivot.BEAM,
    DetectorConvention.XDS: DetectorPivot.SAMPLE,
    DetectorConvention.DIALS: DetectorPivot.SAMPLE,
    DetectorConvention.CUSTOM: DetectorPivot.BEAM,
}
