"""The hooks through which plugins bring parts: one hook for each kind (see nb_core.plugins)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nb_core.plugins import Named, hookspec
from nb_core.showing import Rows

if TYPE_CHECKING:
    from nb_core.configs.background import BackgroundTerm
    from nb_core.configs.experiment import Experiment
    from nb_core.configs.shape import Shape
    from nb_core.formats.experiment_format import ExperimentFormat
    from nb_core.formats.image_format import ImageFormat
    from nb_core.formats.structure_source import StructureSource


@hookspec
def nb_register_image_formats() -> Sequence[ImageFormat]:
    """The image formats that a plugin brings; called once, when the formats are collected."""
    raise NotImplementedError("a hook specification is never called")


@hookspec
def nb_register_shapes() -> Sequence[type[Shape]]:
    """The crystal shapes that a plugin brings, classes; called once, when they are collected."""
    raise NotImplementedError("a hook specification is never called")


@hookspec
def nb_register_structure_sources() -> Sequence[StructureSource]:
    """The formats of structure factors that a plugin brings; called once, when collected."""
    raise NotImplementedError("a hook specification is never called")


@hookspec
def nb_register_experiment_formats() -> Sequence[ExperimentFormat]:
    """The formats of experiments that a plugin brings; called once, when they are collected."""
    raise NotImplementedError("a hook specification is never called")


@hookspec
def nb_register_engines() -> Sequence[Named]:
    """The engines that a plugin brings: objects of nb_physics.TileEngine; called when an engine is
    asked for by name.
    """
    raise NotImplementedError("a hook specification is never called")


@hookspec
def nb_register_backgrounds() -> Sequence[type[BackgroundTerm]]:
    """The backgrounds that a plugin brings, classes; called once, when they are collected."""
    raise NotImplementedError("a hook specification is never called")


@hookspec(firstresult=True)
def nb_describe_experiment(experiment: Experiment) -> Rows | None:
    """What `print(experiment)` says, by the package that knows: of nb's own, nb_physics."""
    raise NotImplementedError("a hook specification is never called")
