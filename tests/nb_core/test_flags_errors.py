"""Bad command lines: one clear line that names the option, the value and the remedy."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nb_core.configs.experiment import Experiment
from nb_core.configs.sampling import Roi
from nb_core.errors import InputError, NbWarning
from nb_core.flags.option import Kind
from nb_core.flags.read import flags_to_experiment
from nb_core.flags.table import OPTIONS

INPUTS = Path(__file__).parents[1] / "golden" / "inputs"
CRYSTAL = ["-cell", "70", "80", "90", "75", "85", "95", "-default_F", "100"]
WHOLE = [option for option in OPTIONS if option.kind in (Kind.WHOLE, Kind.SEED)]
NUMERIC = [o for o in OPTIONS if o.values and o.kind not in (Kind.FILE, Kind.PIVOT, Kind.NAMED)]


def message_of(*arguments):
    with pytest.raises(InputError) as caught:
        flags_to_experiment([*CRYSTAL, *arguments])
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-distance -5", "-distance (distance_mm): -5.0: must be greater than 0 mm"),
        ("-distance 0", "-distance (distance_mm): 0.0: must be greater than 0 mm"),
        ("-pixel 0", "-pixel (pixel_size_mm): 0.0: must be greater than 0 mm"),
        ("-N -3", "-N (N_cells): -3.0: must be 0 unit cells or more"),
        ("-Nb -3", "-Nb (N_cells): -3.0: must be 0 unit cells or more"),
        ("-N 5 -Nb -3", "-Nb (N_cells): -3.0: must be 0 unit cells or more"),
        ("-detpixels 0", "-detpixels (fpixels): 0: must be a whole number from 1 to 2147483647"),
        ("-detpixels_s -4", "-detpixels_s (spixels): -4: must be a whole number from 1 to"),
        ("-xtalsize -1", "-samplesize (sample_size_mm): -1.0: must be 0 mm or more"),
        ("-polar 2", "-polar (polarization_factor): 2.0: Kahn's factor lies between -1 and 1"),
        ("-flux 1 -beamsize 0", "-beamsize (beamsize_mm): 0.0: a flux needs a beam size greater"),
        ("-lambda 0", "-lambda (wavelength_A): 0.0: must be greater than 0 Angstrom"),
        ("-energy 0", "-energy: 0: must be greater than 0 eV"),
        ("-phi nan", "-phi: nan: expected a finite number"),
        ("-phi inf", "-phi: inf: expected a finite number"),
        ("-phi 1e999", "-phi: 1e999: expected a finite number"),
        ("-detector_abs -4", "-detector_abs (detector_abs_um): -4.0: must be greater than 0"),
        ("-detector_thick -1", "-detector_thick (detector_thick_um): -1.0: must be 0"),
        ("-oversample 0", "-oversample: 0: must be a whole number from 1 to"),
        ("-pivot centre", "-pivot: centre: expected beam or sample"),
        ("-pivot beamsample", "-pivot: beamsample: expected beam or sample"),
        ("-fdet_vector 0 0 0", "-fdet_vector: (0, 0, 0): a direction needs a length"),
        ("-fdet_vector 1 2", "-fdet_vector: 1 2: needs 3 values after it"),
        ("-misset 10 20", "-misset: 10 20: needs 3 values after it"),
        ("-misset 10 20 -nopgm", "-misset: 10 20: needs 3 values after it"),
        ("-misset 10 20 up", "-misset: up: expected a number"),
        ("-misset 10 20 random", "-misset: random: expected a number"),
        ("-misset", "-misset: (nothing): needs 3 values after it"),
        ("-misset_seed random", "-misset_seed: random: expected a number"),
        ("-cell", "-cell: (nothing): needs a value after it"),
        ("-cell -nopgm", "-cell: (nothing): needs a value after it"),
        ("-cell nan", "-cell: nan: expected a finite number"),
        ("-cell -5", "-cell (cell_a): -5.0: must be greater than 0 Angstrom"),
        ("-cell 70 80 -90", "-cell (cell_c): -90.0: must be greater than 0 Angstrom"),
        ("-cell 70 80 90 x", "-cell: x: expected a number"),
        ("-cell 70 80 90 90 180", "-cell (cell_beta): 180.0: a cell angle must be less than 180"),
        ("-cell 7 8 9 130 130 130", "-cell (cell_alpha, cell_beta, cell_gamma): (130.0, 130.0,"),
        ("-cell 7 8 9 20 30 60", "these angles enclose no volume"),
        ("-cell 1 2 3 90 90 90 7", "7: unexpected argument: no option takes it, nor does -cell 1"),
        ("stray", "stray: unexpected argument: no option takes it, nor does -default_F 100"),
        ("-5", "-5: unexpected argument"),
        ("-nopgm yes", "yes: unexpected argument: no option takes it, nor does -nopgm; leave it"),
        ("-hkl -N 5", "-hkl: (nothing): needs a value after it"),
        ("-roi 1 2 3", "-roi: 1 2 3: needs 4 values after it"),
        ("-roi 1 2 3 4.5", "-roi: 4.5: expected a whole number"),
        ("-printout_pixel 5", "-printout_pixel: 5: needs 2 values after it"),
        ("-printout_pixel -1 5", "-printout_pixel: -1: must be a whole number"),
        ("-printout_pixel 1024 5", "-printout_pixel: (5, 1024): the detector has"),
        ("-floatfile a -intfile a", "-intfile: a: floatfile has this name too"),
        ("-floatfile a -intfile ./a", "-intfile: a: floatfile has this name too"),
        ("-detsize 0.01", "-detsize (detsize_f_mm): 0.01: is less than one pixel of 0.1 mm"),
        ("-detsize 1e30", "-detsize (detsize_f_mm): 1e+30: is too many pixels of 0.1 mm"),
        ("-detsize_s -1", "-detsize_s (detsize_s_mm): -1.0: must be greater than 0 mm"),
        ("-pixel 1e300", "-pixel (pixel_size_mm): 1e+300: less than one pixel in a detector of"),
        ("-pixel 1e-300", "-pixel (pixel_size_mm): 1e-300: too many pixels in a detector of"),
        ("-pixel 5e-324", "-pixel (pixel_size_mm): 5e-324: too many pixels in a detector of"),
        ("-lambda １", "-lambda: １: expected a number"),
        ("-lambda ١", "-lambda: ١: expected a number"),
        ("-lambda 1_0", "-lambda: 1_0: expected a number"),
        ("-lambda 5mm", "-lambda: 5mm: expected a number"),
        ("−lambda 5", "−lambda: unexpected argument"),
        ("-seed 1.5", "-seed: 1.5: expected a whole number"),
    ],
)
def test_the_message(line, message):
    assert message in message_of(*line.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-lambda", ""], '-lambda: "": expected a number'),
        (["-N", ""], '-N: "": expected a number'),
        (["-pivot", ""], '-pivot: "": expected beam or sample'),
        (["-hkl", ""], "-hkl: '': is not the name of a file; give one"),
        (["-floatfile", " "], "-floatfile: ' ': is not the name of a file; give one"),
        (["-floatfile", "a\0b"], "is not the name of a file; give one"),
        ([""], "'': unexpected argument: no option takes it, nor does -default_F 100"),
        (["a\nb"], "'a\\nb': unexpected argument"),
        (["-a\nb"], "'-a\\nb': unknown option"),
        (["-misset", ""], "-misset: '': needs 3 values after it"),
    ],
)
def test_empty_arguments(arguments, message):
    assert message in message_of(*arguments)


@pytest.mark.parametrize("option", WHOLE, ids=lambda o: o.name)
@pytest.mark.parametrize("text", ["5.5", "1e3", "0x10", "five", "2147483648", "9" * 400])
def test_whole_numbers_are_written_out(option, text):
    message = message_of(option.name, *[text] * option.values)
    assert message.startswith(f"{option.name}: ")
    assert "expected a" in message or "must fit into 32 bits" in message


def test_a_whole_number_may_have_a_point_and_a_zero():
    assert flags_to_experiment([*CRYSTAL, "-phisteps", "5.0"]).crystal.phi_steps == 5
    assert flags_to_experiment([*CRYSTAL, "-N", "0"]).crystal.N_cells == (0, 0, 0)


@pytest.mark.parametrize("option", NUMERIC, ids=lambda o: o.name)
@pytest.mark.parametrize("text", ["nan", "-nan", "five", "1,5", "", "1_0", "1e999", "٣"])
def test_what_is_no_number_is_refused(option, text):
    message = message_of(option.name, *[text] * option.values)
    assert message.startswith(f"{option.name}: ") or (text, option.name) == ("-nan", "-cell")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ([], "-cell"),
        (["-default_F", "100"], "-cell"),
        (["-cell", "70"], "-hkl"),
        (["-cell", "70", "-default_F", "0"], "-hkl"),
        (["-mat", str(INPUTS / "tric.mat")], "-hkl"),
    ],
)
def test_a_crystal_and_structure_factors_are_needed(arguments, field):
    with pytest.raises(InputError, match=r"not given.*give") as caught:
        flags_to_experiment(arguments)
    assert caught.value.field == field


@pytest.mark.filterwarnings("ignore:-roi reaches beyond")
@pytest.mark.parametrize("roi", ["5 2 0 9", "0 9 5 2", "1024 1030 0 9", "0 9 1024 1024"])
def test_a_roi_without_pixels(roi):
    message = message_of("-roi", *roi.split())
    assert message.startswith("-roi: (")
    assert "no pixel lies in it" in message
    assert "1024 x 1024 pixels" in message


@pytest.mark.parametrize("roi", ["0 1025 0 9", "0 9 5 4000"])
def test_a_roi_beyond_the_detector_warns(roi):
    with pytest.warns(NbWarning, match="-roi reaches beyond the detector's 1024 x 1024 pixels"):
        experiment = flags_to_experiment([*CRYSTAL, "-roi", *roi.split()])
    assert experiment.roi == tuple(int(bound) for bound in roi.split())


def test_a_roi_up_to_the_number_of_pixels_does_not_warn():
    line = "-detpixels 9 -roi -1 -1 3 9"
    experiment = flags_to_experiment([*CRYSTAL, *line.split()])
    assert experiment.roi == Roi(0, 9, 3, 9)


def test_a_mask_of_another_size():
    message = message_of("-mask", str(INPUTS / "mask.img"), "-detpixels", "50")
    assert message.startswith(f"-mask ({INPUTS / 'mask.img'}): (")
    assert "a mask must have the detector's size, (50, 50) pixels (slow, fast)" in message


FILES = [o for o in OPTIONS if o.kind is Kind.FILE and o.keys and o.keys[0].startswith("file.")]


@pytest.mark.parametrize("option", FILES, ids=lambda o: o.name)
def test_files_that_cannot_be_read(option, tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "words").write_text("these are no numbers\n")
    for name in ("missing", "", "empty", "binary", "words"):
        path = str(tmp_path / name)
        message = message_of(option.name, path)
        assert message.startswith(f"{option.name} (")
        assert path in message


@pytest.mark.parametrize("name", ["-img", "-mask"])
def test_a_header_with_a_value_that_is_no_number(name, tmp_path):
    text = (
        "{\nHEADER_BYTES=512;\nDIM=2;\nBYTE_ORDER=little_endian;\nTYPE=unsigned_short;\n"
        "SIZE1=1;\nSIZE2=1;\nDISTANCE=far;\n}\f"
    )
    path = tmp_path / "a.img"
    path.write_bytes(text.ljust(512).encode() + np.ones(1, dtype="<u2").tobytes())
    assert message_of(name, str(path)) == f"{name} ({path} DISTANCE): far: not a finite number"


words = st.sampled_from([*(name for o in OPTIONS for name in o.names), "-x", "random", "inf", ""])
texts = st.text(max_size=6) | st.floats().map(str) | st.integers().map(str)


@pytest.mark.filterwarnings("ignore::nb_core.errors.NbWarning")
@given(st.lists(words | texts, max_size=12))
def test_any_arguments_give_an_experiment_or_an_input_error(arguments):
    message = ""
    try:
        experiment = flags_to_experiment([*CRYSTAL, *arguments])
    except InputError as error:
        message = str(error)
    assert message or isinstance(experiment, Experiment)
    assert len(message.splitlines()) <= 1


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("-noise n.img", "did you mean -noisefile?"),
        ("-odet 1 0 0", "did you mean -odet_vector?"),
        ("-phi_start 3", "did you mean -phi?"),
        ("-beam_center 1 2", "did you mean -Xbeam and -Ybeam?"),
        ("-2theta 3", "did you mean -twotheta?"),
        ("-help", "did you mean nb config flags?"),
        ("-version", "did you mean nb --version?"),
        ("-distance=100", "write -distance 100"),
        ("-distance=100 5", "write -distance 100"),
        ("-phi=3", "write -phi 3"),
    ],
)
def test_a_name_of_other_programs_is_met_with_the_right_one(line, hint):
    assert hint in message_of(*line.split())
