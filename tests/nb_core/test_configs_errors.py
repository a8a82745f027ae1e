"""Every config field refuses what it cannot mean, by an InputError that names it."""

import dataclasses
import math
import typing
from enum import Enum
from pathlib import Path

import pytest
import torch
from config_making import make

from nb_core.configs import checks
from nb_core.configs.background import BackgroundConfig
from nb_core.configs.beam import BeamConfig
from nb_core.configs.crystal import CrystalConfig
from nb_core.configs.detector import DetectorConfig
from nb_core.configs.output import OutputConfig
from nb_core.configs.sampling import SamplingConfig
from nb_core.conventions import DetectorConvention
from nb_core.errors import InputError
from nb_core.formats.matrix import read_matrix
from nb_core.settings import SECTIONS

INPUTS = Path(__file__).parents[1] / "golden" / "inputs"
CUSTOM = DetectorConvention.CUSTOM
NEEDED = {"cell_a": 70.0}

POSITIVE = {
    *("cell_a", "cell_b", "cell_c", "cell_alpha", "cell_beta", "cell_gamma", "wavelength_A"),
    *("pixel_size_mm", "detsize_f_mm", "detsize_s_mm", "distance_mm", "close_distance_mm"),
    *("detector_abs_um", "fraction"),
}
NOT_NEGATIVE = {
    *("fudge", "flux", "exposure", "beamsize_mm", "fluence", "detector_thick_um", "dmin_A"),
    "water_size_um",
}
SHARES = {"polarization_fraction"}
ANY_NUMBER = {
    *("default_F", "phi_start_deg", "osc_range_deg", "phi_step_deg", "mosaic_spread_deg"),
    *("polarization_factor", "hdiv_range_mrad", "hdiv_step_mrad", "vdiv_range_mrad"),
    *("vdiv_step_mrad", "dispersion_percent", "beam_center_x_mm", "beam_center_y_mm"),
    *("close_x_mm", "close_y_mm", "orgx_px", "orgy_px", "detector_rotx_deg"),
    *("detector_roty_deg", "detector_rotz_deg", "detector_twotheta_deg"),
    *("scale", "pgm_scale", "adc_offset"),
}
SCALARS = POSITIVE | NOT_NEGATIVE | ANY_NUMBER | SHARES
DIRECTIONS = {
    *("spindle_axis", "beam_vector", "polar_vector", "fdet_vector", "sdet_vector"),
    *("odet_vector", "twotheta_axis", "direction", "polarization_normal", "axis"),
}
VECTORS = DIRECTIONS | {"misset_deg", "pix0_vector_m"}
LEAST = {
    **dict.fromkeys(("fpixels", "spixels", "oversample"), 1),
    **dict.fromkeys(("misset_seed", "phi_steps", "mosaic_domains", "mosaic_seed"), 0),
    **dict.fromkeys(("hdiv_steps", "vdiv_steps", "dispersion_steps", "noise_seed"), 0),
    "detector_thicksteps": 0,
}
SWITCHES = {
    *("nopolar", "round_div", "curved_detector", "point_pixel", "oversample_thick"),
    *("oversample_polar", "oversample_omega", "interpolate", "write_pgm", "calculate_noise"),
    *("printout", "progress"),
}
CHOICES = {"shape", "detector_convention", "detector_pivot"}
FILES = {"floatfile", "intfile", "pgmfile", "noisefile", "dumpfile"}
OTHERS = {"N_cells", "sample_size_mm", "printout_pixel", "matrix", "sources"}
OTHERS |= {"U_matrix", "vectors_A", "space_group", "terms"}

HOMES = {field.name: config for config in SECTIONS.values() for field in dataclasses.fields(config)}
NOT_NUMBERS = ["5", True, None, [5.0], (1.0,), b"5", 5j, {}, torch.ones(2), torch.tensor(True)]


def build(name, value):
    """The config of a field with that field set, and what it needs besides."""
    config = HOMES[name]
    more = {}
    if config is CrystalConfig and name != "cell_a":
        more |= NEEDED
    if config is DetectorConfig and name.endswith(("vector", "axis", "vector_m")):
        more["detector_convention"] = CUSTOM
    return make(config, **more, **{name: value})


