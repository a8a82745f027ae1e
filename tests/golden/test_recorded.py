"""The recorded images of the C program, again by nb: see README.md beside this.

With NB_TEST_KERNELS=all kernels compute them, as `nox -s kernels` has it, and not what is
sooner done, which for images so small is eager torch.
"""

import contextlib
import functools
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from nb_cli.main import run
from nb_compare import compare_images
from nb_compare.evidence import sha256_of
from nb_compare.golden import image_arrays, judge_case, read_cases, read_golden, verify_golden
from nb_core import flags_to_experiment
from nb_physics import simulate

HERE = Path(__file__).parent
GOLDEN = read_golden(HERE)
CASES = GOLDEN.cases
ENGINE = "compiled" if os.environ.get("NB_TEST_KERNELS") == "all" else "auto"
KINDS = {"-intfile": "int", "-noisefile": "noise", "-pgmfile": "pgm"}


@dataclass(frozen=True)
class Outcome:
    """What nb wrote for a case: its images, and the names of the files besides the float image."""

    arrays: dict[str, np.ndarray]
    files: set[str]


def file_after(name: str, option: str) -> str:
    arguments = CASES[name].arguments
    return arguments[arguments.index(option) + 1]


def recorded(name: str) -> dict[str, np.ndarray]:
    kinds = [kind for option, kind in KINDS.items() if option in CASES[name].arguments]
    return GOLDEN.arrays(name, kinds)


@contextlib.contextmanager
def folder_of_inputs():
    """The working folder, with copies of the input files, while it lasts."""
    with tempfile.TemporaryDirectory() as folder:
        for path in (HERE / "inputs").iterdir():
            shutil.copy(path, folder)
        with contextlib.chdir(folder):
            yield Path(folder)


@functools.cache
def outcome(name: str) -> Outcome:
    """Runs `nb simulate` once a case."""
    with folder_of_inputs() as folder:
        inputs = {path.name for path in folder.iterdir()}
        options = [*CASES[name].arguments, "-floatfile", "f.bin"]
        how = ["--rng", "nanobragg", "--engine", ENGINE]
        assert run(["simulate", *how, "-q", "--", *options]) == 0
        written = {p.name: p.read_bytes() for p in folder.iterdir() if p.name not in inputs}
    image = np.frombuffer(written.pop("f.bin"), "<f4").reshape(CASES[name].shape)
    named = {
        kind: written[file_after(name, option)]
        for option, kind in KINDS.items()
        if option in CASES[name].arguments
    }
    return Outcome(image_arrays(image, named), set(written))


def has_flat_spots(name: str) -> bool:
    return not {"-tophat_spots", "-binary_spots"}.isdisjoint(CASES[name].arguments)


def test_every_recorded_file_is_a_case():
    images = {path.stem for path in HERE.glob("*.npz")} - {"seed_4096"}
    assert images == set(CASES)
    assert len(CASES) == 141
    kinds = [kind for name in CASES for kind in recorded(name)]
    assert {kind: kinds.count(kind) for kind in KINDS.values()} == {"int": 4, "noise": 4, "pgm": 3}


def test_every_recorded_file_is_the_one_that_was_recorded():
    lines = (HERE / "checksums.txt").read_text().splitlines()
    sums = dict(reversed(line.split("  ")) for line in lines if not line.startswith("#"))
    assert {f"{name}.npz" for name in CASES} < set(sums)
    assert {f"inputs/{path.name}" for path in (HERE / "inputs").iterdir()} < set(sums)
    assert {name: sha256_of(HERE / name) for name in sums} == sums


def test_the_cases_to_record_are_those_that_were_recorded():
    requests = read_cases(HERE / "cases.toml")
    assert [request.name for request in requests] == list(CASES)
    for request in requests:
        arguments = [word.removeprefix("inputs/") for word in request.arguments]
        assert tuple(arguments) == CASES[request.name].arguments
        assert set(request.printout) == set(CASES[request.name].printout)


def test_the_provenance_is_of_these_cases():
    assert GOLDEN.provenance["cases"] == len(CASES)
    assert GOLDEN.provenance["program"]["name"] == "nanoBragg"
    environment = json.loads((HERE / "environment.json").read_text())
    assert environment == GOLDEN.provenance["environment"]


@pytest.mark.parametrize("name", CASES)
def test_images_are_the_recorded_ones(name):
    found = judge_case(name, outcome(name).arrays, recorded(name), flat=has_flat_spots(name))
    assert found.holds, found.problems


def test_only_named_files_are_written():
    for name, case in CASES.items():
        options = (*KINDS, "-dump")
        named = {file_after(name, option) for option in options if option in case.arguments}
        assert outcome(name).files == named


def test_most_pixels_have_the_very_float32_of_the_program():
    pairs = ((outcome(name).arrays["float"], recorded(name)["float"]) for name in CASES)
    shares = [compare_images(*pair).same_float32 for pair in pairs]
    assert np.median(shares) >= 0.99


@pytest.mark.parametrize("name", CASES)
def test_float32_is_as_good_as_its_precision(name):
    (found,) = verify_golden(GOLDEN, [name], dtype=torch.float32, engine=ENGINE)
    assert found.holds, found.problems


def test_float32_is_float32():
    experiment = flags_to_experiment(CASES["xtal_cubic"].arguments)
    image = simulate(experiment, dtype=torch.float32)
    assert image.dtype == torch.float32
    assert compare_images(image.numpy(), recorded("xtal_cubic")["float"]).same_float32 < 0.99
