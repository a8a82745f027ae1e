"""nb doctor: what is installed, and where the C program is."""

import importlib.metadata
import platform

import pytest
import torch


@pytest.fixture
def rows(nb):
    def call():
        ran = nb("doctor")
        assert (ran.code, ran.errors) == (0, [])
        return {line[:10].strip(): line[12:].strip() for line in ran.out.splitlines()}

    return call


@pytest.mark.parametrize(
    "name",
    [
        "nb-core",
        "nb-physics",
        "nb-taps",
        "nb-refine",
        "nb-compare",
        "nb-cli",
        "torch",
        "numpy",
        "click",
        "matplotlib",
    ],
)
def test_versions(rows, name):
    assert rows()[name] == importlib.metadata.version(name)


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
        assert f"NB_C_BIN={wrong} is no program" in rows()["C program"]
    program.chmod(0o644)
    monkeypatch.setenv("NB_C_BIN", str(program))
    assert "is no program" in rows()["C program"]


def test_without_nb_c_bin_the_folder_and_the_path_are_searched(rows, monkeypatch, program):
    monkeypatch.delenv("NB_C_BIN", raising=False)
    monkeypatch.setenv("PATH", "")
    assert rows()["C program"] == "./nanoBragg"
    (program.parent / "sub").mkdir()
    monkeypatch.chdir(program.parent / "sub")
    assert "not found; set NB_C_BIN" in rows()["C program"]
    monkeypatch.setenv("PATH", str(program.parent))
    assert rows()["C program"] == str(program)
