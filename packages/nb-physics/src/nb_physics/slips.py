"""nanoBragg's slips that the reference profile keeps, and which of them an experiment meets.

Each is a row of docs/behaviour.md that the corrected profile mends. It is told where it changes
this experiment's image beyond rounding, and only there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import Profile
from nb_core.configs import plain_number, scalar_tensor
from nb_core.units import rad_to_deg
from nb_physics.frame import effective_pivot
from nb_physics.geometry import (
    capture_fraction,
    curved_positions,
    directions,
    flat_positions,
    solid_angle,
    subpixel_coordinates,
)
from nb_physics.orientation import cell_parameters
from nb_physics.polarization import field_axes, kahn_factor
from nb_physics.resolved import Plan
from nb_physics.scale import ELECTRON_RADIUS_SQUARED_M2
from nb_physics.scattering import scattering_vectors, sin_theta_over_lambda, within_dmin
from nb_physics.vectors import angle_between, length

TOLD_FROM = 1e-3
"""The smallest relative change of a pixel that is told; also of a pixel's place, in pixels."""


@dataclass(frozen=True)
class Slip:
    """A slip of nanoBragg.

    row: its number in docs/behaviour.md
    effect: what it does to the image of a plan, and what the corrected profile does; None: nothing
    """

    row: int
    effect: Callable[[Plan], str | None]


def met_slips(plan: Plan) -> list[str]:
    """A sentence for each slip that changes the image of a plan; none in the corrected profile."""
    if plan.corrected:
        return []
    with torch.no_grad():
        effects = [(slip.row, slip.effect(plan)) for slip in SLIPS]
    return [f"{effect} (behaviour.md, row {row})" for row, effect in effects if effect is not None]


def _pivot(plan: Plan) -> str | None:
    detector = plan.experiment.plane
    pivot, asked = effective_pivot(detector, plan.experiment.profile), detector.detector_pivot
    if asked is None or asked is pivot:
        return None
    return (
        f"pivot {asked.value} is overridden: the {detector.detector_convention.value} convention "
        f"turns about the {pivot.value}; the corrected profile honours it"
    )


def _origin(plan: Plan) -> str | None:
    if plan.experiment.plane.pix0_vector_m is None:
        return None
    return (
        "pix0_vector is overwritten by distance and beam centre; the corrected profile takes it as "
        "the detector's origin"
    )


def _random_misset(plan: Plan) -> str | None:
    if plan.experiment.crystal.misset_deg != "random":
        return None
    return (
        "a random orientation is a turn by up to 90 radians, not uniform over all orientations; "
        "the corrected profile draws another one, uniformly"
    )


def _interpolation(plan: Plan) -> str | None:
    experiment = plan.experiment
    if experiment.sampling.interpolate is not None or experiment.structure_factors is None:
        return None
    given = torch.stack([scalar_tensor(cells) for cells in experiment.crystal.N_cells])
    if bool((given <= 2).any()) == bool((plan.cells <= 2).any()):
        return None
    state, other = ("on", "off") if plan.interpolate else ("off", "on")
    return (
        f"interpolation is {state}, by the numbers of cells before the sample's size sets them; "
        f"the corrected profile looks at them afterwards and turns it {other}"
    )


def _first_factors(plan: Plan) -> str | None:
    layers = plan.layers.count
    if plan.oversample == plan.sources.wavelength.numel() == layers == 1:
        return None
    sampling = plan.experiment.sampling
    used = {
        "solid angle": not sampling.oversample_omega,
        "absorption": plan.absorbing and not sampling.oversample_thick,
        "polarization": not (plan.experiment.beam.nopolar or sampling.oversample_polar),
    }
    names = [name for name, late in used.items() if late]
    first = _factors(plan, names, first=True)[:, :1]
    terms = [_factors(plan, names, first=False, layer=layer) for layer in {0, layers - 1}]
    change = (first / torch.stack(terms) - 1.0).abs().nan_to_num(0.0, 0.0, 0.0).max().item()
    if change < TOLD_FROM:
        return None
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
    place = "sub-pixel, layer and source" if layers > 1 else "sub-pixel and source"
    return (
        f"{listed} of a pixel are those of its first {place}: up to "
        f"{100 * change:.2g} % off; the corrected profile gives each term its own"
    )


def _running_sum(plan: Plan) -> str | None:
    sampling = plan.experiment.sampling
    asked = {
        "oversample_thick": sampling.oversample_thick,
        "oversample_polar": sampling.oversample_polar,
        "oversample_omega": sampling.oversample_omega,
    }
    names = [name for name, given in asked.items() if given]
    if not names or plan.steps * plan.layers.count <= 1:
        return None
    return (
        f"{', '.join(names)}: the running sum is multiplied at each of the "
        f"{plan.steps * plan.layers.count:.0f} steps of a pixel, not the term; the corrected "
        "profile gives each term its own factors without it"
    )


