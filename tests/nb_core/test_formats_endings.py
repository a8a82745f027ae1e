"""The ending of an output's name agrees with what is written."""

import pytest

from nb_core import InputError, OutputConfig, flags_to_experiment

CRYSTAL = ["-cell", "70", "80", "90", "-default_F", "5"]
FIELDS = ("floatfile", "intfile", "pgmfile", "noisefile", "dumpfile")
OTHERS = ("x.cbf", "x.CBF", "a.b/x.h5", "x.img.gz", "x.tiff", "x.png", "x.npy", "x.mtz", "x.edf")


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("name", OTHERS)
def test_a_name_of_another_format_is_refused(field, name):
    with pytest.raises(InputError, match=rf"{field}: {name}: .* is the ending of .* files, and"):
        OutputConfig(**{field: name})


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("name", ["x", "x.dat", "x.bin", "x.img", "x.0001", ".img", "/dev/null"])
def test_a_name_of_no_one_format_is_accepted(field, name):
    assert getattr(OutputConfig(**{field: name}), field) == name


@pytest.mark.parametrize(
    ("field", "name"), [("floatfile", "x.f32"), ("intfile", "x.smv"), ("pgmfile", "x.pgm")]
)
def test_a_name_of_its_own_format_is_accepted_and_no_others(field, name):
    OutputConfig(**{field: name})
    for other in set(FIELDS) - {field, "noisefile" if field == "intfile" else field}:
        with pytest.raises(InputError, match="is the ending of"):
            OutputConfig(**{other: name})


def test_the_option_is_named():
    with pytest.raises(InputError, match=r"-intfile.*x\.cbf: \.cbf is the ending of CBF files"):
        flags_to_experiment([*CRYSTAL, "-intfile", "x.cbf"])
