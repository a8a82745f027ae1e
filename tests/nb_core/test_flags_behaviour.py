"""The numbered lines of the behaviour table that concern the command line."""

import math
from pathlib import Path

import numpy as np
import pytest

from nb_core.configs.sampling import Profile
from nb_core.conventions import DetectorConvention, DetectorPivot, centre_to_beam_point
from nb_core.errors import InputError, NbWarning, SlipWarning
from nb_core.flags import read as flags_read
from nb_core.flags.parse import find_option
from nb_core.flags.read import flags_to_experiment
from nb_core.flags.table import OPTIONS
from nb_core.formats.fdump import write_dump
from nb_core.formats.hkl import read_hkl

INPUTS = Path(__file__).parents[1] / "golden" / "inputs"
CRYSTAL = ["-cell", "70", "80", "90", "75", "85", "95", "-default_F", "100"]
BEAM, SAMPLE = DetectorPivot.BEAM, DetectorPivot.SAMPLE


def read(line, **more):
    """The experiment of a crystal and the options of `line`."""
    return flags_to_experiment([*CRYSTAL, *line.split()], **more)


def smv(path, keys, shape=(3, 4), order="little_endian", data=None):
    """An SMV file whose header has `keys`, given as lines."""
    text = (
        f"{{\nHEADER_BYTES=512;\nDIM=2;\nBYTE_ORDER={order};\nTYPE=unsigned_short;\n"
        f"SIZE1={shape[1]};\nSIZE2={shape[0]};\n{keys}}}\f"
    )
    pixels = np.ones(shape, dtype=np.uint16) if data is None else data
    kind = "<u2" if order == "little_endian" else ">u2"
    path.write_bytes(text.ljust(512).encode() + pixels.astype(kind).tobytes())
    return str(path)


@pytest.mark.parametrize(
    ("name", "option"), [(name, option) for option in OPTIONS for name in option.names]
)
def test_behaviour_01_every_documented_name_is_found_as_itself(name, option):
    assert find_option(name) is option


def test_behaviour_01_no_name_is_documented_twice():
    names = [name for option in OPTIONS for name in option.names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("-matrix", "-mat"),
        ("-matfile", "-mat"),
        ("-detector_absorb", "-detector_abs"),
        ("-detector_absorption", "-detector_abs"),
        ("-wavelength", "-lambda"),
        ("-waves", "-lambda"),
        ("-lambda0", "-lambda"),
        ("--lambda", "-lambda"),
        ("--cell", "-cell"),
        ("-floatimage", "-floatfile"),
        ("-intimages", "-intfile"),
        ("-pgmimage", "-pgmfile"),
        ("-noiseimage", "-noisefile"),
        ("-mosaicity", "-mosaic"),
        ("-mosaic_spread", "-mosaic"),
        ("-mosaic_spreading", "-mosaic"),
        ("-mosaic_domain", "-mosaic_domains"),
        ("-misset_seeds", "-misset_seed"),
        ("-missets", "-misset"),
        ("-twotheta_axis2", "-twotheta_axis"),
        ("-oversample_thickness", "-oversample_thick"),
        ("-oversamples", "-oversample"),
        ("-phistepsize", "-phisteps"),
        ("-hdivstepsize", "-hdivsteps"),
        ("-sample_heights", "-sample_z"),
        ("-heigh", "-sample_z"),
        ("-widths", "-sample_y"),
        ("-detpixels_fast", "-detpixels_f"),
        ("-detpixels_xy", "-detpixels_f"),
        ("-detsize_slow", "-detsize_s"),
        ("-printout_pixels", "-printout_pixel"),
        ("-interpolated", "-interpolate"),
        ("-distance_mm", "-distance"),
        ("-pivots", "-pivot"),
        ("-Natoms", "-Na"),
    ],
)
def test_behaviour_01_longer_spellings(spelling, name):
    option = find_option(spelling)
    assert option is not None
    assert option.name == name


