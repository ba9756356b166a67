"""Homogeneous networks in training: far below 1e-300, towards margins that are known otherwise.

The margin of a deep linear network is known from a convex problem: of two layers it is half the
nuclear margin, of L layers and one score the Euclidean margin over L^(L/2).
"""

import functools

import mpmath
import numpy as np
import pytest

import marginflow as mf
from marginflow.dynamics.objective import MarginObjective

TOY = mf.soudry_toy()
CLUSTERS = mf.gaussian_clusters(0, n_samples=30, n_classes=3, n_features=5, noise=0.5)


@functools.cache
def observed(data, hidden, slope):
    """A network and the functions that are recorded of it: one compilation for all runs on it."""
    network = mf.NetworkMargins(data, hidden, negative_slope=slope)
    return network, {"kkt_residual": mf.kkt_residual(network, "multiclass-exponential")}


@functools.cache
def run_on(data, hidden, slope, *, steps=1000, **settings):
    network, observables = observed(data, hidden, slope)
    run = mf.train(
        network,
        "multiclass-exponential",
        mf.LossBasedGD(**settings),
        steps=steps,
        initial=network.draw(0, 0.5),
        record=mf.every(1),
        record_weights=True,
        observables=observables,
    )
    return network, run


def test_a_linear_network_ends_at_the_certified_limit():
    limit = mf.max_margin(CLUSTERS)
    network, run = run_on(CLUSTERS, (), 0.0)
    early, late = (network.layers(run.observables["weights"][at])[0] for at in (100, 1000))
    errors = [mf.direction_error(weights, limit.weights).distance for weights in (early, late)]
    residuals = [mf.certify_kkt(network, (weights,)).residual for weights in (early, late)]
    # the margin grows linearly in the steps, so both fall as 1/t
    assert errors[1] < 0.2 * errors[0] < 0.2
    assert residuals[1] < 0.2 * residuals[0] < 0.2
    assert errors[1] ** 2 <= residuals[1]
    assert run.observables["normalized_margin"][-1] <= limit.margin_upper
    assert run.observables["normalized_margin"][-1] >= 0.98 * limit.margin


def test_two_linear_layers_end_at_half_the_nuclear_margin():
    """The path zigzags about the limit, ever less: by .002 at step 1,000, by .0005 at 3,000."""
    limit = mf.max_margin(CLUSTERS, norm="nuclear").margin / 2.0
    network, run = run_on(CLUSTERS, (5,), 1.0, steps=3000)
    margins = run.observables["normalized_margin"]
    assert margins.max() <= limit * (1.0 + 1e-7)
    assert margins[-1] >= 0.99 * limit
    assert limit - margins[-1] < 0.1 * (limit - margins[100])
    assert mf.certify_kkt(network, run.weights).residual < 0.01


def test_three_linear_layers_end_at_the_euclidean_margin():
    limit = mf.max_margin(TOY).margin * 3.0**-1.5
    seen = run_on(TOY, (4, 4), 1.0)[1].observables
    margins = seen["normalized_margin"]
    assert seen["log_risk"][-1] < -900
    assert seen["risk"][-1] == seen["gradient_norm"][-1] == 0
    assert margins.max() <= limit * (1.0 + 1e-12)
    assert margins[-1] >= 0.99 * limit
    assert limit - margins[-1] < 0.6 * (limit - margins[100])


SHORT = {"learning_rate": 0.1, "decrease": 0.1}


def test_the_smoothed_margin_never_falls_and_the_residual_does():
    """Steps are short: longer ones zigzag across the corners of the network."""
    network, run = run_on(CLUSTERS, (8, 8), 0.0, **SHORT)
    seen = run.observables
    separated = seen["log_risk"] < 0
    smoothed = -seen["log_risk"] / seen["weights_norm"] ** network.homogeneity
    assert np.all(np.diff(smoothed[separated]) > 0)
    assert np.all(np.diff(seen["log_risk"]) < 0)
    assert separated.sum() > 900
    assert str(run.status) == "done"
    at = [100, 300, 1000]
    found = [mf.certify_kkt(network, network.layers(seen["weights"][t])) for t in at]
    residuals = np.array([each.residual for each in found])
    assert np.all(np.diff(residuals) < 0)
    assert residuals[-1] < 0.5 * residuals[0]
    # the loss's own multipliers are never better than those that are solved for
    assert np.all(residuals <= seen["kkt_residual"][at] * (1.0 + 1e-9))
    for each, t in zip(found, at, strict=True):
        assert each.normalized_margin == pytest.approx(seen["normalized_margin"][t], rel=1e-12)


