"""Regression models against plain loops, closed forms, and their certified limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import marginflow as mf


def problem(seed=0, n_samples=4, size=9):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_samples, size)), rng.standard_normal(n_samples)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_a_linear_model_is_the_closed_form(reduction):
    features, targets = problem()
    start = np.random.default_rng(1).standard_normal(9)
    run = mf.train_regression(
        mf.LinearModel((features, targets)),
        mf.HeavyBall(0.02, momentum=0.5),
        steps=300,
        initial=start,
        reduction=reduction,
        record=[0, 10, 300],
    )
    path = mf.least_squares_path(
        (features, targets),
        learning_rate=0.02,
        momentum=0.5,
        steps=300,
        initial=start,
        reduction=reduction,
        record=[0, 10],
    )
    np.testing.assert_allclose(run.effective, path.weights, rtol=0, atol=1e-13)
    for name in ("risk", "weights_norm"):
        np.testing.assert_allclose(
            run.observables[name], path.observables[name], rtol=1e-11, atol=1e-13
        )


def test_a_diagonal_network_steps_as_a_plain_loop():
    features, targets = problem()
    model = mf.DiagonalNetwork((features, targets))
    run = mf.train_regression(model, mf.HeavyBall(0.01), steps=200, initial=model.balanced(0.3))
    plus, minus = np.full(9, 0.3), np.full(9, 0.3)
    for _ in range(200):
        pull = (features @ (plus**2 - minus**2) - targets) @ features
        plus, minus = plus - 0.02 * plus * pull, minus + 0.02 * minus * pull
    np.testing.assert_allclose(run.weights[0], plus, rtol=1e-11)
    np.testing.assert_allclose(run.weights[1], minus, rtol=1e-11)
    np.testing.assert_allclose(run.effective, plus**2 - minus**2, rtol=1e-11)


@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_the_flow_of_a_diagonal_network_ends_at_its_certified_limit(scale):
    # an oracle that shares nothing: u and v integrated by SciPy
    features, targets = problem(3)

    def velocity(_, state):
        plus, minus = np.split(state, 2)
        pull = (features @ (plus**2 - minus**2) - targets) @ features
        return np.concatenate([-2 * plus * pull, 2 * minus * pull])

    flow = solve_ivp(velocity, (0, 300), np.full(18, scale), "LSODA", rtol=1e-11, atol=1e-13)
    plus, minus = np.split(flow.y[:, -1], 2)
    limit = mf.diagonal_network_limit((features, targets), scale)
    np.testing.assert_allclose(plus**2 - minus**2, limit.weights, rtol=0, atol=1e-7)


def test_descent_comes_to_the_limit_of_the_flow_to_first_order_in_its_rate():
    features, targets = problem(3)
    model = mf.DiagonalNetwork((features, targets))
    limit = mf.diagonal_network_limit((features, targets), 0.1).weights
    off = []
    for rate in (4e-3, 2e-3, 1e-3):
        run = mf.train_regression(
            model, mf.HeavyBall(rate), steps=20_000, initial=model.balanced(0.1), record=[]
        )
        assert run.observables["risk"][-1] < 1e-20
        off.append(np.linalg.norm(run.effective - limit))
    ratios = np.array(off[:-1]) / off[1:]
    assert np.all(np.abs(ratios - 2) < 0.1)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_product_of_factors_steps_as_a_plain_loop(depth):
    rng = np.random.default_rng(4)
    matrix, observed = rng.standard_normal((5, 4)), rng.random((5, 4)) < 0.6
    model = mf.MatrixCompletion(matrix, observed, depth)
    first = model.gaussian(0.5, seed=2)
    run = mf.train_regression(model, mf.HeavyBall(0.05), steps=60, initial=first)
    factors = [factor.copy() for factor in first]
    for _ in range(60):
        off = np.where(observed, np.linalg.multi_dot([np.eye(5), *factors]) - matrix, 0.0)
        pulls = []
        for k in range(depth):
            left = np.linalg.multi_dot([np.eye(5), np.eye(5), *factors[:k]])
            right = np.linalg.multi_dot([*factors[k + 1 :], np.eye(4), np.eye(4)])
            pulls.append(left.T @ off @ right.T)
        factors = [factor - 0.05 * pull for factor, pull in zip(factors, pulls, strict=True)]
    for found, expected in zip(run.weights, factors, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    product = np.linalg.multi_dot([np.eye(5), *factors])
    assert run.observables["unobserved_error"][-1] == pytest.approx(
        np.mean((product - matrix)[~observed] ** 2), rel=1e-10
    )
    singular = np.linalg.svd(product)[1] / np.linalg.svd(product)[1].sum()
    assert run.observables["effective_rank"][-1] == pytest.approx(
        np.exp(-np.sum(singular * np.log(singular))), rel=1e-10
    )


def test_entries_that_are_missing_are_not_judged():
    matrix = np.array([[1.0, np.nan], [2.0, 3.0]])
    model = mf.MatrixCompletion(matrix, [[1, 0], [1, 0]], depth=1)
    run = mf.train_regression(model, mf.HeavyBall(0.5), steps=3, initial=np.zeros((2, 2)))
    assert run.observables["unobserved_error"][-1] == 9.0
    nothing = mf.MatrixCompletion([[1.0, np.nan]], [[1, 0]], depth=1)
    run = mf.train_regression(nothing, mf.HeavyBall(0.5), steps=3, initial=np.zeros((1, 2)))
    assert "unobserved_error" not in run.observables


def test_effective_rank_is_between_one_and_the_rank():
    rng = np.random.default_rng(0)
    for rank in (1, 2, 5):
        q = np.linalg.qr(rng.standard_normal((6, rank)))[0]
        assert mf.effective_rank(q @ q.T) == pytest.approx(rank, rel=1e-12)
        uneven = q * np.geomspace(1, 10, rank) @ q.T
        assert 1 - 1e-12 <= mf.effective_rank(uneven) <= rank + 1e-12
    assert np.isnan(mf.effective_rank(np.zeros((2, 2))))


def test_normalized_steps_use_the_direction_alone():
    # every step of normalized descent on ½ c² (w − 1)² is as long as the rate, whatever c is
    for size in (1.0, 1e-200):
        model = mf.LinearModel(([[size]], [size]))
        run = mf.train_regression(
            model, mf.NormalizedGD(0.125), steps=4, initial=[0.0], record=[0, 1, 2, 3]
        )
        assert run.effective == pytest.approx([0.5], rel=1e-12)


def test_a_run_goes_on_from_its_checkpoint_to_the_same_bits(tmp_path):
    features, targets = problem()
    model, path = mf.DiagonalNetwork((features, targets)), tmp_path / "run.npz"

    def run(steps, **files):
        return mf.train_regression(
            model,
            mf.HeavyBall(0.01),
            steps=steps,
            initial=model.balanced(0.1),
            record_weights=True,
            **files,
        )

    run(50, checkpoint=path)
    resumed, whole = run(120, resume=path), run(120)
    np.testing.assert_array_equal(resumed.effective, whole.effective)
    np.testing.assert_array_equal(
        resumed.observables["effective"][-1], whole.observables["effective"][-1]
    )
    other = mf.DiagonalNetwork((features, targets + 1))
    with pytest.raises(mf.CheckpointError, match="model"):
        mf.train_regression(
            other, mf.HeavyBall(0.01), steps=60, initial=model.balanced(0.1), resume=path
        )


def test_a_rate_that_is_too_large_diverges_and_says_so():
    model = mf.DiagonalNetwork(problem())
    with pytest.raises(mf.NotConvergedError, match="Lower the learning rate") as caught:
        mf.train_regression(model, mf.HeavyBall(10.0), steps=100, initial=model.balanced(1.0))
    assert caught.value.result.status == "diverged"
    assert np.all(np.isfinite(caught.value.result.effective))


def test_precision_is_the_callers_afterwards():
    model = mf.LinearModel(problem())
    mf.train_regression(model, mf.HeavyBall(0.01), steps=2, initial=np.zeros(9))
    assert not jax.config.jax_enable_x64


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: mf.MatrixCompletion([[1.0]], [[0]]), mf.DataError, "observed"),
        (lambda: mf.MatrixCompletion([[np.nan]], [[1]]), mf.DataError, "finite"),
        (lambda: mf.MatrixCompletion([1.0], [[1]]), mf.DataError, "shapes"),
        (lambda: mf.MatrixCompletion([[1.0]], [[1]], 0), ValueError, "depth"),
        (lambda: mf.LinearModel(([[1.0]], [[1.0, 2.0]])), ValueError, "LinearModel"),
        (lambda: train(initial=[0.0]), ValueError, "initial"),
        (lambda: train(initial=[np.nan, 0.0]), ValueError, "finite"),
        (lambda: train(reduction="max"), ValueError, "reduction"),
        (lambda: train(model="linear"), TypeError, "RegressionModel"),
        (
            lambda: train(observables={"effective": jnp.sum}, record_weights=True),
            ValueError,
            "effective",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def train(model=None, **changes):
    model = mf.LinearModel(([[1.0, 2.0]], [1.0])) if model is None else model
    arguments = {"steps": 1, "initial": [0.0, 0.0]} | changes
    return mf.train_regression(model, mf.HeavyBall(0.1), **arguments)