@pytest.mark.parametrize(
    "spelling",
    ["-Na-Nb", "-hkl-dump", "-mosaic_domains-mosaic_seed", "-distance-close_distance", "-cell-mat"],
)
def test_behaviour_01_spellings_of_two_options_are_refused(spelling):
    assert find_option(spelling) is None
    with pytest.raises(InputError, match="unknown option"):
        read(f"{spelling} 5")


@pytest.mark.parametrize(
    "spelling",
    [
        *("-N5", "-detpixels1", "-detsizes", "-detector_thickness", "-phis", "-phistep_"),
        *("-hdivstep_", "-polarization", "-mosaics", "-stols", "-Qs", "-mosaic_"),
    ],
)
def test_behaviour_01_names_that_the_program_takes_only_exactly(spelling):
    assert find_option(spelling) is None


def test_behaviour_02_twotheta_axis_does_not_set_twotheta():
    detector = read("-twotheta_axis 12 3 4").detector
    assert detector.detector_twotheta_deg == 0
    assert detector.twotheta_axis == (12, 3, 4)
    assert detector.detector_pivot is None


def test_behaviour_03_misset_seed_does_not_set_misset():
    crystal = read("-misset_seed 17 -distance 50").crystal
    assert crystal.misset_deg is None
    assert crystal.misset_seed == 17
    assert read("-misset 1 2 3 -misset_seed 17").crystal.misset_deg == (1, 2, 3)


@pytest.mark.parametrize("option", [o for o in OPTIONS if o.values], ids=lambda o: o.name)
def test_behaviour_04_a_missing_value_is_an_error_at_the_end_and_before_an_option(option):
    for rest in ([], ["-nopgm"]):
        with pytest.raises(InputError, match="after it") as caught:
            flags_to_experiment([*CRYSTAL, option.name, *rest])
        assert caught.value.field == option.name


@pytest.mark.parametrize(
    ("line", "near"),
    [
        ("-hdiv 5", "-hdivrange"),
        ("-vdiv 0.28", "-vdivrange"),
        ("-dispstep 3", "-dispsteps"),
        ("-detsize_x 64", "-detsize_f"),
        ("-detsize_y 64", "-detsize_s"),
        ("-xdet_vector 1 0 0", "-fdet_vector"),
        ("-ydet_vector 1 0 0", "-sdet_vector"),
        ("-Zdet_vector 1 0 0", "-odet_vector"),
        ("-thick 1.2", "-sample_thick"),
        ("-device cuda", "--device, before the --"),
        ("-detektor_rotx 5", "-detector_rotx"),
        ("-Distance 5", "-distance"),
        ("-polarisation 5", "-polar"),
        ("-xbeam 5", "-Xbeam"),
    ],
)
def test_behaviour_05_an_unknown_option_names_the_nearest(line, near):
    with pytest.raises(InputError, match=f"did you mean {near}\\?") as caught:
        read(line)
    assert caught.value.field == line.split()[0]
    assert "--ignore-unknown-flags" in caught.value.remedy


@pytest.mark.parametrize("line", ["-hdiv 0", "-vdiv 0.0", "-hdiv 0 -vdiv 0", "-dispstep 0"])
def test_behaviour_05_a_zero_that_is_the_default_is_left_out_with_a_warning(line):
    with pytest.warns(NbWarning, match="is left out: the option is called -") as caught:
        experiment = read(f"{line} -distance 70")
    assert len(caught) == len(line.split()) // 2
    assert experiment == read("-distance 70")


def test_behaviour_05_a_zero_after_any_other_unknown_option_is_refused():
    for line in ("-detsize_x 0", "-hdiv", "-hdiv -nopgm", "-hdiv x"):
        with pytest.raises(InputError, match="unknown option: did you mean"):
            read(line)


README_EXAMPLE = "-lambda 1 -dispersion 0 -distance 100 -detsize 100 -pixel 0.1 -fluence 1e32 -N 1"


@pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
def test_behaviour_05_the_example_of_nanobragg_s_own_page_runs():
    assert read(f"{README_EXAMPLE} -hdiv 0 -vdiv 0") == read(README_EXAMPLE)


@pytest.mark.parametrize("name", ["-foo", "-λ", "-", "--"])
def test_behaviour_05_nothing_is_suggested_for_what_resembles_no_option(name):
    with pytest.raises(InputError, match="unknown option") as caught:
        read(name)
    assert "did you mean" not in caught.value.remedy


def test_behaviour_05_unknown_options_can_be_ignored_with_a_warning_each():
    with pytest.warns(NbWarning) as caught:
        experiment = read("-hdiv 5 -distance 70 stray -dispstep 2", ignore_unknown=True)
    assert experiment.detector.distance_mm == 70
    texts = [str(warning.message) for warning in caught]
    left_out = ("-hdiv", "5", "stray", "-dispstep", "2")
    assert texts == [f"{name!r} is not understood and is left out" for name in left_out]


CUSTOM = "-fdet_vector 0 0 1"


@pytest.mark.parametrize(
    ("line", "pivot"),
    [
        ("-pivot sample", SAMPLE),
        ("-pivot sample -distance 50", BEAM),
        ("-distance 50 -pivot sample", SAMPLE),
        ("-pivot beam -twotheta 5", SAMPLE),
        ("-pivot beam -ORGX 5", SAMPLE),
        ("-pivot beam -ORGY 5", SAMPLE),
        ("-pivot beam -Xclose 5", SAMPLE),
        ("-pivot beam -Yclose 5", SAMPLE),
        ("-pivot beam -close_distance 50", SAMPLE),
        ("-pivot sample -Xbeam 5", BEAM),
        ("-pivot sample -Ybeam 5", BEAM),
        ("-twotheta 5", SAMPLE),
        ("-twotheta 5 -distance 50", BEAM),
        ("-distance 50 -twotheta 5", SAMPLE),
        ("-twotheta_axis 0 1 0", None),
    ],
)
def test_behaviour_06_custom_takes_the_last_pivot(line, pivot):
    assert read(f"{line} {CUSTOM}").detector.detector_pivot is pivot
    assert read(f"{CUSTOM} {line}").detector.detector_pivot is pivot


@pytest.mark.parametrize("convention", ["-mosflm", "-xds", "-adxv", "-denzo", "-dials"])
def test_behaviour_06_custom_takes_the_pivot_of_a_convention_named_before(convention):
    pivot = SAMPLE if convention == "-xds" else BEAM
    assert read(f"{convention} {CUSTOM}").detector.detector_pivot is pivot


@pytest.mark.parametrize("convention", ["-mosflm", "-xds", "-adxv", "-denzo", "-dials", CUSTOM])
@pytest.mark.parametrize("word", ["beam", "sample"])
def test_behaviour_06_corrected_keeps_an_explicit_pivot(convention, word):
    line = f"{convention} -pivot {word} -twotheta 5 -Xbeam 4 -ORGX 3"
    detector = read(line, profile=Profile.CORRECTED).detector
    assert detector.detector_pivot is DetectorPivot(word)


def test_behaviour_06_without_custom_only_an_explicit_pivot_is_kept():
    assert read("-twotheta 5 -xds").detector.detector_pivot is None
    assert read("-pivot beam -twotheta 5 -xds").detector.detector_pivot is BEAM


def test_behaviour_07_pix0_vector_selects_custom():
    detector = read("-pix0_vector 0.1 -0.05 0.05").detector
    assert detector.detector_convention is DetectorConvention.CUSTOM
    assert detector.pix0_vector_m == (0.1, -0.05, 0.05)


