"""Gradients of the image against differences, field by field.

Fields are moved by a fraction t of `scale`; with t of 1e-6 the image, which turns over within
about 1% of a field, changes by 1e-4 of its maximum. Central differences then err by 1e-16 / 1e-6
times some hundreds of turns of phase, and by the third derivative times 1e-12: both under 1e-6.
One sub-pixel, so that no number of sub-pixels changes along with a field.
"""

import pytest
import torch
from small_experiments import PROFILES, Collector, small_experiment, small_list

from nb_core import (
    CrystalShape,
    DetectorConvention,
    DetectorPivot,
    OrientationMatrix,
    Profile,
    SourceTable,
    StructureFactors,
)
from nb_physics import simulate

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
SHAPES = [CrystalShape.SQUARE, CrystalShape.ROUND, CrystalShape.GAUSS]
CUSTOM = {"detector_convention": DetectorConvention.CUSTOM}
SENSOR = {"detector_thick_um": 400.0, "detector_abs_um": 300.0, "detector_thicksteps": 2}
XDS = {"detector_convention": DetectorConvention.XDS, "detector_roty_deg": 10.0}
CLOSE = {**CUSTOM, "detector_pivot": DetectorPivot.SAMPLE, "close_x_mm": 2.5, "close_y_mm": 3.5}

# field -> (value, scale of its change, what else the experiment needs)
CRYSTAL = {
    "cell_a": (21.0, 1.0, {}),
    "cell_b": (24.0, 1.0, {}),
    "cell_c": (19.0, 1.0, {}),
    "cell_alpha": (81.0, 1.0, {}),
    "cell_beta": (95.0, 1.0, {}),
    "cell_gamma": (102.0, 1.0, {}),
    "misset_deg": ((11.0, 23.0, -37.0), 1.0, {}),
    "default_F": (10.0, 1.0, {}),
    "phi_start_deg": (4.0, 1.0, {}),
    "osc_range_deg": (3.0, 1.0, {"phi_steps": 3}),
    "phi_step_deg": (2.0, 1.0, {"osc_range_deg": 5.0, "phi_steps": 3}),
    "spindle_axis": ((0.1, 0.2, 1.5), 0.1, {"phi_start_deg": 30.0, **CUSTOM}),
    "fudge": (0.8, 0.1, {}),
    "mosaic_spread_deg": (2.0, 0.5, {"mosaic_domains": 3}),
}
DETECTOR = {
    "pixel_size_mm": (2.0, 0.1, {}),
    "detsize_f_mm": (6.2, 1.0, {}),
    "detsize_s_mm": (5.9, 1.0, {}),
    "distance_mm": (35.0, 1.0, {}),
    "close_distance_mm": (34.0, 1.0, {"detector_rotx_deg": 10.0, "detector_roty_deg": 5.0}),
    "beam_center_x_mm": (3.0, 1.0, {}),
    "beam_center_y_mm": (2.0, 1.0, {}),
    "close_x_mm": (2.5, 1.0, CLOSE),
    "close_y_mm": (3.5, 1.0, CLOSE),
    "orgx_px": (1.7, 1.0, XDS),
    "orgy_px": (2.2, 1.0, XDS),
    "detector_rotx_deg": (5.0, 1.0, {}),
    "detector_roty_deg": (0.0, 1.0, {}),
    "detector_rotz_deg": (-8.0, 1.0, {}),
    "detector_twotheta_deg": (12.0, 1.0, {}),
    "fdet_vector": ((0.1, 0.0, 1.0), 0.1, CUSTOM),
    "sdet_vector": ((0.0, -1.5, 0.1), 0.1, CUSTOM),
    "twotheta_axis": ((0.0, 0.6, 0.8), 0.1, {"detector_twotheta_deg": 20.0, **CUSTOM}),
    "pix0_vector_m": ((0.03, 0.002, -0.004), 0.001, CUSTOM),
    "detector_abs_um": (300.0, 10.0, {**SENSOR}),
    "detector_thick_um": (400.0, 10.0, {**SENSOR}),
}
BEAM = {
    "wavelength_A": (1.0, 0.1, {}),
    "polarization_factor": (0.5, 0.1, {}),
    "flux": (1e20, 1e19, {}),
    "exposure": (2.0, 0.1, {"flux": 1e20}),
    "beamsize_mm": (0.1, 0.01, {"flux": 1e20}),
    "fluence": (1e29, 1e28, {}),
    "hdiv_range_mrad": (30.0, 1.0, {"hdiv_steps": 3}),
    "hdiv_step_mrad": (20.0, 1.0, {"hdiv_range_mrad": 50.0, "hdiv_steps": 2}),
    "vdiv_range_mrad": (30.0, 1.0, {"vdiv_steps": 3}),
    "vdiv_step_mrad": (20.0, 1.0, {"vdiv_range_mrad": 50.0, "vdiv_steps": 2}),
    "dispersion_percent": (5.0, 1.0, {"dispersion_steps": 3}),
    "beam_vector": ((1.2, 0.1, -0.1), 0.1, CUSTOM),
    "polar_vector": ((0.1, 0.3, 1.1), 0.1, {"polarization_factor": 0.7, **CUSTOM}),
}
BACKGROUND = {"water_size_um": (0.02, 0.001, {})}
FIELDS = CRYSTAL | DETECTOR | BEAM | BACKGROUND
WEIGHTS = torch.linspace(1.0, 2.0, 9, dtype=torch.float64).reshape(3, 3)


