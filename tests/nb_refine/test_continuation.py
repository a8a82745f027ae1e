"""The stages: widths, and which pixels lie near reflections."""

import math

import pytest
import torch

from nb_physics import make_plan, simulate
from nb_refine.continuation import (
    MOST_PIXELS,
    broadened,
    longest_q,
    make_stages,
    near_reflections,
    some_of,
    true_width,
)
from nb_refine.lattice import Lattice, free_terms

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")


def test_the_true_width_is_that_of_the_thinnest_edge(truth):
    """Edges of 6 x 20, 7 x 24 and 5 x 28 Angstrom."""
    assert true_width(make_plan(truth)) == pytest.approx(1 / 120, rel=1e-12)


def test_the_longest_q_is_that_of_the_corner(truth):
    """32 mm from the middle along both edges, 40 mm away; MOSFLM's beam centre is half a pixel
    off, and pixels end half a pixel inside: 1 % of 45 mm.
    """
    corner = math.sin(math.atan2(math.hypot(32.0, 32.0), 40.0) / 2) * 2
    assert longest_q(make_plan(truth)) == pytest.approx(corner, rel=1e-2)


def test_the_first_width_covers_the_error_of_the_start(truth):
    plan = make_plan(truth)
    stages = make_stages(plan, 0.012, geometric=True)
    assert stages[0].width == pytest.approx(0.012 * longest_q(plan))
    assert [stage.width for stage in make_stages(plan, 0.012, geometric=False)] == [None]
    assert make_stages(plan, 1.0, geometric=True)[0].width < 1 / 28 / 2


def test_a_width_is_where_amplitudes_fall_to_1_over_e(truth):
    """nanoBragg's Gaussian: amplitudes exp(-fudge (Na Nb Nc dq)^2 / 0.63), here at dq = width."""
    plan = make_plan(truth)
    narrow, wide = (broadened(truth, plan, width) for width in (0.004, 0.008))
    assert narrow.crystal.fudge * (210 * 0.004) ** 2 / 0.63 == pytest.approx(1.0)
    assert simulate(wide).sum() > simulate(narrow).sum()


def test_the_brightest_pixels_are_near_reflections(truth):
    """Within twice the true width, as the last stage takes them: corners of spots included."""
    near = near_reflections(truth, 1 / 60)
    brightest = torch.argsort(simulate(truth).flatten())[-300:]
    assert torch.isin(brightest, near).all()
    fewer = near_reflections(truth, 1 / 240)
    assert torch.isin(fewer, near).all()
    assert fewer.numel() < near.numel() / 4


def test_a_sample_of_pixels_is_in_their_order():
    many = torch.arange(0, 5 * MOST_PIXELS, 3)
    some = some_of(many)
    assert some.numel() == MOST_PIXELS
    assert (some.diff() > 0).all()
    assert torch.isin(some, many).all()
    assert torch.equal(some, some_of(many))
    assert torch.equal(some_of(many[:100]), many[:100])


@pytest.mark.parametrize(
    ("lattice", "terms"),
    [
        ("triclinic", "a b c alpha beta gamma"),
        ("monoclinic", "a b c beta"),
        ("orthorhombic", "a b c"),
        ("tetragonal", "a c"),
        ("trigonal", "a c"),
        ("rhombohedral", "a alpha"),
        ("hexagonal", "a c"),
        ("cubic", "a"),
    ],
)
def test_each_lattice_has_its_free_terms(lattice, terms):
    assert free_terms(Lattice(lattice)) == terms.split()
