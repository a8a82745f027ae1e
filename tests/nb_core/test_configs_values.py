"""Configs take NumPy's values, lists and names; they compare by value and say what they hold."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from config_making import make

from nb_core.configs.beam import BeamConfig
from nb_core.configs.crystal import CrystalConfig, CrystalShape
from nb_core.configs.detector import DetectorConfig
from nb_core.configs.experiment import Experiment
from nb_core.configs.output import OutputConfig
from nb_core.configs.sampling import Profile, SamplingConfig
from nb_core.conventions import DetectorConvention, DetectorPivot
from nb_core.errors import InputError

CUSTOM = DetectorConvention.CUSTOM
CRYSTAL = make(CrystalConfig, cell_a=70.0)


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint16, np.array])
def test_numpy_whole_numbers_are_taken_as_counts(kind):
    detector = make(DetectorConfig, fpixels=kind(32), spixels=kind(16))
    assert (detector.fpixels, type(detector.fpixels)) == (32, int)
    assert make(SamplingConfig, oversample=kind(2)).oversample == 2
    assert make(OutputConfig, noise_seed=kind(3)).noise_seed == 3
    assert make(CrystalConfig, cell_a=70.0, phi_steps=kind(4)).phi_steps == 4


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, np.array, int])
def test_numpy_numbers_and_arrays_without_axes_are_taken_as_numbers(kind):
    detector = make(DetectorConfig, distance_mm=kind(150), detector_rotx_deg=kind(-2))
    assert (detector.distance_mm, detector.detector_rotx_deg) == (150, -2)
    assert not isinstance(detector.distance_mm, np.generic | np.ndarray)
    assert make(BeamConfig, wavelength_A=kind(2)).wavelength_A == 2


@pytest.mark.parametrize("kind", [np.array, list, tuple])
def test_arrays_and_lists_are_taken_as_vectors(kind):
    crystal = make(
        CrystalConfig,
        cell_a=70.0,
        misset_deg=kind([1.0, 2.0, 3.0]),
        N_cells=kind([np.int64(5), 6, 7]),
    )
    assert (crystal.misset_deg, crystal.N_cells) == ((1.0, 2.0, 3.0), (5, 6, 7))
    detector = make(DetectorConfig, detector_convention=CUSTOM, pix0_vector_m=kind([0.1, 0.0, 0.2]))
    assert detector.pix0_vector_m == (0.1, 0.0, 0.2)
    assert make(OutputConfig, printout_pixel=kind([4, 5])).printout_pixel == (4, 5)


@pytest.mark.parametrize("name", ["xds", "XDS", "Xds", " xds "])
def test_a_choice_may_be_named_by_name_or_value(name):
    assert (
        make(DetectorConfig, detector_convention=name).detector_convention is DetectorConvention.XDS
    )


def test_every_choice_may_be_named():
    detector = make(DetectorConfig, detector_pivot="Sample")
    assert detector.detector_pivot is DetectorPivot.SAMPLE
    assert make(CrystalConfig, cell_a=70.0, shape="GAUSS").shape is CrystalShape.GAUSS
    assert make(Experiment, CRYSTAL, profile="Corrected").profile is Profile.CORRECTED


NOT_NUMBERS = [
    *(True, np.bool_(True), np.array(True), np.array([1.0]), np.array([1.0, 2.0])),
    *(np.array("5"), np.str_("5"), np.array(None, dtype=object), np.complex128(1)),
    *(math.nan, np.nan, np.float32("nan"), np.array(np.nan), np.float64("inf"), np.zeros(100)),
]


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=repr)
@pytest.mark.parametrize("field", ["distance_mm", "detector_rotx_deg", "fpixels"])
def test_switches_words_and_nan_are_refused_where_a_number_is_meant(field, value):
    with pytest.raises(InputError, match=rf"^{field}: "):
        make(DetectorConfig, **{field: value})


@pytest.mark.parametrize(
    "value",
    [
        *(np.array([1.0, np.nan, 0.0]), [1.0, math.inf, 0.0], np.array([True, False, True])),
        *(np.ones(2), np.ones((3, 1)), [1, 2], [[1], [2], [3]], np.array(["1", "2", "3"])),
    ],
    ids=repr,
)
def test_arrays_that_are_no_vector_of_finite_numbers_are_refused(value):
    with pytest.raises(InputError, match=r"^misset_deg: "):
        make(CrystalConfig, cell_a=70.0, misset_deg=value)
    with pytest.raises(InputError, match=r"^fdet_vector: "):
        make(DetectorConfig, detector_convention=CUSTOM, fdet_vector=value)


def vectors(*numbers):
    exact = tuple(float(number) for number in numbers)
    return [
        exact,
        list(numbers),
        np.array(numbers),
        torch.tensor(exact, dtype=torch.float64),
        torch.tensor(exact, dtype=torch.float64, requires_grad=True),
        (torch.tensor(exact[0]), *exact[1:]),
    ]


@pytest.mark.parametrize("value", vectors(1, 2, 3), ids=lambda value: type(value).__name__)
def test_configs_are_equal_where_their_values_are(value):
    def made(vector):
        crystal = make(CrystalConfig, cell_a=70.0, misset_deg=vector)
        return make(Experiment, crystal, make(DetectorConfig, distance_mm=100), BeamConfig())

    other, same = made((1.0, 2.0, 4.0)), made((1.0, 2.0, 3.0))
    assert made(value) == same
    assert hash(made(value)) == hash(same)
    assert made(value) != other
    assert made(value).crystal != made(value).detector
    assert len({made(value), same, other}) == 2


def test_a_tensor_equals_its_number():
    by_tensor = make(BeamConfig, wavelength_A=torch.tensor([1.5], dtype=torch.float64))
    assert by_tensor == make(BeamConfig, wavelength_A=1.5)
    assert by_tensor != make(BeamConfig, wavelength_A=torch.tensor(1.6))


def test_the_text_of_a_config_shows_what_was_said():
    assert repr(DetectorConfig()) == "DetectorConfig()"
    detector = make(
        DetectorConfig,
        fpixels=np.int64(32),
        distance_mm=torch.tensor(150.0, requires_grad=True),
        detector_convention="custom",
        detector_rotx_deg=0.1 + 0.2,
        pix0_vector_m=torch.tensor([0.5, 0.25, 0.125]),
    )
    assert repr(detector) == (
        "DetectorConfig(fpixels=32, distance_mm=tensor(150, requires_grad), "
        "detector_convention=CUSTOM, detector_rotx_deg=0.3, "
        "pix0_vector_m=tensor((0.5, 0.25, 0.125)))"
    )


def test_the_text_of_an_experiment_fits_on_a_screen():
    text = repr(make(Experiment, CRYSTAL, make(DetectorConfig, detector_convention="xds")))
    assert text.startswith("Experiment(crystal=CrystalConfig(cell_a=70), detector=Detector")
    assert "detector_convention=XDS" in text
    assert len(text) < 400


def test_a_config_with_one_field_replaced_is_another_one():
    detector = make(
        DetectorConfig, detector_convention=CUSTOM, fdet_vector=torch.eye(3)[0].double()
    )
    assert dataclasses.replace(detector) == detector
    assert dataclasses.replace(detector, fpixels=5) != detector
