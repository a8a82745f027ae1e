"""What a tile needs of a plan: tensors, and the choices that decide which operations it takes."""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_type_hints

import torch
from jaxtyping import AbstractArray, Float
from torch import Tensor

from nb_core import DetectorConfig, InputError, Profile
from nb_core.configs import scalar_tensor
from nb_core.showing import Brief
from nb_physics.background import Background
from nb_physics.elementary import EAGER, OF_PAIRS, Arithmetic
from nb_physics.frame import DetectorFrame
from nb_physics.lattice import LatticeFactor
from nb_physics.own_tensors import OwnTensors
from nb_physics.pairs import to_pair
from nb_physics.panels import PanelPlan
from nb_physics.plan import Plan
from nb_physics.polarization import field_axes
from nb_physics.structure import StructureGrid
from nb_physics.tiles import StepBlock
from nb_physics.uses import FIXED, SINGLE


@dataclass(frozen=True)
class Kind:
    """The choices: scenes of one kind take the same operations, on other numbers.

    absorbing: whether a sensor layer captures a share of the photons
    limited: whether reflections beyond dmin are left out; dry: whether there is no water
    listed: whether there is a list of structure factors
    """

    profile: Profile
    shape: type[LatticeFactor]
    backgrounds: tuple[type[Background], ...]
    curved: bool
    point_pixel: bool
    absorbing: bool
    limited: bool
    interpolate: bool
    listed: bool
    dry: bool
    nopolar: bool
    oversample_thick: bool
    oversample_polar: bool
    oversample_omega: bool

    @property
    def classes(self) -> tuple[type[OwnTensors], ...]:
        """What computes the shape and the backgrounds."""
        return (self.shape, *self.backgrounds)

    @property
    def corrected(self) -> bool:
        return self.profile is Profile.CORRECTED


@dataclass(frozen=True, eq=False, repr=False)
class Scene(Brief):
    """An experiment as the walk over a tile sees it; tensors on one device, units as in Plan.

    layers, grid: how many sensor layers, and sub-pixels along an edge; the walk counts with them
    fpixels, oversample, divisor: the same for all pixels, as tensors
    polarization: the Kahn factor K; electric, magnetic: unit vectors along each beam's fields
    arithmetic: how formulas compute sines and look-ups; shape: with its numbers as tensors
    cell_vectors: a, b, c of every step, shape (3, 3, steps); reciprocal: a*, b*, c*
    fraction: of the crystal, which multiplies its photons and no background
    """

    kind: Kind
    arithmetic: Arithmetic
    layers: int
    grid: int
    fpixels: Float[Tensor, ""] = field(metadata=SINGLE | FIXED)
    oversample: Float[Tensor, ""] = field(metadata=SINGLE | FIXED)
    layer_depth: Float[Tensor, ""]
    attenuation: Float[Tensor, ""]
    frame: DetectorFrame
    polarization: Float[Tensor, ""]
    incident: Float[Tensor, "3 sources"]
    wavelength: Float[Tensor, " sources"]
    weight: Float[Tensor, " sources"]
    electric: Float[Tensor, "3 sources"]
    magnetic: Float[Tensor, "3 sources"]
    cell_vectors: Float[Tensor, "3 3 steps"]
    cells: Float[Tensor, "3"] = field(metadata=SINGLE)
    reciprocal: Float[Tensor, "3 3"] = field(metadata=SINGLE)
    structure: StructureGrid
    fudge: Float[Tensor, ""] = field(metadata=SINGLE)
    shape: LatticeFactor = field(metadata=SINGLE)
    dmin: Float[Tensor, ""] = field(metadata=FIXED)
    fluence: Float[Tensor, ""]
    fraction: Float[Tensor, ""]
    background: Float[Tensor, ""]
    backgrounds: tuple[Background, ...] = field(metadata=SINGLE)
    divisor: Float[Tensor, ""] = field(metadata=FIXED)

    def part(self, block: StepBlock) -> Scene:
        """The scene with the sources and steps of a block only."""
        some = {name: getattr(self, name)[..., block.sources] for name in fields_along("sources")}
        some |= {name: getattr(self, name)[..., block.steps] for name in fields_along("steps")}
        return dataclasses.replace(self, **some)

    def places(self) -> Iterator[tuple[int, int, int]]:
        """Every layer and sub-pixel (layer, slow, fast), in nanoBragg's order."""
        for layer in range(self.layers):
            for slow in range(self.grid):
                yield from ((layer, slow, fast) for fast in range(self.grid))


