"""What nanoBragg's -printout printed of some pixels, quantity by quantity, against nb's probes.

The program prints the values of the last step that it took, but the solid angle and polarization
of the first, and the capture fraction of the last layer's first sub-pixel (behaviour 31, 33).
"""

import contextlib
import json
import re
import warnings
from pathlib import Path

import pytest
import torch

from nb_core import NbWarning, flags_to_experiment
from nb_taps import Reading, probe

HERE = Path(__file__).parent
PIXELS = [
    (case["name"], case["args"], key, "\n".join(lines))
    for case in json.loads((HERE / "cases.json").read_text())
    for key, lines in case.get("printout", {}).items()
]
NUMBER = r"\s*(-?[\d.]+(?:e[+-]?\d+)?)"
SIX_DIGITS = 6e-6
TEN_DIGITS = 6e-10
SIX_PLACES = 6e-7


def printed(text: str, label: str, count: int = 1) -> list[float]:
    found = re.search(re.escape(label) + count * NUMBER, text)
    assert found, (label, text)
    return [float(number) for number in found.groups()]


def of_step(reading: Reading, step: int) -> list[float]:
    """The value of the first (0) or the last (-1) source and step, without those axes."""
    value = reading.value
    keep = {"position": 1, "hkl": 1, "hkl_nearest": 1, "cell_vectors": 2}.get(reading.quantity, 0)
    while value.ndim > keep:
        value = value[..., step]
    return value.flatten().tolist()


@pytest.fixture(params=PIXELS, ids=[f"{name} at {key}" for name, _, key, _ in PIXELS])
def pixel(request):
    """The program's text, and all readings of the pixel by quantity."""
    _, arguments, key, text = request.param
    fast, slow = (int(number) for number in key.split(","))
    with contextlib.chdir(HERE / "inputs"), warnings.catch_warnings():
        warnings.simplefilter("ignore", NbWarning)
        readings = probe(flags_to_experiment(arguments.split()), [(slow, fast)])
    by_quantity: dict[str, list[Reading]] = {}
    for reading in readings:
        by_quantity.setdefault(reading.quantity, []).append(reading)
    return text, by_quantity


def test_there_are_pixels_of_seven_cases():
    assert len({name for name, *_ in PIXELS}) == 7


def test_every_printed_quantity_is_the_programs(pixel):
    text, readings = pixel
    last = {name: of_step(found[-1], -1) for name, found in readings.items()}
    first = {name: of_step(found[0], 0) for name, found in readings.items()}
    deepest = [r for r in readings["capture"] if r.layer == readings["capture"][-1].layer]
    assert last["position"] == pytest.approx(printed(text, "at", 3), rel=SIX_DIGITS)
    (per_metre,) = printed(text, "stol =")
    assert last["stol"] == pytest.approx([per_metre * 1e-10], rel=SIX_DIGITS)
    assert last["hkl"] == pytest.approx(printed(text, "hkl=", 3), abs=SIX_PLACES)
    assert last["hkl_nearest"] == printed(text, "hkl0=", 3)
    assert last["F_cell"] == pytest.approx(printed(text, "F_cell="), rel=SIX_DIGITS)
    F_latt = [abs(value) for value in printed(text, "F_latt=")]
    assert [abs(value) for value in last["F_latt"]] == pytest.approx(F_latt, rel=SIX_DIGITS)
    assert last["intensity"] == pytest.approx(printed(text, " I ="), rel=SIX_DIGITS)
    assert first["polarization"] == pytest.approx(printed(text, "polar"), rel=TEN_DIGITS)
    assert first["omega"] == pytest.approx(printed(text, "omega"), rel=TEN_DIGITS)
    assert of_step(deepest[0], 0) == pytest.approx(printed(text, "capfrac"), rel=TEN_DIGITS)
    assert last["photons"] == pytest.approx(printed(text, "pixel"), rel=1e-7)


def test_the_cell_vectors_are_the_programs(pixel):
    text, readings = pixel
    rows = [printed(text, f"{axis}:", 3) for axis in "XYZ"]
    vectors = readings["cell_vectors"][-1].value[..., -1]
    torch.testing.assert_close(
        vectors, torch.tensor(rows, dtype=torch.float64).T, rtol=0.0, atol=6e-9
    )
