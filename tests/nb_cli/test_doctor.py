"""nb doctor: what is installed, and where the C program is."""

import importlib.metadata
import platform
import re
import tomllib
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement

from nb_compare.program import find_program
from nb_core import InputError


@pytest.fixture
def rows(nb):
    def call():
        ran = nb("doctor")
        assert (ran.code, ran.errors) == (0, [])
        return dict(re.split(r"\s{2,}", line, maxsplit=1) for line in ran.out.splitlines())

    return call


PACKAGES = Path(__file__).parents[2] / "packages"


def test_every_package_of_the_repository_and_what_it_needs_is_named(rows):
    """Nobody keeps a list: the names stand in the pyproject files."""
    found, names = rows(), set()
    for path in PACKAGES.glob("*/pyproject.toml"):
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        names |= {project["name"], *(Requirement(line).name for line in project["dependencies"])}
    assert names >= {"nb-cli", "nb-refine", "torch", "scipy", "tomli-w"}
    assert {name: found[name] for name in names} == {
        name: importlib.metadata.version(name) for name in names
    }


def test_the_machine(rows, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 77)
    found = rows()
    assert found["python"] == platform.python_version()
    assert found["threads"] == f"{torch.get_num_threads()} of 77 processors"
    assert found["devices"].startswith("cpu")


def test_graphics_cards_are_named(rows, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda index: "a card")
    assert "cuda:0 (a card)" in rows()["devices"]


@pytest.fixture
def program(folder):
    path = folder / "nanoBragg"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_c_program_that_nb_c_bin_names(rows, monkeypatch, program):
    monkeypatch.setenv("NB_C_BIN", str(program))
    assert rows()["C program"] == str(program)


def test_nb_c_bin_that_is_no_program(rows, monkeypatch, program, folder):
    monkeypatch.setenv("PATH", "")
    for wrong in (folder / "none", folder):
        monkeypatch.setenv("NB_C_BIN", str(wrong))
        assert rows()["C program"].startswith(f"NB_C_BIN: {wrong}: no such file")
    program.chmod(0o644)
    monkeypatch.setenv("NB_C_BIN", str(program))
    error = InputError("NB_C_BIN", program, "is not a program that can be run")
    assert rows()["C program"] == str(error)


def test_without_nb_c_bin_the_folder_and_the_path_are_searched(rows, monkeypatch, program):
    monkeypatch.delenv("NB_C_BIN", raising=False)
    monkeypatch.setenv("PATH", "")
    assert rows()["C program"] == str(program)
    (program.parent / "sub").mkdir()
    monkeypatch.chdir(program.parent / "sub")
    assert "not found; set NB_C_BIN" in rows()["C program"]
    monkeypatch.setenv("PATH", str(program.parent))
    assert rows()["C program"] == str(program)


def test_the_c_program_is_the_one_that_nb_compare_runs(rows, monkeypatch, program):
    monkeypatch.delenv("NB_C_BIN", raising=False)
    assert rows()["C program"] == str(find_program(None))


def test_the_compiler(rows, monkeypatch, folder):
    compiler = folder / "g++"
    compiler.write_text("")
    compiler.chmod(0o755)
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(folder))
    assert rows()["compiler"] == str(compiler)
    monkeypatch.setenv("CXX", "icpx")
    assert rows()["compiler"] == "CXX=icpx is no program; kernels cannot be built"
    monkeypatch.delenv("CXX")
    monkeypatch.setenv("PATH", "")
    assert rows()["compiler"] == "none; install g++, without which no kernel is built"


def test_the_kernels(rows, monkeypatch, folder):
    """What nb kernels list counts: files without a record are of another version."""
    monkeypatch.setenv("NB_CACHE_DIR", str(folder / "kept"))
    assert rows()["kernels"] == f"0, in {folder / 'kept'}"
    (folder / "kept").mkdir()
    for name in ("a.pt2", "b.so", "c.other"):
        (folder / "kept" / name).write_bytes(bytes(1_250_000))
    expected = f"2, 2.5 MB, 2 of them for other versions, in {folder / 'kept'}"
    assert rows()["kernels"] == expected


def test_a_folder_of_kernels_that_cannot_be_read(rows, monkeypatch, folder):
    (folder / "kept").write_text("a file")
    monkeypatch.setenv("NB_CACHE_DIR", str(folder / "kept"))
    assert "cannot be read" in rows()["kernels"]
