"""nanoBragg's random numbers, against numbers that its own functions gave."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nb_core.errors import InputError
from nb_core.ran1 import (
    Ran1,
    matrix_to_misset,
    mosaic_draws,
    rotation_draw,
)

UNIFORM = {
    1: [0.4159993529319763, 0.09196489304304123, 0.7564104795455933, 0.5297002196311951],
    5: [0.1728605479001999, 0.6804094314575195, 0.9170782566070557, 0.9175103902816772],
    12345678: [0.7659893035888672, 0.023453664034605026, 0.5897266268730164, 0.535101592540741],
    2147483646: [0.933157742023468, 0.6164979338645935, 0.5825140476226807, 0.3132272958755493],
}
FAR_ON_OF_1 = [0.21374458074569702, 0.6877737641334534, 0.4164682626724243]
GAUSSIAN = {
    1: [-0.8368539810180664, -0.1722799688577652, 0.18711760640144348, 1.615439772605896],
    777: [0.6439289450645447, 0.24900010228157043, -0.8350511193275452, -0.7475844025611877],
}
SECOND_ROTATION_OF_777 = {
    1.0: [
        [0.90313025149628934, -0.42345943944769965, -0.070977827346919722],
        [0.36848121167032982, 0.84925640890390708, -0.37813377074998927],
        [0.22040268936248197, 0.31535005165415758, 0.92302600149914815],
    ],
    90.0: [
        [0.3085450140029055, -0.9121169938953366, 0.2698936156734377],
        [0.5196831298135058, -0.07600576320798454, -0.850971543911082],
        [0.7966990767668716, 0.4028221858419746, 0.4505606148703058],
    ],
}
SECOND_MISSET_OF_777 = {
    1.0: (0.32921505848503768, -0.22222729281690554, 0.38738771029679459),
    90.0: (0.7295161768200259, -0.9218136832608751, 1.0350090534974714),
}


def _draw(generator, count):
    return [generator.uniform() for _ in range(count)]


def _angles_to_matrix(x, y, z):
    cosine, sine = np.cos([x, y, z]), np.sin([x, y, z])
    about_x = [[1, 0, 0], [0, cosine[0], -sine[0]], [0, sine[0], cosine[0]]]
    about_y = [[cosine[1], 0, sine[1]], [0, 1, 0], [-sine[1], 0, cosine[1]]]
    about_z = [[cosine[2], -sine[2], 0], [sine[2], cosine[2], 0], [0, 0, 1]]
    return np.array(about_z) @ np.array(about_y) @ np.array(about_x)


@pytest.mark.parametrize("seed", UNIFORM)
def test_the_stream_is_the_programs_56(seed):
    assert _draw(Ran1(seed), 4) == UNIFORM[seed]


def test_the_stream_far_on_is_the_programs_56():
    generator = Ran1(1)
    draws = _draw(generator, 100_000)
    assert draws[-3:] == FAR_ON_OF_1


def test_every_number_is_a_float32_below_one():
    draws = np.array(_draw(Ran1(3), 20_000))
    np.testing.assert_array_equal(draws, draws.astype(np.float32).astype(np.float64))
    assert 0.0 < draws.min() < 1e-3
    assert 0.999 < draws.max() < 1.0


def test_a_number_that_would_round_to_one_is_the_programs_largest_56():
    assert Ran1(1198190221).uniform() == 0.99999988079071045


def test_the_stream_is_the_textbook_recurrence():
    """A slow twin: Schrage's division, one number at a time."""
    state, table, last = 99, [0] * 32, 0

    def step(value):
        quotient, rest = divmod(value, 127773)
        value = 16807 * rest - 2836 * quotient
        return value if value >= 0 else value + 2147483647

    for entry in range(39, -1, -1):
        state = step(state)
        if entry < 32:
            table[entry] = state
    last = table[0]
    expected = []
    for _ in range(5000):
        state = step(state)
        entry = last // 67108864
        last, table[entry] = table[entry], state
        expected.append(float(np.float32(last * (1.0 / 2147483647))))
    assert _draw(Ran1(99), 5000) == expected


def test_the_sign_of_a_seed_is_ignored_19():
    assert _draw(Ran1(-5), 4) == UNIFORM[5]


def test_a_seed_of_zero_is_one():
    assert _draw(Ran1(0), 4) == UNIFORM[1]


