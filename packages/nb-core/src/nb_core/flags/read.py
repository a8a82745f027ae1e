"""From nanoBragg's command line to an experiment."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nb_core.configs import checks
from nb_core.configs.base import plain_value
from nb_core.configs.experiment import Experiment
from nb_core.configs.sampling import Profile
from nb_core.conventions import DetectorConvention
from nb_core.errors import InputError, NbWarning
from nb_core.flags.header import header_settings
from nb_core.flags.option import Option
from nb_core.flags.parse import Settings, options_to_settings, read_options
from nb_core.flags.table import OPTIONS
from nb_core.settings import (
    CUSTOM_VECTORS,
    MORE_CRYSTALS,
    experiment_to_settings,
    settings_to_experiment,
)

_FIELDS = {"roi": "roi", "printout": "printout_pixel", "pivot": "detector_pivot"}
"""Fields whose parts are settings of their own."""


def flags_to_experiment(
    arguments: Sequence[str | int | float | os.PathLike[str]],
    *,
    profile: Profile | str | None = None,
    base: Experiment | Mapping[str, Any] | None = None,
    ignore_unknown: bool = False,
) -> Experiment:
    """The experiment of a nanoBragg command line (without the program's name).

    arguments: words as a shell would part them; numbers and paths are taken where they stand
    profile: whose slips to keep; default that of `base`, else Profile.REFERENCE,
        which is nanoBragg's
    base: an experiment, or what files say of one (`read_fields`), whose fields the options replace;
        default nanoBragg's defaults
    ignore_unknown: warn of unknown options instead of refusing them
    Files that the options name are read. Raises InputError, which names the option, the value and
    the remedy; warns (NbWarning) where nanoBragg does not do what the option seems to say.
    """
    if not isinstance(base, Mapping):
        checks.instance("base", base, Experiment)
    used = list(read_options(_words(arguments), ignore_unknown=ignore_unknown))
    said = options_to_settings(used)
    settings = _base_settings(base)
    _refuse_of_one_crystal(used, settings)
    if profile is not None:
        settings["experiment.profile"] = checks.choice("profile", profile, Profile).value
    corrected = settings["experiment.profile"] == Profile.CORRECTED.value
    try:
        named = (settings | said).get("detector.detector_convention", "mosflm")
        convention = DetectorConvention(named)
        from_headers = header_settings(said, corrected=corrected, convention=convention)
        _warn_of_size(said, from_headers)
        settings.update(from_headers | said)
        _warn_of_distance(said, settings)
        _resolve(settings)
        if not isinstance(base, Experiment):
            _require_crystal(settings)
        return settings_to_experiment(settings)
    except InputError as error:
        raise _named_after_option(error, [option for option, _ in used], said) from None


def _refuse_of_one_crystal(used: Sequence[tuple[Option, list[Any]]], settings: Settings) -> None:
    """InputError for an option of the crystal where the base has several: it names none of them."""
    more = settings.get(MORE_CRYSTALS, ())
    for option, values in used if more else ():
        keys = (*option.keys, *option.sets)
        if any(key.startswith("crystal.") or key == "file.mat" for key in keys):
            remedy = f"does not say which of {len(more) + 1} crystals; change it in their file"
            raise InputError(option.name, " ".join(map(str, values)), remedy)


def _words(arguments: object) -> list[str]:
    """The arguments as texts; InputError for a whole line in one, and for what is no word."""
    if isinstance(arguments, str | bytes) or not isinstance(arguments, Iterable):
        remedy = "expected a list of arguments; shlex.split(line) makes one of a line"
        raise InputError("arguments", repr(arguments), remedy)
    return [_word(argument) for argument in arguments]


def _word(argument: object) -> str:
    plain = plain_value(argument)
    if isinstance(plain, int | float) and not isinstance(plain, bool):
        return str(plain)
    if isinstance(plain, os.PathLike):
        plain = os.fspath(plain)
    if not isinstance(plain, str):
        raise InputError("arguments", repr(argument), "expected a text or a number")
    return plain


def _base_settings(base: Experiment | Mapping[str, Any] | None) -> Settings:
    """The settings of an experiment; a detector given by its size keeps that, not its pixels."""
    if base is None:
        return {"crystal.N_cells": (1, 1, 1), "experiment.profile": Profile.REFERENCE.value}
    if isinstance(base, Experiment):
        settings = experiment_to_settings(base)
    else:
        settings = {"experiment.profile": Profile.CORRECTED.value, **base}
    for axis in "fs":
        size = settings.pop(f"detector.detsize_{axis}_mm", None)
        if size is not None:
            settings[f"size.detsize_{axis}_mm"] = size
            settings.pop(f"detector.{axis}pixels", None)
    return settings


def _resolve(settings: Settings) -> None:
    """What command lines only have: names that are no fields of a config."""
    settings.pop("file.img", None)
    _resolve_dump(settings)
    _resolve_seeds(settings)
    _resolve_printout(settings)
    _drop_vectors(settings)


def _warn_of_size(said: Settings, from_headers: Settings) -> None:
    """An image header sets the pixels, and pixels win over a size."""
    for axis in "fs":
        size = f"size.detsize_{axis}_mm"
        if said.get(size) is not None and f"size.{axis}pixels" in (from_headers | said):
            warnings.warn(
                f"-detsize_{axis} is overridden by the number of pixels", NbWarning, stacklevel=3
            )


def _warn_of_distance(said: Settings, settings: Settings) -> None:
    """A close distance, be it of a header or of the base, wins over -distance, in any order."""
    distance, close = said.get("detector.distance_mm"), settings.get("detector.close_distance_mm")
    corrected = settings["experiment.profile"] == Profile.CORRECTED.value
    placed = corrected and settings.get("detector.pix0_vector_m") is not None
    if distance is None or close is None or placed:
        return
    turned = any(settings.get(f"detector.detector_rot{axis}_deg") for axis in "xyz")
    if turned or checks.plain_number(distance) != checks.plain_number(close):
        message = (
            f"-distance {checks.plain_number(distance):g} does not count: the close distance, "
            f"{checks.plain_number(close):g} mm along the detector's normal, wins over it"
        )
        warnings.warn(message, NbWarning, stacklevel=3)


def _resolve_dump(settings: Settings) -> None:
    """With a list of structure factors a dump is written; the list may be that of the base."""
    factors = settings.get("experiment.structure_factors")
    if "file.dump" in settings and factors is not None and factors.kind == "hkl":
        settings["outputs.dumpfile"] = settings["file.dump"]
        if "file.hkl" not in settings:
            del settings["file.dump"]


def _resolve_seeds(settings: Settings) -> None:
    """A random orientation takes -misset_seed, else -seed, else the clock; the choice is kept."""
    if settings.get("crystal.misset_deg") != "random":
        return
    if settings.get("crystal.misset_seed") is None:
        seed = settings.get("outputs.noise_seed")
        settings["crystal.misset_seed"] = int(time.time()) if seed is None else seed


def _resolve_printout(settings: Settings) -> None:
    fast, slow = settings.pop("printout.fast", None), settings.pop("printout.slow", None)
    if fast is not None:
        settings["outputs.printout_pixel"] = (slow, fast)


def _drop_vectors(settings: Settings) -> None:
    """A convention named after a vector replaces it."""
    if settings.get("detector.detector_convention") == DetectorConvention.CUSTOM.value:
        return
    dropped = [key for key in CUSTOM_VECTORS if settings.get(key) is not None]
    for key in dropped:
        del settings[key]
    if dropped:
        names = ", ".join(key.partition(".")[2] for key in dropped)
        message = f"{names}: replaced by the convention named after it"
        warnings.warn(message, NbWarning, stacklevel=3)


def _require_crystal(settings: Settings) -> None:
    cells = ("crystal.cell_a", "crystal.matrix", "crystal.vectors_A", "file.mat")
    if all(settings.get(key) is None for key in cells):
        raise InputError("-cell", "(not given)", "give -cell a b c alpha beta gamma, or -mat FILE")
    lists = ("file.hkl", "file.dump", "experiment.structure_factors")
    if all(settings.get(key) is None for key in lists) and not settings.get("crystal.default_F"):
        remedy = "give structure factors with -hkl FILE, or -default_F with a value other than 0"
        raise InputError("-hkl", "(not given)", remedy)


def _named_after_option(error: InputError, used: list[Option], said: Settings) -> InputError:
    """The same error, naming the option that it comes from, if there is one.

    The options of the command line come first, the last of them before the others; then those of
    them that set the field besides.
    """
    written = [option for option in OPTIONS if not option.alias]
    named = [o for o in (*reversed(used), *written) if _is_at_fault(o.keys, error, said)]
    beside = [o for o in reversed(used) if _is_at_fault(o.sets, error, said)]
    for option in (*named, *beside):
        same = option.name.lstrip("-") == error.field
        field = option.name if same else f"{option.name} ({error.field})"
        return InputError(field, error.value, error.remedy)
    return error


def _is_at_fault(keys: Iterable[str], error: InputError, said: Settings) -> bool:
    field = error.field.partition(",")[0]
    for key in keys:
        section, _, name = key.partition(".")
        if section == "file":
            path = said.get(key)
            if path and (error.value == path or error.field.startswith(path)):
                return True
        elif field in (name.partition(".")[0], _FIELDS.get(section)):
            return True
    return False
