"""Runs with optimizers: schedules, norms, where ε takes over, rates of the fast ones."""

import math

import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.linalg
from tests.dynamics.oracles import SLOPES, descend, multiclass_gradient

import marginflow as mf
import marginflow.dynamics as dynamics
from marginflow.dynamics.objective import Gradient
from marginflow.norms import NAMED_NORMS, as_norm

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


def test_optax_adam_runs_in_float64():
    run = dynamics.train(DATA, "cross-entropy", optax.adam(0.05), steps=400)
    weights, first, second = np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((3, 3))
    for step in range(1, 401):
        gradient = multiclass_gradient(FEATURES, LABELS, weights, SLOPES["cross-entropy"])
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        scaled = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        weights = weights - 0.05 * scaled
    np.testing.assert_allclose(run.weights, weights, rtol=1e-11)


@pytest.mark.parametrize("schedule", [mf.inverse_sqrt(0.05), optax.exponential_decay(0.05, 9, 0.8)])
def test_learning_rate_follows_its_schedule(schedule):
    run = dynamics.gradient_descent(
        DATA, "cross-entropy", learning_rate=schedule, momentum=0.5, steps=60
    )
    weights, pull = np.zeros((3, 3)), np.zeros((3, 3))
    for t in range(60):
        rate = 0.05 / math.sqrt(t + 1) if isinstance(schedule, mf.PowerSchedule) else schedule(t)
        pull = 0.5 * pull + multiclass_gradient(FEATURES, LABELS, weights, SLOPES["cross-entropy"])
        weights = weights - float(rate) * pull
    # optax rounds its rates to float32
    rtol = 1e-12 if isinstance(schedule, mf.PowerSchedule) else 1e-6
    np.testing.assert_allclose(run.weights, weights, rtol=rtol)


@pytest.mark.parametrize("name", NAMED_NORMS)
def test_unnormalized_step_is_the_dual_norm_times_the_direction(name):
    norm, gradient = as_norm(name), GENERATOR.standard_normal((4, 3))
    optimizer = mf.SteepestDescent(name, 0.5, normalized=False)
    with mf.x64():
        start = jnp.zeros((4, 3))
        after, _ = optimizer.step(jnp.asarray(0), Gradient(jnp.asarray(gradient)), None, start)
        wanted = -0.5 * norm.dual(gradient) * norm.steepest(gradient)
        np.testing.assert_allclose(after, wanted, rtol=1e-9, atol=1e-12)


def test_entrywise_norms_see_many_arrays_as_one_vector():
    parts = {"a": GENERATOR.standard_normal((2, 3)), "b": GENERATOR.standard_normal(4)}
    flat = np.concatenate([parts["a"].ravel(), parts["b"]])
    with mf.x64():
        gradient = Gradient({key: jnp.asarray(value) for key, value in parts.items()})
        start = {"a": jnp.zeros((2, 3)), "b": jnp.zeros(4)}
        for norm in ("frobenius", "l1", "max", "l3"):
            optimizer = mf.SteepestDescent(norm, 1.0)
            after, _ = optimizer.step(jnp.asarray(0), gradient, None, start)
            joined = np.concatenate([np.ravel(after["a"]), after["b"]])
            np.testing.assert_allclose(joined, -as_norm(norm).steepest(flat), rtol=1e-12)


def test_polar_factor_is_exact_on_the_range_of_a_graded_gradient():
    # a gradient over the classes sums to zero, and the singular values left spread by 10^9
    rng = np.random.default_rng(2)
    left = np.linalg.qr(rng.standard_normal((24, 3)))[0]
    basis = np.linalg.qr(np.column_stack([np.ones(4), rng.standard_normal((4, 3))]))[0][:, 1:]
    core = left * np.array([1.0, 1e-4, 1e-9])
    gradient = core @ scipy.linalg.qr(rng.standard_normal((3, 3)))[0] @ basis.T
    wanted = scipy.linalg.polar(gradient @ basis)[0] @ basis.T
    with mf.x64():
        found = np.asarray(as_norm("spectral").steepest(jnp.asarray(gradient)))
    # rounding of the gradient turns its least singular vectors by 10^-16/10^-9
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.svd(found)[1], [1, 1, 1, 0], atol=1e-14)


def test_a_run_says_where_eps_took_over():
    run = mf.train(DATA, "cross-entropy", mf.Adam(0.05, eps=0.1), steps=4000, norms=["max", "l3"])
    assert run.status == "eps_dominated"
    since = run.statistics["eps_dominated_since"]
    assert 100 < since < 4000
    assert f"eps took over at step {since}" in run.message
    assert "learning_rate/eps = 0.5" in run.message
    weights, least = run.weights, run.observables["margin"][-1]
    for name, size in {
        "max": np.abs(weights).max(),
        "l3": np.sum(np.abs(weights) ** 3) ** (1 / 3),
    }.items():
        found = run.observables[f"normalized_margin_{name}"][-1]
        assert found == pytest.approx(least / size, rel=1e-12)


