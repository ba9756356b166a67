"""The KKT residual of networks: against linear certificates, other solvers, and its own formula."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import marginflow as mf
from marginflow.limits import certify_kkt, certify_max_margin

TWO = mf.gaussian_clusters(1, n_samples=8, n_classes=2, n_features=3, noise=0.3)
THREE = mf.gaussian_clusters(0, n_samples=9, n_classes=3, n_features=4, noise=0.3)


@functools.cache
def separated(classes, hidden):
    """A network with weights of positive least margin, by descent on the exponential loss."""
    network = mf.NetworkMargins(TWO if classes == 2 else THREE, hidden)
    params = network.draw(classes)
    for _ in range(5000):
        margins = network.margins(params)
        if margins.min() > 0.1:
            return network, params
        slopes = -np.exp(margins.min() - margins)
        gradient = network.vjp(params, slopes / np.sum(-slopes))
        params = tuple(w - 0.02 * g for w, g in zip(params, gradient, strict=True))
    raise AssertionError("the example is not separated")


@pytest.mark.parametrize("data", [TWO, THREE])
def test_of_a_linear_map_it_is_the_relative_gap(data):
    limit = mf.max_margin(data)
    rng = np.random.default_rng(0)
    weights = limit.weights + 0.05 * rng.standard_normal(limit.weights.shape)
    maps = mf.BinaryMargins(data) if data is TWO else mf.MulticlassMargins(data)
    found = certify_kkt(data, weights)
    scaled, dual = weights / maps.margins(weights).min(), maps.to_dual(found.multipliers)
    expected = certify_max_margin(data, scaled, dual).relative_gap
    # the certificate makes its bound larger by 2^-20 for each of four roundings
    assert expected * (1.0 - 4.0 * 2.0**-20) <= found.residual <= expected
    assert found.residual > 1e-4
    assert certify_kkt(data, limit.weights).residual < 1e-14


@pytest.mark.parametrize("classes", [2, 3])
def test_the_multipliers_are_the_best_there_are(classes):
    """Against a bounded quasi-Newton method, with the gradients by difference quotients."""
    network, params = separated(classes, (4,))
    scale = network.margins(params).min() ** (-1.0 / network.homogeneity)
    flat = scale * np.concatenate([layer.ravel() for layer in params])
    see = lambda vector: network.margins(network.layers(vector)).ravel()  # noqa: E731
    columns = [(see(flat + e) - see(flat - e)) / 2e-6 for e in 1e-6 * np.eye(len(flat))]
    jacobian, slack = np.array(columns).T, see(flat) - 1.0

    def objective(dual):
        off = flat - dual @ jacobian
        return 0.5 * off @ off + dual @ slack, slack - jacobian @ off

    start = np.zeros(len(slack))
    best = minimize(
        objective, start, jac=True, bounds=[(0, None)] * len(start), options={"ftol": 1e-15}
    )
    found = certify_kkt(network, params)
    # the difference quotients are good to 1e-9, and so is the value at a minimum
    assert found.residual == pytest.approx(best.fun / (0.5 * flat @ flat), rel=1e-6)
    assert 0.01 < found.residual < 1.0
    assert found.residual == pytest.approx(
        objective(found.multipliers.ravel())[0] / (0.5 * flat @ flat), rel=1e-6
    )
    assert found.residual == pytest.approx(found.stationarity**2 + found.complementarity)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.floats(1e-2, 1e2))
def test_given_multipliers_are_never_better_and_scale_does_not_matter(seed, factor):
    network, params = separated(2, (4,))
    best = certify_kkt(network, params)
    chosen = np.random.default_rng(seed).exponential(size=best.multipliers.shape)
    found = certify_kkt(network, params, chosen)
    assert found.residual >= best.residual * (1.0 - 1e-9)
    scaled = tuple(factor * layer for layer in params)
    assert certify_kkt(network, scaled, factor * chosen).residual == pytest.approx(found.residual)
    margin = network.margins(params).min() / sum(np.sum(w**2) for w in params)
    assert certify_kkt(network, scaled, chosen).normalized_margin == pytest.approx(margin)


def test_weights_that_do_not_separate_have_no_residual():
    network, (first, last) = separated(2, (4,))
    for weights in ((first, -last), (first, np.zeros(4))):
        found = certify_kkt(network, weights)
        assert found.residual == np.inf
        assert found.normalized_margin <= 0
        assert found.n_support == 0


def test_multipliers_that_do_not_fit_are_refused():
    network = mf.NetworkMargins(TWO, (3,))
    for wrong in (np.ones(8), -np.ones((8, 1))):
        with pytest.raises(ValueError, match="multipliers: expected finite numbers"):
            certify_kkt(network, network.draw(0), wrong)
