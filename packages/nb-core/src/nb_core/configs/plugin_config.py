"""Configs that plugins bring: one class, found by a hook, in place of a name that nb knows."""

from __future__ import annotations

import abc
import dataclasses
import functools
import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar, get_type_hints

import pluggy

from nb_core.configs import checks
from nb_core.configs.base import Config, is_default
from nb_core.configs.checks import Scalar, plain_number
from nb_core.errors import InputError, NbError, did_you_mean
from nb_core.formats.numbers import text_to_number
from nb_core.plugins import PLUGINS, Brought, make_manager

_FILE = "file"
_ATTRIBUTES = ("name", "label", "summary")


@dataclass(frozen=True, eq=False, repr=False)
class PluginConfig(Config, abc.ABC):
    """Base of what a plugin brings with fields of its own. A frozen dataclass, all fields of which
    have defaults; those annotated `Scalar` are continuous, and may be tensors with a gradient.

    name: in files and on command lines, lower case; label: one or two words for print-outs
    summary: what it is, one line
    """

    name: ClassVar[str]
    label: ClassVar[str]
    summary: ClassVar[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.scalars():
            checks.number(f"{self.name}.{name}", getattr(self, name), "")

    @classmethod
    @functools.cache
    def scalars(cls) -> tuple[str, ...]:
        """The names of the continuous fields."""
        hints = get_type_hints(cls)
        return tuple(f.name for f in dataclasses.fields(cls) if hints[f.name] == Scalar)

    @classmethod
    def files(cls) -> tuple[str, ...]:
        """The names of the fields that name files (`file_field`)."""
        return tuple(f.name for f in dataclasses.fields(cls) if f.metadata.get(_FILE))


T = TypeVar("T", bound=PluginConfig)


@dataclass(frozen=True)
class PluginConfigKind(Generic[T]):
    """A kind of such configs.

    hook: that brings the classes; base: of all of them; what: one of them, as errors have it
    """

    hook: str
    base: type[T]
    what: str

    def known(self, manager: pluggy.PluginManager | None = None) -> dict[str, Brought[Any]]:
        """The classes that plugins bring, by name; default those built in and installed.

        Raises InputError for two of one name, and for one that is not complete.
        """
        return PLUGINS.collect(manager or make_manager(), self.hook, self._checked)

    def make(
        self,
        field: str,
        value: object,
        others: Iterable[str] = (),
        folder: str | os.PathLike[str] = "",
    ) -> T:
        """The config that a value stands for: itself, its name, `name:field=value,field=value`, or
        a table of its name and fields.

        field: that is named in errors; others: further names, which the field has besides
        folder: that names of files are seen from (`file_field`)
        Raises InputError for a name or a field that there is not, and as the class does.
        """
        if isinstance(value, self.base):
            return value
        known = self.known()
        names = ", ".join([*others, *(name for name in known if name not in others)])
        expected = f"expected a {self.what}, one of: {names}"
        if isinstance(value, str):
            name, fields = self._parsed(field, value)
        elif isinstance(value, Mapping) and isinstance(value.get("name"), str):
            fields = {key: part for key, part in value.items() if key != "name"}
            name = value["name"].strip().lower()
        else:
            raise InputError(field, value, f"{expected}; or a table with its name and fields")
        if name not in known:
            raise InputError(field, name, did_you_mean(name, known) + expected)
        try:
            made: T = known[name].thing(**_seen_from_here(known[name].thing, fields, folder))
        except NbError:
            raise
        except Exception as error:
            raise PLUGINS.error(known[name].plugin, error) from error
        return made

    def _parsed(self, field: str, text: str) -> tuple[str, dict[str, Any]]:
        """Name and fields of `name:field=value,field=value`; what is no number stays a text."""
        name, colon, rest = text.strip().partition(":")
        fields: dict[str, Any] = {}
        for part in rest.split(",") if colon else ():
            key, equals, number = (piece.strip() for piece in part.partition("="))
            if key in fields:
                raise InputError(field, text, f"{key} is given twice; leave one of them out")
            if not (key and equals):
                remedy = f"expected {name}:field=value,field=value, and not {part.strip()!r}"
                raise InputError(field, text, remedy)
            try:
                fields[key] = text_to_number(number, key)
            except InputError:
                fields[key] = number
        return name.strip().lower(), fields

    def _checked(self, thing: Any, plugin: str) -> Any:
        """The class; InputError for what is not a complete one."""
        where = f"{PLUGINS.what} {plugin}"
        if not (inspect.isclass(thing) and issubclass(thing, self.base)):
            shown = getattr(thing, "__name__", type(thing).__name__)
            raise InputError(where, shown, f"expected a class derived from {self.base.__name__}")
        missing = sorted(getattr(thing, "__abstractmethods__", ()))
        if missing:
            raise InputError(where, thing.__name__, f"it lacks {', '.join(missing)}")
        for attribute in _ATTRIBUTES:
            text = getattr(thing, attribute, None)
            if not (isinstance(text, str) and text and "\n" not in text):
                remedy = f"{attribute} must be a text of one line; set it as a class attribute"
                raise InputError(where, thing.__name__, remedy)
        PLUGINS.require_name(thing.name, plugin)
        for field in dataclasses.fields(thing):
            if field.default is dataclasses.MISSING:
                raise InputError(where, f"{thing.__name__}.{field.name}", "a field needs a default")
        return thing


def file_field(default: str = "") -> Any:
    """A field that names a file: in TOML relative to the folder of the TOML file."""
    return dataclasses.field(default=default, metadata={_FILE: True})


def _seen_from_here(
    kind: type[PluginConfig], fields: dict[str, Any], folder: str | os.PathLike[str]
) -> dict[str, Any]:
    """The fields, with names of files joined to the folder that they are seen from."""
    return {
        key: str(Path(folder) / value) if key in kind.files() and value else value
        for key, value in fields.items()
    }


def config_to_plain(
    config: PluginConfig, name_file: Callable[[str], str] = str
) -> str | dict[str, Any]:
    """Its name, or a table of its name and the fields that differ from their defaults.

    name_file: gives the name that a file is written by
    """
    said = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if not is_default(field, value):
            if field.name in config.files():
                value = name_file(value)
            said[field.name] = plain_number(value) if field.name in config.scalars() else value
    return {"name": config.name, **said} if said else config.name


def config_to_text(config: PluginConfig) -> str:
    """`name:field=value,field=value`, as `PluginConfigKind.make` takes it."""
    plain = config_to_plain(config)
    if isinstance(plain, str):
        return plain
    name = plain.pop("name")
    return f"{name}:{','.join(f'{key}={value}' for key, value in plain.items())}"
