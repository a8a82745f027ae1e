"""What an option of nanoBragg's command line is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from nb_core.configs.checks import filename
from nb_core.errors import InputError
from nb_core.showing import Brief
from nb_core.units import energy_eV_to_wavelength_A, mm_to_m


class Kind(Enum):
    """How an option's values are read."""

    NUMBER = "number"
    WHOLE = "whole number"
    SEED = "seed"
    FILE = "file"
    DEPTH = "number or inf"
    ENERGY = "energy"
    MISSET = "three angles or random"
    PIVOT = "beam or sample"
    NAMED = "name, or name:field=value,field=value"
    MILLIMETRES = "length in mm, kept in metres"


@dataclass(frozen=True, repr=False)
class Option(Brief):
    """One option of the table.

    names: documented spellings; the first is the one that is written
    help: what it means, with the unit
    keys: the settings that the values go to, "section.field" or "section.field.index"; one value
        goes to all of them, several values to one each (or, with one key, to it as a tuple)
    kind, values: how the values are read, and how many there are; least: of which may be missing
    sets: settings that the option fixes besides, or, with no values, altogether
    patterns: what the program searches for in an argument (default: the names); exact: the
        argument must not go on after it
    alias: it is never written, another option says the same
    ignored: accepted with a warning, for the program does nothing with it
    """

    names: tuple[str, ...]
    help: str
    keys: tuple[str, ...] = ()
    kind: Kind = Kind.NUMBER
    values: int = 1
    least: int | None = None
    sets: Mapping[str, Any] = field(default_factory=dict)
    patterns: tuple[str, ...] = ()
    exact: bool = False
    alias: bool = False
    ignored: bool = False

    @property
    def name(self) -> str:
        return self.names[0]

    def found_in(self, argument: str) -> list[str]:
        """The patterns that nanoBragg would find in an argument."""
        patterns = self.patterns or self.names
        if self.exact:
            return [pattern for pattern in patterns if pattern == argument]
        return [pattern for pattern in patterns if pattern in argument]

    def read(self, texts: list[str]) -> list[Any]:
        """The values of the option; an InputError names the option and the offending text."""
        if self.kind is Kind.MISSET and len(texts) == 1:
            return ["random"]
        return [self._value(text) for text in texts]

    def _value(self, text: str) -> Any:
        if self.kind is Kind.FILE:
            return filename(self.name, text)
        if self.kind is Kind.NAMED:
            return text
        if self.kind is Kind.PIVOT:
            found = [word for word in ("sample", "beam") if word in text]
            if len(found) != 1:
                raise InputError(self.name, text or '""', "expected beam or sample")
            return found[0]
        if self.kind is Kind.DEPTH and "inf" in text:
            return float("inf")
        if self.kind in (Kind.WHOLE, Kind.SEED):
            return self._whole(text)
        value = self._number(text)
        if self.kind is Kind.MILLIMETRES:
            return mm_to_m(value)
        if self.kind is Kind.ENERGY:
            if value <= 0:
                raise InputError(self.name, text, "must be greater than 0 eV")
            return energy_eV_to_wavelength_A(value)
        return float("inf") if self.kind is Kind.DEPTH and value == 0 else value

    def _number(self, text: str) -> float:
        try:
            value = float(text.replace("_", "?") if text.isascii() else "")
        except ValueError:
            raise InputError(self.name, text or '""', "expected a number") from None
        if value != value or abs(value) == float("inf"):
            raise InputError(self.name, text, "expected a finite number")
        return value

    def _whole(self, text: str) -> int:
        value = self._number(text)
        if "e" in text.lower() or value != int(value):
            raise InputError(self.name, text, "expected a whole number, written out in digits")
        if abs(value) >= 2**31:
            raise InputError(self.name, text, "must fit into 32 bits")
        return abs(int(value)) if self.kind is Kind.SEED else int(value)
