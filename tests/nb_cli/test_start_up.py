"""Help is quick and complete, and each option has a test."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from nb_cli import __version__
from nb_cli.main import COMMANDS, cli

HEAVY = ("torch", "numpy", "matplotlib", "nb_physics", "nb_taps", "nb_compare", "nb_bench")
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for path in sorted(Path(__file__).parent.glob("test_*.py"))
    if path.name != Path(__file__).name
)


def leaves(command=cli, path=()):
    """Every command with the words that call it; groups too."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from leaves(command.get_command(context, name), (*path, name))


TREE = dict(leaves())
OPTIONS = [
    (path, parameter)
    for path, command in TREE.items()
    for parameter in command.params
    if isinstance(parameter, click.Option)
]


@pytest.mark.parametrize("option", ["--help", "-h", "--version", ""])
def test_help_and_version_import_nothing_heavy(option):
    program = (
        f"import sys; from nb_cli.main import run; run({[option] if option else []});"
        f"print('loaded', [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "loaded []"
    assert len(done.stdout.splitlines()) > 1
    assert done.stderr == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_imports_nothing_heavy(name):
    program = (
        f"import sys; from nb_cli.main import run; assert run(['{name}', '--help']) == 0;"
        f"print('loaded', [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "loaded []"


def test_the_version(nb):
    assert nb("--version").out.split()[-1] == __version__


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_every_command(nb, option):
    ran = nb(option)
    assert ran.code == 0
    listed = " ".join(ran.out.split())
    for name, text in COMMANDS.items():
        assert f" {name} {text}" in listed


def test_the_commands_are_the_modules():
    folder = Path(sys.modules["nb_cli"].__file__).parent / "commands"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert modules == {name.replace("-", "_") for name in COMMANDS}


@pytest.mark.parametrize("path", [path for path in TREE if path], ids=" ".join)
def test_help_of_every_command(nb, path):
    for option in ("--help", "-h"):
        ran = nb(*path, option)
        assert (ran.code, ran.errors) == (0, [])
        assert f"Usage: nb {' '.join(path)}" in ran.out
    for parameter in TREE[path].params:
        if isinstance(parameter, click.Option):
            assert parameter.opts[0] in ran.out


@pytest.mark.parametrize("path", TREE, ids=" ".join)
def test_every_command_says_what_it_does(path):
    assert (TREE[path].help or "").strip()


def test_there_are_options():
    names = {(" ".join(path), parameter.opts[0]) for path, parameter in OPTIONS}
    assert {("simulate", "--rng"), ("config convert", "--to"), ("view", "--shape")} <= names


@pytest.mark.parametrize(
    ("path", "option"), OPTIONS, ids=[" ".join([*p, o.opts[0]]) for p, o in OPTIONS]
)
def test_every_option_has_help_and_a_test(path, option):
    assert (option.help or "").strip()
    if option.name == "version":
        return
    for name in option.opts:
        assert re.search(rf"(?<![\w-]){name}(?![\w-])", SOURCES), f"no test names {name}"
