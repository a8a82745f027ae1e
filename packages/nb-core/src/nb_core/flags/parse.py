"""From arguments to settings: which option each argument is, and its values."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from nb_core.errors import InputError, NbWarning
from nb_core.flags.option import Kind, Option
from nb_core.flags.table import MEANT, OPTIONS, OPTIONS_OF_NB, ZERO_IS_DEFAULT

Settings = dict[str, Any]
"""What the options say, in their order of precedence: "section.field" -> value."""


def find_option(argument: str) -> Option | None:
    """The option that an argument is: a documented name, or a longer spelling of one only.

    nanoBragg finds its options by searching for their names within the argument, so any longer
    spelling works too; of several the longest counts where it includes the others.
    """
    for option in OPTIONS:
        if argument in option.names:
            return option
    found = [
        (max(hits, key=len), option) for option in OPTIONS if (hits := option.found_in(argument))
    ]
    found.sort(key=lambda hit: len(hit[0]), reverse=True)
    if not found or not all(found[0][0].startswith(pattern) for pattern, _ in found):
        return None
    return found[0][1]


def options_to_settings(used: Iterable[tuple[Option, list[Any]]]) -> Settings:
    """The settings of a command line; of options that contradict each other the last counts."""
    settings: Settings = {}
    for option, values in used:
        if option.ignored:
            warnings.warn(
                f"{option.name} has no effect: nanoBragg ignores it too", NbWarning, stacklevel=2
            )
        assigned = _assignments(option, values)
        if option.kind is Kind.NAMED and settings.get(option.keys[0]) is not None:
            remedy = "give it once; TOML takes several backgrounds"
            raise InputError(option.name, values[0], remedy)
        settings.update(assigned)
        settings.update(option.sets)
    return settings


def read_options(
    arguments: Sequence[str], *, ignore_unknown: bool = False
) -> Iterator[tuple[Option, list[Any]]]:
    """Each option of a command line with its values, in order.

    Raises InputError for an unknown option (naming the nearest one), a missing value, or one that
    is not what the option expects. With `ignore_unknown` what is not known is warned of.
    """
    position = 0
    last = ""
    while position < len(arguments):
        argument = arguments[position]
        position += 1
        option = find_option(argument) if argument.startswith("-") else None
        _refuse_equals_sign(argument)
        if option is None and _is_harmless(argument, arguments[position : position + 1]):
            position += 1
            continue
        if option is None:
            _refuse_unknown(argument, last, ignore_unknown)
            continue
        texts = _texts(option, arguments[position:])
        position += len(texts)
        last = " ".join(_shown(text) for text in (argument, *texts))
        yield option, option.read(texts)


def _texts(option: Option, following: Sequence[str]) -> list[str]:
    """The arguments that are the option's values."""
    if option.kind is Kind.MISSET and following and "rand" in following[0]:
        return [following[0]]
    texts: list[str] = []
    for text in following[: option.values]:
        is_option = text.startswith("-") and find_option(text) is not None
        if is_option or (option.least is not None and _looks_like_option(text)):
            break
        texts.append(text)
    least = option.values if option.least is None else option.least
    if len(texts) < least:
        wanted = "a value" if least == 1 else f"{least} values"
        shown = " ".join(_shown(text) for text in texts) or "(nothing)"
        raise InputError(option.name, shown, f"needs {wanted} after it")
    return texts


def _assignments(option: Option, values: list[Any]) -> Settings:
    if option.kind is Kind.MISSET:
        return {option.keys[0]: "random" if len(values) == 1 else tuple(values)}
    if not values or not option.keys:
        return {}
    if option.values == 1:
        return dict.fromkeys(option.keys, values[0])
    if len(option.keys) == 1:
        return {option.keys[0]: tuple(values)}
    unset = dict.fromkeys(option.keys) if option.least is not None else {}
    return unset | dict(zip(option.keys, values, strict=False))


def _looks_like_option(text: str) -> bool:
    return text.startswith("-") and text[1:2] not in tuple("0123456789.")


def _shown(text: str) -> str:
    """An argument as it is, or in quotes where it would not be seen."""
    return text if text.strip() and text.isprintable() else repr(text)


def _is_harmless(argument: str, following: Sequence[str]) -> bool:
    """Whether an option that nanoBragg does not read says 0, which is so anyway; warns of it."""
    if argument not in ZERO_IS_DEFAULT or not following:
        return False
    try:
        zero = float(following[0]) == 0.0
    except ValueError:
        return False
    if zero:
        warnings.warn(
            f"{argument} 0 is left out: the option is called {MEANT[argument]}, and 0 its default",
            NbWarning,
            stacklevel=4,
        )
    return zero


def _refuse_equals_sign(argument: str) -> None:
    """An option and its value in one, which nanoBragg takes for the option alone."""
    name, sign, value = argument.partition("=")
    if sign and name.startswith("-") and find_option(name) is not None:
        raise InputError(_shown(argument), "unknown option", f"write {name} {value}")


def _refuse_unknown(argument: str, last: str, ignore_unknown: bool) -> None:
    if ignore_unknown:
        warnings.warn(f"{argument!r} is not understood and is left out", NbWarning, stacklevel=4)
        return
    if not _looks_like_option(argument) and argument.lower() not in MEANT:
        remedy = f"no option takes it{', nor does ' + last if last else ''}; leave it out"
        raise InputError(_shown(argument), "unexpected argument", remedy)
    if argument.startswith("--"):
        raise InputError(_shown(argument), "unknown option", "options of nb itself go before --")
    meant = _meant(argument.lower())
    remedy = f"did you mean {meant}? " if meant else ""
    raise InputError(
        _shown(argument), "unknown option", f"{remedy}(--ignore-unknown-flags goes on)"
    )


def _meant(argument: str) -> str | None:
    """The option that an unknown one (in small letters) stands for, or is nearest to."""
    if argument in MEANT:
        return MEANT[argument]
    if argument in OPTIONS_OF_NB:
        return f"-{argument}, before the --"
    known = (option for option in OPTIONS if not option.ignored)
    names = {name.lower(): name for option in known for name in option.names}
    near = difflib.get_close_matches(argument, names, n=1, cutoff=0.6)
    return names[near[0]] if near and len(argument) > 2 else None
