"""The sources of divergent and polychromatic beams, and of files."""

import math

import pytest
import torch
from small_experiments import small_experiment

from nb_core import DetectorConvention, InputError, Profile, SourceTable
from nb_core.sweeps import Sweep
from nb_physics.axes import lab_axes
from nb_physics.plan import make_plan
from nb_physics.sources import beam_sources, divergence_grid

NAN = float("nan")


def sources_of(**fields):
    experiment = small_experiment(**fields)
    axes = lab_axes(experiment)
    return beam_sources(experiment.beam, axes), axes


def test_a_parallel_beam_has_one_source():
    sources, axes = sources_of(wavelength_A=1.3)
    assert torch.equal(sources.incident[:, 0], axes.beam)
    assert (sources.wavelength.tolist(), sources.weight.tolist()) == ([1.3], [1.0])
    assert (sources.divergence_points, sources.wavelengths) == (1, 1)


@pytest.mark.parametrize("convention", [DetectorConvention.MOSFLM, DetectorConvention.XDS])
def test_a_grid_of_divergence_times_wavelengths(convention):
    sources, axes = sources_of(
        detector_convention=convention,
        hdiv_range_mrad=20.0,
        hdiv_steps=3,
        vdiv_range_mrad=10.0,
        vdiv_steps=2,
        round_div=False,
        dispersion_percent=3.0,
        dispersion_steps=4,
    )
    assert (sources.divergence_points, sources.wavelengths) == (6, 4)
    assert sources.weight.sum().item() == pytest.approx(1.0)
    torch.testing.assert_close(sources.incident.norm(dim=0), torch.ones(24).double())
    steepest = torch.acos((axes.beam @ sources.incident).clamp(max=1.0)).max()
    assert steepest.item() == pytest.approx(math.hypot(0.01, 0.005), rel=1e-4)
    assert torch.equal(sources.wavelength[:4], sources.wavelength[4:8])
    assert torch.equal(sources.incident[:, 0], sources.incident[:, 3])
    assert not torch.equal(sources.incident[:, 3], sources.incident[:, 4])


def test_divergence_tilts_towards_the_horizontal_and_the_vertical():
    sources, axes = sources_of(hdiv_range_mrad=20.0, hdiv_steps=2)
    across = torch.linalg.cross(axes.beam, axes.vertical)
    assert (across @ sources.incident).abs().tolist() == pytest.approx([math.sin(0.01)] * 2)
    assert (axes.vertical @ sources.incident).abs().max() < 1e-16


@pytest.mark.parametrize(
    ("round_div", "steps", "points"), [(False, 5, 25), (True, 5, 13), (True, 4, 12), (True, 2, 4)]
)
def test_the_ellipse_cuts_the_corners_of_the_grid(round_div, steps, points):
    """Of 5 x 5 points the disc keeps 13, of 4 x 4 all but the corners, of 2 x 2 every one."""
    horizontal = Sweep(0.02, 0.02 / (steps - 1), steps, "")
    vertical = Sweep(0.01, 0.01 / (steps - 1), steps, "")
    h, v = divergence_grid(horizontal, vertical, round_div=round_div)
    assert h.numel() == points
    assert len({(a, b) for a, b in zip(h.tolist(), v.tolist(), strict=True)}) == points
    if round_div and steps == 5:
        assert ((h / 0.01) ** 2 + (v / 0.005) ** 2).max() <= 1.1


def test_one_direction_alone_is_never_cut():
    h, _ = divergence_grid(Sweep(0.02, 0.001, 21, ""), Sweep(0.0, 0.0, 1, ""), round_div=True)
    assert h.numel() == 21


def table(*rows):
    columns = torch.tensor(rows, dtype=torch.float64)
    return SourceTable(columns[:, :3], columns[:, 3], columns[:, 4])


def test_sources_of_a_file():
    """Only the direction counts; what a line leaves out is filled in."""
    sources, axes = sources_of(
        wavelength_A=1.1,
        sources=table((-3.0, 0.0, 4.0, 1.0, 0.9e-10), (NAN, NAN, NAN, NAN, NAN)),
        hdiv_range_mrad=5.0,
    )
    assert sources.incident[:, 0].tolist() == pytest.approx([0.6, 0.0, -0.8])
    assert torch.equal(sources.incident[:, 1], axes.beam)
    assert sources.wavelength.tolist() == pytest.approx([0.9, 1.1], rel=1e-15)
    assert sources.weight.tolist() == [0.5, 0.5]


def test_weights_of_a_file_are_normalised():
    sources, _ = sources_of(
        sources=table(
            (-1.0, 0.0, 0.0, 2.0, NAN), (-1.0, 0.1, 0.0, 6.0, NAN), (-1.0, 0.0, 0.1, 0, 1)
        )
    )
    assert sources.weight.tolist() == [0.25, 0.75, 0.0]


def test_an_ellipse_without_a_point_is_refused():
    fields = {"hdiv_range_mrad": 3.0, "hdiv_step_mrad": 2.0, "hdiv_steps": 1}
    vertical = {"vdiv_range_mrad": 3.0, "vdiv_step_mrad": 2.0, "vdiv_steps": 1}
    with pytest.raises(InputError, match="no point of the grid lies in the ellipse"):
        sources_of(**fields, **vertical)
    sources, _ = sources_of(**fields, **vertical, round_div=False)
    assert sources.divergence_points == 1


def test_sources_without_weight_are_refused_where_weights_count():
    table = SourceTable(
        torch.tensor([[-10.0, 0.0, 0.0]]).double(),
        torch.zeros(1).double(),
        torch.full((1,), 1e-10).double(),
        "beam",
    )
    make_plan(small_experiment(sources=table, oversample=None))
    said = r"^-sourcefile \(beam.sources\): beam: all weights are 0; give at least one source"
    with pytest.raises(InputError, match=said):
        make_plan(small_experiment(sources=table, oversample=None, profile=Profile.CORRECTED))
