"""Passes over the graph of a gradient, so that its steps are one loop.

A gradient has more results than an image: sums over the steps for each pixel, and sums over the
pixels for each step. Inductor would write what they share to memory, for each pixel, source and
step, and read it again; that costs several times the arithmetic. The passes change no operation but
the order of sums, and leave these to memory: what a ray brings to all its steps, and the slopes by
h, k, l, which the sums over pixels take.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.fx import Graph, GraphModule, Node

from nb_physics.engine.nodes import call, value_of

_aten = torch.ops.aten
_STEPS = 2
"""The axis of the steps, in (pixels, sources, steps)."""

KEEP_TOGETHER: dict[str, Any] = {
    "reorder_for_locality": False,
    "max_fusion_size": 10_000,
    "cpp.max_horizontal_fusion_size": 10_000,
}
"""Of inductor: the sums stay together, as `make_single_loop` leaves them, and become one loop."""


def make_single_loop(module: GraphModule) -> None:
    """Rearranges a graph whose values by pixel, source and step have these three axes."""
    importlib.import_module("torch._inductor.inductor_prims")  # which has the operation `realize`

    graph = module.graph
    _leave_out_zeros(graph)
    _sum_steps_first(graph)
    _store_slopes(graph)
    _store_rays(graph)
    _sort(graph)
    graph.lint()
    module.recompile()


@contextlib.contextmanager
def each_value_once() -> Iterator[None]:
    """Within, inductor asks for a value once, however many others are computed from it.

    It asks as often as there are ways from a value to the results, which in a gradient are more
    than can be counted. AttributeError where this inductor is not the one known here.
    """
    from torch._inductor.ir import Pointwise
    from torch._inductor.virtualized import V

    plain = Pointwise.make_loader
    found: dict[int, tuple[Any, Any, dict[tuple[Any, ...], Any]]] = {}

    def make_loader(self: Pointwise) -> Callable[[Sequence[Any]], Any]:
        compute = plain(self)

        def load(index: Sequence[Any]) -> Any:
            asking = V.get_ops_handler()
            if id(self) not in found or found[id(self)][1] is not asking:
                found[id(self)] = self, asking, {}
            known, key = found[id(self)][2], tuple(index)
            if key not in known:
                known[key] = compute(index)
            return known[key]

        return load

    Pointwise.make_loader = make_loader  # type: ignore[method-assign]
    try:
        yield
    finally:
        Pointwise.make_loader = plain  # type: ignore[method-assign]


def _shape(node: Node) -> str:
    """As text: to compare sizes that may be any would settle them."""
    return str(value_of(node).shape)


def _is_evaluation(node: Any) -> bool:
    """Whether a node has a number for each pixel and step."""
    return _is_by_pixel(node, by_step=True)


def _is_by_pixel(node: Any, *, by_step: bool) -> bool:
    """Whether a node has a number for each pixel; and for each step, or one for all of them."""
    value = value_of(node) if isinstance(node, Node) else None
    if not isinstance(value, torch.Tensor) or value.dim() != 3:
        return False
    any_pixels, any_steps = (not isinstance(value.shape[axis], int) for axis in (0, _STEPS))
    return any_pixels and any_steps is by_step


def _summed_axes(node: Node) -> list[int]:
    """The axes that a node sums an evaluation over; none for other nodes."""
    if node.target is _aten.sum.default and _is_evaluation(node.args[0]):
        return [0, 1, _STEPS]
    if node.target is _aten.sum.dim_IntList and _is_evaluation(node.args[0]):
        axes: Any = node.args[1]
        return [axis % 3 for axis in axes]
    return []


def _leave_out_zeros(graph: Graph) -> None:
    """Takes away what rounding adds to a slope, which is 0."""
    for node in list(graph.nodes):
        if node.target is _aten.add.Tensor:
            for zeros, other in (node.args[:2], node.args[1::-1]):
                none = isinstance(zeros, Node) and zeros.target is _aten.zeros_like.default
                if none and isinstance(other, Node) and _shape(other) == _shape(node):
                    node.replace_all_uses_with(other)
                    break
    graph.eliminate_dead_code()


def _sum_steps_first(graph: Graph) -> None:
    """Sums over pixels and steps as sums over steps, which all have one loop, and then the rest."""
    for node in list(graph.nodes):
        axes = _summed_axes(node)
        if _STEPS in axes and len(axes) > 1:
            (source, *rest) = node.args
            with graph.inserting_before(node):
                first = call(graph, _aten.sum.dim_IntList, source, [_STEPS], True)
            node.args = (first, *rest)


def _store_slopes(graph: Graph) -> None:
    """To memory goes what is multiplied by a ray's part and summed over the pixels."""
    wanted: dict[Node, None] = {}
    for node in graph.nodes:
        axes = _summed_axes(node)
        if axes and _STEPS not in axes:
            product = node.args[0]
            factors = [factor for factor in product.args if _is_evaluation(factor)]
            alone = product.target is _aten.mul.Tensor and len(factors) == 1
            wanted[factors[0] if alone else product] = None
    for node in wanted:
        users = list(node.users)
        with graph.inserting_after(node):
            stored = call(graph, torch.ops._inductor_test.realize.default, node)
        for user in users:
            user.replace_input_with(node, stored)


def _store_rays(graph: Graph) -> None:
    """To memory goes what a ray brings to all its steps, stacked: its way there is another loop."""
    late = _descendants(graph)
    evaluations = [node for node in graph.nodes if _is_evaluation(node)]
    sources = dict.fromkeys(source for node in evaluations for source in node.all_input_nodes)
    rays = [node for node in sources if _is_by_pixel(node, by_step=False) and node not in late]
    if not rays:
        return
    users = {ray: [user for user in ray.users if _is_evaluation(user)] for ray in rays}
    widest = max(rays, key=lambda ray: not isinstance(value_of(ray).shape[1], int))
    with graph.inserting_before(next(iter(reversed(graph.nodes)))):
        parts = [call(graph, _aten.expand_as.default, ray, widest) for ray in rays]
        stack = call(graph, _aten.stack.default, parts)
        for index, ray in enumerate(rays):
            stored = call(graph, _aten.select.int, stack, 0, index)
            for user in users[ray]:
                user.replace_input_with(ray, stored)


def _descendants(graph: Graph) -> set[Node]:
    """What is computed from evaluations."""
    found: set[Node] = set()
    for node in graph.nodes:
        if any(_is_evaluation(source) or source in found for source in node.all_input_nodes):
            found.add(node)
    return found


def _sort(graph: Graph) -> None:
    """Each node after what it takes; the sums over steps together, as early as can be."""
    nodes = list(graph.nodes)
    output = nodes[-1]
    placed: dict[Node, None] = dict.fromkeys(n for n in nodes if n.op == "placeholder")
    sums = [node for node in nodes if _summed_axes(node) == [_STEPS]]
    for node in [*sums, *nodes]:
        _place(node, placed)
    for node in placed:
        if node is not output:
            output.prepend(node)


def _place(node: Node, placed: dict[Node, None]) -> None:
    """Puts a node behind all it needs, without recursion: graphs are deep."""
    waiting = [node]
    while waiting:
        last = waiting[-1]
        missing = [source for source in last.all_input_nodes if source not in placed]
        if missing:
            waiting.extend(missing)
        else:
            placed[waiting.pop()] = None
