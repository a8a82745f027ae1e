"""The passes that make one loop of a gradient's steps: the same numbers, sums in another order."""

import pytest
import torch
from torch.export import Dim, export

from nb_physics.elementary import horner, polynomial
from nb_physics.engine.build import _ONE_LOOP
from nb_physics.engine.single_loop import each_value_once, make_single_loop

STACK = torch.ops.aten.stack.default


class Gradient(torch.nn.Module):
    """Sums by pixel, by step and of all, of values by pixel, source and step."""

    def forward(self, x, y, v):
        across, weight = x[:, :, None], y[:, None, None]
        slopes = torch.sin(across * v) * weight
        slopes = torch.zeros_like(slopes) + slopes + torch.zeros_like(slopes)
        by_pixel = weight + torch.zeros_like(slopes)  # which spreads it over the steps
        by_step = [(slopes * across).sum([0, 1], keepdim=True), (slopes * slopes).sum([0, 1])]
        late = slopes.sum([2], keepdim=True) * slopes
        return *by_step, slopes.sum([2]), (slopes * v).sum(), late.sum([-1, 0]), by_pixel


def given(pixels=5, sources=2, steps=7):
    x = torch.linspace(0.1, 2, pixels * sources, dtype=torch.float64).reshape(pixels, sources)
    y, v = torch.linspace(3, 4, pixels).double(), torch.linspace(1, 2, steps).double()
    return x, y, v


@pytest.fixture
def program():
    sizes = ({0: Dim.DYNAMIC, 1: Dim.DYNAMIC}, {0: Dim.DYNAMIC}, {0: Dim.DYNAMIC})
    made = export(Gradient(), given(), dynamic_shapes=sizes, strict=False)
    make_single_loop(made.graph_module)
    return made


def nodes_of(program, target):
    return [node for node in program.graph_module.graph.nodes if node.target is target]


@pytest.mark.parametrize("sizes", [(5, 2, 7), (3, 4, 6)])
def test_the_numbers_stay(program, sizes):
    arguments = given(*sizes)
    for one, other in zip(program.module()(*arguments), Gradient()(*arguments), strict=True):
        # Some hundred terms in another order.
        torch.testing.assert_close(one, other, rtol=1e-13, atol=1e-13)


def test_what_goes_to_memory(program):
    """The slopes alone, the product of two, and what rays bring, once and spread to one shape."""
    realize = torch.ops._inductor_test.realize.default
    stored = [node.args[0] for node in nodes_of(program, realize)]
    assert [node.target for node in stored] == [torch.ops.aten.mul.Tensor] * 2
    (stack,) = nodes_of(program, STACK)
    assert len(stack.args[0]) == 2
    assert len({str(part.meta["val"].shape) for part in stack.args[0]}) == 1


def test_zeros_are_left_out_where_they_only_add(program):
    assert len(nodes_of(program, torch.ops.aten.zeros_like.default)) == 1


def test_steps_are_summed_first_and_together(program):
    nodes = list(program.graph_module.graph.nodes)
    sums = [node for node in nodes if str(node.target).startswith("aten.sum")]
    of_all = [node for node in sums if not isinstance(node.args[0].meta["val"].shape[-1], int)]
    places = [nodes.index(node) for node in of_all if list(node.args[1]) == [2]]
    others = [nodes.index(node) for node in of_all if list(node.args[1]) == [0, 1]]
    assert len(places) == 4  # of slopes, by pixel and once more; of slopes v; of `late`
    assert len(places) + len(others) == len(of_all)
    assert max(places) < min(others)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own
def test_values_are_asked_for_once():
    """Sixty values, each taken twice by the next: 2^60 ways from the first to the last."""

    def doubled(x):
        for _ in range(60):
            x = x * 0.5 + torch.sin(x)
        return x

    x = torch.linspace(0, 1, 64, dtype=torch.float64)
    with each_value_once():
        found = torch.compile(doubled, options=_ONE_LOOP)(x)
    torch.testing.assert_close(found, doubled(x), rtol=1e-12, atol=0)


def test_a_polynomial_and_its_slopes():
    t = torch.linspace(0, 0.25, 9, dtype=torch.float64, requires_grad=True)
    coefficients = [1.0, -2.0, 0.5, 3.0]
    assert torch.equal(polynomial(t, coefficients), horner(t, coefficients))
    assert torch.autograd.gradcheck(lambda t: polynomial(t, coefficients), (t,))
    assert torch.autograd.gradgradcheck(lambda t: polynomial(t, coefficients), (t,))
