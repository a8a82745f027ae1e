"""The gradient of each pixel with respect to every structure factor of a list: sparse."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nb_core import Experiment, InputError, Site, StructureFactors
from nb_physics import arguments
from nb_physics.devices import computing_device
from nb_physics.loop import Progress
from nb_physics.one_crystal import added
from nb_physics.one_panel import parted_by_panel
from nb_physics.plan import Plan, make_plan
from nb_physics.scene import Scene, make_scene, scene_tensors, scene_to, scene_with
from nb_physics.sharing import share_out
from nb_physics.structure import nearest_entries, tricubic_entries
from nb_physics.tile import tile_photons
from nb_physics.tiles import TILE_EVALUATIONS, check_pixels, pixel_ranges, step_blocks


def structure_factor_jacobian(
    experiment: Experiment | Plan,
    pixels: Int[Tensor, " pixels"],
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
    progress: Progress | None = None,
) -> Float[Tensor, "pixels reflections"]:
    """d photons / d F of the pixels with these flat indices of the image.

    In photons/electron. A coalesced sparse tensor: a row for each pixel in the order given,
    a column for each entry of `structure_factors.F.reshape(-1)`. Reflections that a pixel does not
    look up, and what default_F stands in for, are not stored. It carries no gradient itself.
    Raises InputError without a list, for a pixel off the detector, and as `simulate`.
    """
    target = computing_device(device, dtype)
    plan = experiment if isinstance(experiment, Plan) else make_plan(experiment)
    factors = plan.experiment.structure_factors
    if factors is None:
        raise InputError("structure_factors", None, "there is no list; give one")
    pixels = arguments.flat_indices(pixels)
    check_pixels(pixels, plan.experiment.shape)
    if plan.experiment.more_crystals:

        def one(own: Plan, count: Progress) -> Tensor:
            return structure_factor_jacobian(
                own, pixels, device=device, dtype=dtype, progress=count
            )

        return added(plan, one, progress).coalesce()
    if plan.experiment.panels:
        return _of_panels(plan, pixels, device, dtype, progress)
    scene, blocks = _of_list_only(scene_to(make_scene(plan), target)), step_blocks(plan)
    columns = _columns(factors).to(target)
    evaluations = sum(block.evaluations for block in blocks) * scene.layers * scene.grid**2
    parts: list[tuple[Tensor, Tensor]] = []

    def rows(tile: tuple[int, int]) -> tuple[Tensor, Tensor]:
        lookups = _Lookups()
        with torch.enable_grad():
            photons = tile_photons(scene, pixels[slice(*tile)].to(target), blocks, dtype, lookups)
            slopes = torch.autograd.grad(photons.sum(), lookups.found["F_cell"])
        return _rows(scene, lookups, slopes, columns)

    def keep(tile: tuple[int, int], found: tuple[Tensor, Tensor]) -> None:
        indices, values = found
        parts.append((indices + torch.tensor([[tile[0]], [0]], device=target), values))
        if progress is not None:
            progress(tile[1], pixels.numel())

    share_out(pixel_ranges(pixels.numel(), _tile(evaluations, scene)), rows, keep, device=target)
    return _joined(parts, (pixels.numel(), factors.F.numel()), target)


def _of_panels(
    plan: Plan,
    pixels: Int[Tensor, " pixels"],
    device: torch.device | str,
    dtype: torch.dtype,
    progress: Progress | None,
) -> Float[Tensor, "pixels reflections"]:
    """The rows of pixels on several panels, panel by panel."""
    parts, done = [], 0
    for own, places, indices in parted_by_panel(plan, pixels):

        def count(some: int, of: int, before: int = done) -> None:
            if progress is not None:
                progress(before + some, pixels.numel())

        rows = structure_factor_jacobian(own, indices, device=device, dtype=dtype, progress=count)
        at = rows.indices().clone()
        at[0] = places.to(at.device)[at[0]]
        parts.append((at, rows.values()))
        done += places.numel()
    factors = plan.experiment.structure_factors
    size = (pixels.numel(), factors.F.numel() if factors is not None else 0)
    return _joined(parts, size, computing_device(device, dtype))


class _Lookups:
    """A recorder of every F_cell, as it stands in the graph, and of h, k, l."""

    def __init__(self) -> None:
        self.found: dict[str, list[Tensor]] = {"F_cell": [], "hkl": [], "hkl_nearest": []}

    def wants(self, quantity: str) -> bool:
        return quantity in self.found

    def record(self, quantity: str, value: Tensor, site: Site) -> None:
        self.found[quantity].append(value)


def _of_list_only(scene: Scene) -> Scene:
    """The scene with a gradient of the amplitudes and of nothing else."""
    tensors = {name: tensor.detach() for name, tensor in scene_tensors(scene).items()}
    tensors["structure.values"] = tensors["structure.values"].clone().requires_grad_()
    return scene_with(scene, tensors)


def _tile(evaluations: int, scene: Scene) -> int:
    """Pixels of a tile: as many as keep what is remembered of them in bounds."""
    most = TILE_EVALUATIONS // 8 if scene.kind.interpolate else TILE_EVALUATIONS
    return max(1, most // evaluations)


def _columns(factors: StructureFactors) -> Int[Tensor, " entries"]:
    """For each entry of the grid: where it stands in the list's F, -1 where it has none."""
    numbers = torch.arange(factors.F.numel()).reshape(factors.F.shape)
    h, k, l = factors.F.shape
    rimmed = torch.full((h + 2, k + 2, l + 2), -1)
    rimmed[1:-1, 1:-1, 1:-1] = torch.where(factors.present, numbers, -1)
    return rimmed.reshape(-1)


def _rows(
    scene: Scene, lookups: _Lookups, slopes: tuple[Tensor, ...], columns: Int[Tensor, " entries"]
) -> tuple[Int[Tensor, "2 stored"], Float[Tensor, " stored"]]:
    """The Jacobian of a tile: slopes by F_cell times those of F_cell by what it is made of.

    Every F_cell belongs to one pixel, so that the slope of the tile's sum is that of its pixel.
    """
    entries = tricubic_entries if scene.kind.interpolate else nearest_entries
    parts = []
    found = lookups.found
    for hkl, whole, slope in zip(found["hkl"], found["hkl_nearest"], slopes, strict=True):
        entry, weight = entries(hkl, whole, scene.structure)
        column = columns[entry]
        row = torch.arange(slope.shape[0], device=slope.device)[:, None, None].expand_as(column)
        listed = column >= 0
        parts.append((torch.stack([row[listed], column[listed]]), (slope * weight)[listed]))
    shape = (slopes[0].shape[0], int(columns.max()) + 1)
    whole_tile = _joined(parts, shape, columns.device)
    return whole_tile.indices(), whole_tile.values()


def _joined(
    parts: list[tuple[Tensor, Tensor]], shape: tuple[int, int], device: torch.device
) -> Float[Tensor, "pixels reflections"]:
    """A sparse tensor of (indices, values); what stands at one place is summed."""
    indices = torch.zeros((2, 0), dtype=torch.int64, device=device)
    values = torch.zeros(0, dtype=torch.float64, device=device)
    indices = torch.cat([indices, *(part[0] for part in parts)], dim=1)
    values = torch.cat([values, *(part[1] for part in parts)])
    return torch.sparse_coo_tensor(indices, values, shape, check_invariants=True).coalesce()
