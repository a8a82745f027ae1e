"""A pixel as lines, in the order of the C program's loops."""

import dataclasses
import itertools
import math

import pytest
import torch

from nb_core import Profile
from nb_core.quantities import STAGES
from nb_physics import simulate
from nb_taps import record_pixels, trace_lines
from nb_taps.testing import PIXELS, experiments, plain_experiment, rich_experiment
from nb_taps.trace import TRACE_LOOPS, TRACE_NAMES, TRACE_PREFIX, TraceLine

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
EXPERIMENTS = experiments()
SET_UP = [
    "detector_convention",
    "fdet_vec",
    "sdet_vec",
    "odet_vec",
    "distance_m",
    "close_distance_meters",
    "pix0_vector",
]
SUBPIXEL = [
    "pixel_pos_meters",
    "R_distance_meters",
    "diffracted_vec",
    "omega_pixel_sr",
    "capture_fraction",
]
SOURCE = ["incident_vec", "lambda_meters", "scattering_vec_A_inv", "stol_A_inv"]
ROTATED = ["rot_a_angstroms", "rot_b_angstroms", "rot_c_angstroms"]
GRATINGS = ["F_latt_a", "F_latt_b", "F_latt_c"]
USED = ["capture_fraction_used", "polar_used", "omega_pixel_sr_used"]


def lines_of(experiment, pixel=(4, 5)):
    (record,) = record_pixels(experiment, [pixel])
    return list(trace_lines(record))


def expected_names(name, kept=lambda subpixel, source: True):
    """The loops written out: layer, slow, fast, source, phi, domain."""
    plain = name == "plain"
    n, sources, phis, domains = (1, 1, 1, 1) if plain else (2, 2, 3, 2)
    names = list(SET_UP)
    for subpixel, _ in enumerate(itertools.product(range(1 if plain else 2), range(n), range(n))):
        names += ["thick_tic", "subS", "subF", *SUBPIXEL]
        for source in range(sources):
            names += ["source", *SOURCE]
            if name == "dmin":
                names.append("within_dmin")
                if not kept(subpixel, source):
                    continue
            if name in ("corrected", "oversample_*", "dmin") or subpixel == 0:
                names.append("polar")
            for _ in range(phis):
                names.append("phi_tic")
                for _ in range(domains):
                    names += ["mos_tic", *ROTATED, "hkl_frac", "hkl_rounded"]
                    names += [] if name == "round" else GRATINGS
                    names += ["F_latt", "F_cell", "I_term"]
    names += ["I_before_scaling", "r_e_sqr", "fluence", "steps"]
    names += [] if name in ("corrected", "oversample_*") else USED
    return [*names, "I_pixel_final"]


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name != "dmin"])
@pytest.mark.parametrize("pixel", PIXELS)
def test_the_order_is_that_of_the_loops(name, pixel):
    found = [line.name for line in lines_of(EXPERIMENTS[name], pixel)]
    assert found == expected_names("corrected" if name == "backgrounds" else name)


def test_dmin_drops_the_body_of_its_source():
    """As the C program's `continue`: no polarization, no steps."""
    experiment = EXPERIMENTS["dmin"]
    lines = lines_of(experiment, (0, 0))
    (record,) = record_pixels(experiment, [(0, 0)])
    spacing = 0.5 / record.array("stol")
    kept = spacing >= 13.0
    assert 0 < kept.sum() < 16
    assert [line.name for line in lines] == expected_names("dmin", lambda s, i: kept[s, i])
    said = [line.value[0] for line in lines if line.name == "within_dmin"]
    assert said == kept.flatten().double().tolist()


def test_the_counters_count_the_loops():
    """Each line of a step stands below the counters of all loops around it."""
    lines, now, seen = lines_of(rich_experiment()), {}, []
    for line in lines:
        if line.name in TRACE_LOOPS:
            now[line.name] = int(line.value[0])
        if line.name == "I_term":
            seen.append(tuple(now[loop] for loop in TRACE_LOOPS))
    sizes = (2, 2, 2, 2, 3, 2)
    assert seen == list(itertools.product(*map(range, sizes)))


@pytest.mark.parametrize(
    ("name", "quantity"),
    [
        ("pixel_pos_meters", "position"),
        ("R_distance_meters", "airpath"),
        ("diffracted_vec", "diffracted"),
        ("omega_pixel_sr", "omega"),
        ("capture_fraction", "capture"),
        ("scattering_vec_A_inv", "q"),
        ("stol_A_inv", "stol"),
        ("polar", "polarization"),
        ("hkl_frac", "hkl"),
        ("hkl_rounded", "hkl_nearest"),
        ("F_latt_a", "F_latt_a"),
        ("F_latt_b", "F_latt_b"),
        ("F_latt_c", "F_latt_c"),
        ("F_latt", "F_latt"),
        ("F_cell", "F_cell"),
        ("I_term", "term"),
        ("I_before_scaling", "intensity"),
        ("I_pixel_final", "photons"),
    ],
)
def test_values_are_those_recorded_in_the_order_of_the_walk(name, quantity):
    """Corrected: every sub-pixel and source has a polarization."""
    (record,) = record_pixels(EXPERIMENTS["corrected"], [(4, 5)])
    found = [line.value for line in trace_lines(record) if line.name == name]
    values = record.array(quantity)
    width = 3 if record.axes(quantity)[-1:] in (("xyz",), ("hkl",)) else 1
    assert found == [tuple(row) for row in values.reshape(-1, width).tolist()]


