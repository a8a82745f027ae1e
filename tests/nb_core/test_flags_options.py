"""Every option of the command line, and the setting it makes."""

import math
from pathlib import Path

import pytest

from nb_core.configs.crystal import CrystalShape
from nb_core.configs.experiment import Experiment
from nb_core.configs.sampling import Roi
from nb_core.conventions import DetectorConvention, DetectorPivot
from nb_core.errors import NbWarning
from nb_core.flags.parse import find_option
from nb_core.flags.read import flags_to_experiment
from nb_core.flags.table import GROUPS, OPTIONS
from nb_core.formats.fdump import write_dump
from nb_core.formats.hkl import read_hkl

INPUTS = Path(__file__).parents[1] / "golden" / "inputs"
CRYSTAL = ["-cell", "70", "80", "90", "75", "85", "95", "-default_F", "100"]

NUMBERS = {
    "-misset_seed 3": ("crystal.misset_seed", 3),
    "-N 7": ("crystal.N_cells", (7, 7, 7)),
    "-Na 7": ("crystal.N_cells", (7, 1, 1)),
    "-Nb 7": ("crystal.N_cells", (1, 7, 1)),
    "-Nc 7": ("crystal.N_cells", (1, 1, 7)),
    "-fudge 1.5": ("crystal.fudge", 1.5),
    "-default_F 12.5": ("crystal.default_F", 12.5),
    "-phi 2.5": ("crystal.phi_start_deg", 2.5),
    "-osc 0.5": ("crystal.osc_range_deg", 0.5),
    "-phistep 0.25": ("crystal.phi_step_deg", 0.25),
    "-phisteps 4": ("crystal.phi_steps", 4),
    "-mosaic_domains 4": ("crystal.mosaic_domains", 4),
    "-mosaic_dom 4": ("crystal.mosaic_domains", 4),
    "-mosaic_seed 4": ("crystal.mosaic_seed", 4),
    "-energy 12398.42": ("beam.wavelength_A", 1.0),
    "-energy 6199.21": ("beam.wavelength_A", 2.0),
    "-polar -0.5": ("beam.polarization_factor", -0.5),
    "-fluence 1e24": ("beam.fluence", 1e24),
    "-flux 1e12": ("beam.flux", 1e12),
    "-exposure 0.5": ("beam.exposure", 0.5),
    "-beamsize 0.02": ("beam.beamsize_mm", 0.02),
    "-hdivrange 1.5": ("beam.hdiv_range_mrad", 1.5),
    "-vdivrange 1.5": ("beam.vdiv_range_mrad", 1.5),
    "-hdivstep 0.5": ("beam.hdiv_step_mrad", 0.5),
    "-hdivsteps 3": ("beam.hdiv_steps", 3),
    "-vdivstep 0.5": ("beam.vdiv_step_mrad", 0.5),
    "-vdivsteps 3": ("beam.vdiv_steps", 3),
    "-dispersion 0.5": ("beam.dispersion_percent", 0.5),
    "-dispsteps 3": ("beam.dispersion_steps", 3),
    "-pixel 0.2": ("detector.pixel_size_mm", 0.2),
    "-detpixels_f 300": ("detector.fpixels", 300),
    "-detpixels_x 300": ("detector.fpixels", 300),
    "-detpixels_s 300": ("detector.spixels", 300),
    "-detpixels_y 300": ("detector.spixels", 300),
    "-detsize_f 50.05": ("detector.detsize_f_mm", 50.05),
    "-detsize_s 50.05": ("detector.detsize_s_mm", 50.05),
    "-distance 70": ("detector.distance_mm", 70.0),
    "-close_distance 70": ("detector.close_distance_mm", 70.0),
    "-Xbeam 5": ("detector.beam_center_x_mm", 5.0),
    "-Ybeam 5": ("detector.beam_center_y_mm", 5.0),
    "-Xclose 5": ("detector.close_x_mm", 5.0),
    "-Yclose 5": ("detector.close_y_mm", 5.0),
    "-ORGX 5": ("detector.orgx_px", 5.0),
    "-ORGY 5": ("detector.orgy_px", 5.0),
    "-detector_rotx -5": ("detector.detector_rotx_deg", -5.0),
    "-detector_roty -5": ("detector.detector_roty_deg", -5.0),
    "-detector_rotz -5": ("detector.detector_rotz_deg", -5.0),
    "-twotheta -5": ("detector.detector_twotheta_deg", -5.0),
    "-detector_abs 500": ("detector.detector_abs_um", 500.0),
    "-detector_absorb inf": ("detector.detector_abs_um", math.inf),
    "-detector_thick 450": ("detector.detector_thick_um", 450.0),
    "-detector_thicksteps 5": ("detector.detector_thicksteps", 5),
    "-thicksteps 5": ("detector.detector_thicksteps", 5),
    "-oversample 3": ("sampling.oversample", 3),
    "-dmin 2.5": ("sampling.dmin_A", 2.5),
    "-water 20": ("background.water_size_um", 20.0),
    "-roi 1 20 3 40": ("roi", Roi(1, 20, 3, 40)),
    "-roi -1 -1 -1 -1": ("roi", Roi(0, 1024, 0, 1024)),
    "-scale 2.5": ("outputs.scale", 2.5),
    "-pgmscale 2.5": ("outputs.pgm_scale", 2.5),
    "-adc 10": ("outputs.adc_offset", 10.0),
    "-seed 9": ("outputs.noise_seed", 9),
    "-printout_pixel 3 4": ("outputs.printout_pixel", (4, 3)),
    "-misset 10 -20 30.5": ("crystal.misset_deg", (10, -20, 30.5)),
    "-misset random": ("crystal.misset_deg", "random"),
    "-pivot sample": ("detector.detector_pivot", DetectorPivot.SAMPLE),
    "-pivot beam": ("detector.detector_pivot", DetectorPivot.BEAM),
    "-fdet_vector 0 0.6 -0.8": ("detector.fdet_vector", (0, 0.6, -0.8)),
    "-sdet_vector 0 0.6 -0.8": ("detector.sdet_vector", (0, 0.6, -0.8)),
    "-odet_vector 0 0.6 -0.8": ("detector.odet_vector", (0, 0.6, -0.8)),
    "-twotheta_axis 0 0.6 -0.8": ("detector.twotheta_axis", (0, 0.6, -0.8)),
    "-pix0_vector 0 0.6 -0.8": ("detector.pix0_vector_m", (0, 0.6, -0.8)),
    "-pix0_vector_mm 0 60 -80": ("detector.pix0_vector_m", (0, 0.06, -0.08)),
    "-beam_vector 0 0.6 -0.8": ("beam.beam_vector", (0, 0.6, -0.8)),
    "-polar_vector 0 0.6 -0.8": ("beam.polar_vector", (0, 0.6, -0.8)),
    "-spindle_axis 0 0.6 -0.8": ("crystal.spindle_axis", (0, 0.6, -0.8)),
    **{f"{name} 1.7": ("beam.wavelength_A", 1.7) for name in ("-lambda", "-wavelength", "-wave")},
    **{
        f"{name} 1.7": ("crystal.mosaic_spread_deg", 1.7)
        for name in ("-mosaic", "-mosaicity", "-mosaic_spread")
    },
    **{
        f"{name} 0.1": ("crystal.sample_size_mm", (0.1, 0.1, 0.1))
        for name in ("-samplesize", "-sample_size", "-xtalsize", "-xtal_size")
    },
    **{
        f"{name} 0.1": ("crystal.sample_size_mm", (0.1, None, None))
        for name in ("-sample_x", "-sample_thick", "-xtal_x", "-xtal_thick")
    },
    **{
        f"{name} 0.1": ("crystal.sample_size_mm", (None, 0.1, None))
        for name in ("-sample_y", "-sample_width", "-xtal_y", "-xtal_width", "-width")
    },
    **{
        f"{name} 0.1": ("crystal.sample_size_mm", (None, None, 0.1))
        for name in ("-sample_z", "-sample_height", "-xtal_z", "-xtal_height", "-height")
    },
}

