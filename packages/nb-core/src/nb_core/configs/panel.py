"""Detectors of many panels, each where it stands in the laboratory."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace

from nb_core.configs import checks
from nb_core.configs.base import Config, all_of
from nb_core.configs.checks import Scalar, Vector
from nb_core.configs.sampling import Roi
from nb_core.data import Mask
from nb_core.errors import InputError, did_you_mean
from nb_core.sweeps import MOST_STEPS

MOST_PIXELS = 2**31
"""An image has fewer pixels, over all of its panels."""


@dataclass(frozen=True, eq=False, repr=False)
class Sensor(Config):
    """What a panel's pixels are made of.

    thickness_um: 0 takes the parallax and the absorption of a sensor away
    attenuation_um: depth in which 1/e of the photons are left (inf: none is absorbed); a thickness
        needs it
    layers: how many the thickness is cut into; None takes 2
    """

    thickness_um: Scalar = 0.0
    attenuation_um: Scalar | None = None
    layers: int | None = None

    __no_type_check__ = True  # the arguments are checked here, and may be arrays or lists

    def __post_init__(self) -> None:
        super().__post_init__()
        thick = checks.thickness("thickness_um", self.thickness_um, "micrometres")
        depth = self.attenuation_um
        if thick and depth is None:
            remedy = "a sensor with a thickness needs its attenuation depth (inf: none is absorbed)"
            raise InputError("attenuation_um", None, remedy)
        if depth is not None and not (isinstance(depth, float) and depth == math.inf):
            checks.length("attenuation_um", depth, "micrometres (inf for no absorption)")
        checks.optional_count("layers", self.layers, most=MOST_STEPS)


@dataclass(frozen=True, eq=False, repr=False)
class Panel(Config):
    """A rectangle of square pixels. Continuous fields take a float or a tensor.

    origin_mm: outer corner of its pixel (0, 0) in the lab, from the sample
    fast_axis, slow_axis: directions in the lab, of any length; they must not be parallel
    pixel_size_mm: edge of a pixel
    shape: how many pixels it has, (slow, fast)
    first_pixel: (slow, fast) of the first pixel that there is, counted from `origin_mm`: what a
        panel that was cut out of a plane keeps of it (see `Detector.cut`)
    group: name of the panels that move with it (see `PanelGroup`)
    sensor: thickness and attenuation; None is a surface that counts every photon
    gain: ADU a photon; trusted_range: least and greatest value that counts, in ADU
    mask: the pixels to render, in the panel's shape; roi: a region of it, counted from its first
        pixel; the others are 0
    """

    name: str = ""
    origin_mm: Vector = (0.0, 0.0, 100.0)
    fast_axis: Vector = (1.0, 0.0, 0.0)
    slow_axis: Vector = (0.0, 1.0, 0.0)
    pixel_size_mm: Scalar = 0.1
    shape: tuple[int, int] = (1024, 1024)
    first_pixel: tuple[int, int] = (0, 0)
    group: str | None = None
    sensor: Sensor | None = None
    gain: Scalar = 1.0
    trusted_range: tuple[Scalar, Scalar] | None = None
    mask: Mask | None = None
    roi: Roi | None = None

    __no_type_check__ = True  # the arguments are checked here, and may be arrays or lists

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.text("name", self.name)
        if self.group is not None and not checks.text("group", self.group):
            raise InputError("group", "''", "a group has a name; leave it out for no group")
        checks.coordinates("origin_mm", self.origin_mm, "mm")
        for name in ("fast_axis", "slow_axis"):
            checks.vector(name, getattr(self, name))
            checks.direction(name, getattr(self, name))
        checks.length("pixel_size_mm", self.pixel_size_mm, "mm")
        for name, least in (("shape", 1), ("first_pixel", 0)):
            _set_whole(self, name, least)
        checks.instance("sensor", self.sensor, Sensor)
        checks.positive("gain", self.gain, "ADU a photon")
        self._check_trusted_range()
        self._check_chosen()

    def _check_trusted_range(self) -> None:
        if self.trusted_range is None:
            return
        low, high = checks.sequence("trusted_range", self.trusted_range, 2, "values in ADU")
        if checks.number("trusted_range", low) > checks.number("trusted_range", high):
            raise InputError("trusted_range", (low, high), "the least value comes first")

    def _check_chosen(self) -> None:
        checks.instance("mask", self.mask, Mask)
        if self.mask is not None and self.mask.values.shape != self.shape:
            remedy = f"a mask must have the panel's shape, {self.shape} pixels (slow, fast)"
            raise InputError("mask", self.mask.values.shape, remedy)
        if self.roi is None:
            return
        bounds = checks.sequence("roi", tuple(self.roi), 4, "whole numbers: xmin xmax ymin ymax")
        for bound in bounds:
            checks.count("roi", bound, least=0)
        xmin, xmax, ymin, ymax = bounds
        if not (xmin <= xmax < self.shape[1] and ymin <= ymax < self.shape[0]):
            remedy = f"xmin xmax ymin ymax must lie in the panel's {self.shape} pixels (slow, fast)"
            raise InputError("roi", tuple(bounds), remedy)
        object.__setattr__(self, "roi", Roi(*bounds))


@dataclass(frozen=True, eq=False, repr=False)
class PanelGroup(Config):
    """How panels that name this group have moved, all together, from where they are given.

    shift_mm: along the detector's fast direction, across it, and along the beam
    tilt_deg: right-handed about the same three axes through the middle of the group, the one about
        the first axis first

    The fast direction is that of the detector's first panel, made perpendicular to the beam; the
    second axis is the beam x the first.
    """

    name: str = ""
    shift_mm: Vector = (0.0, 0.0, 0.0)
    tilt_deg: Vector = (0.0, 0.0, 0.0)

    __no_type_check__ = True  # the arguments are checked here, and may be arrays or lists

    def __post_init__(self) -> None:
        super().__post_init__()
        if not checks.text("name", self.name):
            remedy = "a group has a name, the one that its panels give as their `group`"
            raise InputError("name", "''", remedy)
        checks.coordinates("shift_mm", self.shift_mm, "mm")
        checks.angles("tilt_deg", self.tilt_deg)


@dataclass(frozen=True, eq=False, repr=False)
class Detector(Config):
    """Panels of one shape. An image of several has the axes (panel, slow, fast).

    panels: at least one; those without a name are called panel 0, 1, ...
    groups: how groups of them have moved; the groups move first, then the whole
    shift_mm, tilt_deg: how the whole detector has moved, as for a `PanelGroup`
    point_pixel: pixels are seen face on, whatever their obliquity
    """

    panels: tuple[Panel, ...] = ()
    groups: tuple[PanelGroup, ...] = ()
    shift_mm: Vector = (0.0, 0.0, 0.0)
    tilt_deg: Vector = (0.0, 0.0, 0.0)
    point_pixel: bool = False

    __no_type_check__ = True  # the arguments are checked here, and may be arrays or lists

    def __post_init__(self) -> None:
        super().__post_init__()
        panels = all_of("panels", self.panels, Panel)
        if not panels:
            raise InputError("panels", "none", "a detector has at least one panel")
        named = tuple(
            panel if panel.name else replace(panel, name=f"panel {number}")
            for number, panel in enumerate(panels)
        )
        object.__setattr__(self, "panels", named)
        object.__setattr__(self, "groups", all_of("groups", self.groups, PanelGroup))
        self._check_shapes()
        self._check_names()
        checks.coordinates("shift_mm", self.shift_mm, "mm")
        checks.angles("tilt_deg", self.tilt_deg)
        checks.flag("point_pixel", self.point_pixel)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the image: (slow, fast) of one panel, (panel, slow, fast) of several."""
        one = self.panels[0].shape
        return one if len(self.panels) == 1 else (len(self.panels), *one)

    def index(self, name: str) -> int:
        """The number of the panel of that name; InputError where there is none."""
        names = [panel.name for panel in self.panels]
        if name not in names:
            remedy = f"{did_you_mean(name, names)}the panels are numbered 0 to {len(names) - 1}"
            raise InputError("panel", name, f"there is no such panel; {remedy}")
        return names.index(name)

    def cut(self, rows: int, columns: int) -> Detector:
        """The detector with each panel cut into so many rows and columns of panels.

        Their pixels lie where they lay, so an image of them is the same, bit for bit; where a tilt
        turns them, to rounding, for the middle that they turn about is the mean of more panels.
        Raises InputError where rows and columns do not divide a panel's pixels.
        """
        checks.count("rows", rows)
        checks.count("columns", columns)
        pieces = []
        for panel in self.panels:
            pieces += _pieces(panel, rows, columns)
        return replace(self, panels=tuple(pieces))

    def _check_shapes(self) -> None:
        first = self.panels[0]
        for panel in self.panels:
            if panel.shape != first.shape:
                remedy = f"all panels have one shape, that of {first.name}: {first.shape}"
                raise InputError(f"shape of {panel.name}", panel.shape, remedy)
        if len(self.panels) * math.prod(first.shape) >= MOST_PIXELS:
            shape = f"{len(self.panels)} x {first.shape[0]} x {first.shape[1]}"
            raise InputError("shape", shape, "an image has fewer than 2^31 pixels")

    def _check_names(self) -> None:
        for field, names in (
            ("panels", [panel.name for panel in self.panels]),
            ("groups", [group.name for group in self.groups]),
        ):
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                raise InputError(field, twice[0], "two have this name; give each its own")
        used = {panel.group for panel in self.panels if panel.group is not None}
        for group in self.groups:
            if group.name not in used:
                remedy = f"{did_you_mean(group.name, used)}no panel has this group"
                raise InputError("groups", group.name, remedy)


def _pieces(panel: Panel, rows: int, columns: int) -> list[Panel]:
    if panel.mask is not None or panel.roi is not None:
        remedy = "a panel with a mask or a region of interest stays whole"
        raise InputError("cut", panel.name, remedy)
    slow, fast = panel.shape
    if slow % rows or fast % columns:
        remedy = f"the panel's {slow} x {fast} pixels (slow, fast) cannot be cut evenly"
        raise InputError("rows, columns", (rows, columns), remedy)
    shape = slow // rows, fast // columns
    return [
        replace(
            panel,
            name=f"{panel.name} {row} {column}",
            shape=shape,
            first_pixel=(
                panel.first_pixel[0] + row * shape[0],
                panel.first_pixel[1] + column * shape[1],
            ),
        )
        for row in range(rows)
        for column in range(columns)
    ]


def _set_whole(panel: Panel, field: str, least: int) -> None:
    """Two whole numbers, for which floats without a fraction are taken too."""
    parts = []
    for part in checks.sequence(field, getattr(panel, field), 2, "whole numbers (slow, fast)"):
        whole = int(part) if isinstance(part, float) and part.is_integer() else part
        checks.count(field, whole, least=least)
        parts.append(whole)
    object.__setattr__(panel, field, tuple(parts))
