"""The packages agree with each other and with the rules of the house."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
# A package imports only those before it.
ORDER = ("nb-core", "nb-physics", "nb-taps", "nb-compare", "nb-refine", "nb-bench", "nb-cli")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40
# Written apart, so that this file does not name them.
HOSTS = [".".join(p) for p in (("pypi", "org"), ("pythonhosted", "org"), ("anaconda", "org"))]
HOSTS += [".".join(p) for p in (("download", "pytorch", "org"), ("registry", "npmjs", "org"))]
HOMES = [f"/{name}/" for name in ("root", "home", "work", "opt", "Users")]
TEXT = {".cff", ".cfg", ".md", ".py", ".rst", ".toml", ".txt", ".yaml", ".yml", ""}
ROOT_FILES = (".ci/run", "constraints.txt", "noxfile.py", "pyproject.toml", "CITATION.cff")
IMPORTED_AS = {"skimage": "scikit-image"}
"""Modules that are not called as their distribution is."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def project(package: str) -> dict[str, Any]:
    return tomllib.loads(read(ROOT / "packages" / package / "pyproject.toml"))["project"]


def requirements(package: str) -> list[Requirement]:
    return [Requirement(line) for line in project(package).get("dependencies", [])]


def extras(package: str) -> list[Requirement]:
    groups = project(package).get("optional-dependencies", {}).values()
    return [Requirement(line) for group in groups for line in group]


def sources(package: str) -> list[Path]:
    """Every Python file of the package; there is at least one."""
    found = sorted((ROOT / "packages" / package / "src").rglob("*.py"))
    assert found, f"{package} has no source"
    return found


def imported(path: Path) -> Iterator[str]:
    """The distribution name, more or less, of every absolute import in a file, wherever it is."""
    for node in ast.walk(ast.parse(read(path))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        else:
            continue
        yield from (canonicalize_name(name.partition(".")[0]) for name in names)


def body_lines(function: Function) -> int:
    """Lines of a function from `def` to its end, without its docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is not None:
        docstring = function.body[0]
        lines -= (docstring.end_lineno or 0) - docstring.lineno + 1
    return lines


def text_files() -> Iterator[Path]:
    """The files a user reads or installs from."""
    yield from (ROOT / name for name in ROOT_FILES)
    yield from ROOT.glob("*.md")
    for folder in ("docs", "packages"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in TEXT and "__pycache__" not in path.parts:
                yield path


def test_the_order_names_every_package() -> None:
    found = {path.parent.name for path in ROOT.glob("packages/*/pyproject.toml")}
    assert found == set(ORDER)
    assert all(project(package)["name"] == package for package in ORDER)


def test_versions_agree() -> None:
    assert len({project(package)["version"] for package in ORDER}) == 1


@pytest.mark.parametrize("package", ORDER)
def test_a_version_in_source_is_the_projects(package: str) -> None:
    init = ROOT / "packages" / package / "src" / package.replace("-", "_") / "__init__.py"
    written = re.findall(r'^__version__ = "(.*)"$', read(init), re.MULTILINE)
    assert written in ([], [project(package)["version"]])


@pytest.mark.parametrize("package", ORDER)
def test_siblings_are_pinned_to_the_version(package: str) -> None:
    expected = f"=={project(package)['version']}"
    siblings = [r for r in requirements(package) + extras(package) if r.name in ORDER]
    assert siblings or package == ORDER[0]
    assert {str(r.specifier) for r in siblings} <= {expected}


@pytest.mark.parametrize("package", ORDER)
def test_upload_is_blocked(package: str) -> None:
    assert "Private :: Do Not Upload" in project(package)["classifiers"]


@pytest.mark.parametrize("package", ORDER)
def test_types_are_published(package: str) -> None:
    folder = ROOT / "packages" / package / "src" / package.replace("-", "_")
    assert (folder / "py.typed").is_file()
    assert (folder / "__init__.py").is_file()


@pytest.mark.parametrize("package", ORDER)
def test_no_arrow_points_up(package: str) -> None:
    below = set(ORDER[: ORDER.index(package)])
    declared = {r.name for r in requirements(package) + extras(package)}
    used = {name for path in sources(package) for name in imported(path)} - {package}
    assert declared & set(ORDER) <= below
    assert used & set(ORDER) <= below


@pytest.mark.parametrize("package", ORDER)
def test_imports_are_declared(package: str) -> None:
    declared = {canonicalize_name(r.name) for r in requirements(package) + extras(package)}
    known = {canonicalize_name(name) for name in sys.stdlib_module_names} | declared | {package}
    undeclared = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources(package)
        for name in imported(path)
        if IMPORTED_AS.get(name, name) not in known
    ]
    assert not undeclared


def test_files_name_no_registry_and_no_machine() -> None:
    files = list(text_files())
    assert ROOT / "README.md" in files
    named = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in files
        for word in (*HOSTS, *HOMES)
        if word in read(path)
    ]
    assert not named


@pytest.mark.parametrize("package", ORDER)
def test_files_and_functions_are_short(package: str) -> None:
    long = []
    for path in sources(package):
        text = read(path)
        name, lines = path.relative_to(ROOT), len(text.splitlines())
        if lines > MAX_FILE_LINES:
            long.append(f"{name}: {lines} lines")
        functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, Function)]
        long += [
            f"{name}: {function.name} has {body_lines(function)} lines"
            for function in functions
            if body_lines(function) > MAX_FUNCTION_LINES
        ]
    assert not long


def test_constraints_pin_what_was_tested() -> None:
    lines = read(ROOT / "constraints.txt").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert "torch==2.13.0" in lines
    loose = [str(pin) for pin in pins if [s.operator for s in pin.specifier] != ["=="]]
    assert not loose
    needed = {canonicalize_name(r.name) for p in ORDER for r in requirements(p)} - set(ORDER)
    assert needed <= {canonicalize_name(pin.name) for pin in pins}


def test_lower_bounds_are_given_and_agree() -> None:
    """Each library has one `>=` bound, the same in every package, no higher than what is pinned."""
    bounds: dict[str, set[str]] = {}
    for requirement in (r for package in ORDER for r in requirements(package)):
        if requirement.name not in ORDER:
            assert [s.operator for s in requirement.specifier] == [">="], requirement
            bounds.setdefault(requirement.name, set()).add(str(requirement.specifier))
    assert "torch" in bounds
    assert {name: found for name, found in bounds.items() if len(found) > 1} == {}
    pins = dict(re.findall(r"^([\w-]+)==(\S+)$", read(ROOT / "constraints.txt"), re.MULTILINE))
    too_high = [n for n, (bound,) in bounds.items() if pins[n] not in SpecifierSet(bound)]
    assert not too_high