def refuse(name, value):
    with pytest.raises(InputError) as caught:
        build(name, value)
    assert name in caught.value.field
    assert caught.value.remedy
    assert str(caught.value).startswith(caught.value.field)
    return caught.value


def test_every_field_is_in_one_of_the_lists_of_this_file():
    kinds = [SCALARS, VECTORS, set(LEAST), SWITCHES, CHOICES, FILES, OTHERS]
    assert set().union(*kinds) == set(HOMES)
    assert sum(map(len, kinds)) == len(HOMES)
    assert len(HOMES) == sum(len(dataclasses.fields(config)) for config in SECTIONS.values())


@pytest.mark.parametrize("name", sorted(SCALARS))
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, -(10**400)], ids=str)
def test_a_number_is_finite(name, value):
    if (name, value) == ("detector_abs_um", math.inf):
        assert build(name, value).detector_abs_um == math.inf
    else:
        refuse(name, value)
        if isinstance(value, float):
            refuse(name, torch.tensor(value, dtype=torch.float64))


@pytest.mark.parametrize("name", sorted(SCALARS))
@pytest.mark.parametrize("value", NOT_NUMBERS, ids=repr)
def test_a_number_is_one_real_number(name, value):
    if value is None and HOMES[name].__dataclass_fields__[name].default is None:
        if name != "cell_a":
            build(name, None)
    else:
        refuse(name, value)


@pytest.mark.parametrize("name", sorted(POSITIVE))
@pytest.mark.parametrize("value", [0, 0.0, -1.0, -1])
def test_a_length_is_greater_than_zero(name, value):
    assert "greater than 0" in refuse(name, value).remedy
    refuse(name, torch.tensor(float(value)))


@pytest.mark.parametrize("name", sorted(NOT_NEGATIVE))
def test_a_dose_or_a_thickness_is_not_negative(name):
    assert "or more" in refuse(name, -1e-9).remedy
    assert getattr(build(name, 0.0), name) == 0


@pytest.mark.parametrize("name", sorted(SHARES))
def test_a_share_lies_between_0_and_1(name):
    for value in (-1e-9, 1.000001):
        assert "between 0 and 1" in refuse(name, value).remedy
    assert [getattr(build(name, value), name) for value in (0, 0.5, 1)] == [0, 0.5, 1]


@pytest.mark.parametrize("name", sorted(ANY_NUMBER))
@pytest.mark.parametrize("value", [-0.5, 0, 0.5])
def test_any_other_number_may_be_negative(name, value):
    assert getattr(build(name, value), name) == value


@pytest.mark.parametrize("name", sorted(SCALARS - {"scale", "pgm_scale", "adc_offset"}))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_number_may_be_a_tensor_with_a_gradient(name, dtype):
    value = (
        102.4
        if name.startswith("detsize")
        else 0.75
        if name.endswith(("factor", "fraction"))
        else 75.0
    )
    tensor = torch.tensor(value, dtype=dtype, requires_grad=True)
    assert getattr(build(name, tensor), name) is tensor
    parameter = torch.nn.Parameter(tensor.detach().reshape(1))
    assert getattr(build(name, parameter), name) is parameter


@pytest.mark.parametrize("name", sorted(VECTORS))
@pytest.mark.parametrize(
    "value",
    [
        *((1.0, 2.0), (1.0, 2.0, 3.0, 4.0), 5.0, "abc", (1.0, math.nan, 0.0), (1.0, math.inf, 0.0)),
        *((1.0, "2", 3.0), (True, 0.0, 0.0), (1.0, None, 0.0), torch.ones(2), torch.ones(3, 1)),
        *(torch.tensor([1.0, math.nan, 0.0]), torch.tensor([True, False, True]), {"x": 1}),
        (torch.ones(2), 0.0, 0.0),
    ],
    ids=repr,
)
def test_a_vector_is_three_finite_numbers(name, value):
    refuse(name, value)


