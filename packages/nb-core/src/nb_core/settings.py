"""Experiments as flat settings: what command lines and TOML files are read into.

A setting is named "section.field" after the configs (`crystal.fudge`), or
"section.field.index" for one entry of a tuple (`crystal.N_cells.0`). `experiment.detector` is a
Detector of panels, `experiment.more_crystals` holds the crystals after the first, `file.*` names
files to read, `size.*` and `pivot.*` carry what the command line says before the configs can be
made.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from enum import Enum
from typing import Any

from nb_core.configs import checks
from nb_core.configs.background import BackgroundConfig, terms_of
from nb_core.configs.base import Config
from nb_core.configs.beam import BeamConfig
from nb_core.configs.crystal import CrystalConfig
from nb_core.configs.detector import DetectorConfig, pixels_across
from nb_core.configs.experiment import Experiment
from nb_core.configs.goniometer import GoniometerConfig
from nb_core.configs.output import OutputConfig
from nb_core.configs.panel import Detector
from nb_core.configs.sampling import Profile, Roi, SamplingConfig
from nb_core.configs.shape import shape_of
from nb_core.conventions import DetectorConvention, DetectorPivot
from nb_core.errors import InputError, NbWarning
from nb_core.formats.fdump import read_dump
from nb_core.formats.mask import read_mask
from nb_core.formats.matrix import read_matrix
from nb_core.formats.sources import read_sources
from nb_core.formats.structure_source import read_structure_factors
from nb_core.friedel import with_friedel_mates
from nb_core.panel_tables import instead_of_plane

Settings = dict[str, Any]

SECTIONS: dict[str, type] = {
    "crystal": CrystalConfig,
    "detector": DetectorConfig,
    "beam": BeamConfig,
    "sampling": SamplingConfig,
    "background": BackgroundConfig,
    "outputs": OutputConfig,
    "goniometer": GoniometerConfig,
}

ENUMS: dict[str, type[Enum]] = {
    "detector.detector_convention": DetectorConvention,
    "detector.detector_pivot": DetectorPivot,
    "experiment.profile": Profile,
}

OF_PLUGINS: dict[str, Callable[..., Any]] = {
    "crystal.shape": shape_of,
    "background.terms": terms_of,
}
"""Fields whose classes plugins bring, and what makes them of what is said."""

CUSTOM_VECTORS = (
    "crystal.spindle_axis",
    "detector.fdet_vector",
    "detector.sdet_vector",
    "detector.odet_vector",
    "detector.twotheta_axis",
    "detector.pix0_vector_m",
    "beam.beam_vector",
    "beam.polar_vector",
)

MORE_CRYSTALS = "experiment.more_crystals"
"""The crystals after the first, as they are in an Experiment."""

DEFAULT_DETECTOR_SIZE_MM = 102.4
"""nanoBragg's detector where neither pixels nor size are given."""


def experiment_to_settings(experiment: Experiment) -> Settings:
    """Every field that has a value, by its name; enumerations as their values."""
    settings: Settings = {}
    for section in SECTIONS:
        config = getattr(experiment, section)
        if isinstance(config, Detector):
            settings["experiment.detector"] = config
            continue
        settings |= config_to_settings(section, config)
    whole = ("structure_factors", "roi", "mask", "profile", MORE_CRYSTALS.partition(".")[2])
    return settings | _given({f"experiment.{name}": getattr(experiment, name) for name in whole})


def config_to_settings(section: str, config: Config) -> Settings:
    """The fields of one config that have a value, by their name in a section."""
    fields = dataclasses.fields(config)
    return _given({f"{section}.{field.name}": getattr(config, field.name) for field in fields})


def _given(settings: Settings) -> Settings:
    """Settings that have a value; enumerations as theirs."""
    plain = {
        key: value.value if isinstance(value, Enum) else value for key, value in settings.items()
    }
    return {key: value for key, value in plain.items() if _is_given(value)}


def _is_given(value: Any) -> bool:
    """Whether a field has a value, be it but one entry of its tuple."""
    if isinstance(value, tuple):
        return any(part is not None for part in value)
    return value is not None


def settings_to_experiment(settings: Settings) -> Experiment:
    """The experiment that settings describe; reads the files they name.

    Raises InputError for a value or a file that is not acceptable.
    """
    settings = _read_files(_with_plain_names(settings))
    panels = settings.get("experiment.detector")
    if panels is None:
        _resolve_size(settings)
        _resolve_pivot(settings)
        _resolve_roi(settings)
    else:
        _refuse_of_one_plane(settings)
    _merge_indexed(settings)
    for key, kind in ENUMS.items():
        if isinstance(settings.get(key), str):
            settings[key] = kind(settings[key])
    for key, made in OF_PLUGINS.items():
        if settings.get(key) is not None:
            settings[key] = made(key.partition(".")[2], settings[key])
    sections: dict[str, dict[str, Any]] = {name: {} for name in (*SECTIONS, "experiment")}
    for key, value in settings.items():
        section, _, name = key.partition(".")
        if value is not None:
            sections[section][name] = value
    configs = {
        name: kind(**sections[name])
        for name, kind in SECTIONS.items()
        if not (name == "detector" and panels is not None)
    }
    return Experiment(**configs, **sections["experiment"])