SWITCHES = {
    "-tophat_spots": ("crystal.shape", CrystalShape.TOPHAT),
    "-binary_spots": ("crystal.shape", CrystalShape.TOPHAT),
    "-round_xtal": ("crystal.shape", CrystalShape.ROUND),
    "-gauss_xtal": ("crystal.shape", CrystalShape.GAUSS),
    "-gauss_xtal -square_xtal": ("crystal.shape", CrystalShape.SQUARE),
    "-nopolar": ("beam.nopolar", True),
    "-square_div": ("beam.round_div", False),
    "-square_div -round_div": ("beam.round_div", True),
    "-xds": ("detector.detector_convention", DetectorConvention.XDS),
    "-adxv": ("detector.detector_convention", DetectorConvention.ADXV),
    "-denzo": ("detector.detector_convention", DetectorConvention.DENZO),
    "-dials": ("detector.detector_convention", DetectorConvention.DIALS),
    "-xds -mosflm": ("detector.detector_convention", DetectorConvention.MOSFLM),
    "-curved_det": ("detector.curved_detector", True),
    "-point_pixel": ("detector.point_pixel", True),
    "-oversample_thick": ("sampling.oversample_thick", True),
    "-oversample_polar": ("sampling.oversample_polar", True),
    "-oversample_omega": ("sampling.oversample_omega", True),
    "-interpolate": ("sampling.interpolate", True),
    "-nointerpolate": ("sampling.interpolate", False),
    "-nopgm": ("outputs.write_pgm", False),
    "-nopgm -pgmfile a": ("outputs.write_pgm", True),
    "-nopgm -pgmscale 2": ("outputs.write_pgm", True),
    "-nonoise": ("outputs.calculate_noise", False),
    "-nonoise -noisefile a": ("outputs.calculate_noise", True),
    "-printout": ("outputs.printout", True),
    "-printout_pixel 1 2": ("outputs.printout", True),
    "-noprogress": ("outputs.progress", False),
    "-noprogress -progress": ("outputs.progress", True),
}

