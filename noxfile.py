"""The checks of this repository. `nox` runs all of them, `nox -l` lists them.

Sessions come from packages/*/pyproject.toml and examples/*/pyproject.toml. Each package's tests run
in an environment that holds the package, the siblings it depends on, and the test tools. An
environment takes about a gigabyte, so it is deleted after its session; `nox -r -s tests-nb-core`
keeps it for the next run. The wheels of the packages are built once, for all sessions of a run.
"""

from __future__ import annotations

import functools
import graphlib
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nox
from nox.virtualenv import VirtualEnv
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent
TEST_TOOLS = ("pytest", "pytest-xdist", "hypothesis", "beartype", "jsonschema")
# A core that has nothing left takes tests from another: neighbours mostly share one, and what they
# share in a module is made once.
EACH_CORE = ("--numprocesses=auto", "--dist=worksteal")
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
LINT_TOOLS = ("ruff", "mypy", "pytest")
DISCOVERED = """
import sys
from importlib import import_module, metadata
example, groups = sys.argv[1], {"nb": "nb_core.plugins", "nb_taps": "nb_taps.manager"}
used = {entry.group for entry in metadata.distribution(example).entry_points} & set(groups)
assert used, f"{example} has no entry point in {set(groups)}"
for group in used:
    module = import_module(groups[group])
    brought = [part for _, part in module.PLUGINS.collect_all(module.make_manager())]
    assert example in {part.package for part in brought}, f"{example} brings nothing to {group}"
"""

nox.options.default_venv_backend = "virtualenv"


def read_projects(folder: str) -> dict[str, dict[str, Any]]:
    """The [project] table of every package in a folder, by name."""
    paths = ROOT.glob(f"{folder}/*/pyproject.toml")
    tables = [tomllib.loads(path.read_text(encoding="utf-8"))["project"] for path in paths]
    projects = {canonicalize_name(table["name"]): table for table in tables}
    if not projects:
        raise RuntimeError(f"no {folder}/*/pyproject.toml under {ROOT}")
    return dict(sorted(projects.items()))


PROJECTS = read_projects("packages")
EXAMPLES = read_projects("examples")


def siblings_of(name: str) -> list[str]:
    """The packages of this repository that `name` declares as its dependencies."""
    table = {**PROJECTS, **EXAMPLES}[name]
    requirements = (Requirement(line) for line in table.get("dependencies", []))
    names = (canonicalize_name(requirement.name) for requirement in requirements)
    return [sibling for sibling in names if sibling in PROJECTS]


# Every package after the siblings it depends on.
ORDER = list(graphlib.TopologicalSorter({n: siblings_of(n) for n in PROJECTS}).static_order())


def chain_of(name: str) -> list[str]:
    """`name`, unless an example, and every sibling it depends on, directly or not, in ORDER."""
    chain, unread = set(), [name]
    while unread:
        package = unread.pop()
        if package not in chain:
            chain.add(package)
            unread += siblings_of(package)
    return [package for package in ORDER if package in chain]


def lowest_versions() -> dict[str, Version]:
    """The least version of each library that the packages take: the highest of its `>=` bounds."""
    found: dict[str, Version] = {}
    for table in PROJECTS.values():
        for requirement in map(Requirement, table.get("dependencies", [])):
            name = canonicalize_name(requirement.name)
            for bound in requirement.specifier:
                if bound.operator == ">=" and name not in PROJECTS:
                    least = Version(bound.version)
                    found[name] = max(found.get(name, least), least)
    return found


@functools.cache
def wheel_folder() -> tempfile.TemporaryDirectory[str]:
    """Goes with the run of nox."""
    return tempfile.TemporaryDirectory(prefix="nb-wheels-")


def wheels_of(session: nox.Session, packages: Iterable[str]) -> list[str]:
    """The wheels of `packages`, built where an earlier session has not done so."""
    folder = Path(wheel_folder().name)
    patterns = {package: f"{package.replace('-', '_')}-*.whl" for package in packages}
    missing = [f"./packages/{p}" for p, pattern in patterns.items() if not [*folder.glob(pattern)]]
    if missing:
        command = ("python", "-m", "pip", "wheel", "--no-deps", f"--wheel-dir={folder}")
        session.run_install(*command, *missing, silent=True)
    return [str(path) for pattern in patterns.values() for path in folder.glob(pattern)]


