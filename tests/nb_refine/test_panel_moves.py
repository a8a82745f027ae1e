"""Shifts and tilts of panels as parameters, and which pixels of panels are used."""

import dataclasses

import pytest
import torch

from nb_core import (
    CrystalConfig,
    Detector,
    DetectorConfig,
    Experiment,
    InputError,
    Mask,
    Panel,
    PanelGroup,
    Roi,
    SamplingConfig,
)
from nb_physics import make_plan, simulate
from nb_refine import Refinement
from nb_refine.continuation import longest_q, near_reflections
from nb_refine.observation import observe
from nb_refine.parameters import make_model

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")

CRYSTAL = CrystalConfig(
    cell_a=40.0, cell_b=50.0, cell_c=60.0, N_cells=(6, 6, 6), default_F=100.0, misset_deg=(1, 2, 3)
)


def panel(number, **fields):
    place = {"origin_mm": (-21.0 + 21.0 * number, -10.0, 60.0), "pixel_size_mm": 0.5}
    return Panel(f"p{number}", shape=(40, 40), **place | fields)


def experiment_of(*panels, groups=(), **moves):
    return Experiment(
        CRYSTAL, Detector(panels, groups, **moves), sampling=SamplingConfig(oversample=1)
    )


def names_of(experiment):
    return make_model(experiment, make_plan(experiment), ["detector"]).names


def test_each_group_has_three_shifts_and_three_tilts():
    grouped = experiment_of(panel(0, group="b"), panel(1, group="a"), panel(2, group="b"))
    steps = [f"{kind}_{axis}" for kind in ("shift", "tilt") for axis in ("fast", "across", "beam")]
    assert names_of(grouped) == [f"{group}_{step}" for group in "ba" for step in steps]
    assert names_of(experiment_of(panel(0), panel(1))) == [f"detector_{step}" for step in steps]


def test_parameters_start_where_the_panels_have_moved():
    groups = (PanelGroup("a", (0.1, 0.2, 0.3), (1.0, -1.0, 0.5)),)
    experiment = experiment_of(panel(0, group="a"), panel(1, group="b"), groups=groups)
    model = make_model(experiment, make_plan(experiment), ["detector"])
    assert model.start.tolist() == [0.1, 0.2, 0.3, 1.0, -1.0, 0.5, *[0.0] * 6]
    units = [(p.unit, p.upper - p.start) for p in model.parameters[:6]]
    assert [unit for unit, _ in units] == ["mm"] * 3 + ["deg"] * 3
    assert [reach for _, reach in units] == pytest.approx([2.0] * 6)
    same = make_plan(model.experiment(model.start))
    for before, after in zip(make_plan(experiment).panels, same.panels, strict=True):
        torch.testing.assert_close(after.frame.origin, before.frame.origin, rtol=0, atol=1e-15)
    moved = model.experiment(model.start + 0.25).detector.groups
    assert [group.name for group in moved] == ["a", "b"]
    assert moved[0].shift_mm.tolist() == pytest.approx([0.35, 0.45, 0.55])
    assert moved[1].tilt_deg.tolist() == [0.25] * 3


def test_the_whole_moves_where_no_panel_has_a_group():
    experiment = experiment_of(panel(0), panel(1), shift_mm=(0.0, 0.0, 0.5))
    model = make_model(experiment, make_plan(experiment), ["detector"])
    assert model.start.tolist() == [0.0, 0.0, 0.5, 0.0, 0.0, 0.0]
    found = model.experiment(model.start + 1.0).detector
    assert (found.shift_mm.tolist(), found.tilt_deg.tolist()) == ([1.0, 1.0, 1.5], [1.0] * 3)


def test_nanobraggs_plane_has_no_panels_to_move():
    plane = Experiment(CRYSTAL, DetectorConfig(fpixels=40, spixels=40))
    with pytest.raises(InputError, match="refine distance and beam_centre"):
        names_of(plane)


def test_a_panel_that_stands_wrong_is_found():
    true = experiment_of(panel(0, group="a"), panel(1, group="b"))
    image = simulate(true, engine="eager")
    start = dataclasses.replace(
        true,
        detector=dataclasses.replace(
            true.detector, groups=(PanelGroup("b", shift_mm=(0.05, -0.04, 0.0)),)
        ),
    )
    fit = Refinement(
        start, image, ["detector", "scale"], roi_from_prediction=False, engine="eager"
    ).run()
    found = dict(zip([p.name for p in fit.parameters], fit.values.tolist(), strict=True))
    # of an image without noise the fit ends within 0.02 standard uncertainties of the truth
    off = {name: abs(value - (name == "scale")) for name, value in found.items()}
    limits = dict(zip(found, fit.uncertainties.tolist(), strict=True))
    assert all(off[name] < 0.1 * limits[name] for name in off), off
    assert fit.after.shape == (2, 40, 40)


def test_pixels_outside_the_trusted_range_are_not_used():
    low_high = panel(0, gain=2.0, trusted_range=(2.0, 10.0))
    counts = torch.arange(2 * 40 * 40, dtype=torch.float64).reshape(2, 40, 40) % 40 + 0.5
    seen = observe(counts, experiment_of(low_high, panel(1)))
    assert torch.equal(seen.usable[0], (counts[0] >= 1.0) & (counts[0] <= 5.0))
    assert seen.usable[1].all()


def test_masks_and_regions_of_panels_are_kept():
    mask = Mask((torch.arange(1600).reshape(40, 40) % 2 == 0).numpy())
    counts = torch.arange(3 * 40 * 40, dtype=torch.float64).reshape(3, 40, 40)
    panels = (panel(0), panel(1, mask=mask), panel(2, roi=Roi(0, 9, 0, 4)))
    seen = observe(counts, experiment_of(*panels)).usable
    assert [int(part.sum()) for part in seen] == [1600, 800, 50]
    with pytest.raises(InputError, match="panel, slow, fast"):
        observe(counts[:2], experiment_of(*panels))


def test_pixels_near_reflections_are_those_of_each_panel():
    both = experiment_of(panel(0), panel(1, roi=Roi(0, 1, 0, 1)))
    found = near_reflections(both, 0.005)
    alone = near_reflections(experiment_of(panel(1)), 0.005)
    assert set(alone.tolist()) == {n - 1600 for n in found.tolist() if n >= 1600}
    assert 0 < alone.numel() < 1600


def test_the_longest_vector_is_at_the_farthest_corner_of_all_panels():
    near, far = experiment_of(panel(1)), experiment_of(panel(0))
    assert longest_q(make_plan(experiment_of(panel(0), panel(1)))) == max(
        longest_q(make_plan(one)) for one in (near, far)
    )
