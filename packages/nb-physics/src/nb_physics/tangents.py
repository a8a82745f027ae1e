"""Photons of chosen pixels with their derivatives by what an experiment was made from."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd import forward_ad

from nb_core import Experiment
from nb_physics import arguments
from nb_physics.devices import computing_device
from nb_physics.engine.cache import is_at_hand
from nb_physics.engine.choice import Choice, Engine, asked_for, check_engine, engine_behind, soonest
from nb_physics.engine.cost import Work, work_of
from nb_physics.engine.kernel import KernelKind
from nb_physics.engine.load import BuildError
from nb_physics.engine.tangents import tangent_kernels
from nb_physics.loop import Progress
from nb_physics.one_crystal import added
from nb_physics.one_panel import parted_by_panel
from nb_physics.plan import Plan, make_plan
from nb_physics.scene import Scene, make_scene, scene_tensors, scene_to, scene_with
from nb_physics.sharing import share_out
from nb_physics.tile_engine import TangentRunner, Tangents
from nb_physics.tiles import PixelSelection, check_pixels, chosen_of_panels
from nb_physics.walk import EagerWalk, warn_once

NONE_OF_THESE = "there are no kernels of these derivatives"


def photons_and_jacobian(
    experiment: Experiment | Plan,
    values: Float[Tensor, " parameters"],
    pixels: Int[Tensor, " pixels"],
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
    engine: Engine | str = Engine.AUTO,
    repeats: int = 1,
    progress: Progress | None = None,
    chosen: Callable[[Choice], None] | None = None,
) -> tuple[Float[Tensor, " pixels"], Float[Tensor, "pixels parameters"]]:
    """Photons of the pixels with these flat indices, and their derivatives by `values`.

    values: a tensor with a gradient, from which fields of the experiment were computed
    repeats: how often the same is to come, with other values: AUTO weighs the time of all of it
    From the values to the scene, which is small, in reverse mode; from there to the pixels by
    kernels, at the cost of two to three images for any number of parameters, or in eager forward
    mode, one pass for each. Memory is that of what is given and a tile, whatever the number of
    steps. Derivatives that kernels do not give are eager with every engine: by the sources, the
    sensor's depth, structure factors and curved detectors, and with dmin or oversample_* in the
    reference profile. Nothing that is given carries a gradient.
    Options and errors as of `photons_at`.
    """
    target = computing_device(device, dtype)
    plan = experiment if isinstance(experiment, Plan) else make_plan(experiment)
    pixels = arguments.flat_indices(pixels)
    if plan.experiment.more_crystals:
        options = {"device": device, "dtype": dtype, "engine": engine, "repeats": repeats}
        return _of_crystals(plan, values, pixels, options, progress, chosen)
    if plan.experiment.panels:
        options = {"device": device, "dtype": dtype, "engine": engine, "repeats": repeats}
        return _of_panels(plan, values, pixels, options, progress, chosen)
    scene = make_scene(plan)
    (selection,) = (chosen for _, _, chosen in chosen_of_panels(pixels, plan.experiment.shape))
    tangents = {name: t.to(target) for name, t in _scene_jacobian(scene, values).items()}
    fixed = _without_gradient(scene_to(scene, target))
    name, threads = str(dtype).removeprefix("torch."), torch.get_num_threads()
    work = work_of(fixed, selection.count * repeats, name, target.type, threads, gradient=False)
    work = dataclasses.replace(work, tangents=values.numel())
    choice = _choice(fixed, tangents, work, dtype, target, check_engine(engine))
    walk, choice = _walk(fixed, tangents, choice, dtype, target)
    if chosen is not None:
        chosen(choice)
    photons = torch.zeros(selection.count, dtype=dtype, device=target)
    jacobian = torch.zeros((selection.count, values.numel()), dtype=torch.float64, device=target)
    with torch.no_grad():
        _fill_in(walk, selection, (photons, jacobian), progress)
    return photons, jacobian


def _of_crystals(
    plan: Plan,
    values: Float[Tensor, " parameters"],
    pixels: Int[Tensor, " pixels"],
    options: dict[str, Any],
    progress: Progress | None,
    chosen: Callable[[Choice], None] | None,
) -> tuple[Float[Tensor, " pixels"], Float[Tensor, "pixels parameters"]]:
    """The same of several crystals, crystal by crystal; `chosen` is told of the first."""
    told = [chosen]

    def one(own: Plan, count: Progress) -> Tensor:
        photons, jacobian = photons_and_jacobian(
            own, values, pixels, **options, progress=count, chosen=told.pop() if told else None
        )
        return torch.cat([photons.to(jacobian.dtype)[:, None], jacobian], dim=1)

    both = added(plan, one, progress)
    return both[:, 0].to(options["dtype"]), both[:, 1:]


def _of_panels(
    plan: Plan,
    values: Float[Tensor, " parameters"],
    pixels: Int[Tensor, " pixels"],
    options: dict[str, Any],
    progress: Progress | None,
    chosen: Callable[[Choice], None] | None,
) -> tuple[Float[Tensor, " pixels"], Float[Tensor, "pixels parameters"]]:
    """The same for pixels of several panels, panel by panel; `chosen` is told of the first."""
    device, dtype = computing_device(options["device"], options["dtype"]), options["dtype"]
    check_pixels(pixels, plan.experiment.shape)
    photons = torch.zeros(pixels.numel(), dtype=dtype, device=device)
    jacobian = torch.zeros((pixels.numel(), values.numel()), dtype=torch.float64, device=device)
    done = 0
    for own, places, indices in parted_by_panel(plan, pixels):

        def count(some: int, of: int, before: int = done) -> None:
            if progress is not None:
                progress(before + some, pixels.numel())

        told = None if done else chosen
        at = places.to(device)
        photons[at], jacobian[at] = photons_and_jacobian(
            own, values, indices, **options, progress=count, chosen=told
        )
        done += places.numel()
    return photons, jacobian


Found = tuple[Tensor, Tensor]
"""Photons, shape (pixels,), and derivatives, (pixels, parameters) or of one parameter (pixels,)."""


def _fill_in(
    walk: TangentRunner, selection: PixelSelection, found: Found, progress: Progress | None
) -> None:
    """Fills in photons and derivatives, tile by tile."""

    def compute(tile: tuple[int, int]) -> Found:
        return walk.jvp(selection, *tile)

    def keep(tile: tuple[int, int], part: Found) -> None:
        for whole, some in zip(found, part, strict=True):
            whole[slice(*tile)] = some
        if progress is not None:
            progress(tile[1], selection.count)

    with walk.within():
        share_out(walk.ranges(selection.count), compute, keep, device=walk.device)


class EagerTangents(TangentRunner):
    """By torch in forward mode, one pass for each parameter: the readable twin of the kernels."""

    def __init__(
        self, scene: Scene, tangents: Tangents, dtype: torch.dtype, device: torch.device
    ) -> None:
        _load_forward_mode()
        self.walk, self.device = EagerWalk(scene, dtype, device), device
        self.scene = scene
        count = next(iter(tangents.values())).shape[-1]
        columns = [{name: t[..., i] for name, t in tangents.items()} for i in range(count)]
        self.moves = [
            {name: t.contiguous() for name, t in column.items() if t.any()} for column in columns
        ]

    def ranges(self, count: int) -> Iterator[tuple[int, int]]:
        return self.walk.ranges(count)

    def within(self) -> AbstractContextManager[Any]:
        """Forward mode has one level at a time, for all threads."""
        return forward_ad.dual_level()

    def jvp(self, selection: PixelSelection, start: int, stop: int) -> Found:
        tensors, columns = scene_tensors(self.scene), []
        for moves in self.moves:
            dual = {name: forward_ad.make_dual(tensors[name], t) for name, t in moves.items()}
            scene = scene_with(self.scene, {**tensors, **dual})
            found = forward_ad.unpack_dual(self.walk.photons(selection, start, stop, scene))
            none = torch.zeros_like(found.primal)
            columns.append(none if found.tangent is None else found.tangent.clone())
        return found.primal.clone(), torch.stack(columns, dim=1)


@functools.cache
def _load_forward_mode() -> None:
    """On first use, torch's forward mode imports what torch itself warns of as deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with forward_ad.dual_level():
            one = torch.ones((), dtype=torch.float64)
            forward_ad.make_dual(one, one)


