"""The pass that keeps the components of vectors apart: the same numbers, and no stack left."""

import pytest
import torch
from torch.export import export

from nb_physics.engine.components import keep_components_apart

STACK = torch.ops.aten.stack.default


def half_then_whole(x, y):
    v = torch.stack([x + y, x - y, x * y])
    w = (v - 0.5).ceil()
    a, b, c = (v - w)[:, :, None] * y
    return a + 2 * b, (w / x)[2] - c[:, 0]


def of_inputs(x, y):
    v = torch.stack([x, y, x * y])
    scaled = v * torch.stack([x, x, y]) / torch.ones(3, 1)
    return scaled[0] + v[1], scaled.sum(dim=0)


FUNCTIONS = [half_then_whole, of_inputs]


class Module(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x, y):
        return self.function(x, y)


def exported(function, **options):
    x, y = torch.linspace(0.1, 2, 7), torch.linspace(3, 4, 7)
    expected = function(x, y)
    program = export(Module(function), (x, y), strict=False)
    keep_components_apart(program.graph_module, **options)
    graph = program.graph_module.graph
    stacks = [node for node in graph.nodes if node.target is STACK]
    return expected, program.module()(x, y), stacks


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("stored", [(), (2,), (2, 3), (2, 3, 4)])
def test_the_numbers_stay(function, stored):
    expected, found, _ = exported(function, stored=frozenset(stored))
    for one, other in zip(expected, found, strict=True):
        assert torch.equal(one, other)


def test_no_stack_is_left_where_only_components_are_used():
    assert exported(half_then_whole)[2] == []


def test_a_vector_that_is_used_whole_stays():
    assert len(exported(of_inputs)[2]) > 0


def test_stored_vectors_are_stacked_once():
    (stack,) = exported(half_then_whole, stored=frozenset({3}))[2]
    assert stack.meta["val"].dim() == 3
