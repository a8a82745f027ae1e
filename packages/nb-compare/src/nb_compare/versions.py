"""What is installed of nb, and of the libraries that it needs, as the installed packages say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import metadata

_ROOT = "nb-core"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def installed_versions() -> tuple[dict[str, str], dict[str, str]]:
    """The version of each package of nb, plugins among them, and of each library that they need.

    A package of nb is nb-core, and what depends on one. Names are in lower case, with dashes;
    libraries of extras are left out, and so is what is not installed.
    """
    versions: dict[str, str] = {}
    needs: dict[str, set[str]] = {}
    for distribution in metadata.distributions():
        name = _canonical(distribution.metadata["Name"] or "")
        versions.setdefault(name, distribution.version)
        needs.setdefault(name, _needs(distribution.requires or ()))
    own = {_ROOT}
    while found := {name for name, need in needs.items() if need & own} - own:
        own |= found
    libraries = set().union(*(needs.get(name, set()) for name in own)) - own
    return _of(versions, own), _of(versions, libraries)


def _needs(requires: Iterable[str]) -> set[str]:
    """The names in the requirements of a distribution, without its extras."""
    lines = (line for line in requires if "extra ==" not in line)
    return {_canonical(found[0]) for line in lines if (found := _NAME.match(line))}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _of(versions: dict[str, str], names: set[str]) -> dict[str, str]:
    return {name: versions[name] for name in sorted(names) if name in versions}
