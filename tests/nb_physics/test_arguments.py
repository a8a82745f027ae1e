"""Another kind of thing than an argument takes is refused, by an InputError that says what is.

In a Python of its own: within the tests, annotations are checked before the functions run.
"""

import json
import subprocess
import sys

import pytest

CASES = {
    'simulate("x.toml")': "experiment: 'x.toml': expected an Experiment or a Plan; read_toml(path)",
    "simulate(None)": "experiment: None: expected an Experiment or a Plan",
    "write_outputs(e, image)": "plan: Experiment(",
    "write_outputs(plan, [1])": "image: [1]: expected the tensor of photons",
    "write_outputs(plan, image, [3])": "files: 3: expected names of files, or Outputs",
    'write_outputs(plan, image, [], "foo")': "generator: foo: expected a NoiseGenerator, one of",
    'write_outputs(plan, image, [], style="foo")': "style: foo: expected a HeaderStyle, one of",
    "make_plan(3)": "experiment: 3: expected an Experiment or a Plan",
    "make_plan([e])": "experiment: [Experiment(",
    "Crystal(3)": "config: 3: expected a CrystalConfig",
    "Crystal(e.detector)": "expected a CrystalConfig",
    "Detector(3)": "config: 3: expected a DetectorConfig",
    "Simulator(e.crystal, Detector(e.detector))": "expected a Crystal; Crystal(config) makes one",
    "Simulator(Crystal(e.crystal), 3)": "detector: 3: expected a Detector",
    'Crystal(e.crystal).unit_cell(profile="mine")': "profile: mine: expected a Profile, one of",
    'Crystal(e.crystal).unit_cell("1")': "wavelength_A: ",
    "photons_at(e, [[0, 0]])": "pixels: torch.int64 of the shape (1, 2): expected a row of flat",
    "photons_at(e, [0.5])": "pixels: torch.float32 of the shape (1,): expected a row of flat",
    "photons_at(e, [True])": "pixels: torch.bool of the shape (1,): expected a row of flat",
    'photons_at(e, "0")': "pixels: '0': expected a row of flat indices",
    "simulate_batch(e)": "experiments: Experiment(",
    'simulate_batch("x.toml")': "experiments: 'x.toml': expected a list of experiments or plans",
    "simulate_batch(None)": "experiments: None: expected a list of experiments or plans",
    "simulate_batch([e, 3])": "experiment: 3: expected an Experiment or a Plan",
    "simulate_batch([])": "experiments: none: give at least one",
    "simulate_pixels(e, [(0.5, 1)])": "pixel: 0.5: expected (slow, fast), two whole numbers",
    "simulate_pixels(e, [3])": "pixel: 3: expected (slow, fast), two whole numbers",
    'simulate(e, max_memory="1G")': "max_memory: '1G': expected a whole number of bytes",
    'simulate(e, dtype="float64")': "dtype: 'float64': expected torch.float64 or torch.float32",
    'simulate(e, image_dtype="float32")': "image_dtype: 'float32': expected torch.float64 or torch",
    "simulate(e, device=None)": "device: None: this machine has no such device",
    'NoiseGenerator("foo")': "generator: foo: expected a NoiseGenerator, one of: torch, nanobragg",
    'counted_photons(image, "foo", 1)': "generator: foo: expected a NoiseGenerator, one of",
    'flags_to_experiment("-cell 70 80 90")': "arguments: '-cell 70 80 90': expected a list of arg",
    "flags_to_experiment(3)": "arguments: 3: expected a list of arguments",
    'flags_to_experiment(["-cell", None])': "arguments: None: expected a text or a number",
    'flags_to_experiment(words, profile="mine")': "profile: mine: expected a Profile, one of",
    "flags_to_experiment(words, base=3)": "base: 3: expected a Experiment",
    'write_toml(e, "x.toml")': "experiment: 'x.toml': expected an Experiment, as in write_toml",
    "write_toml(3, e)": "path: 3: expected the name of a file",
}

TAKEN = {
    "photons_at(e, [5, 2]).tolist() == photons_at(e, torch.tensor([5, 2])).tolist()",
    "photons_at(e, []).shape == (0,)",
    "simulate_pixels(e, np.array([[0, 5]])).tolist() == photons_at(e, [5]).tolist()",
    "flags_to_experiment(['-cell', 70, 80.5, np.float64(90), *rest]).crystal.cell_b == 80.5",
    "flags_to_experiment(words, profile='corrected').profile is Profile.CORRECTED",
    "(counted_photons(image, 'nanobragg', 1) == "
    "counted_photons(image, NoiseGenerator.NANOBRAGG, 1)).all()",
    "Crystal(m).unit_cell(profile='reference').real.equal("
    "Crystal(m).unit_cell(profile=Profile.REFERENCE).real)",
}

SCRIPT = """
import json, sys, warnings
import numpy as np, torch
from nb_core import *
from nb_physics import *
warnings.simplefilter("ignore")
rest = ["-default_F", "10", "-detpixels", "8", "-N", "2"]
words = ["-cell", "70", "80", "90", *rest]
e = flags_to_experiment(words)
m = CrystalConfig(cell_a=70, cell_b=80, cell_c=90, misset_deg="random", misset_seed=3)
plan = make_plan(e)
image = torch.full((8, 8), 7.0, dtype=torch.float64)
found = {}
for call in json.load(sys.stdin):
    try:
        found[call] = str(eval(call))
    except Exception as error:
        found[call] = f"{type(error).__name__}: {error}"
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def results():
    calls = json.dumps([*CASES, *TAKEN])
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], input=calls, capture_output=True, text=True, check=True
    )
    return json.loads(ran.stdout)


@pytest.mark.parametrize("call", CASES)
def test_another_kind_of_thing_is_refused(results, call):
    assert results[call].startswith("InputError: "), results[call]
    assert CASES[call] in results[call]


@pytest.mark.parametrize("call", sorted(TAKEN))
def test_what_is_clear_is_taken(results, call):
    assert results[call] == "True"
