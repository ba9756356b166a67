"""The interior point ends at the nearest point of the hull."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marginflow.limits.nearest_point import nearest_point


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 12), st.floats(-8, 8))
def test_the_optimality_conditions_hold(seed, count, size, log_scale):
    rng = np.random.default_rng(seed)
    scale = 10.0**log_scale
    rows = scale * (rng.standard_normal((count, size)) + rng.standard_normal(size))
    found = nearest_point(rows @ rows.T)
    point = found.weights @ rows
    largest = scale**2 * (rows @ rows.T).max() / scale**2
    assert found.weights.min() >= 0
    assert found.weights.sum() == pytest.approx(1, abs=1e-12)
    # z is nearest if and only if a·z ≥ ‖z‖² on every row: up to the gap asked, or rounding of G
    least = (rows @ point).min()
    assert least >= point @ point - 1e-8 * point @ point - 1e-12 * largest


def test_repeated_rows_and_zero_rows_are_taken():
    rows = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    found = nearest_point(rows @ rows.T)
    assert np.linalg.norm(found.weights @ rows) < 1e-6
    assert found.weights[2] > 1 - 1e-6
    assert nearest_point(np.zeros((3, 3))).weights.sum() == pytest.approx(1)
