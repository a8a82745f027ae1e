"""Image files of any format that is known, told apart by their content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pluggy

from nb_core.errors import InputError, did_you_mean
from nb_core.formats.atomic import AnyPath
from nb_core.formats.builtin import RAW
from nb_core.formats.endings import SHARED, promised_format
from nb_core.formats.file_format import (
    ending_of,
    named,
    recognised,
    unreadable,
    with_ending,
)
from nb_core.formats.image_format import IMAGE_FORMATS, ImageData, ImageFormat
from nb_core.formats.reading import RegularFile, open_regular
from nb_core.plugins import Brought
from nb_core.showing import Brief

_ANY_SIZE = 2**63


@dataclass(frozen=True, eq=False, repr=False)
class ImageFormats(Brief):
    """The formats that are known, by name, each with the package that brought it."""

    entries: Mapping[str, Brought[ImageFormat]]

    def __iter__(self) -> Iterator[ImageFormat]:
        return (entry.thing for entry in self.entries.values())

    def named(self, name: str, option: str = "--format") -> ImageFormat:
        """The format of a name; InputError, which names the option, where there is none."""
        return named(name, self.entries, option)

    def for_output(self, path: str, name: str | None = None, option: str = "--out") -> ImageFormat:
        """The format that a file is written in: as named, else as its ending says.

        Raises InputError for an ending that no format has, or that promises another format than
        the one named, and for an unknown name.
        """
        if not path:
            raise InputError(option, '""', "the name of a file is needed")
        ending = ending_of(path)
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
            entry = recognised(file, self.entries.values()) or self._by_ending(file)
        try:
            return entry.thing.read(path, shape)
        except Exception as error:
            raise unreadable(entry, "image", file.name, error) from error

    def _by_ending(self, file: RegularFile) -> Brought[ImageFormat]:
        """The format of a file without a known mark; InputError where its mark is another's."""
        titles = [image_format.title for image_format in self]
        some, last = ", ".join(titles[1:]), titles[0]
        file.refuse_other_formats(f"{some} and {last} images are read here")
        if ending_of(file.name) in SHARED:
            return self.entries[RAW]
        return with_ending(file.name, self.entries.values()) or self.entries[RAW]

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
    return ImageFormats(IMAGE_FORMATS.known(manager))


def read_image(
    path: AnyPath, shape: tuple[int, ...] | None = None, formats: ImageFormats | None = None
) -> ImageData:
    """The image of a file in any known format; as `ImageFormats.read`."""
    return (image_formats() if formats is None else formats).read(path, shape)
