"""The interface through which the simulation shows its intermediate quantities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Int
from torch import Tensor

from nb_core.showing import Brief


@dataclass(frozen=True, repr=False)
class Site(Brief):
    """Where in the walk a value belongs.

    pixels: flat pixel indices (slow * fpixels + fast) of the tile, shape (pixels,)
    layer, sub_slow, sub_fast: sensor layer and sub-pixel; None once they are summed over
    first_source, first_step: what index 0 of the source and step axes stands for
    """

    pixels: Int[Tensor, " pixels"]
    layer: int | None = None
    sub_slow: int | None = None
    sub_fast: int | None = None
    first_source: int = 0
    first_step: int = 0


@runtime_checkable
class Recorder(Protocol):
    """Receives the values that the production functions compute; see nb_core.quantities."""

    def wants(self, quantity: str) -> bool:
        """Whether `record` shall be called for this quantity."""
        ...

    def record(self, quantity: str, value: Tensor, site: Site) -> None:
        """Takes one value; the tensor may be reused afterwards, so keep a copy."""
        ...
