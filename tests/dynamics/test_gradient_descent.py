"""The exact loop against loops in plain NumPy, on every registered loss and every map."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.dynamics.oracles import SLOPES, compensated_descent, descend, reshuffled

import marginflow as mf
import marginflow.dynamics as dynamics

STEPS = 300


def problem(n=23, d=4, n_classes=3, seed=0):
    generator = np.random.default_rng(seed)
    features = generator.standard_normal((n, d))
    labels = (features @ generator.standard_normal((d, n_classes))).argmax(axis=1)
    return features, labels


FEATURES, LABELS = problem()
BINARY_LABELS = (LABELS == 2).astype(int)
INITIAL = 0.3 * np.random.default_rng(1).standard_normal((4, 3))


def close(actual, expected):
    scale = np.max(np.abs(expected))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-13 * scale)


@pytest.mark.parametrize(
    ("name", "momentum"), [*((name, 0.9) for name in SLOPES), ("cross-entropy", 0.0)]
)
def test_every_loss_follows_the_plain_loop(name, momentum):
    loss = mf.registered_losses()[name]
    settings = {"learning_rate": 0.004, "momentum": momentum, "steps": STEPS}
    run = dynamics.gradient_descent(
        (FEATURES, LABELS), loss, initial=INITIAL, record_weights=True, **settings
    )
    path = descend(FEATURES, LABELS, INITIAL, SLOPES[name], **settings)
    close(run.observables["weights"], path[run.steps])
    close(run.weights, path[-1])


def test_the_oracle_knows_a_loss_of_every_kind_of_tail():
    registered = mf.registered_losses()

    def kinds(names):
        tails = [registered[name].tail(3) for name in names]
        return {tail.kind if tail else None for tail in tails}

    assert kinds(SLOPES) == kinds(registered)


@pytest.mark.parametrize("name", SLOPES)
def test_binary_weights_follow_the_plain_loop(name):
    settings = {"learning_rate": 0.004, "momentum": 0.5, "steps": STEPS}
    run = dynamics.gradient_descent((FEATURES, BINARY_LABELS), name, **settings)
    close(run.weights, descend(FEATURES, BINARY_LABELS, np.zeros(4), SLOPES[name], **settings)[-1])


def test_the_mean_divides_by_the_number_of_samples():
    settings = {"learning_rate": 0.2, "steps": STEPS}
    run = dynamics.gradient_descent(
        (FEATURES, LABELS), "cross-entropy", reduction="mean", **settings
    )
    slopes = SLOPES["cross-entropy"]
    close(
        run.weights, descend(FEATURES, LABELS, np.zeros((4, 3)), slopes, mean=True, **settings)[-1]
    )


@pytest.mark.parametrize(("size", "mean"), [(1, False), (5, True), (22, False)])
def test_minibatches_are_those_of_the_permutations(size, mean):
    settings = {"learning_rate": 0.01, "momentum": 0.5, "steps": STEPS}
    run = dynamics.gradient_descent(
        (FEATURES, LABELS),
        "pair-log-loss",
        batch_size=size,
        seed=7,
        reduction="mean" if mean else "sum",
        record_weights=True,
        **settings,
    )
    batches = reshuffled(7, len(FEATURES), size)
    slopes = SLOPES["pair-log-loss"]
    zeros = np.zeros((4, 3))
    path = descend(FEATURES, LABELS, zeros, slopes, mean=mean, batches=batches, **settings)
    close(run.observables["weights"], path[run.steps])


def test_a_batch_of_all_samples_is_no_minibatch():
    settings = {"learning_rate": 0.01, "steps": 50}
    data = (FEATURES, LABELS)
    whole = dynamics.gradient_descent(data, "cross-entropy", **settings)
    batch = dynamics.gradient_descent(data, "cross-entropy", batch_size=23, **settings)
    np.testing.assert_array_equal(whole.weights, batch.weights)


def test_each_epoch_sees_each_sample_at_most_once_and_seeds_differ():
    for seed in (0, 1):
        batches = reshuffled(seed, 23, 5)
        epoch = np.concatenate([batches(step) for step in range(4, 8)])
        assert len(set(epoch.tolist())) == 20
    runs = [
        dynamics.gradient_descent(
            (FEATURES, LABELS),
            "cross-entropy",
            learning_rate=0.1,
            steps=20,
            batch_size=5,
            seed=seed,
        )
        for seed in (0, 1)
    ]
    assert np.max(np.abs(runs[0].weights - runs[1].weights)) > 1e-3


class DeepMap(mf.MarginMap):
    """A two-layer linear network: not linear in its parameters, degree two, no standard shape."""

    features: jax.Array
    signs: jax.Array

    @property
    def homogeneity(self):
        return 2.0

    def margins(self, params):
        first, second = params
        return (self.signs * ((self.features @ first) @ second))[:, None]

    def vjp(self, params, cotangent):
        first, second = params
        pulled = self.signs * cotangent[:, 0]
        back = self.features.T @ pulled
        return back[:, None] * second, (self.features @ first).T @ pulled


def test_any_margin_map_and_any_tree_of_parameters_can_be_trained():
    signs = np.where(BINARY_LABELS == 1, 1.0, -1.0)
    generator = np.random.default_rng(3)
    first, second = 0.5 * generator.standard_normal((4, 2)), 0.5 * generator.standard_normal(2)
    run = dynamics.gradient_descent(
        DeepMap(FEATURES, signs),
        "cross-entropy",
        learning_rate=0.01,
        steps=STEPS,
        initial=(first, second),
    )
    for _ in range(STEPS):
        pull = signs * SLOPES["cross-entropy"]((signs * (FEATURES @ first @ second))[:, None])[:, 0]
        first, second = (
            first - 0.01 * np.outer(FEATURES.T @ pull, second),
            second - 0.01 * (FEATURES @ first).T @ pull,
        )
    close(run.weights[0], first)
    close(run.weights[1], second)
    margins = signs * (FEATURES @ first @ second)
    norm = np.sqrt(np.sum(first**2) + np.sum(second**2))
    close(run.observables["normalized_margin"][-1], margins.min() / norm**2)


def test_a_users_template_is_trained_like_the_loss_it_spells():
    template = mf.TemplateLoss(lambda u: jnp.log1p(jnp.sum(jnp.exp(-u))))
    settings = {"learning_rate": 0.01, "steps": STEPS}
    run = dynamics.gradient_descent((FEATURES, LABELS), template, **settings)
    close(
        run.weights,
        descend(FEATURES, LABELS, np.zeros((4, 3)), SLOPES["cross-entropy"], **settings)[-1],
    )


def test_observables_are_what_they_say():
    run = dynamics.gradient_descent(
        (FEATURES, LABELS),
        "cross-entropy",
        learning_rate=0.01,
        steps=STEPS,
        reduction="mean",
        record=[0, 7, STEPS],
        record_weights=True,
        observables={"trace": jnp.trace, "columns": lambda weights: jnp.sum(weights, axis=0)},
    )
    seen = run.observables
    np.testing.assert_array_equal(run.steps, [0, 7, STEPS])
    np.testing.assert_array_equal(run.log_time, [-np.inf, np.log(7), np.log(STEPS)])
    for row, weights in enumerate(seen["weights"]):
        scores = FEATURES @ weights
        own = scores[np.arange(23), LABELS]
        losses = np.log(np.sum(np.exp(scores), axis=1)) - own
        others = np.where(np.arange(3) == LABELS[:, None], -np.inf, scores)
        margin = np.min(own - others.max(axis=1))
        norm = np.linalg.norm(weights)
        step = descend(
            FEATURES,
            LABELS,
            weights,
            SLOPES["cross-entropy"],
            learning_rate=1.0,
            steps=1,
            mean=True,
        )
        close(seen["risk"][row], losses.mean())
        close(seen["log_risk"][row], np.log(losses.mean()))
        close(seen["margin"][row], margin)
        close(seen["weights_norm"][row], norm)
        close(seen["accuracy"][row], np.mean(own > others.max(axis=1)))
        close(seen["gradient_norm"][row], np.linalg.norm(step[0] - step[1]))
        close(seen["trace"][row], np.trace(weights))
        close(seen["columns"][row], weights.sum(axis=0))
        if norm:
            close(seen["normalized_margin"][row], margin / norm)
    assert seen["accuracy"][0] == 0
    assert seen["columns"].shape == (3, 3)


def test_the_log_risk_is_finite_where_the_risk_is_not_representable():
    run = dynamics.gradient_descent(
        ([[1.0], [-1.0]], [1, 0]),
        "cross-entropy",
        learning_rate=1.0,
        steps=0,
        initial=[800.0],
        throw=False,
    )
    assert run.observables["risk"][0] == 0
    np.testing.assert_allclose(run.observables["log_risk"][0], np.log(2) - 800, rtol=1e-15)


@pytest.mark.parametrize("name", ["cross-entropy", "multiclass-exponential", "pair-log-loss"])
def test_the_compensated_oracle_agrees_with_extended_precision(name):
    slopes = SLOPES[name]
    settings = {"learning_rate": 0.003, "momentum": 0.5, "steps": 2000}
    rows = (FEATURES * np.where(BINARY_LABELS == 1, 1, -1)[:, None]).astype(np.longdouble)
    weights, velocity = np.zeros(4, np.longdouble), np.zeros(4, np.longdouble)
    rate, momentum = np.longdouble(0.003), np.longdouble(0.5)
    for _ in range(settings["steps"]):
        velocity = momentum * velocity - rate * (rows.T @ slopes((rows @ weights)[:, None])[:, 0])
        weights = weights + velocity
    found = compensated_descent(FEATURES, BINARY_LABELS, np.zeros(4), name, **settings)
    np.testing.assert_allclose(found, weights.astype(float), rtol=2e-15)
    run = dynamics.gradient_descent((FEATURES, BINARY_LABELS), name, **settings)
    np.testing.assert_allclose(run.weights, found, rtol=1e-13)


def test_runs_of_one_shape_compile_once():
    traced = []

    def watch(weights):
        traced.append(weights.shape)
        return jnp.sum(weights)

    def run(seed, **more):
        dynamics.gradient_descent(
            problem(seed=seed), "cross-entropy", observables={"watched": watch}, **more
        )
        count = len(traced)
        traced.clear()
        return count

    settings = {"learning_rate": 0.01, "steps": 10}
    first = run(0, **settings)
    for seed in range(1, 4):
        more = {
            "learning_rate": 0.02 * seed,
            "steps": 100 * seed,
            "record": dynamics.every(seed),
            "initial": np.full((4, 3), float(seed)),
        }
        # the observable is tried on each call, and compiled on the first
        assert run(seed, **more) == 1
    assert first > 1


def test_a_run_outside_the_float64_context_loses_no_bit():
    settings = {"learning_rate": 0.01, "steps": 100}
    assert not jax.config.jax_enable_x64
    outside = dynamics.gradient_descent((FEATURES, LABELS), "cross-entropy", **settings)
    with mf.x64():
        inside = dynamics.gradient_descent((FEATURES, LABELS), "cross-entropy", **settings)
    assert not jax.config.jax_enable_x64
    assert type(outside.weights) is np.ndarray
    assert outside.weights.dtype == np.float64
    np.testing.assert_array_equal(outside.weights, inside.weights)
    for name, values in outside.observables.items():
        assert type(values) is np.ndarray
        assert values.dtype == np.float64
        np.testing.assert_array_equal(values, inside.observables[name])


def test_the_table_of_a_run_has_a_column_for_each_observable():
    run = dynamics.gradient_descent(
        (FEATURES, LABELS),
        "cross-entropy",
        learning_rate=0.1,
        steps=9,
        record=[3],
        record_weights=True,
    )
    table = run.to_frame()
    assert table["steps"].tolist() == [3, 9]
    np.testing.assert_array_equal(table["weights[2,1]"], run.observables["weights"][:, 2, 1])
    np.testing.assert_array_equal(table["risk"], run.observables["risk"])
    assert table.shape == (2, 2 + 7 + 12)
    assert "last risk" in repr(run)


def test_a_run_is_the_same_each_time():
    settings = {"learning_rate": 0.01, "steps": 1000, "momentum": 0.9, "batch_size": 4}
    one, two = (
        dynamics.gradient_descent((FEATURES, LABELS), "cross-entropy", **settings) for _ in range(2)
    )
    np.testing.assert_array_equal(one.weights, two.weights)
    assert one.statistics == two.statistics == {"steps": 1000, "records": len(one.steps)}


def test_an_objective_gives_a_direction_where_the_gradient_underflows():
    objective = dynamics.objective.MarginObjective
    maps = mf.BinaryMargins(([[1.0, 0.0], [0.0, 1.0]], [1, 0]))
    with mf.x64():
        maps = jax.tree.map(jnp.asarray, maps)
        far = jnp.array([1e6, -1e6 - 1.0])
        scaled = objective(maps, mf.CrossEntropy(), scaled=True)
        gradient = scaled.gradient(far)
        assert gradient.log_scale == -1e6
        np.testing.assert_allclose(gradient.direction, [-1.0, np.exp(-1.0)], rtol=1e-15)
        assert not scaled.has_vanished(far)
        plain = objective(maps, mf.CrossEntropy())
        np.testing.assert_array_equal(plain.gradient(far).value(), [0.0, 0.0])
        assert plain.has_vanished(far)
        near = jnp.array([1.0, -2.0])
        for mean in (False, True):
            both = [
                eqx.tree_at(
                    lambda o: o.margin_map, objective(maps, mf.CrossEntropy(), mean, s), maps
                )
                .gradient(near)
                .value()
                for s in (False, True)
            ]
            np.testing.assert_allclose(both[0], both[1], rtol=1e-15)


@pytest.mark.parametrize("rate", [1e-200, 1e-300])
def test_norms_are_known_where_their_squares_underflow(rate):
    run = dynamics.gradient_descent(
        (FEATURES, LABELS), "cross-entropy", learning_rate=rate, steps=1, record=[0, 1]
    )
    expected = rate * run.observables["gradient_norm"][0]
    assert run.observables["weights_norm"][1] == pytest.approx(expected, rel=1e-14, abs=0)
    assert np.isfinite(run.observables["normalized_margin"][1])
