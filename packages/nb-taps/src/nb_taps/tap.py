"""The interface of a tap: which quantities it wants, and what it makes of a pixel's record."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from nb_core.showing import Brief
from nb_taps.record import PixelRecord

Value = Tensor | float | int | str | bool | None
"""What a tap may return for a field; None where there is no such value."""


@dataclass(frozen=True, repr=False)
class Field(Brief):
    """One value that a tap records.

    unit: of the value, "1" for a number without one
    axes: names of its axes, outermost first: subpixel, source, phi, domain, xyz ... ; () for one
        number. The numbers are nested lists in JSON.
    """

    name: str
    unit: str
    axes: tuple[str, ...]
    meaning: str


class Tap(ABC):
    """A probe. Derive from it, fill in the four attributes, and write `read`.

    name: how it is called on the command line: lower-case letters, digits and underscores
    summary: one line for `nb taps list`
    quantities: what the simulation shall offer, names of nb_core.quantities.QUANTITIES
    fields: what it records
    whole_image: True where it needs the noise image, for which all pixels must be simulated; such
        a tap runs only where it is named
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    quantities: ClassVar[tuple[str, ...]]
    fields: ClassVar[tuple[Field, ...]]
    whole_image: ClassVar[bool] = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    @abstractmethod
    def read(self, record: PixelRecord) -> Mapping[str, Value]:
        """A value for every field, from the recorded quantities of one pixel.

        It puts together what was recorded and computes no physics of its own.
        """
