"""The processes of a benchmark load and leave no more than they should."""

import subprocess
import sys

import pytest

import nb_bench


def run(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


def test_neighbours_end_with_a_process_that_is_killed():
    program = (
        "import os; from nb_bench import process\n"
        "with process.busy_neighbours(1):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    assert run(program).returncode == -9  # and its pipe is closed, which the neighbour held, too


def test_the_child_loads_nothing_before_it_has_its_job():
    heavy = "{'torch', 'numpy', 'matplotlib', 'nb_physics', 'nb_compare'}"
    program = f"import sys, nb_bench.child; print(sorted({heavy} & set(sys.modules)))"
    assert run(program).stdout == "[]\n"


@pytest.mark.parametrize("name", nb_bench.__all__)
def test_every_public_name_is_found(name):
    assert getattr(nb_bench, name).__name__ == name
    assert name in dir(nb_bench)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Bank'"):
        _ = nb_bench.Bank
