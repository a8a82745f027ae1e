"""Experiments survive being written as a command line or as TOML and read back."""

import dataclasses
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nb_core.configs.background import BackgroundConfig
from nb_core.configs.beam import BeamConfig
from nb_core.configs.crystal import CrystalConfig, CrystalShape
from nb_core.configs.detector import DetectorConfig
from nb_core.configs.experiment import Experiment
from nb_core.configs.output import OutputConfig
from nb_core.configs.sampling import Profile, Roi, SamplingConfig
from nb_core.conventions import AXES, PIVOTS, DetectorConvention, DetectorPivot
from nb_core.data import Mask, OrientationMatrix, SourceTable
from nb_core.errors import InputError, NbWarning
from nb_core.flags.read import flags_to_experiment
from nb_core.flags.write import experiment_to_flags
from nb_core.formats.fdump import read_dump, write_dump
from nb_core.formats.hkl import read_hkl
from nb_core.formats.mask import read_mask
from nb_core.formats.matrix import read_matrix
from nb_core.formats.sources import read_sources
from nb_core.settings import SECTIONS, experiment_to_settings
from nb_core.toml import experiment_to_toml, read_toml

GOLDEN = Path(__file__).parents[1] / "golden"
INPUTS = GOLDEN / "inputs"
CASES = {
    case["name"]: case["args"].split() for case in json.loads((GOLDEN / "cases.json").read_text())
}
CUSTOM = DetectorConvention.CUSTOM

numbers = st.floats(-1e3, 1e3)
positives = st.floats(1e-3, 1e3)
sizes = st.floats(0, 1e3)
counts = st.integers(0, 50)
seeds = st.integers(0, 2**31 - 1)
directions = st.tuples(numbers, numbers, positives)
names = st.sampled_from(["a.out", "dir/b.out", "ünï.img", "with space.img"])

HKL = read_hkl(INPUTS / "six.hkl")
FIELDS = {
    "crystal": {
        **dict.fromkeys(("cell_a", "cell_b", "cell_c"), positives),
        **dict.fromkeys(("cell_alpha", "cell_beta", "cell_gamma"), st.floats(61, 119)),
        "matrix": st.just(read_matrix(INPUTS / "tric.mat")),
        "misset_deg": st.just("random") | st.tuples(numbers, numbers, numbers),
        "misset_seed": seeds,
        "N_cells": st.tuples(counts, counts, counts),
        "sample_size_mm": st.tuples(*[st.none() | positives] * 3),
        "shape": st.sampled_from(CrystalShape),
        **dict.fromkeys(("osc_range_deg", "phi_step_deg", "mosaic_spread_deg"), numbers),
        **{"fudge": sizes, "default_F": positives, "phi_start_deg": numbers},
        **{"phi_steps": counts, "mosaic_domains": counts, "mosaic_seed": seeds},
        "spindle_axis": directions,
    },
    "detector": {
        **dict.fromkeys(("fpixels", "spixels"), st.integers(1, 5000)),
        **dict.fromkeys(("pixel_size_mm", "distance_mm", "close_distance_mm"), positives),
        **dict.fromkeys(("detsize_f_mm", "detsize_s_mm"), st.floats(-0.4, 0.4)),
        "detector_convention": st.just(CUSTOM) | st.sampled_from(DetectorConvention),
        "detector_pivot": st.sampled_from(DetectorPivot),
        **dict.fromkeys(("beam_center_x_mm", "beam_center_y_mm", "close_x_mm"), numbers),
        **dict.fromkeys(("close_y_mm", "orgx_px", "orgy_px", "detector_rotx_deg"), numbers),
        **dict.fromkeys(("detector_roty_deg", "detector_rotz_deg"), numbers),
        "detector_twotheta_deg": numbers,
        **dict.fromkeys(("fdet_vector", "sdet_vector", "odet_vector"), directions),
        **dict.fromkeys(("twotheta_axis", "pix0_vector_m"), directions),
        **dict.fromkeys(("curved_detector", "point_pixel"), st.booleans()),
        "detector_abs_um": positives | st.just(float("inf")),
        **{"detector_thick_um": sizes, "detector_thicksteps": counts},
    },
    "beam": {
        **{"wavelength_A": positives, "polarization_factor": st.floats(-1, 1)},
        **dict.fromkeys(("nopolar", "round_div"), st.booleans()),
        **{"flux": st.floats(0, 1e15), "exposure": sizes, "beamsize_mm": positives},
        "fluence": st.floats(0, 1e30),
        **dict.fromkeys(("hdiv_range_mrad", "hdiv_step_mrad"), numbers),
        **dict.fromkeys(("vdiv_range_mrad", "vdiv_step_mrad"), numbers),
        "dispersion_percent": st.floats(0.0, 199.0),
        **dict.fromkeys(("hdiv_steps", "vdiv_steps", "dispersion_steps"), counts),
        "sources": st.just(read_sources(INPUTS / "sources3.txt")),
        **dict.fromkeys(("beam_vector", "polar_vector"), directions),
    },
    "sampling": {
        "oversample": st.integers(1, 9),
        **dict.fromkeys(("oversample_thick", "oversample_polar"), st.booleans()),
        **{"oversample_omega": st.booleans(), "interpolate": st.booleans(), "dmin_A": sizes},
    },
    "background": {"water_size_um": sizes, "terms": st.just(())},  # plugins have their own test
    "outputs": {
        **{f"{kind}file": names.map(kind.__add__) for kind in ("float", "int", "pgm", "noise")},
        "dumpfile": st.just("F.bin"),
        **dict.fromkeys(("write_pgm", "calculate_noise", "printout", "progress"), st.booleans()),
        **{"scale": numbers, "pgm_scale": numbers, "adc_offset": numbers, "noise_seed": seeds},
        "printout_pixel": st.just((0, 0)),
    },
}
VECTORS = {
    *("spindle_axis", "fdet_vector", "sdet_vector", "odet_vector", "twotheta_axis"),
    *("pix0_vector_m", "beam_vector", "polar_vector"),
}


