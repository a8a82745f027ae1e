"""Where structure factors come from: formats of files, found through a hook."""

from __future__ import annotations

import abc
import re

from nb_core.data import StructureFactors
from nb_core.formats.atomic import AnyPath
from nb_core.formats.file_format import FileFormat, FileFormatKind, unreadable
from nb_core.formats.hkl import read_hkl
from nb_core.formats.reading import open_regular
from nb_core.formats.sniff import is_text, name_format

_ANY_SIZE = 2**63
_LINE = re.compile(rb"(\s*([#;!][^\n]*)?\n)*[ \t]*[-+]?\d+[ \t]+[-+]?\d+[ \t]+[-+]?\d+[ \t]")
"""Comments, and a line that begins with three whole numbers."""


class StructureSource(FileFormat):
    """A format of files that structure factors are read from."""

    @abc.abstractmethod
    def read(self, path: AnyPath) -> StructureFactors:
        """The structure factors of a file, in P1: all that symmetry makes of those listed.

        Raises InputError for a file that cannot be read, is damaged or is of another format.
        """


STRUCTURE_SOURCES: FileFormatKind[StructureSource] = FileFormatKind(
    "nb_register_structure_sources", StructureSource, "structure factor list"
)


class HklList(StructureSource):
    """Lines "h k l F"; a text that nothing else recognises is read so, too."""

    name = "hkl"
    title = 'text lists "h k l F"'
    summary = "one reflection a line: h k l F, all of P1"
    endings = (".hkl",)

    def sniff(self, head: bytes, path: AnyPath) -> bool:
        return name_format(head) is None and is_text(head) and bool(_LINE.match(head))

    def read(self, path: AnyPath) -> StructureFactors:
        return read_hkl(path)


def read_structure_factors(path: AnyPath) -> StructureFactors:
    """The structure factors of a file in any known format, by its content, else by its ending.

    Plugins are asked of what is not plainly a text list; what nobody knows is read as one.
    Raises InputError for a file of a format that is not known, which it names where it can, and
    as the format's reader does.
    """
    with open_regular(path, "structure factor list", _ANY_SIZE) as file:
        plain = HklList().sniff(file.head, path)
        known = {} if plain else STRUCTURE_SOURCES.known()
        found = STRUCTURE_SOURCES.find(file, known)
    if found is None:
        return read_hkl(path)
    try:
        return found.thing.read(path)
    except Exception as error:
        raise unreadable(found, STRUCTURE_SOURCES.what, file.name, error) from error