def kind_of(plan: Plan, panel: PanelPlan | None = None, number: int = 0) -> Kind:
    """The choices of a plan; panel: its first where none is given; number: of the crystal."""
    experiment, crystal = plan.experiment, plan.crystals[number]
    sampling, detector = experiment.sampling, experiment.detector
    absorbing = (panel or plan.panels[0]).absorbing
    return Kind(
        profile=experiment.profile,
        shape=type(crystal.shape),
        backgrounds=() if number else tuple(map(type, plan.backgrounds)),
        curved=isinstance(detector, DetectorConfig) and detector.curved_detector,
        point_pixel=detector.point_pixel,
        absorbing=absorbing or (sampling.oversample_thick and not plan.corrected),
        limited=bool(plan.dmin > 0),
        interpolate=crystal.interpolate,
        listed=crystal.structure.values.numel() > 1,
        dry=bool(experiment.background.water_size_um == 0),
        nopolar=experiment.beam.nopolar,
        oversample_thick=sampling.oversample_thick,
        oversample_polar=sampling.oversample_polar,
        oversample_omega=sampling.oversample_omega,
    )


def make_scene(plan: Plan, number: int = 0) -> Scene:
    """What a tile of the plane, or of the first panel, needs of a plan.

    number: of the crystal; the background goes with the first
    """
    panel, crystal = plan.panels[0], plan.crystals[number]
    electric, magnetic = field_axes(plan.sources.incident, plan.axes.polarization)
    return Scene(
        kind=kind_of(plan, panel, number),
        arithmetic=EAGER,
        layers=plan.layers.count,
        grid=crystal.oversample,
        fpixels=scalar_tensor(panel.fpixels),
        oversample=scalar_tensor(crystal.oversample),
        layer_depth=plan.layer_depth,
        attenuation=plan.attenuation,
        frame=plan.frame,
        polarization=plan.polarization,
        incident=plan.sources.incident,
        wavelength=plan.sources.wavelength,
        weight=plan.sources.weight,
        electric=electric,
        magnetic=magnetic,
        cell_vectors=crystal.cell_vectors,
        cells=crystal.cells,
        reciprocal=crystal.cell.reciprocal,
        structure=crystal.structure,
        fudge=crystal.fudge,
        shape=crystal.shape,
        dmin=plan.dmin,
        fluence=plan.fluence,
        fraction=crystal.fraction,
        background=torch.zeros_like(plan.background) if number else plan.background,
        backgrounds=() if number else plan.backgrounds,
        divisor=scalar_tensor(crystal.terms_of_source if plan.corrected else plan.steps),
    )


def scene_of_crystal(plan: Plan, first: Scene, number: int, device: torch.device) -> Scene:
    """The scene of a crystal on the first panel; first: that of the first crystal, on the device,
    whose grid of structure factors it shares where they have the same.
    """
    if number == 0:
        return first
    scene = scene_to(make_scene(plan, number), device)
    if plan.crystals[number].structure is plan.crystals[0].structure:
        scene = dataclasses.replace(scene, structure=first.structure)
    return scene


def scene_of_panel(plan: Plan, first: Scene, number: int) -> Scene:
    """The scene of a panel; first: that of the first panel, of the same crystal, whose tensors it
    shares where the panels do not differ.
    """
    if number == 0:
        return first
    panel, device = plan.panels[number], first.fluence.device

    def own(value: Tensor, same: Tensor) -> Tensor:
        """What the first scene holds, where a number is the same and carries no gradient."""
        if value is same or (not (value.requires_grad or same.requires_grad) and value == same):
            return same
        return value.to(device)

    frame = panel.frame
    pixel_size = own(frame.pixel_size, first.frame.pixel_size)
    fields = {f.name: getattr(frame, f.name) for f in dataclasses.fields(frame)}
    moved: dict[str, Any] = {n: v.to(device) for n, v in fields.items() if isinstance(v, Tensor)}
    moved |= {"pixel_size": pixel_size, "beam": first.frame.beam}
    return dataclasses.replace(
        first,
        kind=dataclasses.replace(first.kind, absorbing=panel.absorbing),
        layers=panel.layers.count,
        fpixels=own(scalar_tensor(panel.fpixels), first.fpixels),
        layer_depth=own(panel.layer_depth, first.layer_depth),
        attenuation=own(panel.attenuation, first.attenuation),
        frame=dataclasses.replace(frame, **moved),
    )


_NESTED = (DetectorFrame, StructureGrid)


@functools.cache
def fields_along(axis: str) -> tuple[str, ...]:
    """The fields of a scene whose last axis has this name in their annotations."""
    hints = get_type_hints(Scene)
    return tuple(
        one.name
        for one in dataclasses.fields(Scene)
        if getattr(hints[one.name], "dim_str", "").split()[-1:] == [axis]
    )


