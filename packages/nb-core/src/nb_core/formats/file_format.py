"""What all formats of files share, and how that of a file is found: by content, then by ending."""

from __future__ import annotations

import abc
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import pluggy

from nb_core.errors import InputError, NbError, did_you_mean
from nb_core.formats.atomic import AnyPath
from nb_core.formats.reading import RegularFile
from nb_core.plugins import PLUGINS, Brought, make_manager
from nb_core.showing import Brief

_ENDING = re.compile(r"(\.[a-z0-9_-]+)+")
_ATTRIBUTES = ("name", "title", "summary", "endings")


class FileFormat(abc.ABC):
    """A format of files of one kind.

    name: for --format, lower case; title: as messages have it ("SMV")
    summary: what the files hold, one line
    endings: of names, with the dot, lower case; the first is the usual one
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    endings: ClassVar[tuple[str, ...]]

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    @abc.abstractmethod
    def sniff(self, head: bytes, path: AnyPath) -> bool:
        """Whether a file that begins with these bytes (at most 4096) is of this format.

        A format without a mark says False; its files are found by their ending.
        """


F = TypeVar("F", bound=FileFormat)


@dataclass(frozen=True, repr=False)
class FileFormatKind(Brief, Generic[F]):
    """A kind of formats that plugins bring.

    hook: that brings them; base: the class of all of them, which is abstract
    what: a file of the kind, as errors have it; more: attributes that are needed besides
    """

    hook: str
    base: Any
    what: str
    more: tuple[str, ...] = ()

    def known(self, manager: pluggy.PluginManager | None = None) -> dict[str, Brought[F]]:
        """The formats that plugins bring, by name; default those built in and installed.

        Raises InputError for two formats of one name, and for one that is not complete.
        """
        return PLUGINS.collect(manager or make_manager(), self.hook, self.check)

    def check(self, thing: object, plugin: str) -> F:
        """The format; refuses what is not a complete one, and names its plugin."""
        where = f"{PLUGINS.what} {plugin}"
        if not isinstance(thing, self.base):
            remedy = f"expected a nb_core.{self.base.__name__}"
            raise InputError(where, type(thing).__name__, remedy)
        PLUGINS.require(thing, plugin, (*_ATTRIBUTES, *self.more), "format")
        PLUGINS.require_name(thing.name, plugin)
        for ending in thing.endings:
            if not (isinstance(ending, str) and _ENDING.fullmatch(ending)):
                remedy = f"{thing.name}.endings: a dot, then lower-case letters, digits, - and _"
                raise InputError(where, ending, remedy)
        checked: F = thing
        return checked

    def find(self, file: RegularFile, known: Mapping[str, Brought[F]]) -> Brought[F] | None:
        """The format of a file, by its content, else by its ending; None where neither says."""
        return recognised(file, known.values()) or with_ending(file.name, known.values())

    def refuse(self, file: RegularFile, known: Mapping[str, Brought[F]]) -> InputError:
        """The error for a file of none of the known formats."""
        titles = ", ".join(brought.thing.title for brought in known.values())
        found = file.format()
        content = "the content is of no format that is known" if found is None else f"it is {found}"
        return InputError(self.what, file.name, f"{content}; read are: {titles}")


def recognised(file: RegularFile, known: Iterable[Brought[F]]) -> Brought[F] | None:
    """The format of a file by its content; of several the one whose ending it has."""
    found = []
    for brought in known:
        try:
            if brought.thing.sniff(file.head, file.name):
                found.append(brought)
        except Exception as error:
            raise PLUGINS.error(brought.plugin, error) from error
    ending = ending_of(file.name)
    return min(found, key=lambda brought: ending not in brought.thing.endings, default=None)


def with_ending(name: AnyPath, known: Iterable[Brought[F]]) -> Brought[F] | None:
    """The first format that has the ending of a name."""
    ending = ending_of(name)
    return next((brought for brought in known if ending in brought.thing.endings), None)


def ending_of(name: AnyPath) -> str:
    """With its dot, in lower case."""
    return os.path.splitext(os.fspath(name))[1].lower()


def named(name: str, known: Mapping[str, Brought[F]], option: str) -> F:
    """The format of a name; InputError, which names the option, where there is none."""
    if name not in known:
        remedy = f"expected one of: {', '.join(known)}"
        raise InputError(option, name, did_you_mean(name, known) + remedy)
    return known[name].thing


def unreadable(brought: Brought[F], what: str, name: str, error: Exception) -> InputError:
    """What a format's reader let through, as one line; an error of nb's own stays as it is."""
    if isinstance(error, NbError):
        raise error
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    remedy = f"cannot be read as {brought.thing.title} ({brought.package}): {reason}"
    return InputError(what, name, remedy)