FILES = {
    f"{name} a.out": (f"outputs.{field}", "a.out")
    for field in ("floatfile", "intfile", "pgmfile", "noisefile")
    for name in (f"-{field}", f"-{field.replace('file', 'image')}")
}

SEVERAL = {
    "-divergence 1.5": {"beam.hdiv_range_mrad": 1.5, "beam.vdiv_range_mrad": 1.5},
    "-divsteps 3": {"beam.hdiv_steps": 3, "beam.vdiv_steps": 3},
    "-detpixels 300": {"detector.fpixels": 300, "detector.spixels": 300},
    "-detsize 50": {
        **{"detector.fpixels": 500, "detector.spixels": 500},
        **{"detector.detsize_f_mm": 50, "detector.detsize_s_mm": 50},
    },
    "-cell 70 80 90 75 85 95": {
        **{"crystal.cell_a": 70, "crystal.cell_b": 80, "crystal.cell_c": 90},
        **{"crystal.cell_alpha": 75, "crystal.cell_beta": 85, "crystal.cell_gamma": 95},
    },
    "-cell 70 80": {"crystal.cell_a": 70, "crystal.cell_b": 80, "crystal.cell_c": None},
    "-cell 70": {"crystal.cell_a": 70, "crystal.cell_b": None, "crystal.cell_alpha": None},
}

INPUT_FILES = {
    "-mat": ("tric.mat", "crystal.matrix.source"),
    "-matrix": ("tric.mat", "crystal.matrix.source"),
    "-hkl": ("six.hkl", "structure_factors.source"),
    "-sourcefile": ("sources3.txt", "beam.sources.source"),
    "-mask": ("mask.img", "mask.source"),
}

