"""The tap keeps the contract of all taps, and says the right numbers."""

import dataclasses
import math

import pytest

from nb_tap_resolution import FINEST_A, RINGS, ResolutionTap
from nb_taps import collect_taps, make_manager, trace_pixels
from nb_taps.testing import TapContract, experiments, plain_experiment

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")


class TestContract(TapContract):
    tap = ResolutionTap()


def read(experiment, pixel):
    entry = collect_taps(make_manager())["resolution"]
    (traced,) = trace_pixels(experiment, [pixel], [entry])
    return traced.results[0].to_json()["values"]


def test_the_plugin_is_found():
    entry = collect_taps(make_manager())["resolution"]
    assert (entry.package, entry.version) == ("nb-tap-resolution", "0.1.0")


@pytest.mark.parametrize("distance_mm", [0.5, 3.0, 30.0])
@pytest.mark.parametrize("pixel", [(0, 0), (4, 5), (2, 3)])
def test_spacing_and_ring_by_braggs_law(distance_mm, pixel):
    """1 Angstrom; 0.5 mm pixels; the beam is at slow 1.75 mm, fast 2 mm."""
    plain = plain_experiment()
    detector = dataclasses.replace(plain.detector, distance_mm=distance_mm)
    found = read(dataclasses.replace(plain, detector=detector), pixel)
    slow, fast = (0.5 * (index + 0.5) for index in pixel)
    two_theta = math.atan2(math.hypot(slow - 1.75, fast - 2.0), distance_mm)
    d = 1.0 / (2 * math.sin(two_theta / 2))
    assert found["d"]["value"] == [[pytest.approx(d, rel=1e-9)]]
    assert found["d_min"]["value"] == found["d_max"]["value"] == pytest.approx(d, rel=1e-9)
    ((ring,),) = found["ring"]["value"]
    outer = FINEST_A * (RINGS / (ring + 1)) ** (1 / 3)
    inner = FINEST_A * (RINGS / ring) ** (1 / 3) if ring else math.inf
    assert outer < d <= inner


def test_every_sub_pixel_and_source_has_its_own():
    found = read(experiments()["rich"], (2, 3))
    spacings = [d for row in found["d"]["value"] for d in row]
    assert len(set(spacings)) == len(spacings) == 8 * 2
    assert found["d_min"]["value"] == min(spacings)
    assert found["d_max"]["value"] == max(spacings)


def test_the_direct_beam_has_no_spacing():
    """It is in ring 0."""
    plain = plain_experiment()
    detector = dataclasses.replace(plain.detector, beam_center_x_mm=1.0, beam_center_y_mm=1.5)
    found = read(dataclasses.replace(plain, detector=detector), (2, 3))
    values = {name: field["value"] for name, field in found.items()}
    assert values == {"d": [[None]], "d_min": None, "d_max": None, "ring": [[0]]}
