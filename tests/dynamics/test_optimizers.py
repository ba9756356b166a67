"""Optimizers: ours against optax, optax against plain NumPy."""

import numpy as np
import optax
import pytest
from tests.dynamics.oracles import SLOPES, multiclass_gradient

import marginflow.dynamics as dynamics
from marginflow.dynamics.optimizers import HeavyBall

GENERATOR = np.random.default_rng(0)
FEATURES = GENERATOR.standard_normal((19, 3))
LABELS = (FEATURES @ GENERATOR.standard_normal((3, 3))).argmax(axis=1)
DATA = (FEATURES, LABELS)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_optax_sgd_is_gradient_descent(momentum):
    settings = {"steps": 2000, "record_weights": True}
    ours = dynamics.gradient_descent(
        DATA, "cross-entropy", learning_rate=0.01, momentum=momentum, **settings
    )
    optimizer = optax.sgd(0.01, momentum=momentum or None)
    theirs = dynamics.train(DATA, "cross-entropy", optimizer, **settings)
    scale = np.max(np.abs(ours.weights))
    np.testing.assert_allclose(
        ours.observables["weights"], theirs.observables["weights"], rtol=0, atol=1e-13 * scale
    )


def test_heavy_ball_without_momentum_is_gradient_descent():
    settings = {"steps": 100, "learning_rate": 0.01}
    one = dynamics.gradient_descent(DATA, "cross-entropy", **settings)
    two = dynamics.train(DATA, "cross-entropy", HeavyBall(0.01), steps=100)
    np.testing.assert_array_equal(one.weights, two.weights)


def test_adam_runs_in_float64():
    run = dynamics.train(DATA, "cross-entropy", optax.adam(0.05), steps=400)
    weights, first, second = np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((3, 3))
    for step in range(1, 401):
        gradient = multiclass_gradient(FEATURES, LABELS, weights, SLOPES["cross-entropy"])
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        scaled = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        weights = weights - 0.05 * scaled
    np.testing.assert_allclose(run.weights, weights, rtol=1e-11)


def test_a_thing_that_is_no_optimizer_is_refused():
    with pytest.raises(TypeError, match="expected an optimizer of marginflow"):
        dynamics.train(DATA, "cross-entropy", "adam", steps=10)
