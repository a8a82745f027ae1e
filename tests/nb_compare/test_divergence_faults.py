"""Ten faults planted in copies of recorded experiments: each is found in its own stage.

The C program's side is what its -printout printed of the experiment without the fault.
"""

import contextlib
import dataclasses
import json
import warnings
from pathlib import Path

import pytest
import torch

from nb_compare.divergence import find_divergence
from nb_core import (
    DetectorConvention,
    Experiment,
    NbWarning,
    OrientationMatrix,
    Profile,
    SourceTable,
    StructureFactors,
    flags_to_experiment,
)
from nb_physics import make_plan
from nb_taps import record_pixels, trace_lines

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = {case["name"]: case for case in json.loads((GOLDEN / "cases.json").read_text())}
PRINTED = [(name, key) for name, case in CASES.items() for key in case.get("printout", {})]


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NbWarning)
        yield


def experiment_of(name: str) -> Experiment:
    with contextlib.chdir(GOLDEN / "inputs"):
        return flags_to_experiment(CASES[name]["args"].split())


def printed(name: str, key: str) -> tuple[tuple[int, int], str]:
    """The pixel (slow, fast) and what the program printed of it; the key has fast first."""
    fast, slow = (int(part) for part in key.split(","))
    return (slow, fast), "\n".join(CASES[name]["printout"][key])


def traced(experiment: Experiment, pixel: tuple[int, int]) -> str:
    """The log that an instrumented program would write of an experiment."""
    (record,) = record_pixels(experiment, [pixel])
    return "\n".join(f"TRACE_C: {line}" for line in trace_lines(record))


def changed(experiment: Experiment, section: str, **fields: object) -> Experiment:
    config = dataclasses.replace(getattr(experiment, section), **fields)
    return dataclasses.replace(experiment, **{section: config})


def wrong_cell(experiment: Experiment) -> Experiment:
    return changed(experiment, "crystal", cell_a=100.5)


def shifted_beam_centre(experiment: Experiment) -> Experiment:
    return changed(experiment, "detector", beam_center_x_mm=13.2)


def other_convention(experiment: Experiment) -> Experiment:
    return changed(experiment, "detector", detector_convention=DetectorConvention.XDS)


def stale_dump(experiment: Experiment) -> Experiment:
    """A list of another crystal, from a dump that lay there."""
    F = torch.full((61, 61, 61), 7.0, dtype=torch.float64)
    present = torch.ones_like(F, dtype=torch.bool)
    stale = StructureFactors(F, present, -30, -30, -30, F.numel(), "Fdump.bin", "dump")
    return dataclasses.replace(experiment, structure_factors=stale)


def one_changed_F(experiment: Experiment) -> Experiment:
    """That of the reflection nearest to the pixel."""
    factors = experiment.structure_factors
    assert factors is not None
    (record,) = record_pixels(experiment, [(64, 64)], ["hkl_nearest"])
    h, k, l = record.array("hkl_nearest")[-1, -1, -1, -1].long().tolist()
    F = factors.F.clone()
    F[h - factors.h_min, k - factors.k_min, l - factors.l_min] += 10.0
    return dataclasses.replace(experiment, structure_factors=dataclasses.replace(factors, F=F))


def weights(experiment: Experiment) -> Experiment:
    """The sources of the experiment as a table with weights, which the corrected profile uses.

    The cell is given by its matrix: by its angles it would be another one in that profile.
    """
    plan = make_plan(experiment)
    sources, columns = plan.sources, plan.cell.reciprocal.T * experiment.beam.wavelength_A
    matrix = OrientationMatrix(columns.contiguous())
    experiment = changed(experiment, "crystal", matrix=matrix, misset_deg=None)
    table = SourceTable(
        -sources.incident.T.contiguous(),
        torch.arange(1.0, sources.wavelength.numel() + 1, dtype=torch.float64),
        sources.wavelength * 1e-10,
    )
    weighted = changed(experiment, "beam", sources=table)
    return dataclasses.replace(weighted, profile=Profile.CORRECTED)


