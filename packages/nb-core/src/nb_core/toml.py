"""Experiments as TOML files.

A section for each config, with the names of its fields; files are named (`hkl`, `dump`, `mask`,
`crystal.matrix`, `beam.sources`) and read, relative to the folder of the TOML file.
`friedel = true` adds the Friedel mates that a list lacks. A detector of panels is an array of
tables [[panel]], and [[group]] says how panels of a group have moved. Several crystals are an array
of tables [[crystal]].
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tomli_w
from torch import Tensor

from nb_core.configs.checks import filename, flag
from nb_core.configs.crystal import CrystalConfig
from nb_core.configs.experiment import Experiment
from nb_core.configs.panel import Detector
from nb_core.configs.plugin_config import PluginConfig, config_to_plain
from nb_core.configs.sampling import Roi
from nb_core.data import OrientationMatrix
from nb_core.errors import InputError, did_you_mean
from nb_core.formats.atomic import atomic_write
from nb_core.formats.matrix import read_matrix
from nb_core.formats.reading import read_text
from nb_core.formats.sniff import TOML
from nb_core.panel_tables import (
    PANEL_TABLES,
    document_to_panels,
    panel_tables,
    panels_to_document,
)
from nb_core.settings import (
    MORE_CRYSTALS,
    OF_PLUGINS,
    SECTIONS,
    Settings,
    config_to_settings,
    experiment_to_settings,
    settings_to_experiment,
)

_FILES = {
    "hkl": "file.hkl",
    "dump": "file.dump",
    "mask": "file.mask",
    "crystal.matrix": "file.mat",
    "beam.sources": "file.sources",
}

_OBJECTS = {
    "crystal.matrix": "crystal.matrix",
    "beam.sources": "beam.sources",
    "experiment.mask": "mask",
    "experiment.structure_factors": "hkl",
}

_MEANT = {
    name: f"did you mean {fields}? "
    for name, fields in {
        "cell": "cell_a, cell_b, cell_c, cell_alpha, cell_beta, cell_gamma of [crystal]",
        "N": "N_cells of [crystal]",
        "phi": "phi_start_deg of [crystal]",
        "osc": "osc_range_deg of [crystal]",
        "mosaic": "mosaic_spread_deg of [crystal]",
        "lambda": "wavelength_A of [beam]",
        "energy": "wavelength_A of [beam], which is 12398.42 / energy",
        "energy_eV": "wavelength_A of [beam], which is 12398.42 / energy_eV",
        "pixel": "pixel_size_mm of [detector]",
        "detpixels": "fpixels and spixels of [detector]",
        "twotheta": "detector_twotheta_deg of [detector]",
        "Xbeam": "beam_center_x_mm of [detector]",
        "Ybeam": "beam_center_y_mm of [detector]",
    }.items()
}
"""Names of the command line's options, and the fields that say the same."""

_UNSET = "none"
"""How an entry of a list that is not given is written, for TOML has no null."""


def read_toml(path: str | os.PathLike[str]) -> Experiment:
    """The experiment of a TOML file.

    Raises InputError for a file that cannot be read or parsed, for unknown names, for values of
    the wrong kind, and as the configs and the files it names do.
    """
    return settings_to_experiment(read_toml_fields(path))


def read_toml_fields(path: str | os.PathLike[str]) -> Settings:
    """What a TOML file says of an experiment, and no more; files that it names are not read yet.

    Raises InputError for a file that cannot be read or parsed, and for unknown names.
    """
    reads = "an experiment in TOML is read here"
    text = read_text(path, "TOML experiment", reads=reads, own=(TOML,))
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(os.fspath(path), "not TOML", str(error)) from None
    return _document_to_settings(document, Path(path))


def experiment_to_toml(experiment: Experiment, folder: str | os.PathLike[str] = ".") -> str:
    """The text of the TOML file that reads back as the same experiment.

    folder: where the TOML file is to be, for the names of the files that it reads
    Tensors are written as their plain values. Raises InputError where a list of structure factors,
    a mask, a matrix or a table of sources has no file.
    """
    _expect_experiment(experiment)
    document: dict[str, Any] = {}
    for key, value in experiment_to_settings(experiment).items():
        if key == MORE_CRYSTALS:
            more = [_crystal_table(crystal, n, folder) for n, crystal in enumerate(value, 1)]
            document["crystal"] = [document["crystal"], *more]
            continue
        if isinstance(value, Detector):
            document |= panels_to_document(value, lambda source: _seen_from(folder, source))
            continue
        name = _OBJECTS.get(key, key.removeprefix("experiment."))
        if key in _OBJECTS:
            source = _file_of(name, value.source, folder)
            name = "dump" if getattr(value, "kind", None) == "dump" else name
            if getattr(value, "friedel", False):
                document["friedel"] = True
            value = source
        section, _, field = name.rpartition(".")
        table = document.setdefault(section, {}) if section else document
        table[field] = _to_toml(value, lambda source: _seen_from(folder, source))
    tables = {
        name: value
        for name, value in document.items()
        if isinstance(value, dict) or name in SECTIONS or name in PANEL_TABLES
    }
    return tomli_w.dumps({**{k: v for k, v in document.items() if k not in tables}, **tables})


def _crystal_table(
    crystal: CrystalConfig, number: int, folder: str | os.PathLike[str]
) -> dict[str, Any]:
    """The [[crystal]] table of a crystal after the first."""
    table = {}
    for key, value in config_to_settings("crystal", crystal).items():
        if isinstance(value, OrientationMatrix):
            value = _file_of(f"matrix of crystal {number}", value.source, folder)
        table[key.partition(".")[2]] = _to_toml(value, lambda source: _seen_from(folder, source))
    return table