@pytest.mark.parametrize(
    ("name", "quantity"),
    [
        ("capture_fraction_used", "capture_used"),
        ("polar_used", "polarization_used"),
        ("omega_pixel_sr_used", "omega_used"),
    ],
)
def test_factors_used(name, quantity):
    (record,) = record_pixels(rich_experiment(), [(4, 5)])
    (line,) = [line for line in trace_lines(record) if line.name == name]
    assert line.value == (record.number(quantity),)


def test_values_that_repeat_in_the_loops():
    """Sources and cell vectors are the same for every sub-pixel; wavelengths are in metres."""
    (record,) = record_pixels(rich_experiment(), [(4, 5)])
    lines = list(trace_lines(record))
    wavelengths = [line.value[0] for line in lines if line.name == "lambda_meters"]
    assert wavelengths == pytest.approx([0.995e-10, 1.005e-10] * 8)
    incident = [line.value for line in lines if line.name == "incident_vec"]
    assert incident == [(1.0, 0.0, 0.0)] * 16
    vectors = record.array("cell_vectors").flatten(0, 1)
    for index, name in enumerate(ROTATED):
        found = [line.value for line in lines if line.name == name]
        assert found == [tuple(step[index].tolist()) for step in vectors] * 16


def test_the_set_up_and_the_scaling():
    found = {line.name: line.value for line in lines_of(plain_experiment(), (4, 5))}
    assert found["detector_convention"] == "MOSFLM"
    assert found["fdet_vec"] == (0.0, 0.0, 1.0)
    assert found["sdet_vec"] == (0.0, -1.0, 0.0)
    assert found["odet_vec"] == (1.0, 0.0, 0.0)
    assert found["distance_m"] == found["close_distance_meters"] == (0.03,)
    assert found["pix0_vector"] == pytest.approx((0.03, 0.00175, -0.002))
    assert found["r_e_sqr"] == (7.94079248018965e-30,)
    assert found["fluence"] == pytest.approx((1.25932015286227e29,))
    assert found["steps"] == (1.0,)
    photons = 1.0
    for name in ("I_before_scaling", "r_e_sqr", "fluence", *USED):
        photons *= found[name][0]
    assert found["I_pixel_final"][0] == pytest.approx(photons, rel=1e-14)
    assert found["I_pixel_final"][0] == simulate(plain_experiment())[4, 5].item()


def test_steps_of_the_corrected_profile_leave_out_the_sources():
    (reference,) = [x.value for x in lines_of(rich_experiment()) if x.name == "steps"]
    (corrected,) = [x.value for x in lines_of(EXPERIMENTS["corrected"]) if x.name == "steps"]
    assert (reference, corrected) == ((48.0,), (24.0,))


def test_polarization_is_shown_where_it_is_computed_only():
    polar = [line for line in lines_of(rich_experiment()) if line.name == "polar"]
    assert len(polar) == 2
    assert not any(math.isnan(line.value[0]) for line in polar)


def test_every_name_is_emitted_by_some_experiment_and_no_other():
    found = {line.name for experiment in EXPERIMENTS.values() for line in lines_of(experiment)}
    assert found == set(TRACE_NAMES)


def test_every_name_has_a_stage_and_a_meaning():
    assert set(TRACE_LOOPS) < set(TRACE_NAMES)
    for name, entry in TRACE_NAMES.items():
        assert entry.name == name
        assert entry.stage in STAGES
        assert entry.meaning


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("XDS", "x=XDS"),
        ((1.0,), "x=1"),
        ((0.1 + 0.2,), "x=0.3"),
        ((1 / 3,), "x=0.333333333333333"),
        ((2 / 3 * 1e-10,), "x=6.66666666666667e-11"),
        ((1e22, -5.0, 0.0), "x=1e+22 -5 0"),
        ((123456789012345678.0,), "x=1.23456789012346e+17"),
    ],
)
def test_numbers_have_fifteen_digits(value, text):
    assert str(TraceLine("x", value)) == text


def test_the_text_of_the_lines():
    for line in lines_of(rich_experiment()):
        name, _, text = str(line).partition("=")
        assert name == line.name
        if isinstance(line.value, str):
            assert text == line.value
        else:
            assert text.split(" ") == [f"{number:.15g}" for number in line.value]
            assert "-0" not in text.split(" ")
    assert TRACE_PREFIX == "TRACE_PY: "


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("profile", list(Profile))
def test_the_last_line_is_the_pixel_of_the_image(profile, dtype):
    experiment = dataclasses.replace(rich_experiment(), profile=profile)
    (record,) = record_pixels(experiment, [(2, 3)], dtype=dtype)
    *_, last = trace_lines(record)
    assert last == TraceLine("I_pixel_final", (simulate(experiment, dtype=dtype)[2, 3].item(),))
