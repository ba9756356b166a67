"""Runs side by side against plain loops in NumPy."""

import numpy as np
import pytest

import marginflow as mf
from marginflow.claims.descents import descend, growth_share, map_of, problem, shares, steps_of


def softmax_gradient(data, weights):
    scores = data.features @ weights
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    slopes = scores / scores.sum(axis=1, keepdims=True) - np.eye(3)[data.labels]
    return data.features.T @ slopes


def test_optimizers_side_by_side_are_each_a_plain_loop():
    data, rates = problem("clusters"), (0.05, 0.2)
    found, _ = descend("clusters", [mf.SignDescent(mf.inverse_sqrt(c)) for c in rates], (3, 40))
    for rate, runs in zip(rates, found, strict=True):
        weights = np.zeros((5, 3))
        for step in range(40):
            if step == 3:
                np.testing.assert_allclose(runs[0], weights, atol=1e-12)
            gradient = softmax_gradient(data, weights)
            weights = weights - rate / np.sqrt(step + 1) * np.sign(gradient)
        np.testing.assert_allclose(runs[1], weights, atol=1e-12)


def test_shares_are_one_at_the_optimum_and_growth_forgets_the_residual():
    best = mf.max_margin(problem("clusters"), "max").weights
    assert shares("clusters", 7.0 * best, "max") == pytest.approx(1.0, abs=1e-7)
    residual = np.random.default_rng(0).standard_normal(best.shape)
    hat = mf.max_margin(problem("clusters")).weights
    times = np.array([1e7, 2e7])[:, None, None]
    late = times * hat + residual
    assert growth_share("clusters", late, "frobenius") == pytest.approx(1.0, abs=1e-5)
    # direction itself is late by what the residual weighs
    early = np.array([10.0, 20.0])[:, None, None] * hat + residual
    assert abs(shares("clusters", early, "frobenius")[-1] - 1.0) > 1e-3


def test_steps_are_even_in_log_time():
    assert steps_of(100, 2) == (1, 3, 10, 32, 100)
    assert map_of("toy").weights_shape == (2,)