@pytest.mark.parametrize("name", sorted(DIRECTIONS))
def test_a_direction_has_a_length(name):
    for nothing in ((0, 0, 0), (0.0, -0.0, 0.0), torch.zeros(3)):
        assert "non-zero" in refuse(name, nothing).remedy
    assert build(name, (0, 0, 1e-300))


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_a_vector_may_be_a_tensor_with_a_gradient(name):
    tensor = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
    assert getattr(build(name, tensor), name) is tensor
    parts = (1, tensor[1], 0.5)
    assert getattr(build(name, parts), name) is parts


@pytest.mark.parametrize("name", sorted(LEAST))
@pytest.mark.parametrize(
    "value", [1.5, math.nan, math.inf, "5", True, [5], 2**31, 10**400, torch.tensor(5.5)], ids=str
)
def test_a_count_is_a_whole_number(name, value):
    assert "whole number" in refuse(name, value).remedy


@pytest.mark.parametrize("name", sorted(LEAST))
def test_a_count_has_a_least_value(name):
    assert f"from {LEAST[name]} to" in refuse(name, LEAST[name] - 1).remedy
    assert getattr(build(name, LEAST[name]), name) == LEAST[name]
    steps = ("hdiv_steps", "vdiv_steps", "dispersion_steps", "phi_steps", "mosaic_domains")
    most = 10**7 if name in (*steps, "detector_thicksteps") else 2**31 - 1
    if name in ("fpixels", "spixels"):
        most //= 1024
        assert "fewer than 2^31 pixels" in refuse(name, most + 1).remedy
    assert getattr(build(name, most), name) == most


@pytest.mark.parametrize("name", sorted(SWITCHES))
@pytest.mark.parametrize("value", [0, 1, "true", 1.0, [], torch.tensor(True)], ids=repr)
def test_a_switch_is_true_or_false(name, value):
    assert refuse(name, value).remedy == "expected true or false"


@pytest.mark.parametrize("name", sorted(CHOICES))
@pytest.mark.parametrize("value", ["oblong", "", "mosflm2", 1, DetectorConfig], ids=repr)
def test_a_choice_is_a_member_and_all_are_named(name, value):
    kind = typing.get_type_hints(HOMES[name])[name]
    kind = next(part for part in (typing.get_args(kind) or (kind,)) if part is not type(None))
    assert issubclass(kind, Enum)
    remedy = refuse(name, value).remedy
    assert kind.__name__ in remedy
    assert all(member.value in remedy for member in kind)


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("value", ["", "  ", "a\0b", 5, True, ["a"], b"a"], ids=repr)
def test_a_file_has_a_name(name, value):
    assert "the name of a file" in refuse(name, value).remedy


def test_two_outputs_do_not_share_a_file():
    with pytest.raises(InputError, match=r"pgmfile: a\.out: floatfile has this name too"):
        OutputConfig(floatfile="a.out", pgmfile="./a.out")
    with pytest.raises(InputError, match="dumpfile: a: noisefile has this name too"):
        OutputConfig(noisefile="a", dumpfile="a")
    nothing = OutputConfig(floatfile="/dev/null", intfile="/dev/null", noisefile="b")
    assert nothing.named_files() == ["/dev/null", "/dev/null", "b"]


@pytest.mark.parametrize("value", [5, (5, 5), (5, 5, 5, 5), "555", None, (5, 5, "5"), (5, 5, -1)])
def test_numbers_of_cells(value):
    refuse("N_cells", value)


@pytest.mark.parametrize("value", [5, (5, 5), "555", None, (5, 5, "5"), (5, 5, -1), (5, 5, True)])
def test_sample_sizes(value):
    refuse("sample_size_mm", value)


def test_cells_and_sizes_may_be_tensors_and_sizes_open():
    cells = torch.tensor(5.5, requires_grad=True)
    crystal = CrystalConfig(cell_a=70, N_cells=(cells, 0, 3), sample_size_mm=(None, 0.0, cells))
    assert crystal.N_cells[0] is cells
    assert crystal.sample_size_mm[2] is cells


@pytest.mark.parametrize("value", [5, (5,), (1, 2, 3), (1.5, 2), (-1, 2), (1, -2), "12", (1, None)])
def test_a_pixel_to_print(value):
    refuse("printout_pixel", value)


@pytest.mark.parametrize("name", ["matrix", "sources"])
@pytest.mark.parametrize("value", ["tric.mat", 5, torch.eye(3)], ids=repr)
def test_objects_of_files(name, value):
    refuse(name, value)


