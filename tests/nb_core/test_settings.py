"""Experiments as flat settings."""

import dataclasses
from pathlib import Path

import pytest
import torch

from nb_core.configs.beam import BeamConfig
from nb_core.configs.crystal import CrystalConfig
from nb_core.configs.detector import DetectorConfig
from nb_core.configs.experiment import Experiment
from nb_core.configs.sampling import Profile, Roi
from nb_core.conventions import DetectorConvention
from nb_core.errors import InputError
from nb_core.formats.hkl import read_hkl
from nb_core.settings import (
    CUSTOM_VECTORS,
    ENUMS,
    SECTIONS,
    experiment_to_settings,
    settings_to_experiment,
)

INPUTS = Path(__file__).parents[1] / "golden" / "inputs"
PLAIN = Experiment(CrystalConfig(cell_a=70.0))


def test_settings_name_every_field_that_has_a_value():
    settings = experiment_to_settings(PLAIN)
    for section, config in SECTIONS.items():
        for field in dataclasses.fields(config):
            value = getattr(getattr(PLAIN, section), field.name)
            value = None if value in ((None, None, None), ()) else value
            assert (f"{section}.{field.name}" in settings) == (value is not None)
    assert settings["experiment.profile"] == "corrected"
    assert settings["crystal.shape"] == "square"
    assert settings["crystal.N_cells"] == (5, 5, 5)
    assert "crystal.cell_b" not in settings
    assert "experiment.roi" not in settings


def test_the_sections_are_the_configs_of_an_experiment():
    configs = {
        field.name
        for field in dataclasses.fields(Experiment)
        if dataclasses.is_dataclass(getattr(PLAIN, field.name))
    }
    assert configs == set(SECTIONS)


def test_the_enumerations_and_vectors_are_fields():
    names = {
        f"{section}.{field.name}"
        for section, config in SECTIONS.items()
        for field in dataclasses.fields(config)
    }
    assert set(CUSTOM_VECTORS) <= names
    assert set(ENUMS) - {"experiment.profile"} <= names


def test_settings_and_back_keep_tensors_and_objects_themselves():
    length = torch.tensor(70.0, requires_grad=True)
    distance = torch.tensor(90.0, requires_grad=True)
    experiment = Experiment(
        CrystalConfig(cell_a=length, sample_size_mm=(None, 0.1, None)),
        DetectorConfig(distance_mm=distance, detector_convention=DetectorConvention.XDS),
        structure_factors=read_hkl(INPUTS / "six.hkl"),
        roi=Roi(1, 2, 3, 4),
        profile=Profile.CORRECTED,
    )
    again = settings_to_experiment(experiment_to_settings(experiment))
    assert again.crystal.cell_a is length
    assert again.detector.distance_mm is distance
    assert again.structure_factors is experiment.structure_factors
    assert again == experiment


def test_settings_are_left_as_they_were():
    settings = {"crystal.cell_a": 70.0, "crystal.sample_size_mm.1": 3.0, "size.fpixels": 9}
    settings |= {"roi.xmin": 1, "roi.xmax": -1, "roi.ymin": 0, "roi.ymax": 2}
    before = dict(settings)
    experiment = settings_to_experiment(settings)
    assert settings == before
    assert experiment.roi == (1, 9, 0, 2)


def test_one_entry_of_a_tuple_keeps_the_others():
    settings = experiment_to_settings(PLAIN) | {
        "crystal.N_cells.1": 3,
        "crystal.sample_size_mm.2": 0.5,
    }
    crystal = settings_to_experiment(settings).crystal
    assert crystal.N_cells == (5, 3, 5)
    assert crystal.sample_size_mm == (None, None, 0.5)


def test_a_size_and_a_pixel_may_be_tensors_with_gradients():
    size = torch.tensor(50.0, requires_grad=True)
    pixel = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)
    settings = experiment_to_settings(PLAIN)
    settings |= {"size.detsize_f_mm": size, "detector.pixel_size_mm": pixel}
    detector = settings_to_experiment(settings).detector
    assert detector.fpixels == 250
    assert detector.detsize_f_mm is size


@pytest.mark.parametrize(
    ("size", "pixel", "pixels"),
    [(10.0, 1.0, 10), (10.4, 1.0, 10), (10.5, 1.0, 10), (10.6, 1.0, 11), (102.4, 0.1, 1024)],
)
def test_half_a_pixel_counts_down(size, pixel, pixels):
    settings = {"crystal.cell_a": 70.0, "detector.pixel_size_mm": pixel, "size.detsize_s_mm": size}
    assert settings_to_experiment(settings).detector.spixels == pixels


def test_none_is_the_default():
    settings = {"crystal.cell_a": 70.0, "crystal.fudge": None, "beam.wavelength_A": None}
    experiment = settings_to_experiment(settings)
    assert experiment.crystal.fudge == 1
    assert experiment.beam == BeamConfig()


def test_an_unknown_word_names_those_that_are_known():
    with pytest.raises(InputError, match="shape: cube: expected a CrystalShape, one of: square"):
        settings_to_experiment({"crystal.cell_a": 70.0, "crystal.shape": "cube"})
