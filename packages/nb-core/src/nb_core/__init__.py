"""Experiments, units, file formats and nanoBragg's command line.

Names are imported on first use, so that what needs no torch starts without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nb_core.lazy import lazy_exports

if TYPE_CHECKING:
    from nb_core.configs.background import BACKGROUNDS, BackgroundConfig, BackgroundTerm
    from nb_core.configs.beam import BeamConfig
    from nb_core.configs.crystal import CrystalConfig
    from nb_core.configs.detector import DetectorConfig
    from nb_core.configs.experiment import Experiment
    from nb_core.configs.goniometer import GoniometerConfig
    from nb_core.configs.output import OutputConfig
    from nb_core.configs.panel import Detector, Panel, PanelGroup, Sensor
    from nb_core.configs.plugin_config import (
        PluginConfig,
        PluginConfigKind,
        config_to_text,
        file_field,
    )
    from nb_core.configs.sampling import Profile, Roi, SamplingConfig
    from nb_core.configs.shape import SHAPES, CrystalShape, Shape
    from nb_core.conventions import DetectorConvention, DetectorPivot
    from nb_core.data import Mask, OrientationMatrix, SourceTable, StructureFactors
    from nb_core.durations import duration
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
        did_you_mean,
    )
    from nb_core.flags.read import flags_to_experiment
    from nb_core.flags.write import experiment_to_flags
    from nb_core.formats.experiment_format import (
        EXPERIMENT_FORMATS,
        ExperimentFormat,
        experiment_or_fields,
        read_experiment,
        read_fields,
        with_crystal,
        with_geometry,
    )
    from nb_core.formats.file_format import FileFormat, FileFormatKind
    from nb_core.formats.image_format import ImageData, ImageFormat, PixelKind
    from nb_core.formats.images import ImageFormats, image_formats, read_image
    from nb_core.formats.structure_source import (
        STRUCTURE_SOURCES,
        StructureSource,
        read_structure_factors,
    )
    from nb_core.friedel import lacks_friedel_mates, with_friedel_mates
    from nb_core.lazy import lazy_exports
    from nb_core.plugins import (
        PLUGINS,
        Brought,
        PluginGroup,
        hookimpl,
        make_manager,
        register_plugin,
    )
    from nb_core.quantities import QUANTITIES, STAGES, Quantity
    from nb_core.recorder import Recorder, Site
    from nb_core.toml import experiment_to_toml, read_toml, write_toml

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
    "config_to_text": "configs.plugin_config",
    "file_field": "configs.plugin_config",
    "BACKGROUNDS": "configs.background",
    "BackgroundConfig": "configs.background",
    "BackgroundTerm": "configs.background",
    "Profile": "configs.sampling",
    "Roi": "configs.sampling",
    "SamplingConfig": "configs.sampling",
    "CrystalShape": "configs.shape",
    "SHAPES": "configs.shape",
    "Shape": "configs.shape",
    "DetectorConvention": "conventions",
    "DetectorPivot": "conventions",
    "Mask": "data",
    "OrientationMatrix": "data",
    "SourceTable": "data",
    "StructureFactors": "data",
    "duration": "durations",
    "ExitCode": "errors",
    "InputError": "errors",
    "NbError": "errors",
    "NbWarning": "errors",
    "OutputError": "errors",
    "ProgramError": "errors",
    "ShapeError": "errors",
    "SlipWarning": "errors",
    "UnreadableError": "errors",
    "did_you_mean": "errors",
    "flags_to_experiment": "flags.read",
    "experiment_to_flags": "flags.write",
    "FileFormat": "formats.file_format",
    "FileFormatKind": "formats.file_format",
    "EXPERIMENT_FORMATS": "formats.experiment_format",
    "ExperimentFormat": "formats.experiment_format",
    "experiment_or_fields": "formats.experiment_format",
    "read_experiment": "formats.experiment_format",
    "read_fields": "formats.experiment_format",
    "with_crystal": "formats.experiment_format",
    "with_geometry": "formats.experiment_format",
    "STRUCTURE_SOURCES": "formats.structure_source",
    "StructureSource": "formats.structure_source",
    "read_structure_factors": "formats.structure_source",
    "ImageData": "formats.image_format",
    "ImageFormat": "formats.image_format",
    "PixelKind": "formats.image_format",
    "ImageFormats": "formats.images",
    "image_formats": "formats.images",
    "read_image": "formats.images",
    "lacks_friedel_mates": "friedel",
    "with_friedel_mates": "friedel",
    "lazy_exports": "lazy",
    "PLUGINS": "plugins",
    "Brought": "plugins",
    "PluginGroup": "plugins",
    "hookimpl": "plugins",
    "make_manager": "plugins",
    "register_plugin": "plugins",
    "QUANTITIES": "quantities",
    "Quantity": "quantities",
    "STAGES": "quantities",
    "Recorder": "recorder",
    "Site": "recorder",
    "experiment_to_toml": "toml",
    "read_toml": "toml",
    "write_toml": "toml",
}

__all__ = [
    "BACKGROUNDS",
    "BackgroundConfig",
    "BackgroundTerm",
    "BeamConfig",
    "Brought",
    "CrystalConfig",
    "CrystalShape",
    "Detector",
    "DetectorConfig",
    "DetectorConvention",
    "DetectorPivot",
    "EXPERIMENT_FORMATS",
    "ExitCode",
    "Experiment",
    "ExperimentFormat",
    "FileFormat",
    "FileFormatKind",
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
    "PLUGINS",
    "Panel",
    "PanelGroup",
    "PixelKind",
    "PluginConfig",
    "PluginConfigKind",
    "PluginGroup",
    "Profile",
    "ProgramError",
    "QUANTITIES",
    "Quantity",
    "Recorder",
    "Roi",
    "SHAPES",
    "STAGES",
    "STRUCTURE_SOURCES",
    "SamplingConfig",
    "Sensor",
    "Shape",
    "ShapeError",
    "Site",
    "SlipWarning",
    "SourceTable",
    "StructureFactors",
    "StructureSource",
    "UnreadableError",
    "config_to_text",
    "did_you_mean",
    "duration",
    "experiment_or_fields",
    "experiment_to_flags",
    "experiment_to_toml",
    "file_field",
    "flags_to_experiment",
    "hookimpl",
    "image_formats",
    "lacks_friedel_mates",
    "lazy_exports",
    "make_manager",
    "read_experiment",
    "read_fields",
    "read_image",
    "read_structure_factors",
    "read_toml",
    "register_plugin",
    "with_crystal",
    "with_friedel_mates",
    "with_geometry",
    "write_toml",
]

if not TYPE_CHECKING:  # with it no name would be unknown to a type checker
    __getattr__, __dir__ = lazy_exports(__name__, _HOMES)
