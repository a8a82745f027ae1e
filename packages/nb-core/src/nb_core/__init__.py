"""Experiments, units, file formats and nanoBragg's command line.

Names are imported on first use, so that what needs no torch starts without it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nb_core.configs.beam import BeamConfig
    from nb_core.configs.crystal import CrystalConfig
    from nb_core.configs.detector import DetectorConfig
    from nb_core.configs.experiment import Experiment
    from nb_core.configs.goniometer import GoniometerConfig
    from nb_core.configs.output import OutputConfig
    from nb_core.configs.panel import Detector, Panel, PanelGroup, Sensor
    from nb_core.configs.plugin_config import PluginConfig, PluginConfigKind
    from nb_core.configs.sampling import BackgroundConfig, Profile, Roi, SamplingConfig
    from nb_core.configs.shape import SHAPES, CrystalShape, Shape
    from nb_core.conventions import DetectorConvention, DetectorPivot
    from nb_core.data import Mask, OrientationMatrix, SourceTable, StructureFactors
    from nb_core.errors import (
        ExitCode,
        InputError,
        NbError,
        NbWarning,
        OutputError,
        ProgramError,
        ShapeError,
        SlipWarning,
        UnreadableError,
    )
    from nb_core.flags.read import flags_to_experiment
    from nb_core.flags.write import experiment_to_flags
    from nb_core.formats.image_format import ImageData, ImageFormat, PixelKind
    from nb_core.formats.images import ImageFormats, image_formats, read_image
    from nb_core.plugins import hookimpl, make_manager, register_plugin
    from nb_core.recorder import Recorder, Site
    from nb_core.toml import read_toml, write_toml

__version__ = "0.1.0"

_HOMES = {
    "BeamConfig": "configs.beam",
    "CrystalConfig": "configs.crystal",
    "DetectorConfig": "configs.detector",
    "Experiment": "configs.experiment",
    "GoniometerConfig": "configs.goniometer",
    "OutputConfig": "configs.output",
    "Detector": "configs.panel",
    "Panel": "configs.panel",
    "PanelGroup": "configs.panel",
    "Sensor": "configs.panel",
    "PluginConfig": "configs.plugin_config",
    "PluginConfigKind": "configs.plugin_config",
    "SHAPES": "configs.shape",
    "CrystalShape": "configs.shape",
    "Shape": "configs.shape",
    "BackgroundConfig": "configs.sampling",
    "Profile": "configs.sampling",
    "Roi": "configs.sampling",
    "SamplingConfig": "configs.sampling",
    "DetectorConvention": "conventions",
    "DetectorPivot": "conventions",
    "Mask": "data",
    "OrientationMatrix": "data",
    "SourceTable": "data",
    "StructureFactors": "data",
    "ExitCode": "errors",
    "InputError": "errors",
    "NbError": "errors",
    "NbWarning": "errors",
    "OutputError": "errors",
    "ProgramError": "errors",
    "ShapeError": "errors",
    "SlipWarning": "errors",
    "UnreadableError": "errors",
    "flags_to_experiment": "flags.read",
    "experiment_to_flags": "flags.write",
    "ImageData": "formats.image_format",
    "ImageFormat": "formats.image_format",
    "PixelKind": "formats.image_format",
    "ImageFormats": "formats.images",
    "image_formats": "formats.images",
    "read_image": "formats.images",
    "hookimpl": "plugins",
    "make_manager": "plugins",
    "register_plugin": "plugins",
    "Recorder": "recorder",
    "Site": "recorder",
    "read_toml": "toml",
    "write_toml": "toml",
}

__all__ = [
    "BackgroundConfig",
    "BeamConfig",
    "CrystalConfig",
    "CrystalShape",
    "Detector",
    "DetectorConfig",
    "DetectorConvention",
    "DetectorPivot",
    "ExitCode",
    "Experiment",
    "GoniometerConfig",
    "ImageData",
    "ImageFormat",
    "ImageFormats",
    "InputError",
    "Mask",
    "NbError",
    "NbWarning",
    "OrientationMatrix",
    "OutputConfig",
    "OutputError",
    "Panel",
    "PanelGroup",
    "PixelKind",
    "PluginConfig",
    "PluginConfigKind",
    "Profile",
    "ProgramError",
    "Recorder",
    "Roi",
    "SHAPES",
    "SamplingConfig",
    "Sensor",
    "Shape",
    "ShapeError",
    "Site",
    "SlipWarning",
    "SourceTable",
    "StructureFactors",
    "UnreadableError",
    "experiment_to_flags",
    "flags_to_experiment",
    "hookimpl",
    "image_formats",
    "make_manager",
    "read_image",
    "read_toml",
    "register_plugin",
    "write_toml",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'nb_core' has no attribute {name!r}")
    return getattr(importlib.import_module(f"nb_core.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