def test_momentum_of_the_dual_gains_the_square_of_normalized_descent():
    best = mf.max_margin(DATA).margin
    rate = mf.recommended_rate(DATA)
    settings = {"steps": 8000, "record": [1000, 8000]}
    gaps = {}
    for optimizer in (mf.DualMomentum(rate**2), mf.NormalizedGD(rate)):
        run = mf.train(DATA, "multiclass-exponential", optimizer, **settings)
        gaps[type(optimizer)] = 1 - run.observables["normalized_margin"] / best
    # t^−2 and t^−1 over a factor 8 in t, a logarithm aside
    early, late = gaps[mf.DualMomentum]
    assert math.log(early / late, 8) > 1.8
    early, late = gaps[mf.NormalizedGD]
    assert 0.8 < math.log(early / late, 8) < 1.2


def test_progressive_rescaling_gains_a_constant_factor_a_period():
    # two support vectors and one off the margin, as in the analysis of the method
    features = np.array([[0.2, 0.96**0.5], [0.2, -0.5 * 0.96**0.5], [-0.2, -(0.96**0.5)]])
    optimizer = mf.PRGD(1.0, growth=1.2, period=5, warmup=100)
    run = mf.train(
        (features, [1, 1, 0]), "multiclass-exponential", optimizer, steps=800, record=[400, 800]
    )
    early, late = 1 - run.observables["normalized_margin"] / 0.2
    assert math.log(early / late) == pytest.approx(80 * math.log(1.2), rel=0.05)


def test_draws_with_replacement_are_independent_and_uniform():
    from marginflow.dynamics.minibatches import minibatches

    with mf.x64():
        batches = minibatches(3, 5, 4, replacement=True)
        draws = np.array([batches.draw(jnp.asarray(t), None)[0] for t in range(400)])
        far = batches.draw(jnp.asarray(2**32), None)[0]
    counts = np.bincount(draws.ravel(), minlength=5)
    # 1600 draws: 320 of each, standard deviation 16
    assert np.all(np.abs(counts - 320) < 5 * 16)
    repeats = np.mean([len(set(row)) < 4 for row in draws])
    assert repeats == pytest.approx(1 - 5 * 4 * 3 * 2 / 5**4, abs=5 * 0.02)
    assert not np.array_equal(far, draws[0])
    run = dynamics.gradient_descent(
        DATA,
        "cross-entropy",
        learning_rate=0.01,
        steps=100,
        batch_size=4,
        seed=3,
        replacement=True,
    )
    with mf.x64():
        batches = minibatches(3, 19, 4, replacement=True)
        chosen = [np.asarray(batches.draw(jnp.asarray(t), None)[0]) for t in range(100)]
    path = descend(
        FEATURES,
        LABELS,
        np.zeros((3, 3)),
        SLOPES["cross-entropy"],
        learning_rate=0.01,
        steps=100,
        batches=lambda t: chosen[t],
    )
    np.testing.assert_allclose(run.weights, path[-1], rtol=1e-12)


def test_no_margin_changes_by_more_than_one_in_a_recommended_step():
    for data in (mf.MulticlassMargins(DATA), mf.BinaryMargins((FEATURES, LABELS == 0))):
        for norm in NAMED_NORMS.values():
            rate, rows = mf.recommended_rate(data, norm), np.arange(19)
            gradients = np.asarray(data.pair_rows(rows, np.zeros(19, dtype=int)))
            shaped = gradients.reshape(19, *data.weights_shape)
            changes = [np.sum(norm.steepest(a) * a) for a in shaped]
            assert rate * max(changes) == pytest.approx(1.0, rel=1e-12)


def test_settings_out_of_range_are_refused():
    for wrong, what in [
        (lambda: mf.Adam(0.0), "learning_rate: expected a finite number above 0, got 0.0"),
        (lambda: mf.Adam(0.1, b1=1.0), r"b1: expected a number in \[0, 1\)"),
        (lambda: mf.Adam(0.1, eps=-1e-8), "eps: expected a finite number, 0 or more"),
        (lambda: mf.MirrorDescent(0.1, p=1.0), "p: expected a finite number above 1"),
        (lambda: mf.Muon(0.1, ns_steps=0), "ns_steps: expected at least 1"),
        (lambda: mf.PRGD(0.1, period=1), "period: expected at least 2"),
        (lambda: mf.get_optimizer("adan"), "no optimizer is named 'adan'; there are gd, "),
        (lambda: mf.register_optimizer("gd", mf.Adam), "'gd' is registered already"),
        (lambda: mf.train(DATA, "cross-entropy", mf.Adam(0.1), steps=1, replacement=True), "batch"),
    ]:
        with pytest.raises(ValueError, match=what):
            wrong()
    for wrong, what in [
        (lambda: mf.get_optimizer("adam", learning_rate=0.1, beta=0.9), "adam: .*beta"),
        (lambda: dynamics.train(DATA, "cross-entropy", "adam", steps=1), "optimizer of marginflow"),
        (lambda: mf.train(DATA, "cross-entropy", mf.Adam(0.1), steps=1, norms="max"), "sequence"),
    ]:
        with pytest.raises(TypeError, match=what):
            wrong()
