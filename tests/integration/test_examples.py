"""The example plugins, and the page that explains them, are what a stranger needs."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/pyproject.toml"))
PAGES = {
    "nb-tap-resolution": ROOT / "docs" / "how-to" / "write-a-tap.md",
    "nb-format-npy": ROOT / "docs" / "extending" / "image-format.md",
    "nb-background-radial": ROOT / "docs" / "extending" / "background.md",
    "nb-shape-hexagonal": ROOT / "docs" / "extending" / "crystal-shape.md",
}
TAP = ROOT / "examples" / "nb-tap-resolution"
GROUPS = {"nb", "nb_taps"}

PRINTED = {
    "nb-format-npy": "PixelKind.PHOTONS (2, 3)\n",
    "nb-background-radial": "(64, 64)\n",
    "nb-shape-hexagonal": "(64, 64)\n",
}
"""What the Python of a page prints."""

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADD_PLUGIN = """
import sys
sys.path.insert(0, sys.argv[1])
import nb_tap_resolution
import nb_taps
make = nb_taps.make_manager
def make_manager():
    manager = make(external=False)
    nb_taps.register_plugin(manager, nb_tap_resolution, "resolution")
    return manager
nb_taps.make_manager = make_manager
"""


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def project(folder: Path) -> dict[str, Any]:
    return tomllib.loads(read(folder / "pyproject.toml"))["project"]


def blocks(example: str, language: str) -> list[str]:
    return [body for name, body in FENCE.findall(read(PAGES[example])) if name == language]


def test_every_example_has_a_page() -> None:
    assert {folder.name for folder in EXAMPLES} == set(PAGES)


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_is_a_package_of_its_own(folder: Path) -> None:
    table, module = project(folder), folder / "src" / folder.name.replace("-", "_")
    assert table["name"] == folder.name
    assert "Private :: Do Not Upload" in table["classifiers"]
    (modules,) = table["entry-points"].values()
    assert set(table["entry-points"]) <= GROUPS
    assert list(modules.values()) == [module.name]
    for name in ("__init__.py", "py.typed"):
        assert (module / name).is_file()
    assert (folder / "README.md").is_file()
    assert list((folder / "tests").glob("test_*.py"))


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_pins_nb_to_the_version_beside_it(folder: Path) -> None:
    version = project(ROOT / "packages" / "nb-taps")["version"]
    siblings = [Requirement(line) for line in project(folder)["dependencies"]]
    pins = {r.name: str(r.specifier) for r in siblings if r.name.startswith("nb-")}
    assert set(pins.values()) == {f"=={version}"}
    (extra,) = project(folder)["optional-dependencies"]["testing"]
    assert extra in {f"{name}[testing]" for name in pins}


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_the_page_shows_the_files_of_the_example(folder: Path) -> None:
    assert blocks(folder.name, "toml") == [read(folder / "pyproject.toml")]
    module, _, contract = blocks(folder.name, "python")
    assert module == read(folder / "src" / folder.name.replace("-", "_") / "__init__.py")
    (tests,) = map(read, (folder / "tests").glob("test_*.py"))
    assert contract[contract.index("class ") :] in tests


def test_the_page_of_taps_shows_what_comes_of_them() -> None:
    """Runs its Python with the example's module; the numbers are those of the JSON on the page."""
    _, example, _ = blocks(TAP.name, "python")
    command = [sys.executable, "-W", "error", "-c", ADD_PLUGIN + example, str(TAP / "src")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    found = [float(number) for number in re.findall(r"\d+\.\d+", result.stdout)]
    (shown,) = re.findall(r'"value": (\[\[2.*)', "".join(blocks(TAP.name, "json")))
    expected = [float(number) for number in re.findall(r"\d+\.\d+", shown)]
    assert found == pytest.approx(expected, abs=1e-4)
    assert len(found) == 4


@pytest.mark.parametrize(("name", "printed"), PRINTED.items())
def test_the_python_of_a_page_runs(name: str, printed: str, tmp_path: Path) -> None:
    """With a module that is not installed."""
    _, example, _ = blocks(name, "python")
    source = str(ROOT / "examples" / name / "src")
    code = f"import sys; sys.path.insert(0, {source!r})\n{example}"
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout == printed
