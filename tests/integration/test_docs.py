"""The documentation says what the packages do: generated pages, links and examples."""

import contextlib
import dataclasses
import io
import math
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from nb_cli.main import cli, run
from nb_core import Experiment
from nb_core.flags.parse import read_options
from nb_core.flags.table import OPTIONS
from nb_core.quantities import QUANTITIES
from nb_core.settings import SECTIONS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
README = ROOT / "README.md"
INSTALL = "pip install -c constraints.txt ./packages/nb-* && nb demo"
CHECKS = "pip install -c constraints.txt nox && nox"
BEHAVIOURS = [*range(1, 58)]

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("packages/*/README.md"), *DOCS.rglob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def page_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def fences(path: Path, *languages: str) -> list[str]:
    return [body for language, body in FENCE.findall(read(path)) if language in languages]


def anchors(path: Path) -> set[str]:
    """The names that a page's headings are linked by."""
    text = FENCE.sub("", read(path))
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


def sections(page: str) -> dict[str, str]:
    """The parts of a reference page, by their headings of the second level."""
    parts = re.split(r"^## (.*)$", read(REFERENCE / page), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def commands(
    command: click.Command = cli, parent: click.Context | None = None, name: str = "nb"
) -> Iterator[tuple[str, click.Command]]:
    """Every command of nb with its full name."""
    context = click.Context(command, info_name=name, parent=parent)
    yield context.command_path, command
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from commands(found, context, child)


def command_lines(path: Path) -> Iterator[list[str]]:
    """The arguments of every `nb` command in a page's shell examples."""
    for body in fences(path, "", "bash", "console", "sh"):
        for line in body.replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|[|;>]", line.removeprefix("$ ")):
                if part.strip().startswith("nb "):
                    yield shlex.split(part, comments=True)[1:]


def parse(words: list[str]) -> None:
    """Parses a command line of nb, nanoBragg's options too, and runs nothing."""
    context = cli.make_context("nb", words)
    command: click.Command = cli
    while isinstance(command, click.Group) and not command.invoke_without_command:
        name, found, rest = command.resolve_command(context, context._protected_args + context.args)
        assert found is not None, words
        assert name is not None
        context = found.make_context(name, rest, parent=context)
        command = context.command
    arguments = list(context.params.get("arguments", ()))
    if arguments and not arguments[0].startswith("-"):
        assert arguments.pop(0).endswith(".toml"), words
    if command.name == "refine":
        assert not arguments.pop(0).startswith("-"), words  # the image
    assert all(not option.ignored for option, _ in read_options(arguments))


def test_generated_pages_are_up_to_date() -> None:
    """In a process of its own, where no annotation has been changed by checks at run time."""
    command = [sys.executable, str(DOCS / "generate.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"run docs/generate.py: {result.stdout}{result.stderr}"


def test_every_command_and_its_options_are_documented() -> None:
    documented = sections("cli.md")
    found = dict(commands())
    assert set(documented) == set(found)
    for name, command in found.items():
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                for option in parameter.opts:
                    assert re.search(rf"(^|[\s,]){option}\b", documented[name]), (name, option)


def test_every_option_of_nanobragg_is_documented() -> None:
    text = read(REFERENCE / "flags.md")
    missing = [n for option in OPTIONS for n in option.names if f"`{n}`" not in text]
    assert not missing


def test_every_field_is_documented() -> None:
    documented = sections("configs.md")
    for config in (Experiment, *SECTIONS.values()):
        missing = [
            field.name
            for field in dataclasses.fields(config)
            if f"| `{field.name}` |" not in documented[config.__name__]
        ]
        assert not missing, config


def test_every_quantity_is_documented() -> None:
    text = read(REFERENCE / "quantities.md")
    assert [name for name in QUANTITIES if f"| `{name}` |" not in text] == []


@pytest.mark.parametrize("path", PAGES, ids=page_id)
def test_links_resolve(path: Path) -> None:
    for link in LINK.findall(FENCE.sub("", read(path))):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_on_the_map() -> None:
    linked = {(DOCS / link).resolve() for link in LINK.findall(read(DOCS / "index.md"))}
    missing = {path for path in DOCS.rglob("*.md") if path.name != "index.md"} - linked
    assert not missing


@pytest.mark.parametrize("path", PAGES, ids=page_id)
def test_examples_of_commands_parse(path: Path) -> None:
    for words in command_lines(path):
        with contextlib.suppress(click.exceptions.Exit):  # of --help and --version
            parse(words)


def test_examples_are_found() -> None:
    assert ["simulate", "crystal.toml", "--png", "turned.png", "--", "-phi", "10"] in list(
        command_lines(README)
    )
    assert len(list(command_lines(DOCS / "tutorial.md"))) >= 10


@pytest.mark.parametrize("words", [["simulat"], ["view"], ["demo", "--bad"], ["simulate", "-phi"]])
def test_bad_examples_would_be_noticed(words: list[str]) -> None:
    with pytest.raises(click.UsageError):
        parse(words)


SAVED = re.compile(r"Save this as `([^`]+)`[^`]*?^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run_line(line: str) -> str:
    """Runs a command of a page in the current folder, and gives what it prints."""
    command, _, target = line.partition(" > ")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        code = run(shlex.split(command)[1:])
    assert code == 0, line
    if target:
        Path(target).write_text(printed.getvalue(), encoding="utf-8")
    return printed.getvalue()


def shrunk(line: str) -> str:
    """A command, or the text of an experiment, with a detector of 16 pixels."""
    if " -- " in line and "-detpixels" not in line:
        line = line.replace(" -- ", " -- -detpixels 16 ")
    return re.sub(r"(-detpixels |[fs]pixels = )\d+", r"\g<1>16", line)


@pytest.mark.parametrize(
    "page",
    [
        "how-to/corrected-profile.md",
        "how-to/detector-geometry.md",
        "how-to/nanobragg-command-line.md",
        "how-to/noise-and-background.md",
        "how-to/sampling.md",
        "how-to/structure-factors.md",
    ],
)
def test_the_commands_of_a_page_run(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other, with the files that a reader is told to save."""
    monkeypatch.chdir(tmp_path)
    for name, body in SAVED.findall(read(DOCS / page)):
        Path(name).write_text(shrunk(body), encoding="utf-8")
    text = "".join(fences(DOCS / page, "console")).replace("\\\n", " ")
    lines = re.findall(r"^\$ (nb .*)$", text, re.MULTILINE)
    assert lines
    for line in lines:
        run_line(shrunk(line))


def shown_outputs(path: Path) -> list[tuple[str, list[str]]]:
    """The `nb` commands of a page's consoles, each with the lines that the page shows below it."""
    text = "".join(fences(path, "console")).replace("\\\n", " ")
    found = re.findall(r"^\$ (nb .*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)
    return [(line, block.splitlines()) for line, block in found]


def matches(expected: list[str], printed: str) -> bool:
    """Whether lines were printed, and no others: `...` stands for any part of a line, and as a line
    of its own for any lines.
    """
    any_part = re.escape("...")
    pattern = "".join(
        "(?:.*\n)*" if line == "..." else re.escape(line).replace(any_part, ".*") + " *\n"
        for line in expected
    )
    return re.fullmatch(pattern, printed) is not None


@pytest.mark.parametrize(
    "path", [path for path in PAGES if any(block for _, block in shown_outputs(path))], ids=page_id
)
def test_what_a_page_shows_is_printed(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its commands, one after the other, with the files that a reader is told to save."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nb_cli.progress.INTERVAL", math.inf)
    for name, body in SAVED.findall(read(path)):
        Path(name).write_text(body, encoding="utf-8")
    for line, expected in shown_outputs(path):
        with contextlib.redirect_stderr(io.StringIO()) as told:
            printed = run_line(line)
        text = f"{told.getvalue()}{printed}"
        same = not expected or " > " in line or matches(expected, text)
        assert same, f"{line}\n{text}"


def test_the_tutorial_shows_what_is_printed() -> None:
    shown = shown_outputs(DOCS / "tutorial.md")
    assert sum(len(block) for _, block in shown) > 40
    assert "nb config show crystal.toml -- -phi 10 -osc 1" in [line for line, _ in shown]


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        (["a", "b"], "a\nb\n", True),
        (["a"], "a\nb\n", False),
        (["a", "b"], "a\n", False),
        (["a", "..."], "a\n", True),
        (["a", "...", "d"], "a\nb\nc\nd\n", True),
        (["...", "d"], "a\nb\n", False),
        (["seed ... (torch)"], "seed 12 (torch)\n", True),
        (["seed ... (torch)"], "seed 12 (nanobragg)\n", False),
        (["x ... y"], "x\ny\n", False),
        (["a.c"], "abc\n", False),
    ],
)
def test_lines_are_matched(expected: list[str], printed: str, same: bool) -> None:
    assert matches(expected, printed) is same


def run_python(text: str, folder: Path) -> str:
    """Runs an example with detectors of 16 pixels; warnings are errors, but for torch's own."""
    small = re.sub(r"([fs]pixels=)\d+", r"\g<1>16", text)
    small = re.sub(r"-detpixels \d+", "-detpixels 16", small)
    warnings = ["-W", "error", "-W", "ignore:`torch.jit.script` is deprecated:DeprecationWarning"]
    command = [sys.executable, *warnings, "-c", small]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize(
    ("page", "printed"),
    [
        ("README.md", ["tensor("]),
        ("docs/how-to/python-and-gradients.md", ["  unit cell ", "max ", "image.f32 ", "tensor("]),
    ],
)
def test_the_python_examples_of_a_page_run(page: str, printed: list[str], tmp_path: Path) -> None:
    """printed: what lines begin with, the first line with the first of them"""
    examples = fences(ROOT / page, "python")
    assert examples
    lines = run_python("\n".join(examples), tmp_path).splitlines()
    assert lines[0].startswith(printed[0])
    for start in printed:
        assert any(line.startswith(start) for line in lines), start


def test_the_tutorial_runs_in_python(tmp_path: Path) -> None:
    (toml,) = fences(DOCS / "tutorial.md", "toml")
    (tmp_path / "my.toml").write_text(toml, encoding="utf-8")
    (example,) = fences(DOCS / "tutorial.md", "python")
    assert "photons per Angstrom" in run_python(example, tmp_path)


def test_the_example_of_a_probe_runs(tmp_path: Path) -> None:
    (example,) = fences(DOCS / "how-to" / "look-inside-a-pixel.md", "python")
    small = example.replace("(304, 189)", "(3, 2)")
    assert small != example
    assert "photons None None [" in run_python(small, tmp_path)


def test_the_readme_has_the_two_commands() -> None:
    lines = [line for body in fences(README, "") for line in body.splitlines()]
    assert lines == [INSTALL, CHECKS]
    assert CHECKS in read(ROOT / ".ci" / "run").splitlines()
    assert CHECKS in read(ROOT / "CONTRIBUTING.md").splitlines()


def test_behaviours_are_listed_in_order_with_their_tests() -> None:
    rows = re.findall(r"^\| (\d+) \|.*\| ([^|]*) \|$", read(DOCS / "behaviour.md"), re.MULTILINE)
    assert [int(number) for number, _ in rows] == BEHAVIOURS
    for number, files in rows:
        name = f"def test_behaviour_{int(number):02d}_"
        for file in re.findall(r"`([^`]+)`", files):
            assert name in read(ROOT / "tests" / file), (number, file)
