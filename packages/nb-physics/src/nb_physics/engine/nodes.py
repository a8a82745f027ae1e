"""Nodes of an exported graph, and the values that stand for what they compute."""

from __future__ import annotations

from typing import Any

from torch.fx import Graph, Node
from torch.fx.node import map_arg


def value_of(node: Node) -> Any:
    """What a node computes, as a tensor without data; None where it is not known."""
    return node.meta.get("val")


def call(graph: Graph, operation: Any, *arguments: Any, **options: Any) -> Node:
    """A new node where the graph takes them now, with its value."""
    made = graph.call_function(operation, arguments, options)
    made.meta["val"] = operation(*map_arg(arguments, value_of), **options)
    return made
