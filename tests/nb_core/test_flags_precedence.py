"""Which of several options counts, and how options change a base experiment."""

from pathlib import Path

import pytest

from nb_core.configs.beam import BeamConfig
from nb_core.configs.crystal import CrystalConfig
from nb_core.configs.detector import DetectorConfig
from nb_core.configs.experiment import Experiment
from nb_core.configs.output import OutputConfig
from nb_core.configs.sampling import Profile
from nb_core.conventions import DetectorConvention, DetectorPivot
from nb_core.errors import InputError, NbWarning
from nb_core.flags.read import flags_to_experiment
from nb_core.formats.fdump import write_dump
from nb_core.formats.hkl import read_hkl
from nb_core.settings import experiment_to_settings

INPUTS = Path(__file__).parents[1] / "golden" / "inputs"
CRYSTAL = ["-cell", "70", "80", "90", "75", "85", "95", "-default_F", "100"]
pytestmark = pytest.mark.filterwarnings(
    "ignore:.* BEAM_CENTER .* is taken as mosflm's:nb_core.errors.NbWarning"
)
"""The header of these tests names no program; that it is told of is tested with behaviour 26."""

HEADER, AS_MASK = INPUTS / "header.img", INPUTS / "header_as_mask.img"


def read(line, **more):
    """The experiment of a crystal and the options of `line`."""
    return flags_to_experiment([*CRYSTAL, *line.split()], **more)


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ("-N 5 -Na 3", (3, 5, 5)),
        ("-Na 3 -N 5", (5, 5, 5)),
        ("-Nb 2 -N 5 -Nc 7", (5, 5, 7)),
        ("-N 5 -N 6", (6, 6, 6)),
    ],
)
def test_cells_along_one_edge_and_along_all(line, cells):
    assert read(line).crystal.N_cells == cells


@pytest.mark.parametrize(
    ("line", "widths"),
    [
        ("-xtalsize 0.1 -sample_x 0.2", (0.2, 0.1, 0.1)),
        ("-sample_x 0.2 -samplesize 0.1", (0.1, 0.1, 0.1)),
        ("-width 0.2 -xtal_y 0.3", (None, 0.3, None)),
    ],
)
def test_widths_along_one_edge_and_along_all(line, widths):
    assert read(line).crystal.sample_size_mm == widths


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("-lambda 2 -energy 12398.42", "wavelength_A", 1.0),
        ("-energy 12398.42 -lambda 2", "wavelength_A", 2.0),
        ("-lambda 2 -lambda 3", "wavelength_A", 3.0),
        ("-nopolar -polar 0.5", "nopolar", False),
        ("-polar 0.5 -nopolar", "nopolar", True),
        ("-polar 0.5 -nopolar", "polarization_factor", 0.5),
        ("-divergence 3 -hdivrange 2", "hdiv_range_mrad", 2.0),
        ("-hdivrange 2 -divergence 3", "hdiv_range_mrad", 3.0),
        ("-divsteps 3 -vdivsteps 2", "vdiv_steps", 2),
        ("-vdivsteps 2 -divsteps 3", "vdiv_steps", 3),
        ("-round_div -square_div", "round_div", False),
        ("-square_div -round_div", "round_div", True),
    ],
)
def test_the_last_option_counts_for_the_beam(line, field, value):
    assert getattr(read(line).beam, field) == value


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("-distance 50 -distance 60 -distance 70", "distance_mm", 70),
        ("-detpixels 100 -detpixels_f 90", "fpixels", 90),
        ("-detpixels_f 90 -detpixels 100", "fpixels", 100),
        ("-detsize 50 -detsize_s 60", "detsize_s_mm", 60),
        ("-detsize_s 60 -detsize 50", "spixels", 500),
        ("-detsize 50 -pixel 0.2", "fpixels", 250),
        ("-pixel 0.2 -detsize 50", "fpixels", 250),
        ("-pixel 0.2", "fpixels", 512),
        ("-xds -mosflm", "detector_convention", DetectorConvention.MOSFLM),
        ("-mosflm -xds", "detector_convention", DetectorConvention.XDS),
    ],
)
def test_the_last_option_counts_for_the_detector(line, field, value):
    assert getattr(read(line).detector, field) == value


def test_pixels_win_over_a_size_with_a_warning():
    for line in ("-detsize 50 -detpixels 100", "-detpixels 100 -detsize 50"):
        with pytest.warns(NbWarning, match="-detsize_. is overridden by the number of pixels"):
            detector = read(line).detector
        assert (detector.fpixels, detector.spixels) == (100, 100)
        assert (detector.detsize_f_mm, detector.detsize_s_mm) == (None, None)


