"""From an experiment to nanoBragg's command line."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

from torch import Tensor

from nb_core.configs.checks import plain_number
from nb_core.configs.experiment import Experiment
from nb_core.configs.plugin_config import PluginConfig, config_to_text
from nb_core.configs.sampling import Profile
from nb_core.conventions import AXES, PIVOTS, DetectorConvention
from nb_core.errors import InputError, NbWarning
from nb_core.flags.header import header_settings
from nb_core.flags.option import Kind, Option
from nb_core.flags.parse import Settings
from nb_core.flags.table import OPTIONS
from nb_core.settings import CUSTOM_VECTORS, SECTIONS, experiment_to_settings
from nb_core.wording import counted


def experiment_to_flags(experiment: Experiment) -> list[str]:
    """The command line (without the program's name) that reads back as the same experiment.

    The profile is no part of it, nor is the space group, which no photon depends on (NbWarning).
    Tensors are written as their plain values. Raises InputError
    where something lies in memory only, for an option can but name a file, and where no option
    can say what a field holds.
    """
    if experiment.panels:
        remedy = "nanoBragg has one plane, and no options for panels; write them to TOML"
        raise InputError("detector", counted(len(experiment.panels), "panel"), remedy)
    _refuse_crystals(experiment)
    settings = _command_line_settings(experiment)
    _refuse_unwritable(settings)
    arguments: list[str] = []
    for option in OPTIONS:
        if not option.alias and not option.ignored:
            arguments += _written(option, settings)
    return arguments


def _refuse_crystals(experiment: Experiment) -> None:
    """InputError for what nanoBragg has no option for; warns of a space group that is left out."""
    crystal, count = experiment.crystal, len(experiment.crystals)
    if count > 1:
        remedy = "nanoBragg has one crystal, and no options for more; write them to TOML"
        raise InputError("more_crystals", f"{count} crystals", remedy)
    fraction = None if plain_number(crystal.fraction) == 1 else crystal.fraction
    given = {"U_matrix": crystal.U_matrix, "vectors_A": crystal.vectors_A, "fraction": fraction}
    for name, value in given.items():
        if value is not None:
            raise InputError(name, "given", "nanoBragg has no option for it; write it to TOML")
    if crystal.space_group is not None:
        message = f"space_group {crystal.space_group} is left out: nanoBragg has no option for it"
        warnings.warn(message, NbWarning, stacklevel=3)


def _command_line_settings(experiment: Experiment) -> Settings:
    """The settings that differ from nanoBragg's defaults, by the keys of the option table."""
    settings = experiment_to_settings(experiment)
    corrected = settings.pop("experiment.profile") == Profile.CORRECTED.value
    _name_files(settings)
    _place_size(settings)
    for key in ("crystal.N_cells", "crystal.sample_size_mm"):
        for axis, value in enumerate(settings.pop(key, ())):
            settings[f"{key}.{axis}"] = value
    if (roi := settings.pop("experiment.roi", None)) is not None:
        settings |= {f"roi.{name}": bound for name, bound in roi._asdict().items()}
    if (pixel := settings.pop("outputs.printout_pixel", None)) is not None:
        settings |= {"printout.slow": pixel[0], "printout.fast": pixel[1]}
    _place_pivot(settings)
    defaults = _defaults()
    if "file.mask" in settings:
        defaults |= _mask_defaults(settings, corrected)
    return {key: value for key, value in settings.items() if _plain(value) != defaults.get(key)}


def _mask_defaults(settings: Settings, corrected: bool) -> Settings:
    """The camera that a mask's header sets; InputError where an option cannot take it back."""
    convention = DetectorConvention(settings["detector.detector_convention"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NbWarning)
        camera = header_settings(
            {"file.mask": settings["file.mask"]}, corrected=corrected, convention=convention
        )
    for axis in "fs":
        size, pixels = f"size.detsize_{axis}_mm", f"size.{axis}pixels"
        if size in settings:
            raise InputError(f"detsize_{axis}_mm", settings[size], "the mask's header overrides it")
        camera[pixels] = float(camera[pixels])
    for key, value in camera.items():
        if settings.get(key) is None:
            remedy = f"the header of the mask sets it to {value:g}; give it a value"
            raise InputError(key.partition(".")[2], None, remedy)
    return camera


def _refuse_unwritable(settings: Settings) -> None:
    """Raises InputError for what no option says."""
    factors = "file.hkl" in settings or "file.dump" in settings
    if not factors and "crystal.default_F" not in settings:
        remedy = "nanoBragg needs structure factors, or a default_F other than 0"
        raise InputError("structure_factors", None, remedy)
    if "printout.fast" in settings and "outputs.printout" not in settings:
        remedy = "-printout_pixel turns printout on; leave out the one or turn on the other"
        raise InputError("printout_pixel", settings["printout.slow"], remedy)
    if "outputs.dumpfile" in settings and "file.hkl" not in settings:
        remedy = "nanoBragg writes a dump of a list that it reads with -hkl only"
        raise InputError("dumpfile", settings["outputs.dumpfile"], remedy)


def _name_files(settings: Settings) -> None:
    objects = {
        "experiment.structure_factors": "file.hkl",
        "crystal.matrix": "file.mat",
        "beam.sources": "file.sources",
        "experiment.mask": "file.mask",
    }
    for key, name in objects.items():
        thing = settings.pop(key, None)
        if thing is None:
            continue
        if thing.source is None:
            remedy = "it has no file; write it to one and read it from there"
            raise InputError(key.partition(".")[2], "in memory only", remedy)
        is_dump = getattr(thing, "kind", None) == "dump"
        settings["file.dump" if is_dump else name] = thing.source
        if getattr(thing, "friedel", False):
            settings["file.friedel"] = True
    if "file.hkl" in settings and "outputs.dumpfile" in settings:
        settings["file.dump"] = settings["outputs.dumpfile"]


def _place_size(settings: Settings) -> None:
    for axis in "fs":
        pixels = settings.pop(f"detector.{axis}pixels")
        size = settings.pop(f"detector.detsize_{axis}_mm", None)
        if size is None:
            settings[f"size.{axis}pixels"] = pixels
        else:
            settings[f"size.detsize_{axis}_mm"] = size


def _place_pivot(settings: Settings) -> None:
    """Many options set a pivot that CUSTOM honours, so with CUSTOM it is always written."""
    pivot = settings.pop("detector.detector_pivot", None)
    custom = DetectorConvention.CUSTOM
    if settings["detector.detector_convention"] == custom.value:
        pivot = pivot or PIVOTS[custom].value
        if not any(settings.get(key) is not None for key in CUSTOM_VECTORS):
            settings["detector.twotheta_axis"] = AXES[custom].twotheta
    if pivot is not None:
        settings["pivot.explicit"] = pivot


def _defaults() -> Settings:
    """What a command line that does not name a setting gives it."""
    defaults: Settings = {f"crystal.N_cells.{axis}": 1.0 for axis in range(3)}
    for section, config in SECTIONS.items():
        for field in dataclasses.fields(config):
            default = field.default
            defaults[f"{section}.{field.name}"] = _plain(getattr(default, "value", default))
    return defaults


def _written(option: Option, settings: Settings) -> list[str]:
    if option.values == 0:
        said = option.sets and all(
            settings.get(key) == value for key, value in option.sets.items() if key != "pivot.state"
        )
        return [option.name] if said else []
    keys = [key for key in option.keys if key != "pivot.state"]
    values = [settings.get(key) for key in keys]
    given = [value for value in values if value is not None]
    if not given:
        return []
    if option.kind is Kind.NAMED and isinstance(given[0], str):
        return []  # an option of its own says it
    if option.kind is Kind.MISSET and isinstance(given[0], str):
        return [option.name, given[0]]
    if len(keys) == 1 and option.values > 1:
        given = list(given[0])
    if len(given) < len(values):
        given = _leading(values)
    return [option.name, *(_text(option, value) for value in given)]


def _leading(values: list[Any]) -> list[Any]:
    """The values up to the last that is given; of a cell, the missing ones before it."""
    defaults: list[Any] = [None, values[0], values[0], 90.0, 90.0, 90.0]
    last = max(i for i, value in enumerate(values) if value is not None)
    return [defaults[i] if value is None else value for i, value in enumerate(values[: last + 1])]


def _plain(value: Any) -> Any:
    """Numbers as floats, tensors as lists of them, so that they compare and print."""
    if isinstance(value, Tensor):
        return value.item() if value.numel() == 1 else value.detach().tolist()
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def _text(option: Option, value: Any) -> str:
    if isinstance(value, tuple):
        if len(value) > 1:
            remedy = "the option says one; write several to TOML"
            raise InputError(option.keys[0].partition(".")[2], f"{len(value)} of them", remedy)
        (value,) = value
    if isinstance(value, PluginConfig):
        return config_to_text(value)
    plain = _plain(value)
    if option.kind in (Kind.WHOLE, Kind.SEED):
        if plain != int(plain):
            raise InputError(option.name, plain, "nanoBragg takes whole numbers only")
        return str(int(plain))
    return repr(plain) if isinstance(plain, float) else str(plain)
