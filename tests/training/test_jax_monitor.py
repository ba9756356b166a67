"""The monitor of a training in JAX: what it records, and that training does not notice it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.datasets import load_digits

import marginflow as mf
from marginflow.training import monitor
from marginflow.training.monitor import JaxMonitor

FEATURES, LABELS = load_digits(return_X_y=True)
INPUTS, TARGETS = np.float32(FEATURES / 16), LABELS.astype(np.int32)
PROBE, VALIDATION = (INPUTS[:200], TARGETS[:200]), (INPUTS[1400:], TARGETS[1400:])
KINDS = {"first": "tanh", "second": "tanh"}


def network(params, inputs):
    """Scores, and the outputs of both hidden layers."""
    first = jnp.tanh(inputs @ params["a"]["kernel"] + params["a"]["bias"])
    second = jnp.tanh(first @ params["b"]["kernel"])
    return second @ params["c"]["kernel"], {"first": first, "second": second}


def weights(scale=1.0):
    keys = jax.random.split(jax.random.key(0), 3)
    shapes = {"a": (64, 32), "b": (32, 32), "c": (32, 10)}
    params = {
        name: {"kernel": jax.random.normal(key, shape) / np.sqrt(shape[0])}
        for key, (name, shape) in zip(keys, shapes.items(), strict=True)
    }
    params["a"]["bias"] = jnp.zeros(32)
    params["b"]["kernel"] *= scale
    return params


def mean_loss(params, inputs, targets):
    scores, _ = network(params, inputs)
    return optax.softmax_cross_entropy_with_integer_labels(scores, targets).mean()


def train(inner, params, steps, seen=None, state=None, draws=None):
    """Parameters and state after some steps of small batches."""
    optimizer = monitor.monitored(inner)
    state = optimizer.init(params) if state is None else state

    @jax.jit
    def step(params, state, inputs, targets):
        gradients = jax.grad(mean_loss)(params, inputs, targets)
        updates, state = optimizer.update(gradients, state, params)
        return optax.apply_updates(params, updates), state

    draws = np.random.default_rng(0) if draws is None else draws
    for _ in range(steps):
        batch = draws.integers(1400, size=32)
        params, state = step(params, state, INPUTS[batch], TARGETS[batch])
        if seen is not None:
            seen.step(params, state)
    return params, state


def watch(params, **settings):
    given = {"activations": KINDS} | settings
    return JaxMonitor(params, network, PROBE, **given)


@pytest.mark.parametrize("inner", [optax.adam(2e-3), optax.sgd(0.05, momentum=0.9)])
def test_the_updates_are_those_of_the_optimizer(inner):
    plain, state = weights(), inner.init(weights())
    draws = np.random.default_rng(0)
    for _ in range(10):
        batch = draws.integers(1400, size=32)
        gradients = jax.jit(jax.grad(mean_loss))(plain, INPUTS[batch], TARGETS[batch])
        updates, state = jax.jit(inner.update)(gradients, state, plain)
        plain = optax.apply_updates(plain, updates)
    watched, last = train(inner, weights(), 10)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), plain, watched
    )
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6),
        gradients,
        last.gradients,
    )
    optimizer = monitor.monitored(inner)
    ours, _ = optimizer.update(gradients, optimizer.init(plain), plain)
    theirs, _ = inner.update(gradients, inner.init(plain), plain)
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)


def test_the_figures_are_those_of_a_plain_look():
    inner = optax.inject_hyperparams(optax.sgd)(learning_rate=0.05, momentum=0.9)
    before, earlier = train(inner, weights(), 6)
    memory = optax.tree.get(earlier, "trace")
    seen = watch(weights(), schedule=[7], validation=VALIDATION, homogeneity=3)
    now, _ = train(inner, weights(), 7, seen)
    (row,) = seen.records

    def flat(tree):
        return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)]).astype(float)

    draws = np.random.default_rng(0)
    batch = [draws.integers(1400, size=32) for _ in range(7)][-1]
    gradient = jax.grad(mean_loss)(before, INPUTS[batch], TARGETS[batch])
    change = flat(now) - flat(before)
    size = np.linalg.norm(flat(now))
    assert row["step"] == 7
    assert row["log_time"] == pytest.approx(np.log(7))
    assert row["weights_norm"] == pytest.approx(size, rel=1e-5)
    assert row["gradient_norm"] == pytest.approx(np.linalg.norm(flat(gradient)), rel=1e-4)
    assert row["update_norm"] == pytest.approx(np.linalg.norm(change), rel=1e-4)
    assert row["update_to_weight"] == pytest.approx(np.linalg.norm(change) / size, rel=1e-4)
    assert row["gradient_dot_update"] == pytest.approx(flat(gradient) @ change, rel=1e-3)
    angle = flat(memory) @ flat(gradient)
    angle /= np.linalg.norm(flat(memory)) * np.linalg.norm(flat(gradient))
    assert row["momentum_cosine"] == pytest.approx(angle, rel=1e-3)
    assert row["learning_rate"] == pytest.approx(0.05)
    assert row["effective_step"] == pytest.approx(0.5)
    matrix = np.asarray(now["b"]["kernel"], dtype=float)
    singular = np.linalg.svd(matrix, compute_uv=False)
    assert row["norm/b"] == pytest.approx(np.linalg.norm(matrix), rel=1e-5)
    assert row["stable_rank/b"] == pytest.approx(monitor.stable_rank(singular), rel=1e-4)
    assert row["effective_rank/b"] == pytest.approx(float(mf.effective_rank(matrix)), rel=1e-4)
    slope = np.linalg.norm(gradient["b"]["kernel"]) / np.linalg.norm(matrix)
    assert row["gradient_to_weight/b"] == pytest.approx(slope, rel=1e-4)
    scores, outputs = network(now, PROBE[0])
    margins = monitor.sample_margins(np.asarray(scores, float), PROBE[1])
    assert row["margin"] == pytest.approx(margins.min(), rel=1e-4)
    assert row["normalized_margin"] == pytest.approx(margins.min() / size**3, rel=1e-4)
    assert row["loss"] == pytest.approx(float(mean_loss(now, *PROBE)), rel=1e-5)
    assert row["validation_loss"] == pytest.approx(float(mean_loss(now, *VALIDATION)), rel=1e-5)
    assert row["phi/first"] == pytest.approx(
        monitor.saturation_measure(np.asarray(outputs["first"])), rel=1e-4
    )
    assert row["derivative/second"] == pytest.approx(
        float(np.mean(1 - np.asarray(outputs["second"]) ** 2)), rel=1e-4
    )


def test_torch_and_jax_record_under_the_same_names():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    model = torch.nn.Sequential(torch.nn.Linear(64, 8), torch.nn.ReLU(), torch.nn.Linear(8, 10))
    optimizer = torch.optim.Adam(model.parameters())
    inputs, targets = torch.tensor(INPUTS[:50]), torch.tensor(LABELS[:50])
    samples = (inputs, targets)
    theirs = monitor.Monitor(model, samples, optimizer=optimizer, validation=samples)
    params = {
        name: {"kernel": jnp.asarray(model[int(name)].weight.detach().numpy().T)}
        for name in ("0", "2")
    } | {"biases": [jnp.asarray(model[at].bias.detach().numpy()) for at in (0, 2)]}

    def scores(params, inputs):
        hidden = inputs @ params["0"]["kernel"] + params["biases"][0]
        hidden = jnp.maximum(hidden, 0)
        return hidden @ params["2"]["kernel"] + params["biases"][1], {"1": hidden}

    arrays = (INPUTS[:50], LABELS[:50])
    ours = JaxMonitor(params, scores, arrays, validation=arrays, activations={"1": "relu"})
    for name, value in theirs.records[0].items():
        if name in ("learning_rate", "momentum", "effective_step", "eps"):
            continue  # which optax keeps in the state
        assert ours.records[0][name] == pytest.approx(value, rel=1e-4, nan_ok=True), name

    def loss(params):
        found, _ = scores(params, INPUTS[:50])
        return optax.softmax_cross_entropy_with_integer_labels(found, LABELS[:50]).mean()

    torch.nn.functional.cross_entropy(model(inputs), targets).backward()
    optimizer.step()
    theirs.step()
    inner = monitor.monitored(optax.inject_hyperparams(optax.adam)(learning_rate=1e-3))
    updates, state = inner.update(jax.grad(loss)(params), inner.init(params), params)
    ours.step(optax.apply_updates(params, updates), state)
    for name, value in theirs.records[1].items():
        if name != "momentum_cosine":  # of a memory that is zero
            assert ours.records[1][name] == pytest.approx(value, rel=2e-3, nan_ok=True), name


def test_a_scan_is_looked_at_where_it_ends():
    inner = monitor.monitored(optax.sgd(0.1))
    params = jnp.array([3.0, -4.0])

    def step(carry, _):
        params, state = carry
        updates, state = inner.update(params, state, params)
        return (optax.apply_updates(params, updates), state), None

    run = jax.jit(lambda carry: jax.lax.scan(step, carry, length=25)[0])
    carry = (params, inner.init(params))
    with JaxMonitor(params) as seen:
        for _ in range(4):
            carry = run(carry)
            seen.step(*carry, steps=25)
    frame = seen.to_frame()
    assert frame["step"].tolist() == [0, 25, 50, 75, 100]
    np.testing.assert_allclose(frame["weights_norm"], 5 * 0.9 ** frame["step"], rtol=1e-4)
    gradients = 5 * 0.9 ** (frame["step"] - 1)
    np.testing.assert_allclose(frame["gradient_norm"][1:], gradients[1:], rtol=1e-4)
    assert "update_norm" not in frame


def test_arrays_that_are_given_away_do_not_matter():
    inner = monitor.monitored(optax.sgd(0.1, momentum=0.5))

    def step(params, state):
        updates, state = inner.update(params, state, params)
        return optax.apply_updates(params, updates), state

    params = jnp.array([3.0, -4.0])
    with JaxMonitor(params, schedule=mf.every(1)) as seen:
        params = jnp.copy(params)
        state = inner.init(params)
        for _ in range(12):
            params, state = jax.jit(step, donate_argnums=(0, 1))(params, state)
            seen.step(params, state)
    assert [row["step"] for row in seen.records] == list(range(13))
    assert np.isfinite(seen.to_frame()["update_norm"][1:]).all()


def test_an_equinox_model_is_followed_by_its_arrays():
    model = eqx.nn.MLP(64, 10, 16, 1, activation=jnp.tanh, key=jax.random.key(0))
    optimizer = monitor.monitored(optax.sgd(0.1))
    state = optimizer.init(eqx.filter(model, eqx.is_inexact_array))

    def scores(model, inputs):
        return jax.vmap(model)(inputs)

    @eqx.filter_jit
    def step(model, state):
        def loss(model):
            found = scores(model, INPUTS[:50])
            return optax.softmax_cross_entropy_with_integer_labels(found, TARGETS[:50]).mean()

        gradients = eqx.filter_grad(loss)(model)
        updates, state = optimizer.update(gradients, state, model)
        return eqx.apply_updates(model, updates), state

    with JaxMonitor(model, scores, PROBE) as seen:
        for _ in range(5):
            model, state = step(model, state)
            seen.step(model, state)
    assert seen.about["weights"] == ["layers.0", "layers.1"]
    assert seen.about["parameters"] == 64 * 16 + 16 + 16 * 10 + 10
    assert {"gradient_to_weight/layers.0", "update_norm"} <= set(seen.records[2])
    found = monitor.sample_margins(np.asarray(scores(model, PROBE[0]), float), PROBE[1])
    assert seen.records[-1]["margin"] == pytest.approx(found.min(), rel=1e-5)


def test_gradients_may_be_given_by_hand():
    seen = JaxMonitor(jnp.zeros(2))
    seen.step(jnp.ones(2), gradients=jnp.array([3.0, 4.0]))
    assert seen.records[-1]["gradient_norm"] == pytest.approx(5.0)
    assert seen.records[-1]["gradient_dot_update"] == pytest.approx(7.0)


def test_directions_turn_as_angles_do():
    seen = JaxMonitor(jnp.array([1.0, 0.0]), schedule=mf.every(1))
    for step in range(1, 11):
        seen.step(jnp.array([1.0, 0.1 * step]))
    found = seen.to_frame()["direction_change"]
    assert np.isnan(found[:3]).all()
    for step, (now, then) in {3: (3, 1), 8: (3, 1), 9: (9, 3)}.items():
        angle = np.arctan(0.1 * now) - np.arctan(0.1 * then)
        assert found[step] == pytest.approx(angle, rel=1e-3)


def test_of_a_healthy_model_nothing_harmful_is_said_and_what_was_planted_is():
    with watch(weights(), validation=VALIDATION) as healthy:
        train(optax.adam(2e-3), weights(), 400, healthy)
    assert healthy.records[-1]["step"] == 400
    assert healthy.records[-1]["accuracy"] > 0.95
    assert [finding for finding in healthy.findings if finding.harmful] == []
    with watch(weights(scale=40.0)) as planted:
        train(optax.sgd(0.01), weights(scale=40.0), 60, planted)
    assert [(each.name, each.layer) for each in planted.findings if each.harmful] == [
        ("saturated", "second")
    ]


def test_a_run_is_read_back(tmp_path):
    with watch(weights(), to=tmp_path) as seen:
        train(optax.adam(2e-3), weights(), 20, seen)
    run = monitor.load_run(tmp_path)
    assert run.records["step"].tolist() == [0, 1, 2, 3, 6, 10, 18, 20]
    assert run.about["activations"] == {"first": "Tanh", "second": "Tanh"}
    assert run.about["weights"] == ["a", "b", "c"]


def test_a_checkpoint_goes_on_as_if_nothing_had_been():
    inner = optax.sgd(0.05, momentum=0.9)
    whole = watch(weights(), schedule=mf.every(1))
    train(inner, weights(), 12, whole)
    first = watch(weights(), schedule=mf.every(1))
    draws = np.random.default_rng(0)
    params, state = train(inner, weights(), 8, first, draws=draws)
    second = watch(weights(), schedule=mf.every(1))
    second.load_state_dict(first.state_dict())
    train(inner, params, 4, second, state, draws)
    one, two = whole.to_frame(), second.to_frame()
    for column in ("step", "loss", "margin", "direction_change"):
        np.testing.assert_array_equal(one[column], two[column])


def test_epsilon_is_seen_where_the_state_has_it():
    seen = watch(weights())
    train(optax.inject_hyperparams(optax.adam)(learning_rate=1e-3, eps=10.0), weights(), 20, seen)
    assert seen.records[-1]["eps_dominated"] == 1.0
    assert "eps dominated" in [finding.name for finding in seen.findings]
    plain = watch(weights())
    train(optax.adam(1e-3), weights(), 3, plain)
    assert "eps_dominated" not in plain.records[-1]
    assert "momentum_cosine" in plain.records[-1]


def test_rectified_units_die_by_the_last_axis():
    def rectified(params, inputs):
        hidden = jnp.maximum(inputs @ params["kernel"], 0)
        return hidden, {"hidden": hidden}

    kernel = jnp.array([[1.0, -1.0, -2.0]])
    inputs, targets = jnp.ones((4, 1)), jnp.zeros(4, int)
    seen = JaxMonitor(
        {"kernel": kernel}, rectified, (inputs, targets), activations={"hidden": "relu"}
    )
    assert seen.records[0]["dead/hidden"] == pytest.approx(2 / 3)


def test_regressions_and_binary_scores_are_followed_too():
    inputs = jnp.arange(12.0).reshape(6, 2)
    params = jnp.array([[0.5], [-0.25]])

    def scores(params, inputs):
        return inputs @ params

    regression = JaxMonitor(params, scores, (inputs, inputs[:, 0])).records[0]
    found = np.asarray(scores(params, inputs))[:, 0]
    assert regression["loss"] == pytest.approx(
        float(np.mean((found - inputs[:, 0]) ** 2)), rel=1e-5
    )
    assert "margin" not in regression
    labels = np.array([0, 1, 0, 1, 1, 0])
    binary = JaxMonitor(params, scores, (inputs, labels)).records[0]
    assert binary["margin"] == pytest.approx(np.where(labels == 1, found, -found).min(), rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"probe": INPUTS}, r"expected a pair \(inputs, targets\)"),
        ({"apply": None}, "expected a function of"),
        ({"beyond": 1.5}, "between 0 and 1"),
        ({"activations": {"first": "swoosh"}}, "expected one of Tanh"),
        ({"activations": {"first": "tanh"}}, r"are \['first', 'second'\]; got \['first'\]"),
        ({"to": 3}, "expected a folder or a function of records"),
    ],
)
def test_arguments_that_do_not_fit(settings, said):
    given = {"apply": network, "probe": PROBE, "activations": KINDS} | settings
    with pytest.raises((TypeError, ValueError), match=said):
        JaxMonitor(weights(), **given)


def test_a_record_that_fails_does_not_end_the_training():
    def full(record):
        if record["step"] == 2:
            raise OSError("no space left")

    seen = watch(weights(), to=full)
    with pytest.warns(RuntimeWarning, match="no record of step 2: OSError: no space left"):
        train(optax.sgd(0.05), weights(), 3, seen)
    assert seen.records[-1]["step"] == 3