def test_behaviour_07_pix0_vector_mm_is_in_millimetres():
    detector = read("-pix0_vector_mm -32 -32 100", profile=Profile.CORRECTED).detector
    assert detector.detector_convention is DetectorConvention.CUSTOM
    assert detector.pix0_vector_m == (-0.032, -0.032, 0.1)
    assert find_option("-pix0_vectors").name == "-pix0_vector"
    assert find_option("-pix0_vector_mm").values == 3


@pytest.mark.parametrize(
    "name",
    [
        *("-fdet_vector", "-sdet_vector", "-odet_vector", "-twotheta_axis", "-pix0_vector"),
        *("-beam_vector", "-polar_vector", "-spindle_axis"),
    ],
)
def test_behaviour_08_any_vector_selects_custom(name):
    for before in ("", "-mosflm ", "-xds "):
        detector = read(f"{before}{name} 0 0 1").detector
        assert detector.detector_convention is DetectorConvention.CUSTOM


@pytest.mark.parametrize("word", ["inf", "infinite", "0", "0.0"])
def test_behaviour_10_no_absorption_in_any_order(word):
    for line in (
        f"-detector_abs {word} -detector_thick 450",
        f"-detector_thick 450 -detector_abs {word}",
    ):
        detector = read(line).detector
        assert detector.detector_abs_um == math.inf
        assert detector.detector_thick_um == 450


def test_behaviour_11_curved_det_counts_as_the_last_argument():
    assert read("-curved_det").detector.curved_detector
    assert read("-curved_det -nopgm").detector.curved_detector
    assert not read("-nopgm").detector.curved_detector


@pytest.mark.parametrize(
    ("line", "seed"),
    [
        ("-misset_seed 3 -seed 4", 3),
        ("-seed 4 -misset_seed 3", 3),
        ("-seed 4", 4),
        ("-seed 0", 0),
        ("-misset_seed 0 -seed 4", 0),
        ("", 1234),
    ],
)
def test_behaviour_12_the_seed_of_a_random_orientation(line, seed, monkeypatch):
    monkeypatch.setattr(flags_read.time, "time", lambda: 1234.5)
    for text in (f"-misset random {line}", f"{line} -misset random"):
        crystal = read(text).crystal
        assert crystal.misset_deg == "random"
        assert crystal.misset_seed == seed


def test_behaviour_12_a_known_orientation_takes_no_seed():
    assert read("-misset 1 2 3 -seed 4").crystal.misset_seed is None