@pytest.mark.parametrize("seed", [2147483647, -2147483647, 2**40])
def test_a_seed_beyond_31_bits_is_an_error(seed):
    with pytest.raises(InputError, match="a seed is smaller than 2147483647"):
        Ran1(seed)


@pytest.mark.parametrize("seed", GAUSSIAN)
def test_gaussian_deviates_are_the_programs_56(seed):
    generator = Ran1(seed)
    assert [generator.gaussian() for _ in range(4)] == GAUSSIAN[seed]


def test_gaussian_deviates_have_unit_variance():
    generator = Ran1(2)
    deviates = np.array([generator.gaussian() for _ in range(20_000)])
    assert abs(deviates.mean()) < 0.03
    assert abs(deviates.std() - 1.0) < 0.03


@pytest.mark.parametrize("spread", SECOND_ROTATION_OF_777)
def test_draws_are_those_of_the_programs_rotations_56(spread):
    """The odd part of a rotation matrix is its axis times the sine, its trace 1 + 2 cosine."""
    generator = Ran1(777)
    rotation_draw(generator)
    axis, fraction = rotation_draw(generator)
    angle = float(np.float32(spread) * np.float32(fraction))
    rotation = np.array(SECOND_ROTATION_OF_777[spread])
    odd = [rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0]]
    odd.append(rotation[1, 0] - rotation[0, 1])
    np.testing.assert_allclose(np.array(axis) * math.sin(angle), np.array(odd) / 2, atol=2e-16)
    assert rotation.trace() == pytest.approx(1.0 + 2.0 * math.cos(angle), abs=5e-16)


@pytest.mark.parametrize("spread", SECOND_ROTATION_OF_777)
def test_misset_angles_are_the_programs_56(spread):
    angles = matrix_to_misset(np.array(SECOND_ROTATION_OF_777[spread]))
    np.testing.assert_allclose(angles, SECOND_MISSET_OF_777[spread], rtol=0, atol=5e-16)


def test_the_fraction_is_rounded_as_the_c_librarys_powf_rounds_it_56():
    """A power in float64, rounded afterwards, differs here in the last bit.

    0.7557603757968453: the first element of the program's rotation by up to 90 radians
    """
    (x, _, _), fraction = rotation_draw(Ran1(1138))
    cosine = math.cos(float(np.float32(90.0) * np.float32(fraction)))
    assert cosine + (1.0 - cosine) * x * x == pytest.approx(0.7557603757968453, abs=2e-16)


def test_a_draw_is_a_unit_vector_and_a_float32_fraction_56():
    axis, fraction = rotation_draw(Ran1(31))
    assert math.hypot(*axis) == pytest.approx(1.0, abs=1e-15)
    assert 0.0 < fraction <= 1.0
    assert fraction == float(np.float32(fraction))


def test_many_numbers_are_those_that_come_one_by_one():
    together, single = Ran1(1138), Ran1(1138)
    found = [*together.uniforms(3000), together.uniform(), *together.uniforms(0)]
    assert found == [single.uniform() for _ in range(3001)]


def test_mosaic_draws_follow_one_stream_56():
    """To the last bit, of more domains than a block of the stream has."""
    axes, fractions = mosaic_draws(-12345678, 5000)
    generator = Ran1(12345678)
    for axis, fraction in zip(axes, fractions, strict=True):
        assert (tuple(axis), fraction) == rotation_draw(generator)
    assert axes.shape == (5000, 3)
    assert mosaic_draws(1, 0)[0].shape == (0, 3)


@given(angles=st.tuples(st.floats(-3.1, 3.1), st.floats(-1.57, 1.57), st.floats(-3.1, 3.1)))
def test_misset_angles_come_back(angles):
    assume(abs(angles[1]) < 1.56)
    found = matrix_to_misset(_angles_to_matrix(*angles))
    np.testing.assert_allclose(found, angles, rtol=0, atol=1e-12)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("x", [0.3, 2.0, -2.5])
def test_misset_angles_at_gimbal_lock_give_the_same_rotation(sign, x):
    matrix = _angles_to_matrix(x, sign * math.pi / 2, 0.1)
    matrix[2], matrix[:2, 0] = (-sign, 0.0, 0.0), 0.0
    found = matrix_to_misset(matrix)
    assert found[1] == sign * math.pi / 2
    np.testing.assert_allclose(_angles_to_matrix(*found), matrix, rtol=0, atol=1e-15)