ONE = {**NUMBERS, **SWITCHES, **FILES}
IMAGE_AND_DUMP = ("-img", "-dump")
ON_A_LIST = ("-friedel",)
OF_PLUGINS = ("-shape", "-background")
"""Tested in test_plugin_config.py, with plugins."""


def value_of(experiment, path):
    for name in path.split("."):
        experiment = getattr(experiment, name)
    return experiment


@pytest.mark.parametrize("line", ONE)
def test_an_option_makes_its_setting(line):
    path, value = ONE[line]
    words = line.split()
    experiment = flags_to_experiment([*CRYSTAL, *words])
    found = value_of(experiment, path)
    assert found == value
    assert type(found) is type(value) or isinstance(value, float | tuple)


@pytest.mark.parametrize("line", SEVERAL)
def test_an_option_makes_several_settings(line):
    experiment = flags_to_experiment(["-default_F", "1", "-cell", "60", *line.split()])
    assert {path: value_of(experiment, path) for path in SEVERAL[line]} == SEVERAL[line]


@pytest.mark.parametrize("name", INPUT_FILES)
def test_an_option_reads_its_file(name):
    file, path = INPUT_FILES[name]
    experiment = flags_to_experiment([*CRYSTAL, name, str(INPUTS / file)])
    assert value_of(experiment, path) == str(INPUTS / file)


def test_img_reads_the_camera_only():
    with pytest.warns(NbWarning, match=r"BEAM_CENTER 7\.7 9\.3 is taken as mosflm's"):
        experiment = flags_to_experiment([*CRYSTAL, "-img", str(INPUTS / "header.img")])
    detector = experiment.detector
    assert (detector.fpixels, detector.spixels) == (100, 120)
    assert (detector.pixel_size_mm, detector.distance_mm) == (0.15, 120)
    assert experiment.beam.wavelength_A == 0.95
    assert experiment.mask is None


def test_dump_is_read(tmp_path):
    dump = str(tmp_path / "F.bin")
    write_dump(dump, read_hkl(INPUTS / "six.hkl"))
    factors = flags_to_experiment(["-cell", "70", "-dump", dump]).structure_factors
    assert (factors.source, factors.kind) == (dump, "dump")


def test_mates_are_added_to_a_list_and_to_a_dump(tmp_path):
    path = tmp_path / "one.hkl"
    path.write_text("1 2 3 5.0\n1 2 4 6.0\n")
    dump = str(tmp_path / "F.bin")
    write_dump(dump, read_hkl(path))
    for line in (["-hkl", str(path)], ["-dump", dump]):
        for arguments in (["-friedel", *line], [*line, "-friedel"]):
            factors = flags_to_experiment(["-cell", "70", *arguments]).structure_factors
            assert (factors.count, factors.friedel) == (4, True)


def test_without_options_the_defaults_are_nanobragg_s():
    experiment = flags_to_experiment(CRYSTAL)
    plain = Experiment(crystal=experiment.crystal)
    assert experiment.crystal.N_cells == (1, 1, 1)
    assert experiment.beam == plain.beam
    assert experiment.sampling == plain.sampling
    assert experiment.outputs == plain.outputs
    assert (experiment.detector.fpixels, experiment.detector.spixels) == (1024, 1024)
    assert experiment.detector.detsize_f_mm == 102.4


def test_every_name_of_every_option_is_tested_here():
    lines = [*ONE, *SEVERAL]
    tested = {word for line in lines for word in line.split() if find_option(word)}
    tested |= {*INPUT_FILES, *IMAGE_AND_DUMP, *ON_A_LIST, *OF_PLUGINS}
    names = {name for option in OPTIONS if not option.ignored for name in option.names}
    assert names - tested == set()


def test_every_option_is_in_one_group_and_explained():
    assert [option for group in GROUPS.values() for option in group] == list(OPTIONS)
    assert all(option.help and not option.help.endswith(".") for option in OPTIONS)