def _choice(
    scene: Scene,
    tangents: Tangents,
    work: Work,
    dtype: torch.dtype,
    device: torch.device,
    engine: Engine | str,
) -> Choice:
    """The engine for photons and derivatives, and why."""
    if engine not in (Engine.AUTO, Engine.COMPILED):
        return Choice(engine, "asked for")
    kernels = tangent_kernels(scene, tangents, dtype, device) if work.rays else None
    if kernels is None:
        return Choice(Engine.EAGER, NONE_OF_THESE)
    if engine is Engine.COMPILED:
        return asked_for(kernels, (), is_at_hand)
    return soonest(work, kernels, (), is_at_hand)


def _walk(
    scene: Scene,
    tangents: Tangents,
    choice: Choice,
    dtype: torch.dtype,
    device: torch.device,
) -> tuple[TangentRunner, Choice]:
    """The walk that was chosen; eager, with a warning, where it cannot be had."""
    if choice.engine != Engine.EAGER:
        engine = engine_behind(choice.engine)
        try:
            walk = engine.prepare_tangents(scene, tangents, dtype, device)
            if walk is not None:
                return walk, choice
            choice = Choice(Engine.EAGER, NONE_OF_THESE)
        except BuildError as error:
            warn_once(str(error))
            choice = choice.without_kernels(str(error), of_image=True)
    return EagerTangents(scene, tangents, dtype, device), choice