def test_long_steps_make_the_smoothed_margin_fall():
    """The theorem asks for short steps, and needs them."""
    network, run = run_on(CLUSTERS, (8, 8), 0.0, learning_rate=1000.0, decrease=0.0)
    seen = run.observables
    smoothed = -seen["log_risk"] / seen["weights_norm"] ** network.homogeneity
    assert np.diff(smoothed[seen["log_risk"] < 0]).min() < 0


def test_a_step_at_a_loss_of_ten_thousand_digits_is_that_of_mpmath():
    network, observables = observed(CLUSTERS, (8, 8), 0.0)
    far = tuple(100.0 * layer for layer in run_on(CLUSTERS, (8, 8), 0.0, **SHORT)[1].weights)
    settings = {"initial": far, "record_weights": True, "observables": observables}
    run = mf.train(network, "multiclass-exponential", mf.LossBasedGD(), steps=1, **settings)
    margins = network.margins(far)
    assert margins.min() > 1e5
    with mpmath.workdps(40):
        pulls = [[mpmath.exp(-mpmath.mpf(u)) for u in row] for row in margins]
        risk = mpmath.fsum(entry for row in pulls for entry in row)
        share = np.array([[float(entry / risk) for entry in row] for row in pulls])
        expected = float(mpmath.log(risk))
    assert run.observables["log_risk"][0] == pytest.approx(expected, rel=1e-14)
    gradient = network.vjp(far, -share)
    square = sum(np.sum(g**2) for g in gradient)
    moved = [b - a for a, b in zip(far, run.weights, strict=True)]
    rate = -sum(np.sum(m * g) for m, g in zip(moved, gradient, strict=True)) / square
    # η/‖h‖² halved a whole number of times, and the same for every entry
    halvings = np.log2(1.0 / square / rate)
    assert halvings == pytest.approx(round(halvings), abs=1e-6)
    longest = max(np.abs(move).max() for move in moved)
    for move, g in zip(moved, gradient, strict=True):
        np.testing.assert_allclose(move, -rate * g, rtol=0, atol=1e-6 * longest)


def test_the_gradient_over_the_risk_is_that_of_the_formula_for_sums_means_and_weights():
    network, rng = mf.NetworkMargins(CLUSTERS, (8,)), np.random.default_rng(0)
    params, log_weights = network.draw(0), rng.standard_normal(30)
    margins = network.margins(params)
    for weights in (None, log_weights):
        factor = np.ones((30, 1)) if weights is None else np.exp(weights)[:, None]
        values = factor * np.exp(-margins)
        expected = network.vjp(params, -values / values.sum())
        for mean in (False, True):
            divisor = factor.sum() if mean else 1.0
            with mf.x64():
                objective = MarginObjective(
                    network, mf.MulticlassExponential(), mean=mean, scaled=True, log_weights=weights
                )
                gradient = objective.gradient(params)
                log_risk = gradient.log_risk(params)
                found = [np.asarray(layer) for layer in gradient.over_risk(log_risk)]
            assert float(log_risk) == pytest.approx(np.log(values.sum() / divisor), rel=1e-13)
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


def test_where_no_logarithm_of_the_risk_is_known_it_says_so():
    model = mf.LinearModel(([[1.0, 0.0]], [2.0]))
    with pytest.raises(TypeError, match="logarithm of its risk"):
        mf.train_regression(model, mf.LossBasedGD(), steps=1, initial=[0.0, 0.0])


def test_a_run_on_a_network_is_resumed_to_the_bit(tmp_path):
    network, observables = observed(CLUSTERS, (8, 8), 0.0)
    settings = {
        "initial": network.draw(0, 0.5),
        "record": mf.every(1),
        "record_weights": True,
        "observables": observables,
    }
    whole, optimizer = run_on(CLUSTERS, (8, 8), 0.0, **SHORT)[1], mf.LossBasedGD(**SHORT)
    for steps in (300, 1000):
        part = mf.train(
            network,
            "multiclass-exponential",
            optimizer,
            steps=steps,
            checkpoint=tmp_path / "run.npz",
            resume=tmp_path / "run.npz",
            **settings,
        )
    for one, other in zip(whole.weights, part.weights, strict=True):
        np.testing.assert_array_equal(one, other)