def _last_layer(plan: Plan) -> str | None:
    count, late = plan.layers.count, not plan.experiment.sampling.oversample_thick
    if not (plan.absorbing and late and count > 1):
        return None
    depth = (plan.layer_depth * plan.attenuation).item()
    caught = 1.0 - math.exp(-(scalar_tensor(plan.layers.range) * plan.attenuation).item())
    if not caught:
        return None
    last = math.exp(-(count - 1) * depth) - math.exp(-count * depth)
    return (
        f"the sensor's {count} layers are summed and then multiplied by what the last absorbs: "
        f"{count * last / caught:.4g} of the right number of photons for rays along the normal; "
        "the corrected profile gives each layer its own"
    )


def _water(plan: Plan) -> str | None:
    if not plan.background > 0:
        return None
    factor = (ELECTRON_RADIUS_SQUARED_M2 * plan.fluence / plan.steps).item()
    if abs(factor - 1.0) < TOLD_FROM:
        return None
    return (
        f"water is divided by {plan.steps:.0f} steps and scaled by the fluence twice: {factor:.4g} "
        "of the right number of its photons; the corrected profile adds it once a pixel"
    )


def _water_beyond_dmin(plan: Plan) -> str | None:
    if not (plan.background > 0 and plan.dmin > 0):
        return None
    _, diffracted = _rays(plan, first=False)
    q = scattering_vectors(diffracted, plan.sources.incident, plan.sources.wavelength)
    kept = within_dmin(sin_theta_over_lambda(q), plan.dmin)
    if bool(kept.any(dim=1).all()):
        return None
    return (
        "pixels beyond dmin have no water either; the corrected profile leaves out reflections only"
    )


def _weights(plan: Plan) -> str | None:
    weights = plan.sources.weight
    if bool((weights - weights[0]).abs().max() <= 1e-12 * weights.abs().max()):
        return None
    if not bool(weights.isfinite().all()):
        return (
            f"the weights of the {weights.numel()} sources are all 0, and dropped: each counts "
            "alike; the corrected profile refuses them"
        )
    shares = f"from {100 * weights.min().item():.3g} to {100 * weights.max().item():.3g} %"
    return (
        f"the weights of the {weights.numel()} sources are dropped, each counts alike; the "
        f"corrected profile gives them their shares, {shares}"
    )


def _point_pixel(plan: Plan) -> str | None:
    if not plan.experiment.plane.point_pixel:
        return None
    area = (plan.frame.pixel_size * plan.frame.pixel_size).item()
    return (
        "point_pixel leaves out the pixel's area with the obliquity, so photons are those of a "
        f"square metre, {1 / area:.4g} times too many; the corrected profile keeps the area"
    )


def _obliquity(plan: Plan) -> str | None:
    detector, depth = plan.experiment.plane, (plan.layers.count - 1) * plan.layer_depth
    in_sum = plan.experiment.sampling.oversample_omega and not detector.point_pixel
    share = (depth / (plan.frame.close_distance + depth)).nan_to_num(0.0).item()
    if detector.curved_detector or not in_sum or share < TOLD_FROM:
        return None
    return (
        "the solid angle of the sensor's deeper layers has the front's distance in its obliquity: "
        f"up to {100 * share:.2g} % too small; the corrected profile takes each layer's own"
    )


def _curved(plan: Plan) -> str | None:
    if not plan.experiment.plane.curved_detector:
        return None
    kept, mended = (_positions(plan, first=False, corrected=which) for which in (False, True))
    shift = (length(kept - mended) / plan.frame.pixel_size).nan_to_num(0.0).max().item()
    if shift < TOLD_FROM:
        return None
    return (
        "curved_det turns by lab y and z whatever the convention: pixels lie up to "
        f"{shift:.4g} pixels off; the corrected profile turns towards each pixel"
    )


def _oblique_cell(plan: Plan) -> str | None:
    cell = cell_parameters(plan.experiment.crystal)
    if cell is None or plan.experiment.crystal.matrix is not None:
        return None
    a, b, c = plan.cell.real
    built = [rad_to_deg(angle_between(*pair)).item() for pair in ((b, c), (c, a), (a, b))]
    asked = [rad_to_deg(angle).item() for angle in cell.angles]
    if all(abs(have - want) < 1e-6 for have, want in zip(built, asked, strict=True)):
        return None
    shown = [" ".join(f"{angle:.7g}" for angle in angles) for angles in (asked, built)]
    return (
        f"the cell angles {shown[0]} come out as {shown[1]}, for two or more are oblique; the "
        "corrected profile builds the cell that is asked for"
    )


