"""Names of a package that are imported when they are first used."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

Exports = tuple[Callable[[str], object], Callable[[], list[str]]]


def lazy_exports(package: str, homes: Mapping[str, str]) -> Exports:
    """The functions `__getattr__` and `__dir__` of a package, for names that it takes from its
    modules (PEP 562). Whoever imports the package loads none of them.

    package: its `__name__`; homes: by name, the module that has it, seen from the package; or
    "module:name" where it is called otherwise there
    """

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, other = homes[name].partition(":")
        return getattr(importlib.import_module(f"{package}.{module}"), other or name)

    def names() -> list[str]:
        return sorted({*vars(importlib.import_module(package)), *homes})

    return get, names