def dmin(experiment: Experiment) -> Experiment:
    return changed(experiment, "sampling", dmin_A=50.0)


def oversample(experiment: Experiment) -> Experiment:
    return changed(experiment, "sampling", oversample=1)


def wavelength_in_nanometres(experiment: Experiment) -> Experiment:
    return changed(experiment, "beam", wavelength_A=0.1)


def mosaic_seed(experiment: Experiment) -> Experiment:
    return changed(experiment, "crystal", mosaic_seed=99)


FAULTS = [
    (wrong_cell, "xtal_cubic", "17,99", "orientation cell_vectors_a", "unit cell: C has 100 "),
    (shifted_beam_centre, "xtal_cubic", "17,99", "geometry position", "beam centre: "),
    (other_convention, "xtal_cubic", "17,99", "geometry position", "C has MOSFLM, nb XDS"),
    (stale_dump, "xtal_cubic", "17,99", "structure F_cell", "C has 100, nb 7"),
    (one_changed_F, "hkl_default_F", "64,64", "structure F_cell", "the lists differ there"),
    (weights, "beam_div_disp", "64,64", "accumulate weight", "(behaviour 36)"),
    (dmin, "xtal_cubic", "17,99", "scattering within_dmin", "C keeps what nb drops"),
    (oversample, "det_thick_oversample", "3,4", "geometry position", "C has 2, nb 1"),
    (
        wavelength_in_nanometres,
        "xtal_cubic",
        "17,99",
        "sources wavelength",
        "wrong units (nanometres)",
    ),
    (mosaic_seed, "xtal_mosaic", "70,50", "orientation cell_vectors_a", "-mosaic_seed"),
]
STAGES_OF_TRACES = {
    "shifted_beam_centre": "geometry pix0_vector",
    "other_convention": "geometry detector_convention",
    "wrong_cell": "orientation rot_a_angstroms",
    "mosaic_seed": "orientation rot_a_angstroms",
    "weights": "accumulate I_before_scaling",
    "oversample": "geometry sub_slow",
    "wavelength_in_nanometres": "sources lambda_meters",
}


@pytest.mark.parametrize(("name", "key"), PRINTED)
def test_without_a_fault_nothing_diverges(name, key):
    pixel, log = printed(name, key)
    found = find_divergence(experiment_of(name), pixel, log)
    assert found.verdict == "no divergence"
    assert found.causes == ()
    assert len(found.rows) >= 12


@pytest.mark.parametrize(
    ("fault", "name", "key", "first", "cause"), FAULTS, ids=[entry[0].__name__ for entry in FAULTS]
)
def test_a_fault_is_named_from_a_print_out(fault, name, key, first, cause):
    pixel, log = printed(name, key)
    found = find_divergence(fault(experiment_of(name)), pixel, log)
    assert found.verdict == f"first divergence: {first}"
    assert any(cause in str(entry) for entry in found.causes), found.causes
    assert found.text().splitlines()[-1] == found.verdict


@pytest.mark.parametrize(
    ("fault", "name", "key", "first", "cause"), FAULTS, ids=[entry[0].__name__ for entry in FAULTS]
)
def test_a_fault_is_named_from_a_trace(fault, name, key, first, cause):
    pixel, _ = printed(name, key)
    experiment = experiment_of(name)
    found = find_divergence(fault(experiment), pixel, traced(experiment, pixel))
    expected = STAGES_OF_TRACES.get(fault.__name__, first)
    assert found.verdict == f"first divergence: {expected}"
    assert any(cause in str(entry) for entry in found.causes), found.causes


@pytest.mark.parametrize(("name", "key"), PRINTED)
def test_a_trace_of_nb_itself_does_not_diverge(name, key):
    pixel, _ = printed(name, key)
    experiment = experiment_of(name)
    found = find_divergence(experiment, pixel, traced(experiment, pixel))
    assert found.verdict == "no divergence"