def test_behaviour_14_a_stale_dump_has_no_effect(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("Fdump.bin").write_bytes(b"poison")
    assert read("").structure_factors is None
    experiment = read(f"-hkl {INPUTS / 'six.hkl'}")
    assert experiment.structure_factors.kind == "hkl"
    assert experiment.outputs.dumpfile is None
    assert Path("Fdump.bin").read_bytes() == b"poison"
    with pytest.raises(InputError, match="-hkl"):
        flags_to_experiment(["-cell", "70"])


def test_behaviour_14_a_named_dump_is_read_without_a_list_and_written_with_one(tmp_path):
    dump = str(tmp_path / "F.bin")
    write_dump(dump, read_hkl(INPUTS / "six.hkl"))
    experiment = flags_to_experiment(["-cell", "70", "-dump", dump])
    assert experiment.structure_factors.kind == "dump"
    assert experiment.structure_factors.source == dump
    assert experiment.outputs.dumpfile is None
    for line in (["-dump", dump, "-hkl"], ["-dump", "other", "-dump", dump, "-hkl"]):
        experiment = flags_to_experiment(["-cell", "70", *line, str(INPUTS / "six.hkl")])
        assert experiment.structure_factors.kind == "hkl"
        assert experiment.outputs.dumpfile == dump


@pytest.mark.parametrize("name", ["-mat", "-matrix"])
def test_behaviour_15_a_missing_matrix_is_an_error(name):
    with pytest.raises(InputError, match=r"-mat .*nowhere\.mat: no such file"):
        flags_to_experiment([name, "nowhere.mat", "-default_F", "100"])


def test_behaviour_16_header_keys_are_whole(tmp_path):
    keys = "DISTANCE=90;\nCLOSE_DISTANCE=88.5;\nPHI=3;\nALPHI=77;\nOLD_WAVELENGTH=9;\n"
    experiment = read(f"-img {smv(tmp_path / 'a.img', keys)}")
    assert experiment.detector.distance_mm == 90
    assert experiment.detector.close_distance_mm == 88.5
    assert experiment.crystal.phi_start_deg == 3
    assert experiment.beam.wavelength_A == 1.0


@pytest.mark.parametrize("name", ["-img", "-mask"])
def test_behaviour_16_the_keys_that_set_the_camera(name, tmp_path):
    keys = (
        "PIXEL_SIZE=0.2;\nDISTANCE=90;\nWAVELENGTH=1.5;\nBEAM_CENTER_X=0.3;\nORGX=1.5;\n"
        "XDS_ORGY=2.5;\nPHI=3;\nOSC_RANGE=0.5;\n"
    )
    experiment = read(f"{name} {smv(tmp_path / 'a.img', keys)}")
    detector = experiment.detector
    assert (detector.spixels, detector.fpixels) == (3, 4)
    assert (detector.pixel_size_mm, detector.distance_mm) == (0.2, 90)
    assert (detector.orgx_px, detector.orgy_px) == (1.5, 2.5)
    assert (detector.beam_center_x_mm, detector.beam_center_y_mm) == (0.3, None)
    assert experiment.beam.wavelength_A == 1.5
    assert (experiment.crystal.phi_start_deg, experiment.crystal.osc_range_deg) == (3, 0.5)


def test_behaviour_17_a_mask_flips_the_beam_centre_and_an_image_does_not(tmp_path):
    name = smv(tmp_path / "a.img", "PIXEL_SIZE=0.2;\nBEAM_CENTER_Y=0.1;\n")
    assert read(f"-img {name}").detector.beam_center_y_mm == 0.1
    assert read(f"-mask {name}").detector.beam_center_y_mm == pytest.approx(3 * 0.2 - 0.1)


def test_behaviour_17_the_flip_takes_the_header_s_pixel_size_or_the_default(tmp_path):
    name = smv(tmp_path / "a.img", "BEAM_CENTER_Y=0.1;\n")
    detector = read(f"-mask {name} -pixel 0.7").detector
    assert detector.beam_center_y_mm == pytest.approx(3 * 0.1 - 0.1)
    assert detector.pixel_size_mm == 0.7


@pytest.mark.parametrize("name", ["-img", "-mask"])
def test_behaviour_17_twotheta_of_a_header_counts_when_corrected(name, tmp_path):
    line = f"{name} {smv(tmp_path / 'a.img', 'TWOTHETA=7;')}"
    assert read(line).detector.detector_twotheta_deg == 0
    corrected = Profile.CORRECTED
    assert read(line, profile=corrected).detector.detector_twotheta_deg == 7
    assert read(f"{line} -twotheta 4", profile=corrected).detector.detector_twotheta_deg == 4


ADSC = "PIXEL_SIZE=2;\nBEAM_CENTER_X=3;\nBEAM_CENTER_Y=1.5;\nDENZO_X_BEAM=4.5;\nDENZO_Y_BEAM=3;\n"
"""4 x 3 pixels of 2 mm: BEAM_CENTER is ADXV's, fast 3, slow 6 - 1.5."""


def beam_of(detector):
    """(fast, slow) of the beam centre, mm."""
    x, y = detector.beam_center_x_mm, detector.beam_center_y_mm
    return centre_to_beam_point(
        detector.detector_convention, x, y, detector.pixel_size_mm, 2.0 * detector.spixels
    )


@pytest.mark.parametrize("convention", ["mosflm", "denzo"])
def test_behaviour_26_a_centre_stated_by_name_counts_when_corrected(tmp_path, convention):
    line = f"-{convention} -img {smv(tmp_path / 'a.img', ADSC)}"
    with pytest.warns(
        NbWarning, match=r"DENZO_X_BEAM and DENZO_Y_BEAM say fast 3 slow 4\.5"
    ) as told:
        detector = read(line).detector
    assert (detector.beam_center_x_mm, detector.beam_center_y_mm) == (3, 1.5)
    half = 1.0 if convention == "mosflm" else 0.0
    assert f"fast {1.5 + half:g} slow {3 + half:g} mm" in str(told[0].message)
    with pytest.warns(NbWarning, match="the second counts"):
        corrected = read(line, profile=Profile.CORRECTED).detector
    assert beam_of(corrected) == pytest.approx((3, 4.5))


def test_behaviour_26_the_camera_of_a_beamline(tmp_path):
    """3072 pixels of 0.102592 mm; ADXV reads the header as it is meant."""
    keys = (
        "PIXEL_SIZE=0.102592;\nBEAM_CENTER_X=154.96;\nBEAM_CENTER_Y=155.91;\n"
        "DENZO_X_BEAM=159.25;\nDENZO_Y_BEAM=154.96;\n"
    )
    name = smv(tmp_path / "a.img", keys, (3072, 1))
    assert read(f"-adxv -img {name}").detector.beam_center_y_mm == 155.91
    with pytest.warns(NbWarning, match=r"fast 155\.961 slow 155\.011 mm, but"):
        detector = read(f"-img {name}", profile=Profile.CORRECTED).detector
    half = 0.102592 / 2
    found = (detector.beam_center_y_mm + half, detector.beam_center_x_mm + half)
    assert found == pytest.approx((154.96, 159.25), rel=1e-12)


@pytest.mark.parametrize(
    "keys",
    [
        "ADXV_CENTER_X=3;\nADXV_CENTER_Y=1.5;\n",
        "MOSFLM_CENTER_X=3.5;\nMOSFLM_CENTER_Y=2;\n",
        "ADXV_CENTER_X=3;\nADXV_CENTER_Y=1.5;\nMOSFLM_CENTER_X=3.5;\nMOSFLM_CENTER_Y=2;\n",
    ],
)
def test_behaviour_26_other_programs_centres_are_read_too(tmp_path, keys):
    head = "PIXEL_SIZE=2;\nBEAM_CENTER_X=3;\nBEAM_CENTER_Y=1.5;\n"
    line = f"-denzo -img {smv(tmp_path / 'a.img', head + keys)}"
    with pytest.warns(NbWarning, match="the second counts"):
        corrected = read(line, profile=Profile.CORRECTED).detector
    slow = 4.5 if "ADXV" in keys or "MOSFLM" in keys else None
    assert beam_of(corrected) == pytest.approx((3, slow))


def test_behaviour_26_xds_takes_the_origin_from_a_stated_centre_when_corrected(tmp_path):
    line = f"-xds -img {smv(tmp_path / 'a.img', ADSC)}"
    assert read(line).detector.orgx_px is None
    corrected = read(line, profile=Profile.CORRECTED).detector
    assert (corrected.orgx_px, corrected.orgy_px) == (2.0, 2.75)
    given = f"-xds -img {smv(tmp_path / 'b.img', ADSC + 'ORGX=1.5;')}"
    assert read(given, profile=Profile.CORRECTED).detector.orgx_px == 1.5


def test_behaviour_26_a_centre_that_is_nobody_s_by_name_is_told_of(tmp_path):
    keys = "PIXEL_SIZE=2;\nBEAM_CENTER_X=1;\nBEAM_CENTER_Y=0.5;\n"
    name = smv(tmp_path / "a.img", keys)
    wanted = (
        r"BEAM_CENTER 1 0\.5 is taken as mosflm's: fast 1\.5 slow 2 mm; .* -Xbeam 4\.5 -Ybeam 0$"
    )
    with pytest.warns(NbWarning, match=wanted):
        detector = read(f"-img {name}").detector
    assert detector.beam_center_x_mm == 1
    assert beam_of(read(f"-img {name} -Xbeam 4.5 -Ybeam 0").detector) == pytest.approx((1, 5.5))
    assert read(f"-mosflm -img {name}").detector.beam_center_x_mm == 1
    near = smv(tmp_path / "b.img", keys.replace("_X=1", "_X=3").replace("=0.5", "=1.5"))
    assert read(f"-img {near}").detector.beam_center_x_mm == 3


def test_behaviour_26_nothing_is_said_where_both_agree_or_options_decide(tmp_path):
    name = smv(tmp_path / "a.img", ADSC)
    assert read(f"-adxv -img {name}").detector.beam_center_x_mm == 3
    assert read(f"-img {name} -Xbeam 1 -Ybeam 2").detector.beam_center_x_mm == 1
    tilted = smv(tmp_path / "b.img", ADSC + "MOSFLM_CENTER_X=1;\nTWOTHETA=9;\n")
    assert read(f"-img {tilted}").detector.beam_center_x_mm == 3


@pytest.mark.parametrize("order", ["little_endian", "big_endian"])
def test_behaviour_17_the_byte_order_of_a_mask_is_honoured(order, tmp_path):
    data = np.array([[0, 1], [256, 0]], dtype=np.uint16)
    name = smv(tmp_path / "a.img", "", data.shape, order, data)
    assert read(f"-mask {name}").mask.values.tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize(
    "line",
    [
        *("-stol a", "-4stol a", "-Q a", "-stolout a", "-coherent", "-density 1", "-MW 1"),
        *("-sample_den 1", "-molecular_weight 1", "-molec 1"),
    ],
)
def test_behaviour_18_options_without_effect_warn(line):
    plain = read("")
    with pytest.warns(NbWarning, match="has no effect") as caught:
        experiment = read(line)
    assert len(caught) == 1
    assert experiment == plain


def test_behaviour_18_each_of_them_is_in_the_table():
    names = {option.name for option in OPTIONS if option.ignored}
    assert names == {"-stol", "-4stol", "-Q", "-stolout", "-coherent", "-density", "-MW"}


def test_behaviour_19_the_sign_of_a_seed_is_ignored():
    experiment = read("-seed -5 -mosaic_seed -6 -misset_seed -7")
    assert experiment.outputs.noise_seed == 5
    assert experiment.crystal.mosaic_seed == 6
    assert experiment.crystal.misset_seed == 7


def test_behaviour_20_what_is_not_given_stays_open_for_the_rules_of_sweeps():
    crystal, beam, detector = read("").crystal, read("").beam, read("").detector
    assert (crystal.osc_range_deg, crystal.phi_step_deg, crystal.phi_steps) == (None,) * 3
    assert (beam.hdiv_range_mrad, beam.vdiv_step_mrad, beam.hdiv_steps) == (None,) * 3
    assert (beam.dispersion_steps, detector.detector_thicksteps) == (None, None)
    assert (crystal.mosaic_spread_deg, crystal.mosaic_domains) == (None, None)
    assert read("-osc -1").crystal.osc_range_deg == -1
    assert read("-phisteps 0").crystal.phi_steps == 0


def test_behaviour_17_osc_start_counts_in_the_corrected_profile_where_there_is_no_phi(tmp_path):
    line = f"-img {smv(tmp_path / 'a.img', 'OSC_START=5;' + chr(10))}"
    assert read(f"{line}", profile=Profile.CORRECTED).crystal.phi_start_deg == 5
    with pytest.warns(SlipWarning, match="OSC_START 5 of the header is not used"):
        assert read(line).crystal.phi_start_deg == 0
    both = f"-img {smv(tmp_path / 'b.img', 'OSC_START=5;' + chr(10) + 'PHI=3;' + chr(10))}"
    assert read(both, profile=Profile.CORRECTED).crystal.phi_start_deg == 3
