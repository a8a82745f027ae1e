"""Pairs of float32: nearly float64, on devices that have no float64."""

from nb_physics.pairs.pair import Pair, PairOperationError, joined, to_pair

__all__ = ["Pair", "PairOperationError", "joined", "to_pair"]