@st.composite
def experiments(draw):
    """Experiments that a command line can say."""
    chosen = {
        section: draw(st.fixed_dictionaries({}, optional=fields))
        for section, fields in FIELDS.items()
    }
    crystal, detector, outputs = chosen["crystal"], chosen["detector"], chosen["outputs"]
    crystal.setdefault("cell_a", draw(positives))
    crystal.setdefault("default_F", 10.0)
    if crystal.get("misset_deg") == "random":
        crystal.setdefault("misset_seed", draw(seeds))
    for axis in "fs":
        if (part := detector.get(f"detsize_{axis}_mm")) is not None:
            pixels = detector.get(f"{axis}pixels", 1024)
            size = (pixels + part) * detector.get("pixel_size_mm", 0.1)
            detector[f"detsize_{axis}_mm"] = size
    if detector.get("detector_convention") is not CUSTOM:
        for fields in chosen.values():
            for name in VECTORS & fields.keys():
                del fields[name]
    factors = HKL if "dumpfile" in outputs else draw(st.none() | st.just(HKL))
    if "printout_pixel" in outputs:
        outputs["printout"] = True
    configs = {section: SECTIONS[section](**fields) for section, fields in chosen.items()}
    return Experiment(
        **configs,
        structure_factors=factors,
        roi=draw(st.none() | st.just(Roi(0, 0, 0, 1))),
        profile=draw(st.sampled_from(Profile)),
    )


def comparable(experiment):
    """The settings, with the names of files for what was read from them."""
    settings = experiment_to_settings(experiment)
    return {key: getattr(value, "source", value) for key, value in settings.items()}


def as_written(settings):
    """Settings after what a command line cannot leave open has taken its default."""
    settings = dict(settings)
    if settings["detector.detector_convention"] == CUSTOM.value:
        settings.setdefault("detector.detector_pivot", PIVOTS[CUSTOM].value)
        settings.setdefault("detector.twotheta_axis", AXES[CUSTOM].twotheta)
    for name in ("cell_b", "cell_c"):
        settings.setdefault(f"crystal.{name}", settings.get("crystal.cell_a"))
    for name in ("cell_alpha", "cell_beta", "cell_gamma"):
        settings.setdefault(f"crystal.{name}", 90)
    return settings


