"""`import nb_core` is light, and gives every name when asked."""

import importlib
import subprocess
import sys

import pytest

import nb_core


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    ).stdout


def test_import_loads_neither_torch_nor_numpy():
    heavy = run("import sys, nb_core; print(sorted({'torch', 'numpy'} & set(sys.modules)))")
    assert heavy.strip() == "[]"


def test_errors_load_no_torch():
    code = "import sys; from nb_core import InputError, NbWarning; print('torch' in sys.modules)"
    assert run(code).strip() == "False"


@pytest.mark.parametrize("name", nb_core.__all__)
def test_every_name_resolves_to_its_home(name):
    found = getattr(nb_core, name)
    assert found is getattr(importlib.import_module(f"nb_core.{nb_core._HOMES[name]}"), name)
    assert getattr(found, "__name__", name) == name
    assert name in dir(nb_core)


def test_all_lists_every_home_in_order():
    assert set(nb_core.__all__) == set(nb_core._HOMES)
    assert nb_core.__all__ == sorted(set(nb_core.__all__), key=lambda n: (n[0].islower(), n))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Detektor'"):
        _ = nb_core.Detektor
