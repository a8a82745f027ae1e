"""How the image is cut, and that the cut cannot be seen in it."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_experiments import PROFILES, small_experiment, small_list

from nb_core import Mask, Roi
from nb_physics import make_plan, simulate, tiles
from nb_physics.tiles import pixel_ranges, select_pixels, step_blocks, tile_pixels

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
CPU = torch.device("cpu")


@st.composite
def selections(draw):
    """A detector's size, and a region of interest, a mask, both or none."""
    width, height = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    roi = mask = None
    if draw(st.booleans()):
        xmin, ymin = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        roi = Roi(
            xmin, draw(st.integers(xmin, width + 3)), ymin, draw(st.integers(ymin, height + 3))
        )
    if draw(st.booleans()):
        kept = draw(st.lists(st.booleans(), min_size=width * height, max_size=width * height))
        mask = Mask(np.array(kept).reshape(height, width))
    return small_experiment(fpixels=width, spixels=height, roi=roi, mask=mask)


@given(experiment=selections(), tile=st.integers(1, 40))
@settings(max_examples=80)
def test_every_selected_pixel_comes_exactly_once(experiment, tile):
    selection = select_pixels(experiment)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "TILE_EVALUATIONS", tile)
        plan = make_plan(experiment)
        size = tile_pixels(step_blocks(plan))
        ranges = list(pixel_ranges(selection.count, size))
    found = [i for start, stop in ranges for i in selection.indices(start, stop, CPU).tolist()]
    roi, mask, width = experiment.roi, experiment.mask, experiment.detector.fpixels
    expected = [
        index
        for index in range(width * experiment.detector.spixels)
        if (roi is None or roi.xmin <= index % width <= roi.xmax)
        and (roi is None or roi.ymin <= index // width <= roi.ymax)
        and (mask is None or mask.values.flat[index])
    ]
    assert found == expected
    assert all(stop - start <= tile for start, stop in ranges)


@given(experiment=selections())
@settings(max_examples=80)
def test_the_number_of_a_pixel_is_its_place_among_the_selected(experiment):
    selection, detector = select_pixels(experiment), experiment.detector
    order = selection.indices(0, selection.count, CPU).tolist()
    for slow in range(-1, detector.spixels + 1):
        for fast in range(-1, detector.fpixels + 1):
            on = 0 <= slow < detector.spixels and 0 <= fast < detector.fpixels
            index = slow * detector.fpixels + fast
            expected = order.index(index) if on and index in order else None
            assert selection.number(slow, fast) == expected


@given(sources=st.integers(1, 9), steps=st.integers(1, 9), tile=st.integers(1, 50))
@settings(max_examples=50)
def test_blocks_hold_every_step_once_and_in_order(sources, steps, tile):
    plan = make_plan(small_experiment(hdiv_steps=sources, phi_steps=steps))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "TILE_EVALUATIONS", tile)
        blocks = step_blocks(plan)
    found = [
        (source, step)
        for block in blocks
        for source in range(sources)[block.sources]
        for step in range(steps)[block.steps]
    ]
    assert found == [(source, step) for source in range(sources) for step in range(steps)]
    assert all(block.evaluations <= tile for block in blocks)


def rich_experiment(profile, **fields):
    return small_experiment(
        profile=profile,
        oversample=2,
        detector_thick_um=400.0,
        detector_abs_um=300.0,
        detector_thicksteps=2,
        hdiv_range_mrad=20.0,
        hdiv_steps=3,
        phi_steps=2,
        mosaic_spread_deg=2.0,
        mosaic_domains=3,
        water_size_um=0.01,
        polarization_factor=0.5,
        **fields,
    )


CASES = [
    {},
    {"dmin_A": 6.0},
    {"oversample_omega": True, "oversample_polar": True, "oversample_thick": True},
    {"structure_factors": small_list(), "interpolate": True},
]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("fields", CASES)
def test_the_image_does_not_depend_on_the_tiles_of_pixels(monkeypatch, profile, fields):
    """Bit by bit, wherever the 3 x 6 steps of a pixel fit into a tile."""
    experiment = rich_experiment(profile, **fields)
    expected = simulate(experiment)
    for tile in (18, 7 * 18, 100 * 18):
        monkeypatch.setattr(tiles, "TILE_EVALUATIONS", tile)
        assert torch.equal(simulate(experiment), expected)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("fields", "tile"), list(zip(CASES, (4, 6, 4, 12), strict=True)))
def test_steps_cut_into_blocks_are_added_in_another_order_only(monkeypatch, profile, fields, tile):
    """A pixel whose steps are too many for a tile has them in blocks: the last bits may differ."""
    experiment = rich_experiment(profile, **fields)
    expected = simulate(experiment)
    monkeypatch.setattr(tiles, "TILE_EVALUATIONS", tile)
    torch.testing.assert_close(simulate(experiment), expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_region_has_the_pixels_of_the_whole_image(profile):
    whole = simulate(rich_experiment(profile))
    roi, chosen = Roi(1, 4, 2, 3), random.Random(1)
    mask = np.array([[chosen.random() < 0.6 for _ in range(6)] for _ in range(5)])
    image = simulate(rich_experiment(profile, roi=roi, mask=Mask(mask)))
    inside = torch.zeros(5, 6, dtype=torch.bool)
    inside[2:4, 1:5] = True
    inside &= torch.from_numpy(mask)
    assert 0 < inside.sum() < 8
    assert torch.equal(image[inside], whole[inside])
    assert (image[~inside] == 0).all()