@contextmanager
def environment(
    session: nox.Session,
    packages: Iterable[str],
    tools: Iterable[str],
    constraints: str = "constraints.txt",
) -> Iterator[None]:
    """Install `packages` and `tools`, at the versions of a file; clean up afterwards."""
    made = session.virtualenv
    kept = not isinstance(made, VirtualEnv) or made.reuse_existing
    # pip would compile all of torch's thousands of files; Python compiles those that are imported.
    session.env["PYTHONDONTWRITEBYTECODE"] = ""
    try:
        wheels = wheels_of(session, packages)
        session.install("--no-compile", "-c", constraints, *wheels, *tools)
        if kept:  # pip leaves a package of the same version as it is
            session.install("--no-compile", "--no-deps", "--force-reinstall", *wheels)
        yield
    finally:
        if not kept:
            shutil.rmtree(made.location, ignore_errors=True)


def run_pytest(session: nox.Session, packages: Iterable[str], *paths: str) -> None:
    """Run pytest with annotations, tensor shapes among them, checked at run time in `packages`.

    Each call is checked, which takes time: a package is checked by its own tests, and all of them
    by those across packages. A package with a console script is left out: it imports heavy
    libraries inside functions, so its annotations name types which do not exist at run time.
    Each core runs tests of its own.
    """
    checked = [p.replace("-", "_") for p in packages if "scripts" not in PROJECTS[p]]
    option = f"--jaxtyping-packages={','.join([*checked, 'beartype.beartype'])}"
    # pytest fails a run that collects nothing (exit code 5), and so does the session.
    session.run("pytest", option, *EACH_CORE, *paths, *session.posargs, env=ONE_THREAD)


def make_tests(package: str) -> Callable[[nox.Session], None]:
    """The session function of one package."""
    chain = chain_of(package)

    def tests(session: nox.Session) -> None:
        with environment(session, chain, TEST_TOOLS):
            run_pytest(session, [package], f"tests/{package.replace('-', '_')}")

    tests.__doc__ = f"Tests of {package}. Installed: {', '.join(chain)}."
    return tests


def make_example_tests(example: str) -> Callable[[nox.Session], None]:
    """The session function of one example, which is tested as its author would."""
    chain = chain_of(example)

    def tests(session: nox.Session) -> None:
        with environment(session, chain, [f"./examples/{example}[testing]"]):
            session.run("python", "-c", DISCOVERED, example)
            with session.chdir(ROOT / "examples" / example):
                session.run("pytest", *session.posargs)

    tests.__doc__ = f"Tests of the example {example}. Installed beside it: {', '.join(chain)}."
    return tests


for _package in ORDER:
    nox.session(name=f"tests-{_package}")(make_tests(_package))

for _example in EXAMPLES:
    nox.session(name=f"tests-{_example}")(make_example_tests(_example))


@nox.session
def integration(session: nox.Session) -> None:
    """Tests across packages, recorded images of the C program, and packaging."""
    with environment(session, ORDER, TEST_TOOLS):
        run_pytest(session, ORDER, "tests/integration", "tests/golden")


@nox.session(default=False)
def lowest(session: nox.Session) -> None:
    """Tests of core, physics and the command with the lowest versions that the packages take.

    Not among the default sessions, for it takes as long as those of the three packages: run it
    when a bound or an import changes. Tests that have kernels compiled are left out.
    """
    with tempfile.TemporaryDirectory(prefix="nb-lowest-") as folder:
        path = Path(folder) / "lowest.txt"
        pins = sorted(f"{name}=={version}\n" for name, version in lowest_versions().items())
        path.write_text("".join(pins), encoding="utf-8")
        with environment(session, ORDER, TEST_TOOLS, str(path)):
            chosen = ("-m", "not kernels", *EACH_CORE, *session.posargs)
            folders = [f"tests/{name}" for name in ("nb_core", "nb_physics", "nb_cli")]
            session.run("pytest", *chosen, *folders, env=ONE_THREAD)


@nox.session(default=False)
def kernels(session: nox.Session) -> None:
    """Kernels of all kinds beside eager torch, and of all recorded images.

    Not among the default sessions, which hold six kinds: some hundred kernels are built, each of
    which takes a core half a minute. Run it when formulas or the making of kernels change.
    """
    with environment(session, ORDER, TEST_TOOLS):
        paths = ("tests/nb_physics/test_covering.py", "tests/golden/test_recorded.py")
        env = {**ONE_THREAD, "NB_TEST_KERNELS": "all"}
        session.run("pytest", *EACH_CORE, *session.posargs, *paths, env=env)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, formatting and types."""
    with environment(session, ORDER, LINT_TOOLS):
        session.run("ruff", "check")
        session.run("ruff", "format", "--check")
        session.run("mypy")
