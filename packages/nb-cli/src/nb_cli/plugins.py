"""What plugins bring, for a command: all of it, unless `nb --no-plugins` leaves them out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nb_taps import TapEntry


@dataclass(frozen=True)
class Part:
    """Something that nb or a plugin brings, as `nb plugins` lists it."""

    kind: str
    name: str
    summary: str
    package: str
    version: str


def known_taps(*, no_plugins: bool = False) -> dict[str, TapEntry]:
    """The taps of nb and, unless left out here or by `nb --no-plugins`, of installed plugins."""
    from nb_taps import collect_taps, make_manager

    return collect_taps(make_manager(external=not no_plugins))


def known_parts() -> Iterator[Part]:
    """All that nb and plugins bring, kind after kind."""
    from nb_core import PLUGINS, image_formats, make_manager

    manager = make_manager()
    image_formats(manager)  # refuses what is not complete
    for kind, part in PLUGINS.collect_all(manager):
        yield Part(kind, part.thing.name, part.thing.summary, part.package, part.version)
    for name, entry in known_taps().items():
        yield Part("tap", name, entry.tap.summary, entry.package, entry.version)