WITHOUT_OPTION = {"direction", "polarization_normal", "polarization_fraction", "axis"}
WITHOUT_OPTION |= {"U_matrix", "vectors_A", "fraction", "space_group"}
"""What nanoBragg has not."""


def test_the_strategy_covers_every_field():
    for section, config in SECTIONS.items():
        names = {field.name for field in dataclasses.fields(config)} - WITHOUT_OPTION
        assert names == FIELDS.get(section, {}).keys()


@pytest.mark.filterwarnings("ignore:-distance .* does not count:nb_core.errors.NbWarning")
@given(experiments())
def test_experiment_to_flags_and_back(experiment):
    arguments = experiment_to_flags(experiment)
    again = flags_to_experiment(arguments, profile=experiment.profile)
    assert as_written(comparable(again)) == as_written(comparable(experiment))
    assert all(isinstance(argument, str) for argument in arguments)


@given(experiments())
def test_experiment_to_toml_and_back(tmp_path_factory, experiment):
    path = tmp_path_factory.getbasetemp() / "round_trip.toml"
    path.write_text(experiment_to_toml(experiment, path.parent), encoding="utf-8")
    assert comparable(read_toml(path)) == comparable(experiment)


@pytest.mark.parametrize("name", CASES)
def test_a_recorded_command_line_and_back(name, tmp_path, monkeypatch):
    monkeypatch.chdir(INPUTS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NbWarning)
        experiment = flags_to_experiment(CASES[name])
    again = flags_to_experiment(experiment_to_flags(experiment))
    assert as_written(comparable(again)) == as_written(comparable(experiment))
    path = tmp_path / "experiment.toml"
    path.write_text(experiment_to_toml(experiment, tmp_path), encoding="utf-8")
    from_toml = comparable(read_toml(path))
    whole = {key: _absolute(key, value) for key, value in comparable(experiment).items()}
    assert from_toml == whole


def _absolute(key, value):
    files = ("structure_factors", "mask", "matrix", "sources")
    return str(INPUTS / value) if key.rpartition(".")[2] in files else value


def test_the_recorded_command_lines_are_all_here():
    assert len(CASES) == 141


def test_a_dump_is_named_again(tmp_path):
    dump = str(tmp_path / "F.bin")
    write_dump(dump, HKL)
    experiment = Experiment(CrystalConfig(cell_a=70), structure_factors=read_dump(dump))
    arguments = experiment_to_flags(experiment)
    assert arguments[arguments.index("-dump") + 1] == dump
    assert "-hkl" not in arguments
    assert comparable(flags_to_experiment(arguments))["experiment.structure_factors"] == dump


def test_the_header_of_a_mask_does_not_replace_what_was_chosen():
    mask, _ = read_mask(INPUTS / "header_as_mask.img")
    name = str(INPUTS / "header_as_mask.img")
    line = ["-cell", "70", "-default_F", "9", "-mask", name]
    experiment = flags_to_experiment([*line, "-distance", "100", "-lambda", "1", "-phi", "0"])
    assert experiment.detector.distance_mm == 100
    again = flags_to_experiment(experiment_to_flags(experiment))
    assert as_written(comparable(again)) == as_written(comparable(experiment))
    spixels, fpixels = mask.values.shape
    open_centre = DetectorConfig(fpixels=fpixels, spixels=spixels)
    with pytest.raises(InputError, match="header of the mask") as caught:
        experiment_to_flags(Experiment(CRYSTAL, open_centre, mask=mask))
    assert caught.value.field.startswith(("beam_center", "osc"))


