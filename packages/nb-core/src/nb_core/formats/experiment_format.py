"""Files that say what an experiment is, or a part of it: formats, found through a hook."""

from __future__ import annotations

import abc
import dataclasses
import os
from typing import Any

from nb_core.configs.experiment import Experiment
from nb_core.errors import InputError
from nb_core.formats.atomic import AnyPath
from nb_core.formats.file_format import FileFormat, FileFormatKind, unreadable
from nb_core.formats.reading import open_regular
from nb_core.formats.sniff import TOML, name_format
from nb_core.plugins import BUILTIN, PLUGINS, Brought
from nb_core.settings import MORE_CRYSTALS, SECTIONS, settings_to_experiment
from nb_core.toml import read_toml, read_toml_fields, write_toml

_ANY_SIZE = 2**63

ExperimentFields = dict[str, Any]
"""What is said of an experiment: values of configs by "section.field" (`beam.wavelength_A`);
`experiment.detector` is a Detector of panels, `experiment.more_crystals` a tuple of the crystals
after the first. What nothing is said of is left out.
"""

_PLACES = (
    *("detector.", "goniometer.", "size.", "pivot.", "file.mask"),
    *("experiment.detector", "experiment.mask", "experiment.roi"),
)
_LISTS = ("experiment.structure_factors", "file.hkl", "file.dump", "file.friedel")
_FILES = (*_LISTS, "file.mat")
_BESIDE = ("file", "size", "pivot")
"""Sections of what is no field: files to read, and sizes before pixels are known."""

_CELL = ("cell_", "matrix", "U_matrix", "vectors_A", "misset_", "space_group")


class ExperimentFormat(FileFormat):
    """A format of files of experiments.

    A file may say all of an experiment or a part: a geometry without a crystal, say.
    """

    @abc.abstractmethod
    def read(self, path: AnyPath) -> ExperimentFields:
        """What a file says, in the units of the configs.

        Raises InputError for a file that cannot be read, is damaged or is of another format.
        """

    def write(self, path: AnyPath, experiment: Experiment) -> None:
        """Writes an experiment, whole or not at all; InputError for what the format cannot hold."""
        raise InputError(f"{self.title} experiment", str(path), "it can only be read; write TOML")


EXPERIMENT_FORMATS: FileFormatKind[ExperimentFormat] = FileFormatKind(
    "nb_register_experiment_formats", ExperimentFormat, "experiment"
)


class Toml(ExperimentFormat):
    """nb's own."""

    name = "toml"
    title = "TOML"
    summary = "an experiment of nb's: every field of every config"
    endings = (".toml",)

    def sniff(self, head: bytes, path: AnyPath) -> bool:
        return name_format(head) == TOML

    def read(self, path: AnyPath) -> ExperimentFields:
        """What is written, not what stands for the rest by default."""
        return read_toml_fields(path)

    def write(self, path: AnyPath, experiment: Experiment) -> None:
        write_toml(path, experiment)


def read_fields(path: AnyPath) -> ExperimentFields:
    """What a file of any known format says of an experiment, told by its content, else its ending.

    Plugins are asked of what is not plainly TOML.
    Raises InputError for a file of a format that is not known, which it names where it can, and
    as the format's reader does.
    """
    return _fields(_format_of(path), path)


def _fields(found: Brought[ExperimentFormat], path: AnyPath) -> ExperimentFields:
    """What a format's reader gives, which must be fields that there are."""
    try:
        fields: Any = found.thing.read(path)
    except Exception as error:
        raise unreadable(found, EXPERIMENT_FORMATS.what, os.fspath(path), error) from error
    for key in fields if isinstance(fields, dict) else [type(fields).__name__]:
        if not _is_field(str(key)):
            remedy = f"{found.thing.title}: is no field of an experiment, such as beam.wavelength_A"
            raise InputError(f"{PLUGINS.what} {found.plugin}", key, remedy)
    return dict(fields)


def _is_field(key: str) -> bool:
    section, _, field = key.partition(".")
    kind = Experiment if section == "experiment" else SECTIONS.get(section)
    if kind is None:
        return section in _BESIDE
    return field in {one.name for one in dataclasses.fields(kind)}


def _format_of(path: AnyPath) -> Brought[ExperimentFormat]:
    """The format of a file; TOML where none claims it, whose reader says what is wrong."""
    toml: Brought[ExperimentFormat] = Brought(Toml(), BUILTIN, "nb-core", "")
    with open_regular(path, EXPERIMENT_FORMATS.what, _ANY_SIZE) as file:
        if toml.thing.sniff(file.head, path):
            return toml
        return EXPERIMENT_FORMATS.find(file, EXPERIMENT_FORMATS.known()) or toml


def read_experiment(path: AnyPath) -> Experiment:
    """The experiment of a file that says all of it, in any known format; as `read_fields`."""
    found = experiment_or_fields(path)
    return found if isinstance(found, Experiment) else settings_to_experiment(found)


def experiment_or_fields(path: AnyPath) -> Experiment | ExperimentFields:
    """The experiment of a TOML file, and what a file of another format says of one."""
    found = _format_of(path)
    return read_toml(path) if found.thing.name == Toml.name else _fields(found, path)


def with_geometry(fields: ExperimentFields, path: AnyPath) -> ExperimentFields:
    """The fields with detector, goniometer, mask and beam as another file says.

    Nothing is left of what stood there of detector and goniometer; of the beam what is not said.
    Raises InputError for a file that says nothing of a detector.
    """
    other = read_fields(path)
    taken = {k: v for k, v in other.items() if k.startswith((*_PLACES, "beam.", "file.sources"))}
    if not any(key.startswith(_PLACES) for key in taken):
        raise InputError("--geometry", os.fspath(path), "it says nothing of a detector")
    return {k: v for k, v in fields.items() if not k.startswith(_PLACES)} | taken


def with_crystal(fields: ExperimentFields, path: AnyPath) -> ExperimentFields:
    """The fields with the crystal, or the crystals, and structure factors as another file says.

    Nothing is left of the cell and its orientation, of further crystals, nor of a list where the
    file has one; of the rest what is not said. Raises InputError for a file that says nothing of a
    crystal.
    """
    other = read_fields(path)
    taken = {k: v for k, v in other.items() if k.startswith(("crystal.", MORE_CRYSTALS, *_FILES))}
    if not any(key.startswith(("crystal.", "file.mat")) for key in taken):
        raise InputError("--crystal", os.fspath(path), "it says nothing of a crystal")
    replaced = (*(f"crystal.{name}" for name in _CELL), MORE_CRYSTALS, "file.mat")
    replaced += _LISTS if any(key.startswith(_LISTS) for key in taken) else ()
    return {k: v for k, v in fields.items() if not k.startswith(replaced)} | taken