def measure(**fields):
    """A number that every pixel counts in, of the order of 1."""
    image = simulate(small_experiment(**{"fpixels": 3, "spixels": 3, **fields}))
    return (image * WEIGHTS).sum() / 1000.0


def check(function, start):
    """gradcheck, and that the gradient is there at all."""
    inputs = start.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(function(inputs), inputs)
    assert gradient.abs().max() > 1e-9
    assert torch.autograd.gradcheck(function, inputs, eps=1e-6, atol=1e-5, rtol=1e-4)


def expected_fields(profile, shape):
    """The fields that the image depends on smoothly."""
    for name in FIELDS:
        if name == "fudge" and shape is CrystalShape.SQUARE:
            continue  # has no part in it
        if name == "mosaic_spread_deg" and profile is Profile.REFERENCE:
            continue  # the angle of a domain is rounded to float32, as in the program
        if name == "pix0_vector_m" and profile is Profile.REFERENCE:
            continue  # is overwritten
        if name not in CRYSTAL and shape is not SHAPES[PROFILES.index(profile)]:
            continue  # what is not of the crystal meets its shape through h, k, l only
        yield name


@pytest.mark.parametrize(
    ("profile", "shape", "name"),
    [
        (profile, shape, name)
        for profile in PROFILES
        for shape in SHAPES
        for name in expected_fields(profile, shape)
    ],
)
def test_gradients_of_fields(profile, shape, name):
    value, scale, more = FIELDS[name]
    base = torch.tensor(value, dtype=torch.float64)

    def moved(t):
        return measure(**{"profile": profile, "shape": shape, **more, name: base + scale * t})

    check(moved, torch.zeros_like(base))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_of_the_number_of_cells(profile, shape):
    cells = torch.tensor([3.0, 4.0, 5.0], dtype=torch.float64)

    def moved(t):
        return measure(profile=profile, shape=shape, N_cells=tuple(cells + t))

    check(moved, torch.zeros(3, dtype=torch.float64))


@pytest.mark.parametrize("profile", PROFILES)
def test_gradients_of_an_orientation_matrix(profile):
    cell = dict.fromkeys(
        ("cell_a", "cell_b", "cell_c", "cell_alpha", "cell_beta", "cell_gamma", "misset_deg")
    )
    matrix = torch.tensor([[45.0, 5.0, 0.0], [-4.0, 40.0, 6.0], [2.0, 1.0, 55.0]]).double() / 1000

    def moved(t):
        return measure(profile=profile, matrix=OrientationMatrix(matrix + 0.01 * t), **cell)

    check(moved, torch.zeros_like(matrix))


@pytest.mark.parametrize("profile", PROFILES)
def test_gradients_of_a_source_table(profile):
    """Positions, wavelengths and, where they count, weights."""
    rows = torch.tensor([[-1.0, 0.0, 0.1, 1.0, 1.0], [-1.0, 0.1, 0.0, 3.0, 1.2]]).double()

    def moved(t):
        table = rows + 0.1 * t
        sources = SourceTable(table[:, :3], table[:, 3], table[:, 4] * 1e-10)
        return measure(profile=profile, sources=sources)

    check(moved, torch.zeros_like(rows))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("interpolate", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_of_structure_factors(profile, interpolate, shape):
    """In random directions of all entries at once; the sum is quadratic in F."""
    factors = small_list(reach=3)

    def moved(t):
        F = factors.F + t
        filled = StructureFactors(F, factors.present, -2, -3, -3, factors.count)
        return measure(
            profile=profile, shape=shape, structure_factors=filled, interpolate=interpolate
        )

    inputs = torch.zeros_like(factors.F).requires_grad_()
    (gradient,) = torch.autograd.grad(moved(inputs), inputs)
    assert gradient.count_nonzero() > (50 if interpolate else 5)
    assert torch.autograd.gradcheck(moved, inputs, eps=1e-4, atol=1e-6, rtol=1e-4, fast_mode=True)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("shape", CrystalShape)
@pytest.mark.parametrize("interpolate", [False, True])
def test_no_gradient_is_nan_in_the_direct_beam(profile, shape, interpolate):
    """The middle pixel looks along the beam: q, h, k and l are exactly 0 there."""
    fields = {
        name: torch.tensor(value, dtype=torch.float64, requires_grad=True)
        for name, (value, _, more) in FIELDS.items()
        if not more and name != "detector_roty_deg"
    }
    for name in ("detector_rotx_deg", "detector_rotz_deg", "detector_twotheta_deg"):
        fields[name] = torch.zeros((), dtype=torch.float64, requires_grad=True)
    for name in ("beam_center_x_mm", "beam_center_y_mm"):
        fields[name] = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    fields["N_cells"] = torch.tensor([3.0, 4.0, 5.0], dtype=torch.float64, requires_grad=True)
    inputs = list(fields.values())
    experiment = small_experiment(
        fpixels=3,
        spixels=3,
        profile=profile,
        shape=shape,
        dmin_A=3.0,
        structure_factors=small_list(),
        interpolate=interpolate,
        **{**fields, "N_cells": tuple(fields["N_cells"])},
    )
    collector = Collector("hkl")
    image = simulate(experiment, recorder=collector)
    assert (collector.all("hkl")[0][:, 4] == 0).all()
    for gradient in torch.autograd.grad(image.sum(), inputs, allow_unused=True):
        assert gradient is None or gradient.isfinite().all()