@pytest.mark.parametrize(("line", "value"), [("-interpolate -nointerpolate", False)])
def test_the_last_of_two_switches_counts(line, value):
    assert read(line).sampling.interpolate is value
    assert read(" ".join(reversed(line.split()))).sampling.interpolate is not value


def test_misset_random_and_angles():
    assert read("-misset random -misset 1 2 3").crystal.misset_deg == (1, 2, 3)
    assert read("-misset 1 2 3 -misset random -seed 1").crystal.misset_deg == "random"


def test_a_second_cell_replaces_all_of_the_first():
    crystal = read("-cell 50").crystal
    assert (crystal.cell_a, crystal.cell_b, crystal.cell_alpha) == (50, None, None)


def test_a_convention_replaces_vectors_named_before_it():
    with pytest.warns(NbWarning, match="fdet_vector, beam_vector: replaced by the convention"):
        experiment = read("-fdet_vector 0 0 1 -beam_vector 1 0 0 -xds")
    assert experiment.detector.detector_convention is DetectorConvention.XDS
    assert experiment.detector.fdet_vector is None
    assert experiment.beam.beam_vector is None


@pytest.mark.parametrize("name", ["-img", "-mask"])
def test_options_override_a_header_wherever_they_stand(name):
    for line in ("-distance 77 {} -lambda 3 -phi 4", "{} -distance 77 -lambda 3 -phi 4"):
        experiment = read(line.format(f"{name} {AS_MASK}"))
        assert experiment.detector.distance_mm == 77
        assert experiment.beam.wavelength_A == 3
        assert experiment.crystal.phi_start_deg == 4


def test_pixels_on_the_line_override_those_of_an_image():
    detector = read(f"-detpixels 64 -img {HEADER}").detector
    assert (detector.fpixels, detector.spixels) == (64, 64)
    detector = read(f"-img {HEADER} -detpixels_f 64").detector
    assert (detector.fpixels, detector.spixels) == (64, 120)


def test_the_pixels_of_an_image_override_a_size_on_the_line_with_a_warning():
    with pytest.warns(NbWarning, match="-detsize_. is overridden"):
        detector = read(f"-detsize 50 -img {HEADER}").detector
    assert (detector.fpixels, detector.spixels) == (100, 120)


def test_an_image_overrides_a_mask_key_by_key(tmp_path):
    def smv(name, keys):
        text = (
            "{\nHEADER_BYTES=512;\nDIM=2;\nBYTE_ORDER=little_endian;\nTYPE=unsigned_short;\n"
            f"SIZE1=2;\nSIZE2=2;\n{keys}}}\f"
        )
        (tmp_path / name).write_bytes(text.ljust(512).encode() + b"\1\0" * 4)
        return tmp_path / name

    mask = smv("mask.img", "DISTANCE=90;\nWAVELENGTH=1.5;\n")
    image = smv("img.img", "DISTANCE=80;\nPHI=3;\n")
    for line in (f"-mask {mask} -img {image}", f"-img {image} -mask {mask}"):
        experiment = read(line)
        assert experiment.detector.distance_mm == 80
        assert experiment.beam.wavelength_A == 1.5
        assert experiment.crystal.phi_start_deg == 3
        assert experiment.mask.source == str(mask)


BASE = Experiment(
    CrystalConfig(cell_a=50.0, cell_b=60.0, N_cells=(2, 3, 4), misset_deg=(1.0, 2.0, 3.0)),
    DetectorConfig(fpixels=100, spixels=200, distance_mm=80.0),
    BeamConfig(wavelength_A=2.0, polarization_factor=0.5),
    profile=Profile.CORRECTED,
    outputs=OutputConfig(noise_seed=7, floatfile="a.bin"),
)


def test_no_options_leave_a_base_as_it_is():
    assert flags_to_experiment([], base=BASE) == BASE


def test_options_replace_what_they_name_in_a_base():
    line = "-distance 70 -Na 9 -lambda 3"
    experiment = flags_to_experiment(line.split(), base=BASE)
    expected = experiment_to_settings(BASE) | {
        "detector.distance_mm": 70.0,
        "crystal.N_cells": (9, 3, 4),
        "beam.wavelength_A": 3.0,
    }
    assert experiment_to_settings(experiment) == expected


def test_the_profile_is_the_base_s_unless_it_is_given():
    assert flags_to_experiment([], base=BASE).profile is Profile.CORRECTED
    reference = flags_to_experiment([], base=BASE, profile=Profile.REFERENCE)
    assert reference.profile is Profile.REFERENCE
    assert flags_to_experiment(CRYSTAL).profile is Profile.REFERENCE
    assert flags_to_experiment(CRYSTAL, profile=Profile.CORRECTED).profile is Profile.CORRECTED


def test_a_base_cell_is_replaced_as_a_whole():
    crystal = flags_to_experiment(["-cell", "40"], base=BASE).crystal
    assert (crystal.cell_a, crystal.cell_b) == (40, None)


