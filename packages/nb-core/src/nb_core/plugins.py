"""Plugins: packages that bring formats and other parts, found by their entry points.

A plugin is a module with an entry point in the group `nb`, and with hooks (nb_core.hooks):

    from nb_core import ImageFormat, hookimpl

    @hookimpl
    def nb_register_image_formats() -> list[ImageFormat]:
        return [MyFormat()]

There is no manager but those that callers make for themselves.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from types import ModuleType
from typing import Any, ClassVar, Generic, Protocol, TypeVar, runtime_checkable

import pluggy

from nb_core.errors import InputError

GROUP = "nb"
"""Name of the pluggy project and of the entry-point group."""

DISABLE = "NB_PLUGINS_DISABLE"
"""Environment variable: names of plugins (entry points) to leave out, with commas; or `all`."""

BUILTIN = "builtin"
"""Name of the plugin that holds what a group's own package brings."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)
"""Marks a function of a plugin as the implementation of a hook of the group `nb`."""

_REGISTER = "nb_register_"
_NAME = re.compile(r"[a-z][a-z0-9_-]*")


@runtime_checkable
class Named(Protocol):
    """What plugins bring has a name, of which there is one of each kind, and a summary."""

    name: ClassVar[str]
    summary: ClassVar[str]


T = TypeVar("T", bound=Named)


@dataclass(frozen=True)
class Brought(Generic[T]):
    """Something that a plugin brought: the thing, the plugin's name, its package and version."""

    thing: T
    plugin: str
    package: str
    version: str


