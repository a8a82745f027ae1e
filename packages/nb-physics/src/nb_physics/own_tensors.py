"""Configs of plugins whose numbers become tensors of a scene."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from nb_core import InputError, NbError, PluginConfig

Own = TypeVar("Own", bound="OwnTensors")


@dataclass(frozen=True, eq=False, repr=False)
class OwnTensors(PluginConfig):
    """A config with numbers that formulas take as tensors.

    Its fields are annotated `Scalar`, or name files (`file_field`): formulas are handed tensors
    only, so that one kernel serves all objects of the class.
    tables: names of tensors besides the fields annotated `Scalar`; see `read_tables`
    """

    tables: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def tensor_names(cls) -> tuple[str, ...]:
        """The names of all tensors that formulas are handed."""
        return (*cls.scalars(), *cls.tables)

    @classmethod
    def example_tables(cls) -> dict[str, Tensor]:
        """Tensors of `tables` of the right sizes, whatever their numbers, to make a kernel of."""
        return {}

    def read_tables(self) -> dict[str, Tensor]:
        """The tensors of `tables`, float64, by name, of the sizes of `example_tables`."""
        return {}

    def as_tensors(self: Own, dtype: torch.dtype = torch.float64) -> Own:
        """The same with its numbers as tensors of this type, which keep their gradients.

        Raises InputError for a class with fields of another sort.
        """
        refuse_other_fields(type(self))
        values = {name: _tensor(getattr(self, name)) for name in self.scalars()}
        if self.tables:
            here = {name: vars(self)[name] for name in self.tables if name in vars(self)}
            values |= here or self.read_tables()
        return self.with_numbers({name: value.to(dtype) for name, value in values.items()})

    @classmethod
    def example(cls: type[Own]) -> Own:
        """An object with tensors of the right sizes."""
        numbers = {name: _tensor(getattr(cls(), name)) for name in cls.scalars()}
        return cls().with_numbers(numbers | cls.example_tables())

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


def _tensor(value: Any) -> Tensor:
    """float64, as all numbers of a scene."""
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)


@functools.cache
def refuse_other_fields(kind: type[OwnTensors]) -> None:
    """InputError for a field that is neither a `Scalar` nor the name of a file."""
    for field in dataclasses.fields(kind):
        if field.name not in (*kind.scalars(), *kind.files()):
            remedy = "a field is annotated Scalar or made by file_field(), for kernels see no other"
            raise InputError(f"{kind.__name__}.{field.name}", field.type, remedy)


def tried(part: OwnTensors, call: Callable[[], Tensor], shape: tuple[int, ...], what: str) -> None:
    """Calls a formula of a plugin once, and refuses what is no finite real tensor of this shape.

    Raises InputError, which names the part, for any error in it, too.
    """
    try:
        value = call()
    except NbError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(part.name, what, f"it fails: {reason}") from error
    found = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
    if found != shape:
        raise InputError(part.name, what, f"expected a tensor of shape {shape}, found {found}")
    if not value.is_floating_point() or not value.isfinite().all():
        kind = str(value.dtype).removeprefix("torch.")
        raise InputError(part.name, what, f"expected finite real numbers, found {kind}")
