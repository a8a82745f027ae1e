"""Eager tiles, or compiled kernels: which of them, and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch

from nb_core import Experiment, InputError, Recorder, duration
from nb_core.showing import Brief
from nb_physics.devices import computing_device
from nb_physics.engine.cache import is_at_hand, kernel_path
from nb_physics.engine.compiled import CompiledEngine
from nb_physics.engine.cost import (
    LOADING,
    SHARE_OF_LOADING,
    Work,
    available_cores,
    building_seconds,
    compiled_seconds,
    eager_seconds,
    work_of,
)
from nb_physics.engine.derive import gradient_kernels
from nb_physics.engine.kernel import KernelKind
from nb_physics.engine.walk import needed_kernels
from nb_physics.gradient import has_gradient, is_transformed
from nb_physics.plan import Plan, make_plan
from nb_physics.scene import Scene, kind_of, make_scene, scene_to
from nb_physics.tile_engine import TileEngine, engine_named
from nb_physics.tiles import pixels_to_render

MARGIN = 1.25
"""How many times over a kernel has to pay for its building: so wrong may the expected seconds be
before a first image comes later than it would have without.
"""


COMPILED_ENGINE = CompiledEngine()


class Engine(StrEnum):
    """AUTO: whichever is expected to be sooner done. EAGER: torch, operation by operation.
    COMPILED: kernels, built when they are missing.
    """

    AUTO = "auto"
    EAGER = "eager"
    COMPILED = "compiled"


@dataclass(frozen=True, repr=False)
class Choice(Brief):
    """Which engine computes an image, and why: a function of the work and of the kernels present.

    engine: EAGER, COMPILED, or the name of a plugin's; reason: a phrase
    kernels: those that are taken, missing ones too; gradient: of those that a backward pass takes,
        which is eager where there are none
    """

    engine: Engine | str
    reason: str
    kernels: tuple[KernelKind, ...] = ()
    gradient: tuple[KernelKind, ...] = ()

    def __str__(self) -> str:
        return f"{self.engine}: {self.reason}"

    @property
    def missing(self) -> tuple[KernelKind, ...]:
        """The kernels that have to be built first."""
        return tuple(kernel for kernel in self.kernels + self.gradient if not is_at_hand(kernel))

    def without_kernels(self, reason: str, *, of_image: bool) -> Choice:
        """What is left where kernels cannot be had: of the image, or of its gradient only."""
        if of_image:
            return Choice(Engine.EAGER, f"no compiled kernels: {reason}")
        why = f"{self.reason}; the gradient is eager: {reason}"
        return dataclasses.replace(self, reason=why, gradient=())

    def to_json(self) -> dict[str, object]:
        """As result folders keep it: engine, reason, and the names of the kernels' files."""
        names = [kernel_path(kernel).stem for kernel in self.kernels + self.gradient]
        return {"name": str(self.engine), "reason": self.reason, "kernels": names}


def choose_engine(
    experiment: Experiment | Plan,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
    engine: Engine | str = Engine.AUTO,
) -> Choice:
    """The engine that `simulate` takes for an experiment, and why. Nothing is built or computed.

    experiment: or its plan, where that has been made already; the other arguments as of `simulate`
    Raises InputError as `simulate`.
    """
    target = computing_device(device, dtype)
    plan = experiment if isinstance(experiment, Plan) else make_plan(experiment)
    scene = scene_to(make_scene(plan), target)
    alike = sum(kind_of(plan, number=n) == scene.kind for n in range(len(plan.crystals)))
    return choice_for(scene, alike * pixels_to_render(plan.experiment), dtype, target, engine)


def choice_for(
    scene: Scene,
    pixels: int,
    dtype: torch.dtype,
    device: torch.device,
    engine: Engine | str,
    recorder: Recorder | None = None,
) -> Choice:
    """The engine for so many pixels of a scene.

    recorder: is to be offered every quantity
    Raises InputError for an unknown engine, and for COMPILED where kernels cannot do it.
    """
    asked = check_engine(engine)
    obstacle = _obstacle(scene, pixels, recorder) or engine_behind(asked).why_not(
        scene, dtype, device
    )
    if obstacle:
        if asked not in (Engine.AUTO, Engine.EAGER) and pixels:
            raise InputError("engine", str(asked), f"{obstacle}; choose eager or auto")
        return Choice(Engine.EAGER, obstacle)
    if asked not in (Engine.AUTO, Engine.COMPILED):
        return Choice(asked, "asked for")
    kernels = needed_kernels(scene, dtype, device)
    backward = has_gradient(scene)
    derived = (gradient_kernels(kernels, scene) or []) if backward else []
    name = str(dtype).removeprefix("torch.")
    work = work_of(scene, pixels, name, device.type, torch.get_num_threads(), backward)
    if asked is Engine.COMPILED:
        return asked_for(kernels, derived, is_at_hand)
    return soonest(work, kernels, derived, is_at_hand)


