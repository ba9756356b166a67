"""Exact dependences are exact, and are found where they are."""

from fractions import Fraction
from math import gcd

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marginflow.limits.rational import exact_dependence


def exact_sum(rows, integers):
    return [
        sum(Fraction(float(value)) * n for value, n in zip(column, integers, strict=True))
        for column in rows.T
    ]


@given(
    st.integers(0, 2**32 - 1), st.integers(1, 8), st.integers(0, 4), st.sampled_from([0, 5, -40])
)
def test_a_planted_dependence_is_found_and_exact(seed, count, more_columns, power):
    rng = np.random.default_rng(seed)
    planted = rng.integers(1, 50, count)
    rows = rng.integers(-9, 10, (count, count + more_columns)).astype(float)
    rows = np.concatenate([rows, -(planted @ rows)[None]])
    rows = np.ldexp(rows, power)
    weights = np.append(planted, 1) / (planted.sum() + 1)
    found = exact_dependence(rows, weights)
    assert found is not None
    assert min(found) >= 0
    assert gcd(*found) == 1
    assert not any(exact_sum(rows, found))


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_what_rounding_broke_is_not_called_exact(seed, size):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((size + 1, size + 1))
    weights = rng.random(size + 1) + 0.1
    rows[-1] = -(weights[:-1] @ rows[:-1]) / weights[-1]
    found = exact_dependence(rows, weights / weights.sum())
    # size + 1 rows in as many dimensions: rounding the last one leaves them independent
    assert found is None or not any(exact_sum(rows, found))


@pytest.mark.parametrize(
    ("rows", "weights", "expected"),
    [
        ([[0.1, 0.3], [-0.1, -0.3]], [0.5, 0.5], (1, 1)),
        ([[0.0, 0.0]], [1.0], (1,)),
        ([[1.0], [2.0]], [0.5, 0.5], None),
        ([[1.0, 0.0], [0.0, 1.0]], [0.5, 0.5], None),
        ([[1.0], [1.0], [-1.0]], [0.25, 0.25, 0.5], (1, 1, 2)),
    ],
)
def test_small_cases(rows, weights, expected):
    assert exact_dependence(np.array(rows), np.array(weights)) == expected


def test_numbers_of_all_sizes_are_exact():
    rows = np.array([[1e300], [-1e-300]])
    first, second = exact_dependence(rows, np.array([1e-300, 1.0]))
    assert Fraction(1e300) * first == Fraction(1e-300) * second
