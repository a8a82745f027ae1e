"""An experiment refuses parts that do not fit together, by an InputError that names them."""

import dataclasses

import numpy as np
import pytest
from config_making import make as make_config

from nb_core.configs.beam import BeamConfig
from nb_core.configs.crystal import CrystalConfig
from nb_core.configs.detector import DetectorConfig
from nb_core.configs.experiment import Experiment
from nb_core.configs.output import OutputConfig
from nb_core.configs.sampling import Profile, Roi
from nb_core.conventions import DetectorConvention
from nb_core.data import Mask
from nb_core.errors import InputError
from nb_core.flags.write import experiment_to_flags
from nb_core.settings import SECTIONS

DETECTOR_VECTORS = (
    *("fdet_vector", "sdet_vector", "odet_vector", "twotheta_axis", "pix0_vector_m"),
)
BUILT_IN = [kind for kind in DetectorConvention if kind is not DetectorConvention.CUSTOM]


def make(**parts):
    """An experiment whose parts are checked by itself only, not by their annotations."""
    made = object.__new__(Experiment)
    others = {section: config() for section, config in SECTIONS.items() if section != "crystal"}
    for field in dataclasses.fields(Experiment):
        plain = others.get(field.name, field.default)
        plain = CRYSTAL if field.name == "crystal" else plain
        object.__setattr__(made, field.name, parts.get(field.name, plain))
    made.__post_init__()
    return made


CRYSTAL = CrystalConfig(cell_a=70.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, None) for name in SECTIONS),
        *((name, {}) for name in SECTIONS),
        *(("detector", CRYSTAL), ("profile", "mended"), ("profile", None)),
        *(("roi", (0, 1, 0, 1)), ("mask", np.ones((2, 2))), ("structure_factors", "p1.hkl")),
    ],
)
def test_the_parts_of_an_experiment(name, value):
    assert make() == Experiment(CRYSTAL)
    with pytest.raises(InputError) as caught:
        make(**{name: value})
    assert caught.value.field == name


@pytest.mark.parametrize(
    "roi", [(5, 2, 0, 9), (0, 9, 5, 2), (1024, 1024, 0, 9), (0, 9, 1024, 1030)]
)
def test_a_roi_with_no_pixel(roi):
    with pytest.raises(InputError, match=r"roi: .*no pixel lies in it"):
        Experiment(CRYSTAL, roi=Roi(*roi))


@pytest.mark.parametrize("bound", [-1, 1.5, True, "1", 2**31, None])
@pytest.mark.parametrize("place", range(4))
def test_the_bounds_of_a_roi_are_whole_numbers(bound, place):
    bounds = [0, 9, 0, 9]
    bounds[place] = bound
    with pytest.raises(InputError, match=r"roi: .*whole number"):
        make(roi=Roi(*bounds))


def test_a_roi_is_counted_along_its_own_axis():
    wide = DetectorConfig(fpixels=20, spixels=10)
    assert Experiment(CRYSTAL, wide, roi=Roi(15, 19, 0, 9)).roi == (15, 19, 0, 9)
    with pytest.raises(InputError, match="20 x 10 pixels"):
        Experiment(CRYSTAL, wide, roi=Roi(0, 9, 15, 19))


def test_a_mask_has_the_size_of_the_detector():
    wide = DetectorConfig(fpixels=20, spixels=10)
    assert Experiment(CRYSTAL, wide, mask=Mask(np.ones((10, 20), dtype=bool)))
    with pytest.raises(InputError, match=r"mask: \(20, 10\): a mask must have .* \(10, 20\)"):
        Experiment(CRYSTAL, wide, mask=Mask(np.ones((20, 10), dtype=bool)))


def test_the_pixel_to_print_lies_on_the_detector():
    wide = DetectorConfig(fpixels=20, spixels=10)
    assert Experiment(CRYSTAL, wide, outputs=OutputConfig(printout_pixel=(9, 19)))
    for pixel in ((10, 19), (9, 20)):
        with pytest.raises(InputError, match=r"printout_pixel: .*10 x 20 pixels"):
            Experiment(CRYSTAL, wide, outputs=OutputConfig(printout_pixel=pixel))


@pytest.mark.parametrize("convention", BUILT_IN)
def test_vectors_need_the_custom_convention(convention):
    vector = (0.0, 0.0, 1.0)
    for name in DETECTOR_VECTORS:
        with pytest.raises(InputError, match="choose detector_convention CUSTOM") as caught:
            DetectorConfig(detector_convention=convention, **{name: vector})
        assert caught.value.field == name
    detector = DetectorConfig(detector_convention=convention)
    for name, parts in (
        ("spindle_axis", {"crystal": CrystalConfig(cell_a=70.0, spindle_axis=vector)}),
        ("beam_vector", {"crystal": CRYSTAL, "beam": BeamConfig(beam_vector=vector)}),
        ("polar_vector", {"crystal": CRYSTAL, "beam": BeamConfig(polar_vector=vector)}),
    ):
        with pytest.raises(InputError, match="choose detector_convention CUSTOM") as caught:
            Experiment(**parts, detector=detector)
        assert caught.value.field == name
        custom = DetectorConfig(detector_convention=DetectorConvention.CUSTOM)
        assert Experiment(**parts, detector=custom)


VECTORS = ((70.0, 0.0, 0.0), (1.0, 80.0, 0.0), (0.0, 2.0, 90.0))
TURN = ((0.0, 1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 1.0))


@pytest.mark.parametrize(
    ("fields", "field", "remedy"),
    [
        ({"vectors_A": VECTORS, "cell_a": 70.0}, "vectors_A", "cell_a out"),
        ({"vectors_A": VECTORS[:2]}, "vectors_A", "expected 3 rows"),
        ({"vectors_A": (*VECTORS[:2], (1.0, 2.0))}, "vectors_A", "3 numbers"),
        ({"vectors_A": (VECTORS[1], VECTORS[0], VECTORS[2])}, "vectors_A", "left-handed"),
        ({"vectors_A": (VECTORS[0], VECTORS[0], VECTORS[2])}, "vectors_A", "no volume"),
        ({"U_matrix": TURN}, "U_matrix", "give cell_a"),
        ({"U_matrix": VECTORS, "cell_a": 70.0}, "U_matrix", "no rotation"),
        ({"U_matrix": (TURN[1], TURN[0], TURN[2]), "cell_a": 70.0}, "U_matrix", "right-handed"),
    ],
)
def test_vectors_that_make_no_crystal(fields, field, remedy):
    with pytest.raises(InputError) as caught:
        make_config(CrystalConfig, **fields)
    assert caught.value.field == field
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("fields", [{"vectors_A": VECTORS}, {"cell_a": 70.0, "U_matrix": TURN}])
def test_nanobragg_has_no_real_vectors(fields):
    crystal = CrystalConfig(**fields)
    with pytest.raises(InputError, match="corrected"):
        Experiment(crystal, profile=Profile.REFERENCE)
    with pytest.raises(InputError, match="TOML"):
        experiment_to_flags(Experiment(crystal))


def test_lists_and_arrays_of_vectors_are_taken():
    expected = CrystalConfig(vectors_A=VECTORS)
    for given in ([list(row) for row in VECTORS], np.array(VECTORS)):
        assert make_config(CrystalConfig, vectors_A=given) == expected