def write_toml(path: str | os.PathLike[str], experiment: Experiment) -> None:
    """Writes an experiment; OutputError where it cannot be written."""
    _expect_experiment(experiment)
    path = filename("path", path)
    text = experiment_to_toml(experiment, Path(path).parent)
    with atomic_write(path) as handle:
        handle.write(text.encode())


def _expect_experiment(value: object) -> None:
    if not isinstance(value, Experiment):
        remedy = "expected an Experiment, as in write_toml(path, experiment)"
        raise InputError("experiment", repr(value), remedy)


def _document_to_settings(document: dict[str, Any], path: Path) -> Settings:
    settings: Settings = {}
    panels, document = panel_tables(document)
    if panels:
        detector = document_to_panels(panels, lambda key, name: _beside(key, name, path))
        settings["experiment.detector"] = detector
    if isinstance(document.get("crystal"), list):
        first, *more = _crystal_tables(document["crystal"])
        document = document | {"crystal": first}
        settings[MORE_CRYSTALS] = tuple(
            _crystal(table, f"crystal {number}", path) for number, table in enumerate(more, 1)
        )
    for name, value in document.items():
        if name in SECTIONS:
            if not isinstance(value, dict):
                raise InputError(name, value, f"expected a table, [{name}]")
            for field, entry in value.items():
                settings.update(_field_setting(f"{name}.{field}", entry, path))
        else:
            settings.update(_top_setting(name, value, path))
    return settings


def _crystal_tables(tables: list[Any]) -> list[dict[str, Any]]:
    """The tables [[crystal]]; InputError for none, and for what is no table."""
    if not tables or not all(isinstance(table, dict) for table in tables):
        raise InputError("crystal", tables, "expected a table, [crystal], or several, [[crystal]]")
    return tables


def _crystal(table: dict[str, Any], where: str, path: Path) -> CrystalConfig:
    """A crystal after the first; its errors say which."""
    settings: Settings = {}
    try:
        for field, entry in table.items():
            settings.update(_field_setting(f"crystal.{field}", entry, path))
        if (matrix := settings.pop("file.mat", None)) is not None:
            settings["crystal.matrix"] = read_matrix(matrix)
        return CrystalConfig(**{key.partition(".")[2]: v for key, v in settings.items()})
    except InputError as error:
        field = error.field.removeprefix("crystal.")
        raise InputError(f"{where}: {field}", error.value, error.remedy) from None


def _field_setting(key: str, value: Any, path: Path) -> Settings:
    if key in _FILES:
        return {_FILES[key]: _beside(key, value, path)}
    section, _, field = key.partition(".")
    known = [entry.name for entry in dataclasses.fields(SECTIONS[section])]
    if field not in known:
        raise InputError(
            key, "unknown name", f"{_hint(field, known)}[{section}] has: {', '.join(known)}"
        )
    if key in OF_PLUGINS:
        return {key: OF_PLUGINS[key](field, _from_toml(value), path.parent)}
    return {key: _from_toml(value)}


def _hint(field: str, known: list[str]) -> str:
    """Where an unknown field belongs, or which one it was meant to be."""
    for section, config in SECTIONS.items():
        if field in [entry.name for entry in dataclasses.fields(config)]:
            return f"it belongs into [{section}]; "
    if field in ("hkl", "dump", "mask", "roi", "profile", "friedel"):
        return "it stands above the first [table]; "
    return _MEANT.get(field, "") or did_you_mean(field, known)


def _top_setting(name: str, value: Any, path: Path) -> Settings:
    if name in _FILES:
        return {_FILES[name]: _beside(name, value, path)}
    if name == "profile":
        return {"experiment.profile": value}
    if name == "friedel":
        flag(name, value)
        return {"file.friedel": value}
    if name == "roi":
        if not isinstance(value, list) or len(value) != 4:
            raise InputError("roi", value, "expected [xmin, xmax, ymin, ymax]")
        return {"experiment.roi": Roi(*value)}
    known = [
        *SECTIONS,
        *PANEL_TABLES,
        "profile",
        "roi",
        "friedel",
        *(file for file in _FILES if "." not in file),
    ]
    raise InputError(
        name, "unknown name", f"{_hint(name, known)}a TOML experiment has: {', '.join(known)}"
    )


def _beside(name: str, value: Any, path: Path) -> str:
    return str(path.parent / filename(name, value))


def _file_of(name: str, source: str | None, folder: str | os.PathLike[str]) -> str:
    """The name that the file of a thing is written by; InputError for one that has no file."""
    if source is None:
        remedy = "it has no file; write it to one and read it from there"
        raise InputError(name, "in memory only", remedy)
    return _seen_from(folder, source)


def _seen_from(folder: str | os.PathLike[str], source: str) -> str:
    """The name of a file beside or below the TOML file; the whole path of any other."""
    whole = os.path.abspath(source)
    relative = os.path.relpath(whole, os.path.abspath(folder))
    return whole if os.path.isabs(source) or relative.startswith(os.pardir) else relative


def _to_toml(value: Any, name_file: Callable[[str], str]) -> Any:
    """A value as TOML has it; name_file: gives the name that a file is written by."""
    if isinstance(value, Tensor):
        return value.item() if value.numel() == 1 else value.detach().tolist()
    if isinstance(value, PluginConfig):
        return config_to_plain(value, name_file)
    if isinstance(value, tuple):
        return [_UNSET if part is None else _to_toml(part, name_file) for part in value]
    return value


def _from_toml(value: Any) -> Any:
    if isinstance(value, list):
        if value and all(isinstance(part, list) for part in value):
            return tuple(map(_from_toml, value))
        return tuple(None if part == _UNSET else part for part in value)
    return value
