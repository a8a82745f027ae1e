"""A pass over an exported graph: vectors that are stacked and taken apart again stay apart.

Inductor writes every stacked vector to memory, and then cannot fuse what follows with what came
before. The pass changes no operation and no order of operations.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch.fx import Graph, GraphModule, Node

from nb_physics.engine.nodes import call, value_of

_aten = torch.ops.aten
_POINTWISE = {
    _aten.add.Tensor,
    _aten.sub.Tensor,
    _aten.mul.Tensor,
    _aten.div.Tensor,
    _aten.ceil.default,
    _aten.to.dtype,
    _aten._to_copy.default,
    _aten.detach.default,
    _aten.floor.default,
}
_ALONG_AXIS = {_aten.unsqueeze.default, _aten.slice.Tensor}
"""Operations whose second argument is an axis."""


def keep_components_apart(module: GraphModule, *, stored: frozenset[int] = frozenset()) -> None:
    """Replaces what selects a component of a stacked vector by that component, and what asks for
    the vector's size by that of a component.

    stored: ranks of vectors that are stacked even so, once, because what is computed from them
    would repeat the work of their components for each step
    """
    graph = module.graph
    for node in list(graph.nodes):
        if node.target is _aten._assert_tensor_metadata.default:
            graph.erase_node(node)
    split = _Splitter(graph, stored)
    for node in list(graph.nodes):
        if node.target is _aten.select.int and node.args[1] == 0 and _is_vectors(node.args[0]):
            _replace(node, split.component(node.args[0], node.args[2]))
        elif node.target is _aten.unbind.int and _is_vectors(node.args[0]):
            if len(node.args) > 1 and node.args[1] != 0:
                continue
            for part in list(node.users):
                if part.target is operator.getitem:
                    _replace(part, split.component(node.args[0], part.args[1]))
        elif node.target is _aten.sym_size.int and node.args[1] > 0 and _is_vectors(node.args[0]):
            component = split.component(node.args[0], 0)
            with graph.inserting_before(node):
                _replace(node, call(graph, node.target, component, node.args[1] - 1))
    graph.eliminate_dead_code()
    graph.lint()
    module.recompile()


def _replace(node: Node, other: Node) -> None:
    if other is not node:
        node.replace_all_uses_with(other)


def _is_vectors(node: Any) -> bool:
    """Whether a node's first axis holds three components, and it has others."""
    return isinstance(node, Node) and value_of(node).dim() > 1 and value_of(node).shape[0] == 3


class _Splitter:
    """Builds components of nodes, each once."""

    def __init__(self, graph: Graph, stored: frozenset[int]) -> None:
        self.graph = graph
        self.stored = stored
        self.made: dict[tuple[Node, int], Node] = {}

    def component(self, node: Node, index: int) -> Node:
        """Component `index` of a node whose first axis has three."""
        key = (node, index)
        if key not in self.made:
            self.made[key] = self._build(node, index)
        return self.made[key]

    def _build(self, node: Node, index: int) -> Node:
        stacked = node.target is _aten.stack.default and (len(node.args) < 2 or node.args[1] == 0)
        if stacked and (value_of(node).dim() not in self.stored or value_of(node).dim() < 4):
            parts: Any = node.args[0]
            part: Node = parts[index]
            return part
        if node.target in _POINTWISE:
            if value_of(node).dim() in self.stored:
                return self._stored_component(node, index)
            return self._pointwise(node, index)
        if node.target in _ALONG_AXIS and node.args[1] != 0:
            source, axis, *rest = node.args
            assert isinstance(source, Node)
            assert isinstance(axis, int)
            if _is_vectors(source):
                along = axis - 1 if axis > 0 else axis
                arguments = (self.component(source, index), along, *rest)
                return self._before(node, arguments)
        with self.graph.inserting_after(node):
            return call(self.graph, _aten.select.int, node, 0, index)

    def _stored_component(self, node: Node, index: int) -> Node:
        parts = [self._pointwise(node, i) for i in range(3)]
        with self.graph.inserting_before(node):
            stacked = call(self.graph, _aten.stack.default, parts)
            for i in range(3):
                self.made[node, i] = call(self.graph, _aten.select.int, stacked, 0, i)
        return self.made[node, index]

    def _pointwise(self, node: Node, index: int) -> Node:
        arguments = tuple(self._argument(node, argument, index) for argument in node.args)
        return self._before(node, arguments)

    def _argument(self, node: Node, argument: Any, index: int) -> Any:
        """What a pointwise operation takes for one component in place of an argument."""
        if not isinstance(argument, Node) or not isinstance(value_of(argument), torch.Tensor):
            return argument
        if value_of(argument).dim() < value_of(node).dim():
            return argument
        if value_of(argument).shape[0] == 1:
            with self.graph.inserting_before(node):
                return call(self.graph, _aten.select.int, argument, 0, 0)
        if argument.target in _POINTWISE:  # the outermost result is stored, not those before it
            return self._pointwise(argument, index)
        return self.component(argument, index)

    def _before(self, node: Node, arguments: tuple[Any, ...]) -> Node:
        """The operation of a node on other arguments, before it."""
        with self.graph.inserting_before(node):
            return call(self.graph, node.target, *arguments, **node.kwargs)
