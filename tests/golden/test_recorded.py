"""The recorded images of the C program, again by nb: see README.md beside this."""

import contextlib
import functools
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from nb_cli.main import run
from nb_compare import compare_images
from nb_core import NbWarning, flags_to_experiment
from nb_physics import simulate

HERE = Path(__file__).parent
CASES = {case["name"]: case for case in json.loads((HERE / "cases.json").read_text())}

WITHIN = 1e-6
"""Of the maximum. The recorded images round to float32 (6e-8 of each pixel); the program's own
builds differ by 1e-10. What a wrong formula does is larger by orders of magnitude."""
WITHIN_FLOAT32 = 2e-6
RIM_SHARE = 1e-3
"""A pixel at the rim of a flat-topped spot falls in or out by the last bit of a phase."""
SAME_COUNTS = 0.999
HEADER = 512
SMV_OPTIONS = {"int": "-intfile", "noise": "-noisefile"}


@dataclass(frozen=True)
class Outcome:
    """What nb wrote for a case: its image, and the files that the case names."""

    image: np.ndarray
    files: dict[str, bytes]


def arguments_of(name: str) -> list[str]:
    return CASES[name]["args"].split()


@functools.cache
def recorded(name: str) -> dict[str, np.ndarray]:
    with np.load(HERE / f"{name}.npz") as arrays:
        return {key: arrays[key] for key in arrays.files}


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
        options = [*arguments_of(name), "-floatfile", "f.bin"]
        assert run(["simulate", "--rng", "nanobragg", "-q", "--", *options]) == 0
        written = {p.name: p.read_bytes() for p in folder.iterdir() if p.name not in inputs}
    image = np.frombuffer(written.pop("f.bin"), "<f4")
    return Outcome(image.reshape(CASES[name]["shape_slow_fast"]), written)


def has_flat_spots(name: str) -> bool:
    return not {"-tophat_spots", "-binary_spots"}.isdisjoint(arguments_of(name))


def check_image(image: np.ndarray, name: str, within: float) -> None:
    wanted = recorded(name)["float"]
    assert wanted.dtype == np.float32
    difference = compare_images(image, wanted)
    if has_flat_spots(name):
        apart = np.abs(image.astype(np.float64) - wanted) > within * wanted.max()
        assert apart.mean() <= RIM_SHARE
        assert difference.sum_ratio == pytest.approx(1, abs=1e-3)
    else:
        assert difference.max_relative <= within, difference
        assert difference.sum_ratio == pytest.approx(1, abs=within)


def test_every_recorded_file_is_a_case():
    images = {path.stem for path in HERE.glob("*.npz")} - {"seed_4096"}
    assert images == set(CASES)
    assert len(CASES) == 141


@pytest.mark.parametrize("name", CASES)
def test_image_is_the_recorded_one(name):
    check_image(outcome(name).image, name, WITHIN)


@pytest.mark.parametrize(
    "name", [name for name in CASES if SMV_OPTIONS["int"] in arguments_of(name)]
)
def test_integer_image_is_the_recorded_one(name):
    check_smv(name, "int")


@pytest.mark.parametrize(
    "name", [name for name in CASES if SMV_OPTIONS["noise"] in arguments_of(name)]
)
def test_noise_image_is_the_recorded_one(name):
    check_smv(name, "noise")


def check_smv(name: str, kind: str) -> None:
    """The header byte for byte; the counts but for a pixel in a thousand."""
    arguments, wanted = arguments_of(name), recorded(name)
    content = outcome(name).files[arguments[arguments.index(SMV_OPTIONS[kind]) + 1]]
    assert content[:HEADER] == wanted[f"{kind}_header"].tobytes()
    counts = np.frombuffer(content[HEADER:], "<u2").reshape(wanted[kind].shape)
    assert np.mean(counts == wanted[kind]) >= SAME_COUNTS


@pytest.mark.parametrize("name", [name for name in CASES if "-pgmfile" in arguments_of(name)])
def test_picture_is_the_recorded_one(name):
    arguments, wanted = arguments_of(name), recorded(name)["pgm"].tobytes()
    content = outcome(name).files[arguments[arguments.index("-pgmfile") + 1]]
    start = wanted.index(b"255\n") + 4
    assert content[:start] == wanted[:start]
    assert len(content) == len(wanted)
    pixels = (np.frombuffer(bytes[start:], np.uint8) for bytes in (content, wanted))
    assert np.mean(np.equal(*pixels)) >= SAME_COUNTS


def test_only_named_files_are_written():
    for name in CASES:
        arguments = arguments_of(name)
        options = ("-intfile", "-noisefile", "-pgmfile", "-dump")
        named = {arguments[arguments.index(o) + 1] for o in options if o in arguments}
        assert set(outcome(name).files) == named


def test_most_pixels_have_the_very_float32_of_the_program():
    shares = [compare_images(outcome(n).image, recorded(n)["float"]).same_float32 for n in CASES]
    assert np.median(shares) >= 0.99


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings(f"ignore::{NbWarning.__module__}.{NbWarning.__name__}")
def test_float32_is_as_good_as_its_precision(name):
    with folder_of_inputs():
        image = simulate(flags_to_experiment(arguments_of(name)), dtype=torch.float32)
    assert image.dtype == torch.float32
    check_image(image.numpy(), name, WITHIN_FLOAT32)