def _without_gradient(scene: Scene) -> Scene:
    return scene_with(scene, {name: t.detach() for name, t in scene_tensors(scene).items()})


def _scene_jacobian(scene: Scene, values: Float[Tensor, " parameters"]) -> dict[str, Tensor]:
    """The derivatives of the scene's tensors that depend on the values.

    These have the tensor's axes and, last, that of the values. A backward pass is linear in its
    cotangent; the derivative of that, once for each value, is the forward pass.
    """
    moving = {name: t for name, t in scene_tensors(scene).items() if t.requires_grad}
    if not moving:
        return {"fluence": torch.zeros(values.shape, dtype=scene.fluence.dtype)}
    flat = torch.cat([tensor.reshape(-1) for tensor in moving.values()])
    cotangent = torch.zeros_like(flat, requires_grad=True)
    (pulled,) = torch.autograd.grad(flat, values, cotangent, create_graph=True)
    columns = [torch.autograd.grad(one, cotangent, retain_graph=True)[0] for one in pulled]
    jacobian = torch.stack(columns, dim=1)
    sizes = [tensor.numel() for tensor in moving.values()]
    return {
        name: part.reshape(*tensor.shape, values.numel())
        for part, (name, tensor) in zip(jacobian.split(sizes), moving.items(), strict=True)
    }


def kernels_of_jacobian(
    experiment: Experiment | Plan,
    values: Float[Tensor, " parameters"],
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
) -> list[KernelKind] | None:
    """The kernels that `photons_and_jacobian` takes; None where these derivatives are eager.

    Raises InputError as `simulate`.
    """
    target = computing_device(device, dtype)
    scene = make_scene(experiment if isinstance(experiment, Plan) else make_plan(experiment))
    tangents = {name: t.to(target) for name, t in _scene_jacobian(scene, values).items()}
    return tangent_kernels(_without_gradient(scene_to(scene, target)), tangents, dtype, target)
