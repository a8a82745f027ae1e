"""The panels of a detector, in words."""

from __future__ import annotations

import math

from torch import Tensor

from nb_core import Detector
from nb_core.showing import Rows
from nb_core.units import m_to_mm, rad_to_deg
from nb_core.wording import counted
from nb_physics.formulas import dot, meets_the_beam, rectangle_solid_angle
from nb_physics.panels import PanelPlan
from nb_physics.resolved import Plan
from nb_physics.tiles import pixels_to_render, select_of_panel

MOST_LISTED = 8
"""Panels that have a line of their own; of more, the first and the last do."""


def panel_rows(plan: Plan, detector: Detector) -> Rows:
    """What there is to say of a detector of panels, and a line for each panel."""
    panels, count = plan.panels, len(plan.panels)
    slow, fast = detector.panels[0].shape
    sizes = sorted({f"{float(p.pixel_size_mm):.6g}" for p in detector.panels})
    pixel = sizes[0] if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    size = f"{slow} x {fast} pixels (slow, fast) of {pixel} mm"
    rows = [("detector", f"{counted(count, 'panel')} of {size}")]
    nearest = [float(m_to_mm(panel.frame.close_distance.detach())) for panel in panels]
    rows.append(("distance", f"{_range(nearest)} mm to the panels' planes, nearest"))
    rows.append(("solid angle", _solid_angle(plan, detector)))
    rendered, all_pixels = pixels_to_render(plan.experiment), count * slow * fast
    if rendered < all_pixels:
        rows.append(("rendered", f"{rendered} of {all_pixels} pixels"))
    for group in detector.groups:
        members = sum(panel.group == group.name for panel in detector.panels)
        rows.append((f"group {group.name}", f"{counted(members, 'panel')}{_moved(group)}"))
    if _moved(detector):
        rows.append(("moved", f"the whole{_moved(detector)}"))
    rows += [
        ("" if number else "panels", _panel(number, detector.panels[number].name, panels[number]))
        for number in _listed(count)
    ]
    if count > MOST_LISTED:
        rows.insert(-1, ("", f"... {count - MOST_LISTED} more ..."))
    return rows


def _listed(count: int) -> list[int]:
    if count <= MOST_LISTED:
        return list(range(count))
    return [*range(MOST_LISTED - 1), count - 1]


def _panel(number: int, name: str, panel: PanelPlan) -> str:
    frame = panel.frame
    origin = " ".join(f"{float(m_to_mm(part)):.6g}" for part in frame.origin.detach())
    normal = " ".join(f"{part + 0.0:.4g}" for part in frame.normal.detach().tolist())
    tilt = _tilt_deg(panel)
    text = f"{number} {name}: origin {origin} mm, normal {normal} ({tilt:.4g} deg from the beam)"
    if panel.absorbing:
        depth = 1e6 / panel.attenuation.item()
        text += f", sensor {1e6 * float(panel.layers.range):.6g} um"
        text += f" in {panel.layers.count} layers, attenuation {depth:.6g} um"
    return text


def _tilt_deg(panel: PanelPlan) -> float:
    beam, normal = panel.frame.beam, panel.frame.normal
    if not meets_the_beam(beam, normal):
        return 90.0
    cosine = float(dot(beam, normal).detach())
    return rad_to_deg(math.acos(max(-1.0, min(1.0, cosine))))


def _solid_angle(plan: Plan, detector: Detector) -> str:
    """Of the regions of interest; masks are not taken off."""
    total = 0.0
    for panel, placed in zip(detector.panels, plan.panels, strict=True):
        slow, fast = placed.first_pixel
        chosen = select_of_panel(panel)
        across = (fast + chosen.xmin, fast + chosen.xmin + chosen.width)
        down = (slow + chosen.ymin, slow + chosen.ymin + chosen.height)
        total += abs(float(rectangle_solid_angle(placed.frame, across, down).detach()))
    return f"{total:.6g} sr, {100 * total / (4 * math.pi):.4g} % of the sphere"


def _moved(move: object) -> str:
    parts = []
    for name, unit in (("shift_mm", "mm"), ("tilt_deg", "deg")):
        value = getattr(move, name)
        numbers = [float(x.detach()) if isinstance(x, Tensor) else float(x) for x in value]
        if any(numbers):
            shown = " ".join(f"{number:.6g}" for number in numbers)
            parts.append(f"{name.partition('_')[0]} {shown} {unit}")
    return f" {', '.join(parts)} (fast, across, beam)" if parts else ""


def _range(values: list[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.6g}" if f"{low:.6g}" == f"{high:.6g}" else f"{low:.6g} to {high:.6g}"
