"""The 4096 x 4096 benchmark, and the memory that large work takes."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nb_core import flags_to_experiment
from nb_physics import simulate

HERE = Path(__file__).parent
RECORD = json.loads((HERE / "seed_4096.json").read_text())
BLOCK = 64
BLOCK_TOLERANCE = 1e-7
"""Relative. A sum of 4096 float32 values is good to about 6e-8 / sqrt(4096)."""
PATCH_TOLERANCE = 1e-6
"""Of the maximum; the recorded pixels are rounded to float32, 6e-8 of each."""


@pytest.mark.parametrize("name", RECORD["args"])
def test_benchmark_is_the_recorded_one(name):
    image = simulate(flags_to_experiment(RECORD["args"][name].split())).numpy()
    with np.load(HERE / "seed_4096.npz") as arrays:
        blocks, patches = arrays[f"{name}_block_sums"], arrays[f"{name}_patches"]
        corners = arrays["patch_corner_slow_fast"]
    count = image.shape[0] // BLOCK
    sums = image.reshape(count, BLOCK, count, BLOCK).sum(axis=(1, 3))
    np.testing.assert_allclose(sums, blocks, rtol=BLOCK_TOLERANCE)
    for (slow, fast), patch in zip(corners, patches, strict=True):
        ours = image[slow : slow + BLOCK, fast : fast + BLOCK]
        assert np.abs(ours - patch).max() <= PATCH_TOLERANCE * RECORD[name]["max"]


MEMORY = """
import resource, sys
from nb_cli.main import run
assert run(sys.argv[1:]) == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
LIMIT = 1.2e9
"""Bytes resident, at the peak; the libraries alone take 0.25e9."""

STILL = RECORD["args"]["oversample1"]
MANY_STEPS = (
    "-lambda 1 -cell 70 80 90 75 85 95 -N 5 -default_F 100 -distance 100 -detpixels 1024 "
    "-phi 10 -osc 1 -phisteps 50 -mosaic 0.3 -mosaic_dom 10 -oversample 1"
)


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kibibytes on Linux only")
@pytest.mark.parametrize("flags", [STILL, MANY_STEPS], ids=["still", "many steps"])
def test_memory_is_bounded(flags, tmp_path):
    command = [sys.executable, "-c", MEMORY, "simulate", "-q", "--", *flags.split(), "-seed", "1"]
    done = subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.PIPE, text=True)
    assert int(done.stdout) < LIMIT