def _phi_starts(plan: Plan) -> str | None:
    half = rad_to_deg(scalar_tensor(plan.phi.step)).item() / 2
    if not half:
        return None
    return (
        f"phi is sampled at the start of each step, so the image lies {half:.4g} deg early; the "
        "corrected profile samples it in the middle"
    )


def _backwards(plan: Plan) -> str | None:
    crystal = plan.experiment.crystal
    given = {"osc_range_deg": crystal.osc_range_deg, "phi_step_deg": crystal.phi_step_deg}
    values = {name: plain_number(value or 0.0) for name, value in given.items()}
    negative = [f"{name} {value:g}" for name, value in values.items() if value < 0]
    if not negative:
        return None
    turned = rad_to_deg(scalar_tensor(plan.phi.range)).item()
    instead = f"the crystal turns by {turned:g} deg" if turned else "nothing turns"
    return (
        f"{' and '.join(negative)} counts as not given, so {instead}; the corrected profile turns "
        "backwards"
    )


SLIPS = (
    Slip(6, _pivot),
    Slip(7, _origin),
    Slip(13, _random_misset),
    Slip(21, _interpolation),
    Slip(22, _backwards),
    Slip(31, _first_factors),
    Slip(32, _running_sum),
    Slip(33, _last_layer),
    Slip(34, _water),
    Slip(35, _water_beyond_dmin),
    Slip(36, _weights),
    Slip(37, _point_pixel),
    Slip(38, _curved),
    Slip(44, _oblique_cell),
    Slip(45, _phi_starts),
    Slip(49, _obliquity),
)
"""By their rows; that of a header's TWOTHETA (17) is told where the header is read."""


def _positions(
    plan: Plan, *, first: bool, corrected: bool, layer: int = 0
) -> Float[Tensor, "3 pixels"]:
    """Lab positions (metres) in nine pixels: the region's corners, its edges' middles, its centre.

    first: of the first sub-pixel, else of the pixel's middle; layer: of the sensor
    """
    frame, detector, roi = plan.frame, plan.experiment.plane, plan.experiment.roi
    ends = roi or (0, detector.fpixels - 1, 0, detector.spixels - 1)
    fast, slow = (
        torch.tensor([low, (low + min(high, pixels - 1)) // 2, min(high, pixels - 1)])
        for low, high, pixels in (
            (*ends[:2], detector.fpixels),
            (*ends[2:], detector.spixels),
        )
    )
    grid = plan.oversample if first else 1
    along_slow, along_fast = (
        part.flatten()
        for part in torch.meshgrid(
            subpixel_coordinates(slow, 0, grid, frame.pixel_size),
            subpixel_coordinates(fast, 0, grid, frame.pixel_size),
            indexing="ij",
        )
    )
    position = flat_positions(along_fast, along_slow, layer * plan.layer_depth, frame)
    if not detector.curved_detector:
        return position
    profile = Profile.CORRECTED if corrected else Profile.REFERENCE
    return curved_positions(position, along_fast, along_slow, frame, profile)


def _rays(
    plan: Plan, *, first: bool, layer: int = 0
) -> tuple[Float[Tensor, " pixels"], Float[Tensor, "3 pixels"]]:
    return directions(_positions(plan, first=first, corrected=False, layer=layer))


def _factors(
    plan: Plan, names: list[str], *, first: bool, layer: int = 0
) -> Float[Tensor, "pixels sources"]:
    """The product of some factors of nine pixels, with each source; the capture is the last's."""
    airpath, diffracted = _rays(plan, first=first, layer=layer)
    product = torch.ones(airpath.numel(), plan.sources.wavelength.numel(), dtype=torch.float64)
    if "solid angle" in names:
        detector = plan.experiment.plane
        omega = solid_angle(
            airpath,
            plan.frame,
            point_pixel=detector.point_pixel,
            profile=Profile.CORRECTED,
            depth=0.0 if detector.curved_detector else layer * plan.layer_depth,
        )
        product = product * omega[:, None]
    if "absorption" in names:
        last = plan.layers.count - 1
        capture = capture_fraction(diffracted, plan.frame, last, plan.layer_depth, plan.attenuation)
        product = product * capture[:, None]
    if "polarization" in names:
        incident = plan.sources.incident
        fields = field_axes(incident, plan.axes.polarization)
        product = product * kahn_factor(diffracted, incident, *fields, plan.polarization)
    return product