@dataclass(frozen=True)
class PluginGroup:
    """A group of entry points, and how its plugins are spoken of.

    name: of the group and of the pluggy project; disable: the environment variable that leaves
    plugins out; what: one plugin, in errors; package: the distribution with the built-in ones
    Other packages of nb itself stand in the group NAME_builtin: they are never left out, and may
    bring hook specifications, too.
    """

    name: str
    disable: str
    what: str
    package: str

    def make_manager(
        self,
        specifications: ModuleType,
        builtin: object,
        *,
        external: bool = True,
        disabled: Iterable[str] | None = None,
    ) -> pluggy.PluginManager:
        """A new manager with what is built in and, where wanted, installed plugins.

        external: False leaves out all installed plugins; disabled: names of entry points to leave
        out (default: what the environment variable says)
        Raises InputError as `register`, and for a plugin that cannot be imported.
        """
        manager = pluggy.PluginManager(self.name)
        manager.add_hookspecs(specifications)
        manager.register(builtin, BUILTIN)
        for entry in metadata.entry_points(group=self._own_group):
            module = self._loaded(entry)
            if any(manager.parse_hookspec_opts(module, name) for name in dir(module)):
                manager.add_hookspecs(module)
            self.register(manager, module, entry.name)
        left_out = set(self._disabled_names() if disabled is None else disabled)
        if external and "all" not in left_out:
            for entry in metadata.entry_points(group=self.name):
                if entry.name not in left_out:
                    self.register(manager, self._loaded(entry), entry.name)
        return manager

    def register(self, manager: pluggy.PluginManager, plugin: object, name: str) -> None:
        """Adds a plugin; InputError where its name is taken or it implements an unknown hook."""
        try:
            manager.register(plugin, name)
            manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            raise self.error(name, error) from error

    def collect(
        self, manager: pluggy.PluginManager, hook: str, check: Callable[[object, str], T]
    ) -> dict[str, Brought[T]]:
        """All that plugins bring through a hook, by name, the built-in ones first.

        check: hands back a thing that is complete, given the name of its plugin, and else raises
        Raises InputError for two things of one name, and where a plugin's hook fails.
        """
        found: dict[str, Brought[T]] = {}
        for plugin, things in self._answers(manager, hook):
            package, version = self._package(plugin)
            for thing in things:
                checked = check(thing, plugin)
                if checked.name in found:
                    owners = dict.fromkeys([found[checked.name].package, package])
                    remedy = (
                        f"more than one {kind_of(hook)} of this name, from {' and '.join(owners)}; "
                        f"rename one of them, or leave it out with {self.disable}={plugin}"
                    )
                    raise InputError(f"{self.what} {plugin}", checked.name, remedy)
                found[checked.name] = Brought(checked, plugin, package, version)
        return found

    def collect_all(self, manager: pluggy.PluginManager) -> Iterator[tuple[str, Brought[Named]]]:
        """All that plugins bring, each with its kind in words; InputError as `collect`."""
        for hook in vars(manager.hook):
            if hook.startswith(_REGISTER):
                for brought in self.collect(manager, hook, self._named).values():
                    yield kind_of(hook), brought

    def error(self, plugin: str, error: Exception) -> InputError:
        """What failed in a plugin, as an error that says how to go on without it."""
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        remedy = f"mend or remove the plugin, or leave it out with {self.disable}={plugin}"
        return InputError(self.what, plugin, f"{reason}; {remedy}")

    def require(self, thing: object, plugin: str, attributes: Iterable[str], kind: str) -> None:
        """InputError for something that a plugin brought and that lacks one of its attributes.

        kind: what it is, in words
        """
        for attribute in attributes:
            if not getattr(thing, attribute, None):
                remedy = f"the {kind} has no {attribute}; set it as a class attribute"
                raise InputError(f"{self.what} {plugin}", type(thing).__name__, remedy)

    def require_name(self, name: object, plugin: str) -> None:
        """InputError for a name that files and command lines could not say."""
        if not (isinstance(name, str) and _NAME.fullmatch(name)):
            remedy = "a name has lower-case letters, digits, - and _"
            raise InputError(f"{self.what} {plugin}", name, remedy)

    def _named(self, thing: Any, plugin: str) -> Named:
        """What a plugin brought; InputError where it has no name or no summary."""
        for attribute in ("name", "summary"):
            text = getattr(thing, attribute, None)
            if not (isinstance(text, str) and text):
                remedy = f"it has no {attribute}; set it as a class attribute"
                raise InputError(f"{self.what} {plugin}", type(thing).__name__, remedy)
        return thing

    @property
    def _own_group(self) -> str:
        return f"{self.name}_{BUILTIN}"

    def _answers(
        self, manager: pluggy.PluginManager, hook: str
    ) -> Iterator[tuple[str, list[object]]]:
        """Each plugin's name and what its hook returned, in the order of registration."""
        order = [name for name, _ in manager.list_name_plugin()]
        implementations = getattr(manager.hook, hook).get_hookimpls()
        for one in sorted(implementations, key=lambda one: order.index(one.plugin_name)):
            try:
                register: Any = one.function
                things = list(register())
            except Exception as error:
                raise self.error(one.plugin_name, error) from error
            yield one.plugin_name, things

    def _disabled_names(self) -> list[str]:
        names = os.environ.get(self.disable, "").split(",")
        return [name.strip() for name in names if name.strip()]

    def _loaded(self, entry: metadata.EntryPoint) -> Any:
        try:
            return entry.load()
        except Exception as error:
            raise self.error(entry.name, error) from error

    def _package(self, plugin: str) -> tuple[str, str]:
        """The distribution that a plugin is from, and its version."""
        if plugin == BUILTIN:
            return self.package, metadata.version(self.package)
        for group in (self._own_group, self.name):
            for entry in metadata.entry_points(group=group):
                if entry.name == plugin and entry.dist is not None:
                    return entry.dist.metadata["Name"], entry.dist.version
        return plugin, "unknown"


PLUGINS = PluginGroup(GROUP, DISABLE, "plugin", "nb-core")
"""The group `nb`, for all kinds of plugins but taps."""


def make_manager(
    *, external: bool = True, disabled: Iterable[str] | None = None
) -> pluggy.PluginManager:
    """A new manager of the group `nb`; external, disabled and errors as `PluginGroup` has them."""
    from nb_core import hooks
    from nb_core.formats import builtin

    return PLUGINS.make_manager(hooks, builtin, external=external, disabled=disabled)


def register_plugin(manager: pluggy.PluginManager, plugin: object, name: str) -> None:
    """Adds a plugin that is not installed; InputError where its name is taken or a hook unknown."""
    PLUGINS.register(manager, plugin, name)


def kind_of(hook: str) -> str:
    """What comes through a hook, in words and one of it: nb_register_image_formats."""
    return hook.removeprefix(_REGISTER).replace("_", " ").removesuffix("s")
