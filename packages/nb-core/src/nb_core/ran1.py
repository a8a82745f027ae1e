"""nanoBragg's random numbers: the stream of its `ran1`, and what it draws from it.

The generator is Park and Miller's minimal standard with a Bays-Durham shuffle of 32 entries
(Press et al., Numerical Recipes in C, 2nd edition, section 7.1). The program computes it in
float32; each rounding is repeated here, so that the same seed gives the same numbers.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator
from itertools import chain, islice

import numpy as np

from nb_core.errors import InputError

__all__ = [
    "Ran1",
    "matrix_to_misset",
    "mosaic_draws",
    "rotation_draw",
]

_MODULUS = 2147483647
_MULTIPLIER = 16807
_SHUFFLE = 32
_SHUFFLE_SHIFT = 26  # the shuffle takes its entry by the top five of 31 bits
_WARM_UP = 8
_INVERSE = 1.0 / _MODULUS
_BELOW_ONE = np.float32(1.0 - 1.2e-7)
_BLOCK = 2048
_THIRD = np.float32(1.0 / 3.0)  # a numpy scalar's power is the C library's powf, to the last bit


class Ran1:
    """One stream of random numbers; the same seed gives the same stream.

    seed: its sign is ignored, and 0 counts as 1, as in the program
    uniform(): the next number of the stream, in (0, 1), a value of float32
    uniforms(count): as many of them, shape (count,), float64
    Raises InputError for a seed beyond 31 bits.
    """

    def __init__(self, seed: int) -> None:
        self._seed = int(seed)
        state = abs(self._seed) or 1
        if state >= _MODULUS:
            raise InputError("seed", seed, f"a seed is smaller than {_MODULUS}")
        self._stream = chain.from_iterable(_blocks(state))
        self.uniform: Callable[[], float] = self._stream.__next__
        self._round = float32_rounder()
        self._spare: float | None = None

    def __repr__(self) -> str:
        return f"Ran1({self._seed})"

    def uniforms(self, count: int) -> np.ndarray:
        return np.fromiter(islice(self._stream, count), dtype=np.float64, count=count)

    def gaussian(self) -> float:
        """The next normal deviate, mean 0 and variance 1; they are drawn in pairs."""
        if self._spare is not None:
            spare, self._spare = self._spare, None
            return spare
        to_float32 = self._round
        square = 0.0
        while square >= 1.0 or square == 0.0:
            first = to_float32(2.0 * self.uniform() - 1.0)
            second = to_float32(2.0 * self.uniform() - 1.0)
            square = to_float32(to_float32(first * first) + to_float32(second * second))
        factor = to_float32(math.sqrt(-2.0 * math.log(square) / square))
        self._spare = to_float32(first * factor)
        return to_float32(second * factor)


def float32_rounder() -> Callable[[float], float]:
    """A fast function that rounds a float to the nearest float32."""
    cell = array("f", [0.0])

    def to_float32(value: float) -> float:
        cell[0] = value
        return cell[0]

    return to_float32


def rotation_draw(generator: Ran1) -> tuple[tuple[float, float, float], float]:
    """The axis and the size of a random rotation, from three numbers of the stream.

    Returns a unit vector, uniform over the sphere, and the fraction (0 to 1, a value of float32)
    of the spread that it is turned by: the angle is float32(float32(spread) * fraction).
    """
    around = 2.0 * generator.uniform() - 1.0
    along = 2.0 * generator.uniform() - 1.0
    turn = 2.0 * generator.uniform() - 1.0
    across = math.sqrt(1.0 - along * along)
    axis = (across * math.sin(math.pi * around), across * math.cos(math.pi * around), along)
    return axis, float(np.float32(1.0 - turn * turn) ** _THIRD)


def mosaic_draws(seed: int, domains: int) -> tuple[np.ndarray, np.ndarray]:
    """The axes (domains, 3) and fractions (domains,) of the mosaic domains, float64.

    The first domain draws too, though nanoBragg then leaves it unrotated. The same numbers as of
    `rotation_draw`, to the last bit: sines, cosines and roots are the C library's there and here,
    for numpy's own, of arrays, round otherwise.
    """
    around, along, turn = (2.0 * Ran1(seed).uniforms(3 * domains) - 1.0).reshape(domains, 3).T
    across, turns = np.sqrt(1.0 - along * along), (math.pi * around).tolist()
    sine, cosine = (
        np.fromiter(map(function, turns), dtype=np.float64, count=domains)
        for function in (math.sin, math.cos)
    )
    axes = np.stack([across * sine, across * cosine, along], axis=1)
    cubes = (1.0 - turn * turn).astype(np.float32)
    roots = (cube**_THIRD for cube in cubes)
    return axes, np.fromiter(roots, dtype=np.float64, count=domains)


def matrix_to_misset(matrix: np.ndarray) -> tuple[float, float, float]:
    """The missetting angles (rad) about x, then y, then z, of a proper rotation matrix.

    At gimbal lock (y at 90 degrees) only the sum or difference of the other two is defined.
    """
    rows = [_unit(_unit([float(value) for value in row])) for row in matrix]
    (xx, xy, _), (yx, yy, _), (zx, zy, zz) = rows
    if zx * zx < 1.0:
        return math.atan2(zy, zz), math.atan2(-zx, math.sqrt(zy * zy + zz * zz)), math.atan2(yx, xx)
    if zx < 0.0:
        return math.pi, math.pi / 2.0, math.atan2(xy, -yy)
    return 0.0, -math.pi / 2.0, math.atan2(-xy, yy)


def _unit(row: list[float]) -> list[float]:
    length = math.sqrt(row[0] * row[0] + row[1] * row[1] + row[2] * row[2])
    return [value / length for value in row]


def _blocks(state: int) -> Iterator[list[float]]:
    """The stream of a seed, cut into lists."""
    powers = _powers(_BLOCK)
    warm_up = [state * power % _MODULUS for power in powers[: _WARM_UP + _SHUFFLE].tolist()]
    table = warm_up[: _WARM_UP - 1 : -1]
    state, last = warm_up[-1], table[0]
    while True:
        fresh = state * powers % _MODULUS
        state = int(fresh[-1])
        taken = []
        for number in fresh.tolist():
            entry = last >> _SHUFFLE_SHIFT
            last = table[entry]
            table[entry] = number
            taken.append(last)
        values = (np.array(taken, dtype=np.float64) * _INVERSE).astype(np.float32)
        yield np.minimum(values, _BELOW_ONE).tolist()


def _powers(count: int) -> np.ndarray:
    """The multiplier to the power 1, 2, ... modulo the modulus; products stay below 2**62."""
    powers = [1]
    for _ in range(count):
        powers.append(powers[-1] * _MULTIPLIER % _MODULUS)
    return np.array(powers[1:], dtype=np.int64)