def check_engine(name: Engine | str) -> Engine | str:
    """The engine of that name, as it is when a plugin brings it; InputError for another."""
    try:
        return Engine(name)
    except ValueError:
        return str(engine_named(str(name)).name)


def engine_behind(name: Engine | str) -> TileEngine:
    """The engine that computes what is not left to eager torch; plugins are looked for only where
    one is named. InputError for an unknown one.
    """
    return COMPILED_ENGINE if name in tuple(Engine) else engine_named(name)


def _obstacle(scene: Scene, pixels: int, recorder: Recorder | None) -> str | None:
    """Why nothing but eager torch can do it."""
    if not pixels:
        return "there is no pixel to compute"
    if recorder is not None:
        return "kernels show nothing inside to taps or a recorder"
    if is_transformed(scene):
        return "kernels show nothing inside, nor to torch.func"
    return None


AtHand = Callable[[KernelKind], bool]
"""Whether a kernel is in the folder."""


def asked_for(
    kernels: Sequence[KernelKind], derived: Sequence[KernelKind], at_hand: AtHand
) -> Choice:
    """COMPILED, for it was asked for."""
    chosen = Choice(Engine.COMPILED, "", tuple(kernels), tuple(derived))
    missing = [kernel for kernel in (*kernels, *derived) if not at_hand(kernel)]
    reason = f"asked for; {_at_hand(chosen)}"
    if missing:
        reason = f"asked for; {_building(missing)} first"
    return dataclasses.replace(chosen, reason=reason)


def soonest(
    work: Work,
    kernels: Sequence[KernelKind],
    derived: Sequence[KernelKind],
    at_hand: AtHand,
) -> Choice:
    """The choice of AUTO: eager, kernels for the image, or kernels for its gradient as well,
    whichever takes fewest seconds with what has to be built.

    derived: kernels of the gradient; none where there is no gradient, or no kernel of it
    """
    eager, fast = eager_seconds(work), compiled_seconds(work)
    options = [(sum(eager), Choice(Engine.EAGER, ""))]
    for gradient in ([], derived) if derived else ([],):
        taken = [*kernels, *gradient]
        missing = [kernel for kernel in taken if not at_hand(kernel)]
        computing = fast[0] + (fast[1] if gradient else eager[1])
        loading = LOADING * SHARE_OF_LOADING * len(taken)
        building = building_seconds(missing, available_cores())
        total = computing + loading
        if missing:
            total = MARGIN * (total + building)
        options.append((total, Choice(Engine.COMPILED, "", tuple(kernels), tuple(gradient))))
    best = min(options, key=lambda option: option[0])[1]
    reason = _reason(best, [*kernels, *derived], at_hand, sum(eager))
    if best.engine is Engine.COMPILED and work.gradient and not best.gradient:
        reason += f"; {_why_eager_gradient(derived)}"
    return dataclasses.replace(best, reason=reason)


def _reason(best: Choice, every: Sequence[KernelKind], at_hand: AtHand, eager: float) -> str:
    """Why the best is chosen, where `eager` seconds are expected of the other; every: kernel that
    could be of use.
    """
    missing = [kernel for kernel in (*best.kernels, *best.gradient) if not at_hand(kernel)]
    if missing:
        return f"{_building(missing)} costs less than it saves (eager: about {duration(eager)})"
    if best.engine is Engine.COMPILED:
        return _at_hand(best)
    missing = [kernel for kernel in every if not at_hand(kernel)]
    if missing:
        return f"{_building(missing)} would cost more than it saves"
    return "too little work for kernels to gain"


def _why_eager_gradient(derived: Sequence[KernelKind]) -> str:
    if not derived:
        return "there is none for its gradient"
    return f"{_building(derived, ' for its gradient')} would cost more than it saves"


def _at_hand(choice: Choice) -> str:
    several = len(choice.kernels) + len(choice.gradient) > 1
    return "kernels at hand" if several else "kernel at hand"


def _building(kernels: Sequence[KernelKind], purpose: str = "") -> str:
    what = "a kernel" if len(kernels) == 1 else f"{len(kernels)} kernels"
    about = duration(building_seconds(kernels, available_cores()))
    return f"building {what}{purpose} (about {about})"
