"""A time in words: one way for estimates, for progress and for what was measured."""

import pytest

from nb_core.durations import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (0.4, "0.4 s"),
        (0.97, "1 s"),
        (4.4, "4 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (200.0, "3 min 20 s"),
        (599.6, "10 min"),
        (1017.0, "17 min"),
        (7500.0, "2 h 5 min"),
        (35_999.0, "10 h"),
        (90_000.0, "1 day 1 h"),
        (9e5, "10 days"),
        (64e6, "2 years 11 days"),
        (1e9, "32 years"),
        (1e15, "3.17e+07 years"),
    ],
)
def test_a_duration_in_words(seconds, text):
    assert duration(seconds) == text