@pytest.mark.parametrize(
    "angles",
    [(120, 120, 120), (20, 30, 60), (60, 20, 30), (30, 60, 20), (30, 30, 60), (179, 1, 90)],
)
def test_angles_that_enclose_no_volume(angles):
    alpha, beta, gamma = angles
    with pytest.raises(InputError, match="enclose no volume") as caught:
        CrystalConfig(cell_a=70, cell_alpha=alpha, cell_beta=beta, cell_gamma=gamma)
    assert caught.value.field == "cell_alpha, cell_beta, cell_gamma"


@pytest.mark.parametrize("name", ["cell_alpha", "cell_beta", "cell_gamma"])
def test_one_angle_beyond_180_is_named(name):
    assert refuse(name, 180.0).field == name
    assert refuse(name, 200.0).field == name


@pytest.mark.parametrize("name", ["cell_b", "cell_c", "cell_alpha", "cell_beta", "cell_gamma"])
def test_a_cell_without_its_first_edge(name):
    matrix = read_matrix(INPUTS / "tric.mat")
    assert CrystalConfig(matrix=matrix).cell_a is None
    with pytest.raises(InputError, match=f"{name}: 75: a cell needs its edge cell_a too"):
        CrystalConfig(matrix=matrix, **{name: 75})


@pytest.mark.parametrize(
    ("make_it", "message"),
    [
        (lambda: CrystalConfig(), "cell_a: None: give the unit cell, or an orientation matrix"),
        (
            lambda: CrystalConfig(cell_a=70, misset_deg="random"),
            "misset_seed: None: a random orientation needs a seed",
        ),
        (
            lambda: make(CrystalConfig, cell_a=70, misset_deg="rand"),
            'misset_deg: rand: three angles, or "random"',
        ),
        (
            lambda: BeamConfig(flux=1e12, beamsize_mm=0.0),
            "beamsize_mm: 0.0: a flux needs a beam size greater than 0 mm",
        ),
        (
            lambda: BeamConfig(polarization_factor=-1.01),
            "polarization_factor: -1.01: Kahn's factor lies between -1 and 1",
        ),
        (
            lambda: DetectorConfig(detsize_f_mm=50.0),
            "detsize_f_mm: 50.0: does not match 1024 pixels of 0.1 mm; leave one of them out",
        ),
        (
            lambda: DetectorConfig(detsize_s_mm=102.46),
            "detsize_s_mm: 102.46: does not match 1024 pixels of 0.1 mm; leave one of them out",
        ),
    ],
)
def test_fields_that_depend_on_each_other(make_it, message):
    with pytest.raises(InputError) as caught:
        make_it()
    assert str(caught.value) == message


def test_configs_are_frozen():
    for config in (
        CrystalConfig(**NEEDED),
        DetectorConfig(),
        BeamConfig(),
        SamplingConfig(),
        BackgroundConfig(),
    ):
        with pytest.raises(dataclasses.FrozenInstanceError):
            config.fudge = 1


def test_fields_become_float64_tensors_that_keep_their_gradient():
    value = torch.tensor([2.0], requires_grad=True)
    scalar = checks.scalar_tensor(value)
    assert (scalar.dtype, scalar.shape, scalar.requires_grad) == (torch.float64, (), True)
    vector = checks.vector_tensor((1, value, 0.5))
    assert (vector.dtype, vector.shape, vector.requires_grad) == (torch.float64, (3,), True)
    assert vector.tolist() == [1, 2, 0.5]
    whole = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    assert checks.vector_tensor(whole).requires_grad
    assert checks.vector_tensor(whole).dtype == torch.float64


def test_whole_numbers_are_taken_as_floats_and_tensors_of_them_as_numbers():
    detector = make(DetectorConfig, fpixels=32.0, spixels=torch.tensor(16))
    assert (detector.fpixels, detector.spixels) == (32, 16)
    assert type(detector.fpixels) is type(detector.spixels) is int
    assert make(CrystalConfig, cell_a=torch.tensor(70)).cell_a == 70
    assert make(OutputConfig, printout_pixel=(3.0, 4)).printout_pixel == (3, 4)