CRYSTAL = CrystalConfig(cell_a=70.0, default_F=10.0)
UNWRITABLE = {
    "structure_factors": Experiment(
        CRYSTAL, structure_factors=dataclasses.replace(HKL, source=None)
    ),
    "mask": Experiment(CRYSTAL, mask=Mask(np.ones((1024, 1024), dtype=bool))),
    "matrix": Experiment(
        CrystalConfig(matrix=OrientationMatrix(torch.eye(3, dtype=torch.float64)), default_F=1.0)
    ),
    "sources": Experiment(
        CRYSTAL,
        beam=BeamConfig(sources=SourceTable(torch.ones(1, 3), torch.ones(1), torch.ones(1))),
    ),
}


@pytest.mark.parametrize("field", UNWRITABLE)
def test_what_is_in_memory_only_is_refused(field):
    with pytest.raises(InputError, match=r"in memory only.*write it to one") as caught:
        experiment_to_flags(UNWRITABLE[field])
    assert caught.value.field == field
    with pytest.raises(InputError, match=r"in memory only.*write it to one"):
        experiment_to_toml(UNWRITABLE[field])


@pytest.mark.parametrize(
    ("experiment", "field"),
    [
        (Experiment(CrystalConfig(cell_a=70)), "structure_factors"),
        (Experiment(dataclasses.replace(CRYSTAL, N_cells=(5.5, 1, 1))), "-Na"),
        (Experiment(CRYSTAL, outputs=OutputConfig(dumpfile="F.bin")), "dumpfile"),
        (Experiment(CRYSTAL, outputs=OutputConfig(printout_pixel=(1, 2))), "printout_pixel"),
    ],
)
def test_what_no_option_says_is_refused(experiment, field):
    with pytest.raises(InputError) as caught:
        experiment_to_flags(experiment)
    assert caught.value.field == field


def test_tensors_are_written_as_their_values(tmp_path):
    def tensor(*values):
        return torch.tensor(values, dtype=torch.float64, requires_grad=True)

    experiment = Experiment(
        CrystalConfig(
            cell_a=tensor(70.0),
            cell_b=tensor(80.0).squeeze(),
            default_F=tensor(9.0),
            N_cells=(tensor(3.0), 4, 5),
            misset_deg=tensor(1.0, 2.0, 3.0),
        ),
        DetectorConfig(
            pixel_size_mm=tensor(0.2),
            detsize_f_mm=tensor(204.8),
            detector_convention=CUSTOM,
            fdet_vector=(tensor(0.0), 0.0, tensor(1.0).squeeze()),
        ),
        sampling=SamplingConfig(dmin_A=tensor(1.5)),
        background=BackgroundConfig(water_size_um=tensor(2.0)),
    )
    path = tmp_path / "tensors.toml"
    path.write_text(experiment_to_toml(experiment), encoding="utf-8")
    for again in (flags_to_experiment(experiment_to_flags(experiment)), read_toml(path)):
        crystal, detector = again.crystal, again.detector
        assert (crystal.cell_a, crystal.cell_b, crystal.default_F) == (70, 80, 9)
        assert (crystal.N_cells, crystal.misset_deg) == ((3, 4, 5), (1, 2, 3))
        assert (detector.pixel_size_mm, detector.fpixels) == (0.2, 1024)
        assert (detector.detsize_f_mm, detector.fdet_vector) == (204.8, (0, 0, 1))
        assert (again.sampling.dmin_A, again.background.water_size_um) == (1.5, 2)


def test_options_at_their_defaults_are_not_written():
    assert experiment_to_flags(Experiment(dataclasses.replace(CRYSTAL, N_cells=(1, 1, 1)))) == [
        *("-cell", "70.0", "-default_F", "10.0"),
        *("-detpixels_f", "1024", "-detpixels_s", "1024"),
    ]


def test_the_pivot_of_custom_is_written_for_other_options_set_one_too():
    detector = DetectorConfig(detector_convention=CUSTOM, orgx_px=5.0, close_distance_mm=90.0)
    for profile in Profile:
        experiment = Experiment(CRYSTAL, detector, profile=profile)
        again = flags_to_experiment(experiment_to_flags(experiment), profile=profile)
        assert again.detector.detector_pivot is PIVOTS[CUSTOM]
