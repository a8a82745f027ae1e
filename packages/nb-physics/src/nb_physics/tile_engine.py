"""What an engine is to the simulation: something that computes some pixels of a scene at a time.

Eager torch and kernels stand behind these classes, and so does what a plugin brings through
nb_register_engines. Nothing here is said of a device or of how an engine computes.
"""

from __future__ import annotations

import abc
import contextlib
import inspect
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from nb_core import PLUGINS, Brought, InputError, make_manager
from nb_physics.scene import Scene
from nb_physics.tiles import PixelSelection

HOOK = "nb_register_engines"

CHOOSING = "auto"
"""What stands for a choice among engines, and is none."""

Tangents = Mapping[str, Tensor]
"""Derivatives of a scene's tensors, by name, whose last axis is that of the parameters."""


class Runner(abc.ABC):
    """A scene that an engine has made ready. On the CPU, threads call it at the same time.

    scene: whose pixels it computes; device: where
    """

    scene: Scene
    device: torch.device

    def __repr__(self) -> str:
        return f"{type(self).__name__}(on {self.device})"

    @abc.abstractmethod
    def ranges(
        self, count: int, largest: int | None = None, threads: int = 1
    ) -> Iterator[tuple[int, int]]:
        """Numbers (start, stop) of the pixels to ask for together, of so many.

        largest: most pixels of them, from the memory allowed; threads: that shall have work
        """

    @abc.abstractmethod
    def photons(self, selection: PixelSelection, start: int, stop: int) -> Float[Tensor, " pixels"]:
        """Photons of pixels number `start` to `stop` of a selection: the same, bit for bit,
        however a selection is cut.
        """

    @abc.abstractmethod
    def of_scene(self, scene: Scene) -> Runner:
        """The same for another scene of the same kind, sources and steps: that of another panel."""

    @property
    def gives_vjp(self) -> bool:
        """Whether it has `vjp`; where not, eager torch computes gradients."""
        return False

    def vjp_ranges(self, count: int, largest: int | None = None) -> Iterator[tuple[int, int]]:
        """As `ranges`, of a backward pass."""
        return self.ranges(count, largest)

    def vjp(
        self,
        selection: PixelSelection,
        start: int,
        stop: int,
        cotangent: Float[Tensor, " pixels"],
        names: list[str],
    ) -> dict[str, Tensor]:
        """Gradients of the photons of some pixels times a cotangent, by tensors of the scene.

        names: of the tensors (as `scene_tensors` has them) by which gradients are asked for;
        others may be among what it gives
        """
        raise NotImplementedError(f"{type(self).__name__} gives no gradients")


class TangentRunner(abc.ABC):
    """A scene made ready for photons and their derivatives along tangents."""

    device: torch.device

    def __repr__(self) -> str:
        return f"{type(self).__name__}(on {self.device})"

    @abc.abstractmethod
    def ranges(self, count: int) -> Iterator[tuple[int, int]]:
        """Numbers (start, stop) of the pixels to ask for together, of so many."""

    @abc.abstractmethod
    def jvp(
        self, selection: PixelSelection, start: int, stop: int
    ) -> tuple[Float[Tensor, " pixels"], Float[Tensor, "pixels parameters"]]:
        """Photons of pixels number `start` to `stop`, and their derivatives."""

    def within(self) -> AbstractContextManager[Any]:
        """A context in which `jvp` is called, by whichever threads."""
        return contextlib.nullcontext()


class TileEngine(abc.ABC):
    """How tiles are computed. One object, which keeps nothing of what it makes ready.

    name: that --engine takes; summary: one line
    """

    name: ClassVar[str]
    summary: ClassVar[str]

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def why_not(self, scene: Scene, dtype: torch.dtype, device: torch.device) -> str | None:
        """Why it cannot compute a scene, a phrase; None where it can."""
        return None

    @abc.abstractmethod
    def prepare(
        self, scene: Scene, dtype: torch.dtype, device: torch.device, *, gradient: bool = False
    ) -> Runner:
        """Makes a scene ready, whose tensors are on the device; dtype: of the photons.

        gradient: whether `vjp` will be asked for, too
        Raises BuildError where it cannot be had here and now: eager torch is taken then.
        """

    def prepare_tangents(
        self, scene: Scene, tangents: Tangents, dtype: torch.dtype, device: torch.device
    ) -> TangentRunner | None:
        """Makes a scene ready for derivatives along tangents; None where the engine has none of
        these, and eager torch computes them. Raises BuildError as `prepare`.
        """
        return None


def known_engines() -> dict[str, Brought[TileEngine]]:
    """The engines that are built in and that plugins bring, by name.

    Raises InputError for two of one name, and for one that is not complete.
    """
    return PLUGINS.collect(make_manager(), HOOK, _checked)


def engine_named(name: str) -> TileEngine:
    """The engine of a name; InputError where there is none."""
    known = known_engines()
    if name not in known:
        expected = ", ".join([CHOOSING, *known])
        raise InputError("engine", name, f"expected one of: {expected}")
    return known[name].thing


def _checked(thing: Any, plugin: str) -> TileEngine:
    where = f"{PLUGINS.what} {plugin}"
    if inspect.isclass(thing) or not isinstance(thing, TileEngine):
        shown = getattr(thing, "__name__", type(thing).__name__)
        raise InputError(where, shown, "expected an object derived from nb_physics.TileEngine")
    PLUGINS.require(thing, plugin, ("name", "summary"), "engine")
    if thing.name == CHOOSING:
        raise InputError(where, thing.name, "the name stands for a choice among engines")
    return thing
