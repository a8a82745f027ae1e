"""What the reference lists is public: it is there, explained, and all that packages share."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {path.name: path for path in ROOT.glob("packages/*/src/*") if path.is_dir()}
SOURCES = sorted(
    path for folder in ("packages", "examples") for path in ROOT.glob(f"{folder}/*/src/**/*.py")
)


def public_names() -> dict[str, list[str]]:
    """The names of each public module, as the reference lists them."""
    text = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    _, *sections = re.split(r"^## (\w[\w.]*)$", text, flags=re.MULTILINE)
    return {
        module: re.findall(r"^### (\w+)$", section, re.MULTILINE)
        for module, section in zip(sections[::2], sections[1::2], strict=True)
    }


PUBLIC = public_names()
NAMES = [(module, name) for module, names in PUBLIC.items() for name in names]


def taken(tree: ast.AST, own: str) -> Iterator[str]:
    """What a file takes of other packages and should not: `module` or `module: name`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            wanted = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            wanted = [(node.module or "", alias.name) for alias in node.names]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            wanted = [(node.value.id, "" if node.attr.startswith("__") else node.attr)]
        else:
            continue
        for module, name in wanted:
            package = module.partition(".")[0]
            if package in PACKAGES and package != own:
                if module not in PUBLIC:
                    yield module
                elif name and name not in PUBLIC[module]:
                    yield f"{module}: {name}"


def test_packages_take_of_each_other_what_is_public() -> None:
    assert len(SOURCES) > len(PACKAGES) > 0
    private = []
    for path in SOURCES:
        own = path.relative_to(ROOT).parts[3]
        found = taken(ast.parse(path.read_text(encoding="utf-8")), own)
        private += [f"{path.relative_to(ROOT)}: {what}" for what in found]
    assert not private


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("from nb_core import Roi", []),
        ("from nb_core.units import mm_to_m", []),
        ("import nb_core", []),
        ("import numpy.linalg", []),
        ("nb_physics.simulate(plan, nb_core.__version__)", []),
        ("nb_physics.loop.photons", ["nb_physics: loop"]),
        ("from nb_bench.rows import Times", []),  # its own
        ("def f():\n    from nb_core.configs.checks import Scalar", ["nb_core.configs.checks"]),
        ("import nb_physics.engine.choice as choice", ["nb_physics.engine.choice"]),
        ("from nb_core import Roi, formats", ["nb_core: formats"]),
        ("from nb_core.units import Value", ["nb_core.units: Value"]),
    ],
)
def test_what_is_private_is_seen(line: str, found: list[str]) -> None:
    assert list(taken(ast.parse(line), "nb_bench")) == found


def test_pages_show_what_is_public() -> None:
    shown = [
        (page.name, *line)
        for folder in ("docs", "packages", "examples", ".")
        for page in ROOT.glob(f"{folder}/*.md" if folder == "." else f"{folder}/**/*.md")
        for line in re.findall(
            r"^from (nb_[\w.]+) import ([\w, ]+)", page.read_text(encoding="utf-8"), re.MULTILINE
        )
        if not line[0].endswith(".testing") and line[0].partition(".")[0] in PACKAGES
    ]
    assert len(shown) > len(PACKAGES)
    assert not [
        (page, module, name)
        for page, module, names in shown
        for name in names.split(", ")
        if name not in PUBLIC.get(module, [])
    ]


def test_every_package_with_a_library_has_public_names() -> None:
    assert {module.partition(".")[0] for module in PUBLIC} == set(PACKAGES) - {"nb_cli"}
    assert all(PUBLIC.values())


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_public_name_is_there_and_explained(module: str, name: str) -> None:
    home = importlib.import_module(module)
    assert name in home.__all__
    assert name in dir(home)
    thing = getattr(home, name)
    if inspect.isclass(thing) or inspect.isfunction(thing):
        said = inspect.getdoc(thing) or ""
        assert said
        assert not said.startswith(f"{name}(")  # what a dataclass says where nothing is written


def test_a_type_checker_sees_what_is_imported_on_first_use() -> None:
    """The names of a lazy package stand twice: in its table, and in imports for type checkers."""
    lazy = [module for module in PUBLIC if hasattr(importlib.import_module(module), "_HOMES")]
    assert "nb_core" in lazy
    for module in lazy:
        package = importlib.import_module(module)
        tree = ast.parse(Path(str(package.__file__)).read_text(encoding="utf-8"))
        seen = {
            alias.asname or alias.name: (node.module, alias.name)
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{module}.")
            for alias in node.names
        }
        homes = {
            name: (f"{module}.{home.partition(':')[0]}", home.partition(":")[2] or name)
            for name, home in package._HOMES.items()
        }
        assert seen == homes
        assert sorted(homes) == sorted(package.__all__)


@pytest.mark.parametrize("module", ["nb_core", "nb_core.flags", "nb_core.formats", "nb_compare"])
def test_an_import_is_light(module: str) -> None:
    program = f"import sys, {module}; print(sorted({{'torch', 'numpy'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
