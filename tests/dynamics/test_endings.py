"""How runs end: done, diverged, saturated, at rest."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tests.dynamics.oracles import SLOPES, descend

import marginflow as mf
import marginflow.dynamics as dynamics

FEATURES = np.array([[0.5, 1.5], [1.5, 0.5], [3.0, 1.0], [-0.5, -1.5], [-1.5, -0.5], [-1.0, -4.0]])
LABELS = np.array([1, 1, 1, 0, 0, 0])
DATA = (FEATURES, LABELS)
TANGLED = np.random.default_rng(0).standard_normal((8, 2))


def test_a_diverged_run_names_the_step_the_rate_and_the_bound():
    features, labels, start = TANGLED, np.array([1, 0, 1, 1, 0, 0, 1, 0]), np.array([-1.0, 0.5])
    slopes = SLOPES["multiclass-exponential"]
    with np.errstate(over="ignore", invalid="ignore"):
        path = descend(features, labels, start, slopes, learning_rate=4.0, steps=40)
    last = int(np.flatnonzero(np.all(np.isfinite(path), axis=1))[-1])
    settings = {"learning_rate": 4.0, "steps": 10_000, "initial": start}
    with pytest.raises(mf.NotConvergedError) as caught:
        dynamics.gradient_descent((features, labels), "multiclass-exponential", **settings)
    run = caught.value.result
    assert run.status == "diverged"
    # the risk overflows a step before the weights do, or with them
    assert last > 1
    assert run.steps[-1] in (last - 1, last)
    np.testing.assert_allclose(run.weights, path[run.steps[-1]], rtol=1e-12)
    assert np.all(np.isfinite(run.observables["risk"]))
    assert f"diverged at step {run.steps[-1] + 1}" in run.message
    risk = np.sum(np.exp(-features @ start * np.where(labels == 1, 1, -1)))
    bound = 2 / (np.max(np.sum(features**2, axis=1)) * risk)
    assert f"learning_rate is 4, {4 / bound:.3g} times the bound" in run.message
    silent = dynamics.gradient_descent(
        (features, labels), "multiclass-exponential", throw=False, **settings
    )
    assert silent.message == run.message


@pytest.mark.parametrize("steps", [3_000, 10**6])
def test_growth_that_overflows_is_found_to_the_step(steps):
    grow = optax.GradientTransformation(
        lambda params: optax.EmptyState(),
        lambda updates, state, params: (0.5 * params, state),
    )
    start = np.array([1.0, -1.0])
    run = dynamics.train(DATA, "cross-entropy", grow, steps=steps, initial=start, throw=False)
    # 1.5^k overflows with the margins, which are at most 5 times as large
    last = int(np.floor((np.log(np.finfo(float).max) - np.log(5)) / np.log(1.5)))
    assert run.status == "diverged"
    assert abs(run.steps[-1] - last) <= 3
    np.testing.assert_array_equal(
        run.steps[:-1], dynamics.log_spaced(50).following(-1, steps, 500)[: len(run.steps) - 1]
    )
    np.testing.assert_allclose(run.weights, start * 1.5 ** float(run.steps[-1]), rtol=1e-12)


def test_initial_weights_of_infinite_risk_have_diverged_already():
    run = dynamics.gradient_descent(
        DATA,
        "multiclass-exponential",
        learning_rate=0.1,
        steps=10,
        initial=[-900.0, 0.0],
        throw=False,
    )
    assert run.status == "diverged"
    assert "initial weights" in run.message
    np.testing.assert_array_equal(run.weights, [-900.0, 0.0])


def test_slopes_that_underflow_saturate_and_the_margin_is_named():
    with pytest.raises(mf.NotConvergedError, match="saturated") as caught:
        dynamics.gradient_descent(
            DATA, "cross-entropy", learning_rate=0.1, steps=10**6, initial=[200.0, 200.0]
        )
    run = caught.value.result
    # e^-400 is a float64 number, and yet far below the rounding of the weights
    assert run.status == "saturated"
    assert "a step is below the rounding of the weights" in run.message
    assert "the least margin is 400" in run.message
    far = dynamics.gradient_descent(
        DATA, "cross-entropy", learning_rate=0.1, steps=10**6, initial=[2000.0, 0.0], throw=False
    )
    assert far.status == "saturated"
    assert far.steps.tolist() == [0]
    assert "every slope is zero" in far.message
    assert "least margin is 1000" in far.message


def test_rounding_saturates_at_the_step_where_the_plain_loop_stops_moving():
    settings = {"learning_rate": 5.0, "steps": 4000}
    features, labels = [[1.0], [-1.0]], [1, 0]
    run = dynamics.gradient_descent(
        (features, labels), "cross-entropy", initial=[30.0], throw=False, **settings
    )
    path = descend(
        np.array(features), np.array(labels), np.array([30.0]), SLOPES["cross-entropy"], **settings
    )
    moving = np.flatnonzero(np.diff(path[:, 0]))
    stop = int(moving[-1]) + 1 if len(moving) else 0
    assert run.status == ("saturated" if stop < 4000 else "done")
    assert run.steps[-1] == stop
    np.testing.assert_array_equal(run.weights, path[stop])


def test_a_template_without_a_tail_saturates():
    loss = mf.TemplateLoss(lambda u: jnp.sum(jnp.exp(-(u**3) - u)), name="no tail")
    run = dynamics.gradient_descent(
        DATA, loss, learning_rate=1.0, steps=1000, initial=[20.0, 20.0], throw=False
    )
    assert loss.tail(2) is None
    assert run.status == "saturated"
    assert "least margin is 40" in run.message


@pytest.mark.parametrize("name", ["crammer-singer", "weston-watkins"])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_a_hinge_comes_to_rest_and_is_done(name, momentum):
    settings = {"learning_rate": 0.07, "momentum": momentum}
    run = dynamics.gradient_descent(DATA, name, steps=10**7, **settings)
    path = descend(FEATURES, LABELS, np.zeros(2), SLOPES[name], steps=200, **settings)
    same = np.all(path[1:] == path[:-1], axis=1)
    rest = int(np.flatnonzero(~same)[-1]) + 1
    assert run.status == "done"
    assert "stationary" in run.message
    assert "every slope is zero" in run.message
    if momentum == 0:
        assert run.steps[-1] == rest
    np.testing.assert_allclose(run.weights, path[-1], rtol=1e-13)
    assert run.observables["risk"][-1] == 0


def test_a_minimizer_reached_to_rounding_is_done():
    features = np.array([[1.0], [1.0], [1.0]])
    run = dynamics.gradient_descent(
        (features, [1, 1, 0]), "cross-entropy", learning_rate=0.5, steps=10**6
    )
    assert run.status == "done"
    assert "stationary" in run.message
    np.testing.assert_allclose(run.weights, [np.log(2)], rtol=1e-14)


def test_minibatches_of_a_hinge_come_to_rest_only_when_all_samples_do():
    run = dynamics.gradient_descent(
        DATA, "weston-watkins", learning_rate=0.05, steps=10**6, batch_size=2
    )
    assert run.status == "done"
    assert run.observables["margin"][-1] >= 1


def test_adam_past_the_underflow_ends_saturated():
    run = dynamics.train(
        DATA, "cross-entropy", optax.adam(1.0), steps=1000, initial=[300.0, 300.0], throw=False
    )
    assert run.status == "done"
    gone = dynamics.train(
        DATA, "cross-entropy", optax.adam(1.0), steps=1000, initial=[900.0, 900.0], throw=False
    )
    assert gone.status == "saturated"
    assert "step 0" in gone.message


def test_no_steps_give_the_start():
    run = dynamics.gradient_descent(DATA, "cross-entropy", learning_rate=0.1, steps=0)
    assert run.status == "done"
    assert run.steps.tolist() == [0]
    np.testing.assert_array_equal(run.weights, [0.0, 0.0])