def _refuse_of_one_plane(settings: Settings) -> None:
    """InputError for what places or sizes nanoBragg's plane, where there are panels."""
    vectors = any(settings.get(key) is not None for key in CUSTOM_VECTORS)
    implied = ["pivot.state", *(["detector.detector_convention"] if vectors else [])]
    for key, value in settings.items():
        section, _, field = key.partition(".")
        if key in implied or value is None:
            continue
        if section in ("detector", "size", "pivot", "roi"):
            name = {"roi": "roi", "pivot": "detector_pivot"}.get(section, field)
            raise InputError(name, value, instead_of_plane(name))


def _with_plain_names(settings: Settings) -> Settings:
    """A copy in which a member of an enumeration has the name of files, however it is written."""
    given = {key: kind for key, kind in ENUMS.items() if isinstance(settings.get(key), str)}
    return settings | {key: _plain_name(key, settings[key], given[key]) for key in given}


def _plain_name(key: str, value: Any, kind: type[Enum]) -> str:
    field = key.partition(".")[2]
    try:
        return str(checks.choice(field, value, kind).value)
    except InputError:
        names = ", ".join(str(member.value) for member in kind)
        raise InputError(field, value, f"expected one of: {names}") from None


def _read_files(settings: Settings) -> Settings:
    hkl, dump = settings.pop("file.hkl", None), settings.pop("file.dump", None)
    if hkl is not None:
        settings["experiment.structure_factors"] = read_structure_factors(hkl)
        if dump is not None:
            settings["outputs.dumpfile"] = dump
    elif dump is not None:
        settings["experiment.structure_factors"] = read_dump(dump)
    if settings.pop("file.friedel", False):
        _add_friedel_mates(settings)
    if (matrix := settings.pop("file.mat", None)) is not None:
        settings["crystal.matrix"] = read_matrix(matrix)
    if (sources := settings.pop("file.sources", None)) is not None:
        settings["beam.sources"] = read_sources(sources)
    if (mask := settings.pop("file.mask", None)) is not None:
        settings["experiment.mask"], _ = read_mask(mask)
    return settings


def _add_friedel_mates(settings: Settings) -> None:
    factors = settings.get("experiment.structure_factors")
    if factors is None:
        message = "friedel has no effect: there is no list of structure factors"
        warnings.warn(message, NbWarning, stacklevel=5)
    else:
        settings["experiment.structure_factors"] = with_friedel_mates(factors)


def _resolve_size(settings: Settings) -> None:
    """Pixels and sizes: a number of pixels wins over a size; without either, 102.4 mm."""
    pixel = checks.positive("pixel_size_mm", settings.get("detector.pixel_size_mm", 0.1), "mm")
    for axis in "fs":
        pixels = settings.pop(f"size.{axis}pixels", None)
        size = settings.pop(f"size.detsize_{axis}_mm", None)
        name, size_name = f"detector.{axis}pixels", f"detector.detsize_{axis}_mm"
        if pixels is not None:
            settings.pop(size_name, None)
            settings[name] = pixels
        elif size is not None or name not in settings:
            size = settings.get(size_name) if size is None else size
            settings[name] = _pixels_of_size(size_name.partition(".")[2], size, pixel)
            settings[size_name] = DEFAULT_DETECTOR_SIZE_MM if size is None else size


def _pixels_of_size(field: str, size: Any, pixel: float) -> int:
    """The pixels of a size, or of the default one."""
    plain = DEFAULT_DETECTOR_SIZE_MM if size is None else checks.positive(field, size, "mm")
    pixels = pixels_across(plain, pixel)
    if not 1 <= pixels < 2**31:
        how = "less than one pixel" if pixels < 1 else "too many pixels"
        if size is None:
            raise InputError("pixel_size_mm", pixel, f"{how} in a detector of {plain:g} mm")
        raise InputError(field, plain, f"is {how} of {pixel:g} mm")
    return pixels


def _resolve_pivot(settings: Settings) -> None:
    """With CUSTOM, the last option that sets a pivot counts, unless the profile is corrected."""
    state, explicit = settings.pop("pivot.state", None), settings.pop("pivot.explicit", None)
    if explicit is not None:
        settings["detector.detector_pivot"] = explicit
    custom = settings.get("detector.detector_convention") == DetectorConvention.CUSTOM.value
    corrected = settings.get("experiment.profile") != Profile.REFERENCE.value
    chosen = settings.get("detector.detector_pivot") is not None
    if custom and state is not None and not (corrected and chosen):
        settings["detector.detector_pivot"] = state


def _resolve_roi(settings: Settings) -> None:
    """Negative bounds stand for the detector's edges; those beyond it are cut."""
    bounds = [settings.pop(f"roi.{name}", None) for name in Roi._fields]
    if None in bounds:
        return
    xmin, xmax, ymin, ymax = (int(bound) for bound in bounds if bound is not None)
    edges = (settings["detector.fpixels"], settings["detector.spixels"])
    xmax, ymax = (
        edge if bound < 0 else bound for bound, edge in zip((xmax, ymax), edges, strict=True)
    )
    if xmax > edges[0] or ymax > edges[1]:
        detector = f"the detector's {edges[0]} x {edges[1]} pixels"
        warnings.warn(f"-roi reaches beyond {detector} and is cut", NbWarning, stacklevel=4)
    settings["experiment.roi"] = Roi(max(xmin, 0), xmax, max(ymin, 0), ymax)


def _merge_indexed(settings: Settings) -> None:
    """Folds "section.field.index" into the tuple of "section.field"."""
    indexed = [key for key in settings if key.rpartition(".")[2] in ("0", "1", "2")]
    for key in indexed:
        name, _, axis = key.rpartition(".")
        parts = list(settings.get(name, (None, None, None)))
        parts[int(axis)] = settings.pop(key)
        settings[name] = tuple(parts)
