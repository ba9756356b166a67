"""`diagonal_network_limit` against its optimality conditions in 50 digits, L1 and L2."""

import mpmath
import numpy as np
import pytest
from scipy.optimize import linprog

import marginflow as mf
from marginflow.limits.diagonal_potential import conjugate, inverse_mirror, mirror, potential


def problem(seed, n_samples=5, size=12):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_samples, size)), rng.standard_normal(n_samples)


def in_many_digits(features, targets, scale, start):
    """The w = 2α² sinh(Xᵀν) with X w = y, by Newton's method in 50 digits."""
    with mpmath.workdps(50):
        rows, wanted = mpmath.matrix(features.tolist()), mpmath.matrix(targets.tolist())
        squares = [2 * mpmath.mpf(float(a)) ** 2 for a in scale]
        dual = mpmath.matrix(start.tolist())
        for _ in range(8):
            slopes = rows.T * dual
            weights = mpmath.matrix(
                [a * mpmath.sinh(s) for a, s in zip(squares, slopes, strict=True)]
            )
            curved = rows.copy()
            for j, (a, s) in enumerate(zip(squares, slopes, strict=True)):
                curved[:, j] *= a * mpmath.cosh(s)
            off = rows * weights - wanted
            dual -= mpmath.lu_solve(curved * rows.T, off)
        assert mpmath.norm(off) < 1e-35
        value = sum(
            w * s - a * (mpmath.cosh(s) - 1)
            for w, s, a in zip(weights, rows.T * dual, squares, strict=True)
        )
        return weights, value


@pytest.mark.parametrize("scale", [1e3, 1.0, 0.1, 1e-3, 1e-6])
def test_the_bounds_cover_the_error_in_many_digits(scale):
    for seed in range(3):
        features, targets = problem(seed)
        scales = scale * np.geomspace(1, 3, 12) if seed else np.full(12, scale)
        found = mf.diagonal_network_limit((features, targets), scales)
        exact, value = in_many_digits(features, targets, scales, found.dual)
        error = mpmath.norm(mpmath.matrix(found.weights.tolist()) - exact)
        assert error <= found.weights_error_bound
        assert found.weights_error_bound < 1e-4 * np.linalg.norm(found.weights)
        assert found.potential == pytest.approx(float(value), rel=1e-9)
        assert found.relative_gap < 1e-12
        assert float(np.linalg.norm(features @ found.weights - targets)) <= found.residual + 1e-14


def test_a_point_beside_the_minimizer_is_worse_by_no_less_than_its_gap_says():
    features, targets = problem(7)
    found = mf.diagonal_network_limit((features, targets), 0.1)
    null = np.linalg.svd(features)[2][5:]
    rng = np.random.default_rng(0)
    for size in (1e-3, 1e-1, 1.0):
        beside = found.weights + size * (rng.standard_normal(7) @ null)
        assert potential(beside, np.full(12, 0.1)) > found.potential * (1 - found.relative_gap)


def test_it_goes_from_the_shortest_interpolator_to_that_of_least_sum():
    features, targets = problem(11)
    shortest = np.linalg.pinv(features) @ targets
    linear = linprog(
        np.ones(24), A_eq=np.hstack([features, -features]), b_eq=targets, bounds=(0, None)
    )
    found = [
        mf.diagonal_network_limit((features, targets), scale)
        for scale in (1e3, 1.0, 1e-1, 1e-2, 1e-4, 1e-8)
    ]
    np.testing.assert_allclose(found[0].weights, shortest, atol=1e-9)
    sums, lengths = [each.l1_norm for each in found], [each.l2_norm for each in found]
    assert sorted(sums, reverse=True) == sums
    assert sorted(lengths) == lengths
    # Q is Σ|w| log(1/α²) + Σ(|w| log|w| − |w|) up to α², and the latter terms are in [−1, 0] here
    assert np.abs(found[-1].weights).max() < np.e
    assert linear.fun * (1 - 1e-12) <= sums[-1] <= linear.fun + 12 / np.log(1e16)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_mirror_and_conjugate_are_those_of_the_potential(scale):
    weights, scales = np.array([-2.0, 0.0, 1e-7, 0.3]), np.full(4, scale)
    slopes = mirror(weights, scales)
    np.testing.assert_allclose(inverse_mirror(slopes, scales), weights, rtol=1e-13, atol=0)
    both = potential(weights, scales) + conjugate(slopes, scales)
    assert both == pytest.approx(float(slopes @ weights), rel=1e-13)
    with mpmath.workdps(40):
        square = mpmath.mpf(scale) ** 2
        exact = sum(
            square * (2 - mpmath.sqrt(4 + z * z) + z * mpmath.asinh(z / 2))
            for z in (mpmath.mpf(w) / square for w in weights.tolist())
        )
    assert potential(weights, scales) == pytest.approx(float(exact), rel=1e-14)


def test_targets_of_zero_end_at_zero():
    features, _ = problem(0)
    found = mf.diagonal_network_limit((features, np.zeros(5)), 0.5)
    np.testing.assert_array_equal(found.weights, 0)
    assert found.relative_gap == 0


def test_a_scale_that_float64_cannot_certify_is_not_returned_as_if_it_were():
    data = problem(2)
    with pytest.raises(mf.NotConvergedError, match="relative gap"):
        mf.diagonal_network_limit(data, 1e-30)
    assert mf.diagonal_network_limit(data, 1e-30, throw=False).status == "max_steps"


@pytest.mark.parametrize(
    ("data", "scale", "error", "words"),
    [
        (([[1.0, 2.0], [2.0, 4.0]], [1.0, 2.0]), 1.0, mf.DataError, "independent"),
        (([[1.0], [2.0]], [1.0, 2.0]), 1.0, mf.DataError, "least_squares_limit"),
        (([[1.0, 2.0]], [[1.0]]), 1.0, mf.DataError, "one at a time"),
        (([[1.0, 2.0]], [1.0]), 0.0, ValueError, "scale"),
        (([[1.0, 2.0]], [1.0]), [1.0, 2.0, 3.0], ValueError, "scale"),
    ],
)
def test_what_has_no_such_limit_is_refused(data, scale, error, words):
    with pytest.raises(error, match=words):
        mf.diagonal_network_limit(data, scale)
