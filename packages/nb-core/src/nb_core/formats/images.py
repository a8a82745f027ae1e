"""Image files of any format that is known, told apart by their content."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pluggy

from nb_core.errors import InputError, NbError, did_you_mean
from nb_core.formats.atomic import AnyPath
from nb_core.formats.builtin import RAW
from nb_core.formats.endings import SHARED, promised_format
from nb_core.formats.image_format import ImageData, ImageFormat, check_format
from nb_core.formats.reading import RegularFile, open_regular
from nb_core.plugins import PLUGINS, Brought, make_manager

HOOK = "nb_register_image_formats"
_ANY_SIZE = 2**63


@dataclass(frozen=True, eq=False)
class ImageFormats:
    """The formats that are known, by name, each with the package that brought it."""

    entries: Mapping[str, Brought[ImageFormat]]

    def __iter__(self) -> Iterator[ImageFormat]:
        return (entry.thing for entry in self.entries.values())

    def named(self, name: str, option: str = "--format") -> ImageFormat:
        """The format of a name; InputError, which names the option, where there is none."""
        if name not in self.entries:
            known = f"expected one of: {', '.join(self.entries)}"
            raise InputError(option, name, did_you_mean(name, self.entries) + known)
        return self.entries[name].thing

    def for_output(self, path: str, name: str | None = None, option: str = "--out") -> ImageFormat:
        """The format that a file is written in: as named, else as its ending says.

        Raises InputError for an ending that no format has, or that promises another format than
        the one named, and for an unknown name.
        """
        if not path:
            raise InputError(option, '""', "the name of a file is needed")
        ending = os.path.splitext(path)[1].lower()
        if name is not None:
            chosen = self.named(name)
            self._refuse_promise(path, ending, chosen, option)
            return chosen
        for image_format in self:
            if ending in image_format.endings:
                return image_format
        endings = {end: known.name for known in self for end in known.endings}
        listed = ", ".join(f"{end} ({owner})" for end, owner in endings.items())
        what = f"no format has the ending {ending}" if ending else "the name has no ending"
        hint = did_you_mean(ending, endings)
        remedy = f"{what}; {hint}known are {listed}; or name the format with --format"
        raise InputError(option, path, remedy)

    def read(self, path: AnyPath, shape: tuple[int, ...] | None = None) -> ImageData:
        """The image of a file: by its content, else by its ending, else raw float32.

        shape: (slow, fast) or (panel, slow, fast) for formats that do not say it; default square
        Raises InputError for a file of a format that is not known, which it names where it can,
        and as the format's reader does.
        """
        with open_regular(path, "image", _ANY_SIZE) as file:
            entry = self._recognised(file) or self._by_ending(file)
        try:
            return entry.thing.read(path, shape)
        except NbError:
            raise
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            remedy = f"cannot be read as {entry.thing.title} ({entry.package}): {reason}"
            raise InputError("image", file.name, remedy) from error

    def _recognised(self, file: RegularFile) -> Brought[ImageFormat] | None:
        """The format of a file by its content; of several the one whose ending it has."""
        found = []
        for entry in self.entries.values():
            try:
                if entry.thing.sniff(file.head, file.name):
                    found.append(entry)
            except Exception as error:
                raise PLUGINS.error(entry.plugin, error) from error
        ending = os.path.splitext(file.name)[1].lower()
        return min(found, key=lambda entry: ending not in entry.thing.endings, default=None)

    def _by_ending(self, file: RegularFile) -> Brought[ImageFormat]:
        """The format of a file without a known mark; InputError where its mark is another's."""
        titles = [image_format.title for image_format in self]
        some, last = ", ".join(titles[1:]), titles[0]
        file.refuse_other_formats(f"{some} and {last} images are read here")
        ending = os.path.splitext(file.name)[1].lower()
        for entry in self.entries.values():
            if ending in entry.thing.endings and ending not in SHARED:
                return entry
        return self.entries[RAW]

    def _refuse_promise(self, path: str, ending: str, chosen: ImageFormat, option: str) -> None:
        """InputError where the ending of a name is that of another format than the chosen one."""
        if ending in chosen.endings or ending in SHARED:
            return
        owners = [known.title for known in self if ending in known.endings]
        promised = owners[0] if owners else promised_format(ending)
        if promised is not None:
            remedy = (
                f"{ending} is the ending of {promised} files, and the format named is "
                f"{chosen.name}: use {chosen.endings[0]}"
            )
            raise InputError(option, path, remedy)


def image_formats(manager: pluggy.PluginManager | None = None) -> ImageFormats:
    """The formats that the plugins of a manager bring; default those built in and installed.

    Raises InputError for two formats of one name, and for one that is not complete.
    """
    manager = make_manager() if manager is None else manager
    return ImageFormats(PLUGINS.collect(manager, HOOK, check_format))


def read_image(
    path: AnyPath, shape: tuple[int, ...] | None = None, formats: ImageFormats | None = None
) -> ImageData:
    """The image of a file in any known format; as `ImageFormats.read`."""
    return (image_formats() if formats is None else formats).read(path, shape)
