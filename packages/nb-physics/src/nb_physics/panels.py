"""Where the panels of a detector stand, after their groups and the whole have moved."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import Detector, DetectorPivot, InputError, Panel, PanelGroup
from nb_core.configs import Vector, scalar_tensor, vector_tensor
from nb_core.showing import Brief
from nb_core.sweeps import Sweep, resolve_sensor
from nb_core.units import deg_to_rad, mm_to_m, um_to_m
from nb_physics.axes import PARALLEL
from nb_physics.frame import EDGE_ON, DetectorFrame
from nb_physics.geometry_checks import EDGE_ON_REMEDY, THROUGH_SAMPLE
from nb_physics.vectors import cross, dot, length, rotate_about, squarable, unit


@dataclass(frozen=True, eq=False, repr=False)
class PanelPlan(Brief):
    """A panel, resolved: metres, 1/metre.

    frame: where it stands; layers: of its sensor, layer_depth each; absorbing: whether the sensor
    has a thickness; shape: the pixels that it has, (slow, fast), from first_pixel on
    """

    frame: DetectorFrame
    layers: Sweep
    absorbing: bool
    attenuation: Float[Tensor, ""]
    layer_depth: Float[Tensor, ""]
    shape: tuple[int, int]
    first_pixel: tuple[int, int] = (0, 0)

    @property
    def fpixels(self) -> int:
        """Pixels along fast, those before the first among them."""
        return self.first_pixel[1] + self.shape[1]


@dataclass(frozen=True, eq=False)
class _Places:
    """Panels in the lab: vectors of shape (3, panel), metres."""

    origin: Float[Tensor, "3 panel"]
    fast: Float[Tensor, "3 panel"]
    slow: Float[Tensor, "3 panel"]

    def turned(
        self, panels: Tensor, about: Float[Tensor, "3"], axis: Float[Tensor, "3"], angle: Tensor
    ) -> _Places:
        """With the panels that are marked turned about an axis through a point."""

        def turn(vectors: Tensor, centre: Tensor) -> Tensor:
            return rotate_about(vectors - centre, axis[:, None], angle) + centre

        still = torch.zeros_like(about)[:, None]
        turned = (
            turn(self.origin, about[:, None]),
            turn(self.fast, still),
            turn(self.slow, still),
        )
        before = (self.origin, self.fast, self.slow)
        return _Places(
            *(torch.where(panels, new, old) for new, old in zip(turned, before, strict=True))
        )

    def shifted(self, panels: Tensor, by: Float[Tensor, "3"]) -> _Places:
        moved = torch.where(panels, self.origin + by[:, None], self.origin)
        return _Places(moved, self.fast, self.slow)


def panel_plans(detector: Detector, beam: Float[Tensor, "3"]) -> tuple[PanelPlan, ...]:
    """Every panel where it stands; beam: unit vector along the beam.

    A group turns about the middle of its panels, by the axes of `PanelGroup`, and is shifted; then
    the whole. The normal of a panel looks away from the sample.
    Raises InputError for parallel axes, and for a panel whose plane goes through the sample.
    """
    places = _moved(detector, beam)
    frames = _frames(detector, places, beam)
    return tuple(
        _with_sensor(panel, frame) for panel, frame in zip(detector.panels, frames, strict=True)
    )


def moving_axes(detector: Detector, beam: Float[Tensor, "3"]) -> tuple[Tensor, Tensor, Tensor]:
    """Unit vectors that groups move along and turn about: the fast direction of the first panel,
    made perpendicular to the beam, the beam x that, and the beam.
    """
    fast = unit(squarable(vector_tensor(detector.panels[0].fast_axis)))
    across = cross(beam, fast)
    if length(across.detach()) < PARALLEL:
        across = cross(beam, unit(squarable(vector_tensor(detector.panels[0].slow_axis))))
    across = unit(across)
    return cross(across, beam), across, beam


def _moved(detector: Detector, beam: Float[Tensor, "3"]) -> _Places:
    panels = detector.panels
    places = _Places(
        mm_to_m(_columns([panel.origin_mm for panel in panels])),
        unit(squarable(_columns([panel.fast_axis for panel in panels]))),
        unit(squarable(_columns([panel.slow_axis for panel in panels]))),
    )
    _refuse_parallel(detector, places)
    axes = moving_axes(detector, beam)
    for group in detector.groups:
        marked = torch.tensor([panel.group == group.name for panel in panels])
        places = _move(detector, places, marked, axes, group)
    every = torch.ones(len(panels), dtype=torch.bool)
    return _move(detector, places, every, axes, detector)


def _move(
    detector: Detector,
    places: _Places,
    marked: Tensor,
    axes: tuple[Tensor, Tensor, Tensor],
    move: PanelGroup | Detector,
) -> _Places:
    """The marked panels turned and shifted; none that has not moved loses a bit."""
    tilts, shifts = vector_tensor(move.tilt_deg), vector_tensor(move.shift_mm)
    if _counts(tilts):
        centre = _centres(detector, places)[:, marked].mean(dim=1)
        for axis, angle in zip(axes, deg_to_rad(tilts), strict=True):
            places = places.turned(marked, centre, axis, angle)
    if _counts(shifts):
        places = places.shifted(marked, torch.stack(axes, dim=1) @ mm_to_m(shifts))
    return places


def _counts(move: Float[Tensor, "3"]) -> bool:
    """Whether it moves anything, or a gradient is asked for by it."""
    return bool(move.requires_grad) or bool((move.detach() != 0).any())


def _centres(detector: Detector, places: _Places) -> Float[Tensor, "3 panel"]:
    pixel = mm_to_m(torch.stack([scalar_tensor(p.pixel_size_mm) for p in detector.panels]))
    middle = [
        [first + pixels / 2 for first, pixels in zip(p.first_pixel, p.shape, strict=True)]
        for p in detector.panels
    ]
    slow, fast = torch.tensor(middle, dtype=torch.float64).T
    return places.origin + places.fast * (fast * pixel) + places.slow * (slow * pixel)


def _frames(detector: Detector, places: _Places, beam: Float[Tensor, "3"]) -> list[DetectorFrame]:
    """The frames of all panels, computed together, for there may be thousands."""
    panels = detector.panels
    pixel = mm_to_m(torch.stack([scalar_tensor(panel.pixel_size_mm) for panel in panels]))
    slow_pixels = [float(panel.first_pixel[0] + panel.shape[0]) for panel in panels]
    normal = unit(cross(places.fast, places.slow))
    along_normal = dot(places.origin, normal)
    behind = along_normal.detach() < 0
    normal = torch.where(behind, -normal, normal)
    close_distance = torch.abs(along_normal)
    _refuse_through_sample(detector, close_distance / pixel)
    along = beam[:, None].expand_as(places.origin)
    cosine = dot(along, normal)
    meets = torch.abs(cosine.detach()) >= EDGE_ON
    distance = torch.where(meets, close_distance / torch.where(meets, cosine, 1.0), close_distance)
    to_beam = torch.where(meets, distance * along, torch.zeros_like(along)) - places.origin
    beam_fast, beam_slow = dot(places.fast, to_beam), dot(places.slow, to_beam)
    numbers = (
        pixel,
        pixel * torch.tensor(slow_pixels, dtype=torch.float64),
        distance,
        close_distance,
        beam_fast,
        beam_slow,
        -dot(places.origin, places.fast),
        -dot(places.origin, places.slow),
    )
    columns = [part.unbind(dim=1) for part in (places.fast, places.slow, normal, places.origin)]
    scalars = [part.unbind() for part in numbers]
    flags = behind.tolist()
    return [
        _frame([column[i] for column in columns], beam, [part[i] for part in scalars], flags[i])
        for i in range(len(panels))
    ]


def _frame(
    vectors: list[Tensor], beam: Float[Tensor, "3"], numbers: list[Tensor], behind: bool
) -> DetectorFrame:
    pixel, size_slow, distance, close_distance, beam_fast, beam_slow, *close = numbers
    fast, slow, normal, origin = vectors
    return DetectorFrame(
        fast=fast,
        slow=slow,
        normal=normal,
        origin=origin,
        beam=beam,
        pixel_size=pixel,
        size_slow=size_slow,
        distance=distance,
        close_distance=close_distance,
        beam_fast=beam_fast,
        beam_slow=beam_slow,
        close_fast=close[0],
        close_slow=close[1],
        beam_center_x=beam_fast,
        beam_center_y=beam_slow,
        pivot=DetectorPivot.BEAM,
        behind=behind,
    )


def _with_sensor(panel: Panel, frame: DetectorFrame) -> PanelPlan:
    sensor = panel.sensor
    zero = torch.zeros((), dtype=torch.float64)
    layers, attenuation = Sweep(0.0, 0.0, 1, "no sensor"), zero
    depth = None if sensor is None else sensor.attenuation_um
    if sensor is not None and depth is not None and depth != float("inf"):
        layers = resolve_sensor(um_to_m(scalar_tensor(sensor.thickness_um)), sensor.layers)
        attenuation = 1.0 / um_to_m(scalar_tensor(depth))
    return PanelPlan(
        frame=frame,
        layers=layers,
        absorbing=bool(layers.range > 0),
        attenuation=attenuation,
        layer_depth=scalar_tensor(layers.step),
        shape=panel.shape,
        first_pixel=panel.first_pixel,
    )


def _columns(vectors: list[Vector]) -> Float[Tensor, "3 panel"]:
    """Vectors side by side, with their gradients."""
    if all(isinstance(v, tuple) and not any(isinstance(x, Tensor) for x in v) for v in vectors):
        return torch.tensor(vectors, dtype=torch.float64).T
    return torch.stack([vector_tensor(vector) for vector in vectors], dim=1)


def _refuse_parallel(detector: Detector, places: _Places) -> None:
    sine = length(cross(places.fast.detach(), places.slow.detach()))
    for number in torch.nonzero(sine < PARALLEL).flatten().tolist()[:1]:
        panel = detector.panels[number]
        remedy = "the fast and the slow axis are parallel; a panel needs two directions"
        shown = (panel.fast_axis, panel.slow_axis)
        raise InputError(f"fast_axis, slow_axis of {panel.name}", shown, remedy)


def _refuse_through_sample(detector: Detector, close_px: Float[Tensor, " panel"]) -> None:
    for number in torch.nonzero(close_px.detach() < THROUGH_SAMPLE).flatten().tolist()[:1]:
        name = detector.panels[number].name
        away = f"{float(close_px[number]):.3g} pixels away"
        raise InputError(f"origin_mm of {name}", away, EDGE_ON_REMEDY)
