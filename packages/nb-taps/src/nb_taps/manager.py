"""Finds the taps: those built in, and those of installed plugins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pluggy

from nb_core import QUANTITIES, InputError, PluginGroup
from nb_taps import builtin, hooks
from nb_taps.tap import Field, Tap

DISABLE = "NB_TAPS_DISABLE"
"""Environment variable: names of plugins (entry points) to leave out, with commas; or `all`."""

HOOK = "nb_register_taps"

PLUGINS = PluginGroup(hooks.GROUP, DISABLE, "tap plugin", "nb-taps")
"""The group `nb_taps`, for taps alone."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class TapEntry:
    """A tap, and the package that brought it."""

    tap: Tap
    package: str
    version: str

    @property
    def name(self) -> str:
        return self.tap.name


def make_manager(
    *, external: bool = True, disabled: Iterable[str] | None = None
) -> pluggy.PluginManager:
    """A new manager with the built-in taps and, where wanted, those of installed plugins.

    external: False leaves out all installed plugins; disabled: names of entry points to leave out
    (default: what the environment variable NB_TAPS_DISABLE says)
    Raises InputError for a plugin that cannot be imported or implements a hook that is not there.
    """
    return PLUGINS.make_manager(hooks, builtin, external=external, disabled=disabled)


def register_plugin(manager: pluggy.PluginManager, plugin: object, name: str) -> None:
    """Adds a plugin; InputError where its name is taken or it implements an unknown hook."""
    PLUGINS.register(manager, plugin, name)


def collect_taps(manager: pluggy.PluginManager) -> dict[str, TapEntry]:
    """Every tap by name, the built-in ones first.

    Raises InputError for two taps of one name, and for a tap that is not one: a bad name, an
    unknown quantity, fields without names of their own.
    """
    brought = PLUGINS.collect(manager, HOOK, check_tap)
    return {name: TapEntry(one.thing, one.package, one.version) for name, one in brought.items()}


def choose_taps(taps: dict[str, TapEntry], names: Sequence[str] | None) -> list[TapEntry]:
    """The taps of these names, in this order; None: all that do not need the whole image.

    Raises InputError for a name that no tap has.
    """
    if names is None:
        return [entry for entry in taps.values() if not entry.tap.whole_image]
    for name in names:
        if name not in taps:
            raise InputError("taps", name, f"expected some of: {', '.join(taps)}")
    return [taps[name] for name in dict.fromkeys(names)]


def check_tap(tap: object, plugin: str) -> Tap:
    """The tap; refuses what is not a complete one with an InputError that names the plugin."""
    where = f"{PLUGINS.what} {plugin}"
    if not isinstance(tap, Tap):
        raise InputError(where, type(tap).__name__, "expected an instance of a nb_taps.Tap")
    PLUGINS.require(tap, plugin, ("name", "summary", "quantities", "fields"), "tap")
    if not (isinstance(tap.name, str) and _NAME.fullmatch(tap.name)):
        raise InputError(where, tap.name, "a name has lower-case letters, digits and underscores")
    for quantity in tap.quantities:
        if quantity not in QUANTITIES:
            raise InputError(where, quantity, f"no such quantity; have: {', '.join(QUANTITIES)}")
    for field in tap.fields:
        if not isinstance(field, Field):
            raise InputError(where, field, f"{tap.name}.fields: expected nb_taps.Field's")
    names = [field.name for field in tap.fields]
    if len(set(names)) < len(names):
        raise InputError(where, tap.name, "two fields have the same name; rename one of them")
    return tap
