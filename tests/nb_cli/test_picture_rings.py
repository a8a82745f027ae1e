"""Rings are spread over the detector evenly in the resolution, 1/d."""

import numpy as np
import pytest

from nb_cli.picture import ring_spacings


@pytest.mark.parametrize("rings", [1, 3, 4])
def test_rings_are_evenly_spread_between_the_coarsest_and_the_finest(rings):
    spacing = 1 / np.linspace(0.1, 0.6, 10_000).reshape(100, 100)
    found = np.array(ring_spacings(spacing, rings))
    expected = 0.1 + 0.5 * np.arange(1, rings + 1) / (rings + 1)
    np.testing.assert_allclose(1 / found, expected, rtol=0.04)
