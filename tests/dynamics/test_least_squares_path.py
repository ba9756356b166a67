"""`least_squares_path` against real steps, and against powers of the step in 300 digits."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marginflow as mf
from marginflow.dynamics.spectral_filter import spectral_filter


def problem(seed, n_samples, size, count=None, condition=10.0):
    """Features whose singular values go from 1 down to 1/condition."""
    rng = np.random.default_rng(seed)
    rank = min(n_samples, size)
    left = np.linalg.qr(rng.standard_normal((n_samples, rank)))[0]
    right = np.linalg.qr(rng.standard_normal((size, rank)))[0]
    features = left * np.geomspace(1.0, 1.0 / condition, rank) @ right.T
    shape = (n_samples,) if count is None else (n_samples, count)
    return features, rng.standard_normal(shape), rng.standard_normal((size, *shape[1:]))


def loop(features, targets, first, rate, steps, momentum=0.0):
    weights, last = first.copy(), np.zeros_like(first)
    for _ in range(steps):
        last = momentum * last - rate * (features.T @ (features @ weights - targets))
        weights = weights + last
    return weights


def by_powers(features, targets, first, rate, steps, momentum=0.0):
    """The affine map (w, last step, 1) to the power t, by repeated squaring in 300 digits.

    Directions that never move have the eigenvalue 1, whose rounding grows with the steps.
    """
    with mpmath.workdps(300):
        size = features.shape[1]
        rows, right = mpmath.matrix(features.tolist()), mpmath.matrix(targets.tolist())
        curvature, pull = mpmath.mpf(rate) * (rows.T * rows), mpmath.mpf(rate) * (rows.T * right)
        step = mpmath.zeros(2 * size + 1)
        for i in range(size):
            for k in (i, size + i):  # the new weights, and the new last step
                for j in range(size):
                    step[k, j] -= curvature[i, j]
                step[k, size + i] += mpmath.mpf(momentum)
                step[k, 2 * size] = pull[i]
            step[i, i] += 1
        step[2 * size, 2 * size] = 1
        power = mpmath.eye(2 * size + 1)
        while steps:
            if steps & 1:
                power = power * step
            step, steps = step * step, steps >> 1
        state = mpmath.matrix([*first.tolist(), *[0] * size, 1])
        return np.array([float(entry) for entry in (power * state)[:size]])


@pytest.mark.parametrize("momentum", [0.0, 0.7])
@pytest.mark.parametrize(("n_samples", "size", "count"), [(4, 7, None), (9, 3, 2)])
def test_real_steps_agree(n_samples, size, count, momentum):
    features, targets, first = problem(3, n_samples, size, count)
    for steps in (0, 1, 2, 17, 1000):
        found = mf.least_squares_path(
            (features, targets), learning_rate=1.1, steps=steps, initial=first, momentum=momentum
        )
        expected = loop(features, targets, first, 1.1, steps, momentum)
        np.testing.assert_allclose(found.weights, expected, rtol=0, atol=1e-12)


def test_a_hundred_thousand_real_steps_agree():
    # slow enough that the slowest direction is still on its way: (1 − 1e-5)^1e5 = 1/e
    features, targets, first = problem(5, 4, 6)
    found = mf.least_squares_path(
        (features, targets), learning_rate=1e-3, steps=10**5, initial=first
    )
    assert 0.3 < found.filter_factors[-1] < 0.7
    expected = loop(features, targets, first, 1e-3, 10**5)
    np.testing.assert_allclose(found.weights, expected, rtol=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.9, 0.999])
@pytest.mark.parametrize("steps", [10**5, 10**9 + 7, 10**100])
def test_any_step_count_agrees_with_powers_in_many_digits(steps, momentum):
    # at each step count a rate for which the slowest direction is still on its way there, or 1
    rate = min(1.0, 2e4 / min(steps, 10**9) * (1 - momentum))
    features, targets, first = problem(7, 3, 4, condition=100.0)
    found = mf.least_squares_path(
        (features, targets), learning_rate=rate, steps=steps, initial=first, momentum=momentum
    )
    expected = by_powers(features, targets, first, rate, steps, momentum)
    # float64 features have singular values known to 2^-52, a hundred times that in the least;
    # the slowest direction is y/s = 100 |y| long
    scale = np.linalg.norm(targets) * 100
    assert np.linalg.norm(found.weights - expected) < 20 * 100 * 2.0**-52 * scale


@settings(max_examples=80, deadline=None)
@given(
    st.floats(1e-12, 1.99),
    st.integers(0, 10**12),
    st.sampled_from([0.0, 0.3, 0.9]),
)
def test_filter_factors_keep_their_digits(curvature, steps, momentum):
    [gained] = spectral_filter(np.array([curvature]), [steps], momentum).gained
    with mpmath.workdps(60):
        x, beta = mpmath.mpf(curvature), mpmath.mpf(momentum)
        step = mpmath.matrix([[1 - x, beta], [-x, beta]])
        expected = 1 - (step**steps)[0, 0]
        # near a curvature of 2(1 + β) the factor swings for 1/(2 − x) steps, and keeps less
        swing = 1 / (2 + 2 * beta - x) if x > 1 else 1
    bound = 100 * 2.0**-52 * (float(swing) + 1 / (1 - momentum) ** 2)
    assert abs(gained[0] - float(expected)) <= bound * abs(float(expected))


def test_the_filter_is_the_formula():
    features, targets, _ = problem(1, 5, 5)
    found = mf.least_squares_path((features, targets), learning_rate=0.5, steps=40)
    singular = np.linalg.svd(features, compute_uv=False)
    np.testing.assert_allclose(
        found.filter_factors, 1 - (1 - 0.5 * singular**2) ** 40, rtol=0, atol=1e-13
    )


def test_observables_are_those_of_the_iterates():
    features, targets, first = problem(2, 6, 3)
    kept = [0, 3, 30, 10**30]
    path = mf.least_squares_path(
        (features, targets),
        learning_rate=2.0,
        steps=10**40,
        initial=first,
        reduction="mean",
        record=kept,
    )
    assert path.steps is None
    limit = np.linalg.lstsq(features, targets)[0]
    for row, count in enumerate(kept[:3]):
        weights = loop(features, targets, first, 2.0 / 6, count)
        risk = 0.5 * np.mean((features @ weights - targets) ** 2)
        least = 0.5 * np.mean((features @ limit - targets) ** 2)
        seen = {name: values[row] for name, values in path.observables.items()}
        assert seen["risk"] == pytest.approx(risk, rel=1e-12)
        assert seen["excess_risk"] == pytest.approx(risk - least, abs=1e-13)
        assert seen["weights_norm"] == pytest.approx(np.linalg.norm(weights), rel=1e-12)
        assert seen["distance"] == pytest.approx(np.linalg.norm(weights - limit), abs=1e-12)
    assert path.observables["distance"][-1] == 0
    assert path.log_steps == pytest.approx(40 * math.log(10))
    assert path.to_frame().shape == (5, 1 + 4 + 3)


def test_a_schedule_records_as_it_does_for_training():
    features, targets, _ = problem(2, 6, 3)
    path = mf.least_squares_path(
        (features, targets), learning_rate=0.1, steps=60, record=mf.log_spaced(3)
    )
    assert path.steps is not None
    assert path.steps.tolist() == [0, 1, 2, 5, 10, 22, 46, 60]


@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_the_step_bound_is_where_real_steps_begin_to_diverge(momentum, reduction):
    features, targets, first = problem(4, 3, 5)
    divisor = 3 if reduction == "mean" else 1
    bound = 2 * (1 + momentum) * divisor  # the largest singular value is 1
    settings = {"steps": 2000, "initial": first, "momentum": momentum, "reduction": reduction}
    data = (features, targets)
    below = mf.least_squares_path(data, learning_rate=0.99 * bound, **settings)
    assert below.status == "done"
    assert below.step_bound == pytest.approx(bound, rel=1e-12)
    assert np.linalg.norm(below.weights - below.limit.weights) < 1e-3
    with pytest.raises(mf.NotConvergedError, match=r"1\.01 times the bound") as caught:
        mf.least_squares_path(data, learning_rate=1.01 * bound, **settings)
    beyond = caught.value.result
    expected = loop(features, targets, first, 1.01 * bound / divisor, 2000, momentum)
    assert beyond.status == "diverged"
    assert np.linalg.norm(expected) > 1e6
    np.testing.assert_allclose(beyond.weights, expected, rtol=1e-9)


def test_at_the_bound_it_swings_forever():
    data = (np.eye(2), [1.0, 2.0])
    for steps, expected in ((10**20, [0.0, 0.0]), (10**20 + 1, [2.0, 4.0])):
        found = mf.least_squares_path(data, learning_rate=2.0, steps=steps, throw=False)
        assert found.status == "diverged"
        assert "swings forever" in found.message
        np.testing.assert_array_equal(found.weights, expected)


def test_a_billion_divergent_steps_leave_float64_and_say_so():
    found = mf.least_squares_path(
        (np.eye(2), [1.0, 2.0]), learning_rate=3.0, steps=10**9, throw=False
    )
    assert found.status == "diverged"
    assert not np.isfinite(found.weights).any()


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"steps": 1.5}, TypeError, "steps"),
        ({"steps": -1}, ValueError, "steps"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate"),
        ({"momentum": 1.0}, ValueError, "momentum"),
        ({"reduction": "max"}, ValueError, "reduction"),
        ({"record": [11]}, ValueError, "record"),
        ({"record": "all"}, TypeError, "record"),
        ({"steps": 2**63, "record": mf.every(5)}, ValueError, "record"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, error, words):
    arguments = {"learning_rate": 0.1, "steps": 10} | wrong
    with pytest.raises(error, match=words):
        mf.least_squares_path(([[1.0]], [1.0]), **arguments)