def test_a_random_orientation_takes_the_base_s_seed():
    crystal = flags_to_experiment(["-misset", "random"], base=BASE).crystal
    assert (crystal.misset_deg, crystal.misset_seed) == ("random", 7)


def test_a_base_given_by_pixels_keeps_them():
    detector = flags_to_experiment(["-pixel", "0.2"], base=BASE).detector
    assert (detector.fpixels, detector.spixels, detector.pixel_size_mm) == (100, 200, 0.2)
    detector = flags_to_experiment(["-detsize_f", "50"], base=BASE).detector
    assert (detector.fpixels, detector.detsize_f_mm, detector.spixels) == (500, 50, 200)


def test_a_base_given_by_its_size_keeps_that():
    base = flags_to_experiment([*CRYSTAL, "-detsize", "50"])
    detector = flags_to_experiment(["-pixel", "0.2"], base=base).detector
    assert (detector.fpixels, detector.detsize_f_mm) == (250, 50)
    detector = flags_to_experiment(["-detpixels_f", "30"], base=base).detector
    assert (detector.fpixels, detector.detsize_f_mm) == (30, None)
    assert (detector.spixels, detector.detsize_s_mm) == (500, 50)


def test_a_header_replaces_the_camera_of_a_base():
    detector = flags_to_experiment(["-img", str(HEADER)], base=BASE).detector
    assert (detector.fpixels, detector.spixels, detector.distance_mm) == (100, 120, 120)


def test_an_explicit_pivot_of_a_corrected_custom_base_is_kept():
    custom = DetectorConfig(
        detector_convention=DetectorConvention.CUSTOM, detector_pivot=DetectorPivot.SAMPLE
    )
    for profile, pivot in (
        (Profile.CORRECTED, DetectorPivot.SAMPLE),
        (Profile.REFERENCE, DetectorPivot.BEAM),
    ):
        base = Experiment(CrystalConfig(cell_a=50.0), custom, profile=profile)
        detector = flags_to_experiment(["-distance", "70"], base=base).detector
        assert detector.detector_pivot is pivot


def test_a_dump_beside_the_list_of_a_base_is_written(tmp_path):
    factors = read_hkl(INPUTS / "six.hkl")
    base = Experiment(CrystalConfig(cell_a=50.0), structure_factors=factors)
    experiment = flags_to_experiment(["-dump", "F.bin"], base=base)
    assert experiment.structure_factors is factors
    assert experiment.outputs.dumpfile == "F.bin"
    write_dump(tmp_path / "G.bin", factors)
    bare = Experiment(CrystalConfig(cell_a=50.0))
    experiment = flags_to_experiment(["-dump", str(tmp_path / "G.bin")], base=bare)
    assert experiment.structure_factors.kind == "dump"


def test_a_new_list_replaces_that_of_a_base():
    base = Experiment(CrystalConfig(cell_a=50.0), structure_factors=read_hkl(INPUTS / "six.hkl"))
    experiment = flags_to_experiment(["-hkl", str(INPUTS / "sparse.hkl")], base=base)
    assert experiment.structure_factors.source == str(INPUTS / "sparse.hkl")


def test_a_detector_that_no_longer_fits_the_base_s_mask_is_refused():
    base = read(f"-mask {AS_MASK}")
    with pytest.raises(InputError, match="a mask must have the detector's size"):
        flags_to_experiment(["-detpixels", "7"], base=base)


CLOSE_WINS = r"^-distance 60 does not count: the close distance, 50 mm .* wins over it$"


@pytest.mark.parametrize(
    "line", ["-close_distance 50 -distance 60", "-distance 60 -close_distance 50"]
)
def test_a_distance_beside_a_close_distance_is_told_of(line):
    with pytest.warns(NbWarning, match=CLOSE_WINS):
        detector = read(line).detector
    assert (detector.distance_mm, detector.close_distance_mm) == (60, 50)


def test_a_distance_beside_the_close_distance_of_the_base_is_told_of():
    with pytest.warns(NbWarning, match=CLOSE_WINS):
        read("-distance 60", base=read("-close_distance 50"))


@pytest.mark.parametrize(
    ("line", "profile"),
    [
        ("-close_distance 50 -distance 50", Profile.REFERENCE),
        ("-close_distance 50 -distance 60 -pix0_vector_mm -32 -32 100", Profile.CORRECTED),
    ],
)
def test_two_distances_that_differ_in_nothing_are_not_told_of(line, profile):
    read(line, profile=profile)


def test_two_distances_of_a_tilted_detector_are_told_of():
    with pytest.warns(NbWarning, match="^-distance 50 does not count"):
        read("-close_distance 50 -distance 50 -detector_rotz 10")
