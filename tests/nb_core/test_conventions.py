"""The axes of the detector conventions."""

import numpy as np
import pytest

from nb_core.conventions import AXES, PIVOTS, DetectorConvention, DetectorPivot

BUILT_IN = [kind for kind in DetectorConvention if kind is not DetectorConvention.CUSTOM]


def test_every_convention_has_axes_and_a_pivot():
    assert AXES.keys() == PIVOTS.keys() == set(DetectorConvention)


@pytest.mark.parametrize("convention", DetectorConvention)
def test_axes_are_unit_vectors_and_the_detector_is_square_to_the_beam(convention):
    axes = AXES[convention]
    for name in ("beam", "fast", "slow", "normal", "twotheta", "polarization", "spindle"):
        assert np.linalg.norm(getattr(axes, name)) == 1
    assert np.dot(axes.fast, axes.slow) == 0
    assert np.cross(axes.fast, axes.slow).tolist() == list(axes.normal) or convention is (
        DetectorConvention.ADXV
    )
    assert axes.normal == axes.beam
    assert np.dot(axes.polarization, axes.beam) == 0
    assert np.dot(axes.spindle, axes.beam) == 0


def test_mosflm_denzo_and_custom_share_the_lab():
    mosflm = AXES[DetectorConvention.MOSFLM]
    assert AXES[DetectorConvention.DENZO] == mosflm
    assert (mosflm.beam, mosflm.fast, mosflm.slow) == ((1, 0, 0), (0, 0, 1), (0, -1, 0))
    assert (mosflm.twotheta, mosflm.spindle) == ((0, 0, -1), (0, 0, 1))


@pytest.mark.parametrize(
    ("convention", "fast", "slow", "twotheta", "spindle"),
    [
        (DetectorConvention.XDS, (1, 0, 0), (0, 1, 0), (1, 0, 0), (1, 0, 0)),
        (DetectorConvention.DIALS, (1, 0, 0), (0, 1, 0), (0, 1, 0), (0, 1, 0)),
        (DetectorConvention.ADXV, (1, 0, 0), (0, -1, 0), (-1, 0, 0), (1, 0, 0)),
        (DetectorConvention.CUSTOM, (0, 0, 1), (0, -1, 0), (0, 1, 0), (0, 0, 1)),
    ],
)
def test_the_axes_of(convention, fast, slow, twotheta, spindle):
    axes = AXES[convention]
    assert (axes.fast, axes.slow) == (fast, slow)
    assert (axes.twotheta, axes.spindle) == (twotheta, spindle)
    assert axes.polarization == spindle


def test_xds_and_dials_turn_about_the_sample_and_the_others_about_the_beam():
    sample = {DetectorConvention.XDS, DetectorConvention.DIALS}
    for convention, pivot in PIVOTS.items():
        assert (pivot is DetectorPivot.SAMPLE) == (convention in sample)


def test_the_names_are_those_of_toml_files():
    assert [kind.value for kind in BUILT_IN] == ["mosflm", "xds", "dials", "adxv", "denzo"]
    assert [pivot.value for pivot in DetectorPivot] == ["beam", "sample"]
