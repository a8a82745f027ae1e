"""Configs of plugins whose numbers become tensors of a scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from nb_core import PluginConfig

Own = TypeVar("Own", bound="OwnTensors")


@dataclass(frozen=True, eq=False, repr=False)
class OwnTensors(PluginConfig):
    """A config with numbers that formulas take as tensors.

    tables: names of tensors besides the fields annotated `Scalar`; see `read_tables`
    """

    tables: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def tensor_names(cls) -> tuple[str, ...]:
        """The names of all tensors that formulas are handed."""
        return (*cls.scalars(), *cls.tables)

    def read_tables(self) -> dict[str, Tensor]:
        """The tensors of `tables`, float64, by name; their sizes are the same for every object of
        the class, for a kernel serves them all. Of an object with default fields, too.
        """
        return {}

    def as_tensors(self: Own, dtype: torch.dtype = torch.float64) -> Own:
        """The same with its numbers as tensors of this type, which keep their gradients."""
        values = {name: torch.as_tensor(getattr(self, name)) for name in self.scalars()}
        if self.tables:
            here = {name: vars(self)[name] for name in self.tables if name in vars(self)}
            values |= here or self.read_tables()
        return self.with_numbers({name: value.to(dtype) for name, value in values.items()})

    def table(self, name: str) -> Tensor:
        """A tensor of `tables`, of an object that formulas are handed."""
        value: Tensor = vars(self)[name]
        return value

    def with_numbers(self: Own, numbers: dict[str, Any]) -> Own:
        """The same with other numbers, tensors, which are not looked at."""
        other = object.__new__(type(self))
        for name, value in {**vars(self), **numbers}.items():
            object.__setattr__(other, name, value)
        return other