def scene_tensors(scene: Scene) -> dict[str, Tensor]:
    """All tensors of a scene by the path of their field, always in the same order."""
    names = _own_uses()
    tensors = dict(zip(names, operator.attrgetter(*names)(scene), strict=True))
    parts = (scene.shape, *scene.backgrounds)
    for path, part in zip(_paths_of_plugins(len(parts)), parts, strict=True):
        tensors |= {f"{path}.{name}": getattr(part, name) for name in part.tensor_names()}
    return tensors


def _paths_of_plugins(count: int) -> list[str]:
    """The paths of a scene's shape and of its backgrounds, whose tensors their classes decide."""
    return ["shape", *(f"backgrounds.{number}" for number in range(count - 1))]


@functools.cache
def tensor_uses(kind: Kind) -> dict[str, Mapping[str, bool]]:
    """The uses of each tensor of a scene, by its path."""
    of_plugins = zip(_paths_of_plugins(len(kind.classes)), kind.classes, strict=True)
    uses = {one.name: one.metadata for one in dataclasses.fields(Scene)}
    return _own_uses() | {
        f"{path}.{name}": uses[path.partition(".")[0]]
        for path, part in of_plugins
        for name in part.tensor_names()
    }


@functools.cache
def _own_uses() -> dict[str, Mapping[str, bool]]:
    """The uses of each field of a scene that holds a tensor, and of what is in it, by its path."""
    found: dict[str, Mapping[str, bool]] = {}

    def collect(kind: type, path: str) -> None:
        hints = get_type_hints(kind)
        for one in dataclasses.fields(kind):
            hint = hints[one.name]
            if hint in _NESTED:
                collect(hint, f"{path}{one.name}.")
            elif isinstance(hint, type) and issubclass(hint, AbstractArray):
                found[f"{path}{one.name}"] = one.metadata

    collect(Scene, "")
    return found


def scene_with(scene: Scene, tensors: dict[str, Tensor]) -> Scene:
    """The scene with other tensors, named as by `scene_tensors`."""

    def replaced(value: Any, path: str) -> Any:
        fields: dict[str, Any] = {}
        for one in dataclasses.fields(value):
            part, name = getattr(value, one.name), f"{path}{one.name}"
            if isinstance(part, Tensor):
                fields[one.name] = tensors[name]
            elif isinstance(part, _NESTED):
                fields[one.name] = replaced(part, f"{name}.")
        return dataclasses.replace(value, **fields)

    result: Scene = replaced(scene, "")
    backgrounds = [
        _with_own(background, f"backgrounds.{number}", tensors)
        for number, background in enumerate(scene.backgrounds)
    ]
    shape = _with_own(scene.shape, "shape", tensors)
    return dataclasses.replace(result, shape=shape, backgrounds=tuple(backgrounds))


Part = TypeVar("Part", bound=OwnTensors)


def _with_own(part: Part, path: str, tensors: dict[str, Tensor]) -> Part:
    return part.with_numbers({name: tensors[f"{path}.{name}"] for name in part.tensor_names()})


_COUNTED = 1 << 24
"""Up to here float32 counts without gaps."""


def scene_to(scene: Scene, device: torch.device, *, pairs: bool | None = None) -> Scene:
    """The scene on a device; in pairs of float32 where the device has no float64.

    pairs: says so for a device that has it
    Raises InputError for pairs of what carries a gradient.
    """
    in_pairs = device.type == "mps" if pairs is None else pairs
    tensors = scene_tensors(scene)
    if not in_pairs:
        moved = {
            name: value.to(device, torch.float64) if value.is_floating_point() else value.to(device)
            for name, value in tensors.items()
        }
        return scene_with(scene, moved)
    if torch.is_grad_enabled() and any(value.requires_grad for value in tensors.values()):
        remedy = "it has no float64, which gradients are computed in; choose cpu or cuda"
        raise InputError("device", str(device), remedy)
    single = {name for name, use in tensor_uses(scene.kind).items() if "single" in use}
    if scene.structure.values.numel() > _COUNTED:
        single.remove("structure.spans")
    pairs_of = {
        name: _as_pair(value, device, single=name in single) for name, value in tensors.items()
    }
    return dataclasses.replace(scene_with(scene, pairs_of), arithmetic=OF_PAIRS)


def _as_pair(value: Tensor, device: torch.device, *, single: bool) -> Tensor:
    """A pair, or an ordinary tensor where that will do."""
    if not value.is_floating_point():
        return value.to(device)
    if single:
        return value.detach().to(torch.float32).to(device)
    return to_pair(value, device)
