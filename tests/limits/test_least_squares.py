"""`least_squares_limit` against rational arithmetic and NumPy's pseudoinverse."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.limits.oracles import fractions, inner, root, solve

import marginflow as mf
from marginflow.limits.spectrum import spectrum


def exact_limit(features, targets, first):
    """X⁺y + P w₀ in fractions, for independent samples or independent features."""
    rows = [fractions(row) for row in features]
    start, wanted = fractions(first), fractions(targets)
    off = [t - inner(row, start) for row, t in zip(rows, wanted, strict=True)]
    columns = [list(column) for column in zip(*rows, strict=True)]
    if len(rows) <= len(columns):
        dual = solve([[inner(a, b) for b in rows] for a in rows], off)
        return [w + inner(column, dual) for w, column in zip(start, columns, strict=True)]
    moved = solve(
        [[inner(a, b) for b in columns] for a in columns], [inner(c, off) for c in columns]
    )
    return [w + m for w, m in zip(start, moved, strict=True)]


@settings(max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 5),
    st.integers(1, 5),
    st.sampled_from([1e-6, 1.0, 9e7]),
)
def test_the_bound_covers_the_exact_error(seed, n_samples, size, scale):
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n_samples, size))
    if size > 1:  # nearly dependent columns
        features[:, 1] = features[:, 0] + 10.0 ** rng.uniform(-7, 0) * features[:, 1]
    targets, first = scale * rng.standard_normal(n_samples), rng.standard_normal(size)
    found = mf.least_squares_limit((features, targets), first)
    assert found.weights_error_bound is not None
    exact = exact_limit(features, targets, first)
    error = root(
        sum((Fraction(float(a)) - b) ** 2 for a, b in zip(found.weights, exact, strict=True))
    )
    assert error <= found.weights_error_bound
    # the data are known to rounding, which the condition number multiplies, squared where
    # something is left over
    rounding = 2.0**-53 * found.condition**2 * (np.linalg.norm(found.weights) + scale)
    assert found.weights_error_bound <= 100 * (n_samples + size) * rounding
    singular = np.linalg.svd(features, compute_uv=False)[-1]
    assert 0 < found.least_singular_value <= singular * (1 + 1e-12) + 1e-15


def test_dependent_rows_have_no_bound_and_the_pseudoinverse_solution():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((6, 2)) @ rng.standard_normal((2, 5))
    targets, first = rng.standard_normal((6, 3)), rng.standard_normal((5, 3))
    found = mf.least_squares_limit((features, targets), first)
    inverse = np.linalg.pinv(features, rcond=1e-12)
    expected = inverse @ targets + first - inverse @ (features @ first)
    assert found.rank == 2
    assert found.weights_error_bound is None
    assert found.least_singular_value == 0
    np.testing.assert_allclose(found.weights, expected, rtol=0, atol=1e-12 * found.condition)
    assert found.gradient < 1e-12 * np.linalg.norm(features) * np.linalg.norm(targets)
    assert "no error is proved" in found.message


def test_features_that_are_zero_leave_the_weights_as_they_were():
    found = mf.least_squares_limit((np.zeros((2, 3)), [1.0, 2.0]), [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(found.weights, [1.0, 2.0, 3.0])
    assert np.sqrt(5) <= found.residual <= np.sqrt(5) * (1 + 1e-5)


def test_each_target_is_solved_by_itself():
    rng = np.random.default_rng(1)
    features, targets = rng.standard_normal((4, 7)), rng.standard_normal((4, 2))
    together = mf.least_squares_limit((features, targets)).weights
    alone = [mf.least_squares_limit((features, target)).weights for target in targets.T]
    np.testing.assert_allclose(together, np.stack(alone, axis=1), rtol=0, atol=1e-14)


def test_a_singular_value_is_proved_only_where_it_is_one():
    # a dependent column, which rounding hides from the decomposition
    features = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0 + 2.0**-52]])
    assert spectrum(features).least == 0


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (mf.Dataset([[1.0], [2.0]], [0, 1]), TypeError, r"\(data.features, targets\)"),
        ([[1.0, 2.0]], TypeError, "a pair"),
        (([[1.0], [2.0]], [1.0]), mf.DataError, "one target a sample"),
        (([[1.0], [2.0]], [1.0, np.nan]), mf.DataError, "targets"),
        (([[1.0], [2.0]], [["a"], ["b"]]), mf.DataError, "targets"),
    ],
)
def test_what_is_no_regression_problem_is_refused(data, error, words):
    with pytest.raises(error, match=words):
        mf.least_squares_limit(data)


@pytest.mark.parametrize("initial", [[1.0], [[1.0, 2.0]], [np.inf, 0.0]])
def test_first_weights_that_do_not_fit_are_refused(initial):
    with pytest.raises(ValueError, match="initial"):
        mf.least_squares_limit(([[1.0, 2.0]], [1.0]), initial)
