"""The page of public names: what the packages export, with signatures and docstrings."""

from __future__ import annotations

import ast
import enum
import importlib
import importlib.util
import inspect
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from page_parts import page, sentence, text, value_text

PUBLIC = (
    "nb_core",
    "nb_core.configs",
    "nb_core.conventions",
    "nb_core.flags",
    "nb_core.formats",
    "nb_core.poisson",
    "nb_core.ran1",
    "nb_core.showing",
    "nb_core.sweeps",
    "nb_core.units",
    "nb_core.wording",
    "nb_physics",
    "nb_physics.formulas",
    "nb_taps",
    "nb_compare",
    "nb_compare.divergence",
    "nb_compare.golden",
    "nb_compare.pictures",
    "nb_refine",
    "nb_bench",
)
"""Each package, and those of its modules that are public besides. All else is private."""

LONGEST_VALUE = 200
"""Characters of a constant; of a longer one only the meaning is told."""


def api_page(configs: Collection[type]) -> str:
    """The public names of the packages. configs: classes that have a page of their own"""
    parts = [
        "# Public names",
        "What each package exports, from itself and from a few modules. All that does not stand "
        "here is private: it may change, and no other package takes it. `nb-cli` has no library of "
        "its own: see [the commands](cli.md). Arrays are written with their axes, `Float[Tensor, "
        '"slow fast"]`.',
    ]
    for public in PUBLIC:
        module = importlib.import_module(public)
        parts += [f"## {public}", sentence(inspect.getdoc(module) or "")]
        for name in sorted(module.__all__, key=str.lower):
            thing = getattr(module, name)
            if inspect.isclass(thing) and thing in configs:
                parts += [f"### {name}", f"Fields: [{name}](configs.md#{name.lower()})."]
            elif inspect.isclass(thing) or inspect.isfunction(thing):
                parts += _entry(name, thing)
            else:
                parts += _constant(public, name, thing)
    return page(*parts)


def _constant(module: str, name: str, value: object) -> list[str]:
    """A name that is neither class nor function: its value where it is short, and its meaning."""
    shown, meaning = value_text(value), _meaning(module, name)
    parts = [f"### {name}"]
    if len(shown) <= LONGEST_VALUE:
        parts.append(text(f"{name} = {shown}"))
    return [*parts, text(meaning)] if meaning else parts


def _meaning(module: str, name: str) -> str:
    """The string below the assignment of a name, wherever the module has it from; else nothing."""
    found = importlib.util.find_spec(module)
    assert found is not None
    assert found.origin is not None
    tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            return inspect.cleandoc(str(after.value.value)) if is_text else ""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _meaning(node.module, alias.name)
    return ""


def _entry(name: str, thing: Any) -> list[str]:
    """A class or function: signature, docstring, and the methods of a class."""
    heading = f"### {name}"
    documentation = inspect.getdoc(thing) or ""
    if inspect.isfunction(thing):
        return [heading, text(name + _signature(thing)), text(documentation)]
    if issubclass(thing, enum.Enum):
        values = "\n".join(f"{name}.{member.name} = {member.value!r}" for member in thing)
        return [heading, text(values), text(documentation)]
    if getattr(thing, "_is_protocol", False):
        parts = [heading, text(f"class {name}(Protocol)"), text(documentation)]
    elif issubclass(thing, Exception) and "__init__" not in vars(thing):
        bases = ", ".join(base.__name__ for base in thing.__bases__)
        parts = [heading, text(f"class {name}({bases})"), text(documentation)]
    else:
        parts = [heading, text(name + _signature(thing)), text(documentation)]
    return parts + list(_members(name, thing))


def _members(name: str, thing: type) -> Iterator[str]:
    """The public methods and properties that the packages define."""
    for member, value in inspect.getmembers(thing):
        if member.startswith("_") or not _is_ours(value):
            continue
        rest = "  # property" if isinstance(value, property) else _signature(value)
        yield text(f"{name}.{member}{rest}")
        if documentation := inspect.getdoc(value):
            yield sentence(documentation)


def _is_ours(value: object) -> bool:
    function = value.fget if isinstance(value, property) else value
    return inspect.isfunction(function) and function.__module__.startswith("nb_")


def _signature(thing: Callable[..., Any]) -> str:
    """The parameters and the result as they are written in the source."""
    signature = inspect.signature(thing)
    parts, keyword_only = [], False
    for parameter in signature.parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            parts.append("*")
        parts.append(_parameter(parameter))
    returns = signature.return_annotation
    result = "" if returns in (signature.empty, None, "None") else f" -> {_annotation(returns)}"
    whole = f"({', '.join(parts)}){result}"
    if len(whole) <= 80:
        return whole
    lines = "".join(f"    {part},\n" for part in parts)
    return f"(\n{lines}){result}"


def _parameter(parameter: inspect.Parameter) -> str:
    shown = f"**{parameter.name}" if parameter.kind is parameter.VAR_KEYWORD else parameter.name
    if parameter.annotation is not parameter.empty:
        shown += f": {_annotation(parameter.annotation)}"
    if parameter.default is not parameter.empty:
        shown += f" = {value_text(parameter.default)}"
    return shown


def _annotation(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation
    return getattr(annotation, "__forward_arg__", None) or inspect.formatannotation(annotation)
