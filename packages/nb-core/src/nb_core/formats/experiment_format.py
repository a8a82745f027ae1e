"""Files that say what an experiment is, or a part of it: formats, found through a hook."""

from __future__ import annotations

import abc
from typing import Any

from nb_core.configs.experiment import Experiment
from nb_core.errors import InputError
from nb_core.formats.atomic import AnyPath
from nb_core.formats.file_format import FileFormat, FileFormatKind, unreadable
from nb_core.formats.reading import open_regular
from nb_core.formats.sniff import TOML, name_format
from nb_core.settings import MORE_CRYSTALS, experiment_to_settings, settings_to_experiment
from nb_core.toml import read_toml, write_toml

_ANY_SIZE = 2**63

ExperimentFields = dict[str, Any]
"""What is said of an experiment: values of configs by "section.field" (`beam.wavelength_A`);
`experiment.detector` is a Detector of panels, `experiment.more_crystals` a tuple of the crystals
after the first. What nothing is said of is left out.
"""

_PLACES = ("detector.", "goniometer.", "experiment.detector", "experiment.mask", "experiment.roi")
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
        return experiment_to_settings(read_toml(path))

    def write(self, path: AnyPath, experiment: Experiment) -> None:
        write_toml(path, experiment)


def read_fields(path: AnyPath) -> ExperimentFields:
    """What a file of any known format says of an experiment, told by its content, else its ending.

    Plugins are asked of what is not plainly TOML.
    Raises InputError for a file of a format that is not known, which it names where it can, and
    as the format's reader does.
    """
    own = Toml()
    with open_regular(path, EXPERIMENT_FORMATS.what, _ANY_SIZE) as file:
        if own.sniff(file.head, path):
            return own.read(path)
        found = EXPERIMENT_FORMATS.find(file, EXPERIMENT_FORMATS.known())
    if found is None:
        return own.read(path)
    try:
        return found.thing.read(path)
    except Exception as error:
        raise unreadable(found, EXPERIMENT_FORMATS.what, file.name, error) from error


def read_experiment(path: AnyPath) -> Experiment:
    """The experiment of a file that says all of it, in any known format; as `read_fields`."""
    return settings_to_experiment(read_fields(path))


def with_geometry(fields: ExperimentFields, other: ExperimentFields) -> ExperimentFields:
    """The fields with detector, goniometer, mask and beam as another file says.

    Nothing is left of what stood there of detector and goniometer; of the beam what is not said.
    """
    kept = {key: value for key, value in fields.items() if not key.startswith(_PLACES)}
    taken = {k: v for k, v in other.items() if k.startswith((*_PLACES, "beam."))}
    return kept | taken


def with_crystal(fields: ExperimentFields, other: ExperimentFields) -> ExperimentFields:
    """The fields with the crystal, or the crystals, as another file says.

    Nothing is left of the cell and its orientation, and of further crystals; of the rest what is
    not said.
    """
    replaced = (*(f"crystal.{name}" for name in _CELL), MORE_CRYSTALS)
    kept = {key: value for key, value in fields.items() if not key.startswith(replaced)}
    taken = {k: v for k, v in other.items() if k.startswith(("crystal.", MORE_CRYSTALS))}
    return kept | taken
