"""Fast-forward beyond heavy ball, against loops in compensated arithmetic."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from tests.dynamics.oracles import compensated_method
from tests.dynamics.test_fast_forward import bound_of, problem, relative_error

import marginflow as mf
from marginflow.dynamics import optimizers
from marginflow.dynamics.compiled_module import CompiledModule
from marginflow.dynamics.continuations.mean_field import MeanField
from marginflow.dynamics.linear_method import linear_method
from marginflow.margins import as_linear_map

DATA = problem(2, np.random.default_rng(0))
START = np.array([0.5, -0.3, 0.2])
LOSS = "cross-entropy"

METHODS = {
    "nesterov": (
        optimizers.Nesterov(0.05, 0.9),
        {"learning_rate": 0.05, "momentum": 0.9},
        60_000,
    ),
    "adam": (
        optimizers.Adam(0.01, 0.9, 0.99, eps=1e-3),
        {"learning_rate": 0.01, "b1": 0.9, "b2": 0.99, "eps": 1e-3},
        100_000,
    ),
    "rmsprop": (
        optimizers.RMSProp(0.01, 0.9, eps=1e-3),
        {"learning_rate": 0.01, "decay": 0.9, "eps": 1e-3},
        100_000,
    ),
    "normalized": (
        optimizers.NormalizedGD(optimizers.inverse_sqrt(0.1)),
        {"learning_rate": 0.1, "exponent": 0.5},
        60_000,
    ),
}


@pytest.mark.parametrize("name", METHODS)
def test_the_error_is_at_most_what_is_estimated(name):
    optimizer, settings, steps = METHODS[name]
    far = mf.fast_forward(DATA, LOSS, optimizer, steps=steps, initial=START, rtol=1e-8)
    exact = compensated_method(*DATA, START, LOSS, name, steps=steps, **settings)
    assert far.prefix < steps
    assert relative_error(far.weights, exact) <= far.error_estimate <= 1e-8


@pytest.mark.parametrize("name", ["adam", "normalized"])
def test_records_are_the_loops_own(name):
    optimizer, _, steps = METHODS[name]
    at = [30, 300, steps // 2, steps]
    far = mf.fast_forward(
        DATA, LOSS, optimizer, steps=steps, initial=START, rtol=1e-8, record=np.log(at)
    )
    run = mf.train(
        DATA, LOSS, optimizer, steps=steps, initial=START, record=at, record_weights=True
    )
    exact = run.observables["weights"]
    assert [round(math.exp(time)) for time in far.log_time] == at
    for found, expected, step in zip(far.recorded_weights, exact, at, strict=True):
        assert relative_error(found, expected) <= (0.0 if step <= far.prefix else 1e-8)


@pytest.mark.parametrize(
    ("name", "rate"), [("nesterov", 0.05 / (1 - 0.9)), ("adam", 0.01 / 1e-3), ("rmsprop", 10.0)]
)
def test_the_end_is_that_of_gradient_descent_with_the_effective_step(name, rate):
    far = mf.fast_forward(DATA, LOSS, METHODS[name][0], log_steps=1e5, rtol=1e-7)
    line = mf.asymptote(DATA, LOSS, learning_rate=rate, limit=far.limit)
    rows = DATA[0] * np.where(DATA[1] == 1, 1.0, -1.0)[:, None]
    margins = rows[line.support[:, 0]] @ far.residual
    np.testing.assert_allclose(margins, line.support_margins, atol=1e-6)
    assert far.observables["one_minus_cos"][-1] < 1e-8


@pytest.mark.parametrize("rate", [0.02, optimizers.inverse_sqrt(0.1)])
def test_normalized_descent_goes_as_far_as_its_steps_are_long(rate):
    steps = 10**40
    far = mf.fast_forward(DATA, LOSS, optimizers.NormalizedGD(rate), steps=steps)
    length = 0.02 * steps if isinstance(rate, float) else 0.2 * math.sqrt(steps)
    assert np.linalg.norm(far.weights) == pytest.approx(length, rel=1e-12)
    assert far.observables["one_minus_cos"][-1] < 1e-20
    assert far.residual is None


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("nesterov", [False, True])
def test_the_modified_equation_of_a_linear_gradient_is_of_third_order(momentum, nesterov):
    # G = λ X: iterates go as μ^k with μ the root near 1 of (μ − 1) (μ − β) + η λ σ(μ)
    gradients = [-momentum, 1 + momentum] if nesterov else [0.0, 1.0]
    method = linear_method([-momentum, 1.0], gradients)
    errors = []
    for small in (4e-3, 2e-3):  # h λ
        polynomial = np.array([1.0, -1 - momentum, momentum])
        polynomial[1:] += small / method.gain * np.array(gradients[::-1])
        rate = math.log(np.roots(polynomial).real.max())
        third = (method.lag**2 + method.bend) * small**3
        errors.append(abs(rate - (-small + method.lag * small**2 - third)))
    assert 12 * errors[1] < errors[0]


def test_coefficients_of_linear_methods():
    # Nesterov's with β = 1/2, by hand: D ((1+β) e^D − β) / ((e^D − 1)(e^D − β)) = 2 (1 − D + …)
    assert linear_method([-0.5, 1.0], [-0.5, 1.5]).lag == pytest.approx(-1.0)
    for momentum in (0.3, 0.9):
        spread = (1 + momentum) / (1 - momentum)
        found = linear_method([-momentum, 1.0], [0.0, 1.0])
        assert found.gain == pytest.approx(1 / (1 - momentum))
        assert (found.lag, found.bend) == pytest.approx((-spread / 2, spread**2 / 4 - 1 / 6))
    # y' = −y by the two-step Adams–Bashforth method is exact to second order: no first correction
    assert linear_method([0.0, 1.0], [-0.5, 1.5]).lag == pytest.approx(0.0)


@pytest.mark.parametrize(("size", "replacement"), [(3, False), (5, False), (4, True)])
def test_minibatches_stray_no_further_than_is_estimated(size, replacement):
    method = {
        "learning_rate": 0.5 * bound_of(DATA, LOSS, START),
        "batch_size": size,
        "replacement": replacement,
        "initial": START,
    }
    for seed in range(2):
        far = mf.fast_forward(DATA, LOSS, steps=20_000, seed=seed, rtol=0.05, **method)
        run = mf.gradient_descent(DATA, LOSS, steps=20_000, seed=seed, record=[], **method)
        assert far.prefix < 20_000
        assert relative_error(far.weights, run.weights) <= far.error_estimate


@pytest.mark.parametrize("size", [1, 2])
def test_the_mean_epoch_of_minibatches_is_of_third_order(size):
    # over all permutations of four samples; a field without the second order would leave 4, not 8
    rows, weights = DATA[0][:4], START
    data = mf.Dataset(rows, [1, 1, 0, 0])
    signed = rows * np.array([1, 1, -1, -1])[:, None]

    def epoch(order, rate):
        at = weights
        for batch in np.reshape(order, (-1, size)):
            at = at + rate * signed[batch].T @ (1 / (1 + np.exp(signed[batch] @ at)))
        return at

    errors = []
    for rate in (0.08, 0.04):
        mean = np.mean([epoch(order, rate) for order in itertools.permutations(range(4))], axis=0)
        with mf.x64():
            field = CompiledModule(
                MeanField(
                    jax.tree.map(jnp.asarray, as_linear_map(data, "test")),
                    mf.CrossEntropy(),
                    jnp.asarray(math.log(rate * size / 4)),
                    per_epoch=4 // size,
                    batch_size=size,
                )
            )
            found = solve_ivp(
                lambda _, at, field=field: sum(field("terms", np.float64(0.0), at)),
                (0.0, 4 / size),
                weights,
                rtol=1e-11,
                atol=1e-13,
            )
        errors.append(np.linalg.norm(found.y[:, -1] - mean))
    assert 6 < errors[0] / errors[1] < 11


def test_adam_before_its_handover_is_refused_with_the_handover():
    with pytest.raises(mf.NotConvergedError, match=r"times eps = .* at about step") as caught:
        mf.fast_forward(
            DATA, LOSS, optimizers.Adam(0.01, 0.9, 0.99, eps=1e-8), steps=10**9, max_prefix=2048
        )
    found = caught.value.result
    assert isinstance(found, mf.FastForward)
    assert found.error_estimate == math.inf


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (optimizers.Adam(0.1, eps=0.0), "eps = 0 .* lattice"),
        (optimizers.RMSProp(0.1, eps=0.0), "eps = 0 .* lattice"),
        (optimizers.SignDescent(0.1), "lattice"),
        (optimizers.AdamW(0.1), "no equation .* AdamW"),
        (optimizers.AdaGrad(0.1), "no equation .* AdaGrad"),
        (optimizers.HeavyBall(optimizers.inverse_sqrt(0.1)), "schedule"),
        (optimizers.NormalizedGD(optimizers.PowerSchedule(0.1, 1.5)), "below 1"),
        (optimizers.NormalizedGD(0.1, momentum=0.5), "no equation .* NormalizedGD"),
    ],
)
def test_what_has_no_continuation_is_refused(optimizer, message):
    with pytest.raises(ValueError, match=message):
        mf.fast_forward(DATA, LOSS, optimizer, steps=10**9)


def test_normalized_descent_that_sways_is_refused():
    with pytest.raises(mf.NotConvergedError, match="sway"):
        mf.fast_forward(DATA, LOSS, optimizers.NormalizedGD(3.0), steps=10**9, max_prefix=600)
    flipped = (DATA[0], np.tile([0, 1], 6))
    with pytest.raises(ValueError, match="separate"):
        mf.fast_forward(flipped, LOSS, optimizers.NormalizedGD(0.01), steps=10**9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either an optimizer or a learning_rate"),
        ({"optimizer": optimizers.Nesterov(0.1), "learning_rate": 0.1}, "either an optimizer or"),
        ({"optimizer": optimizers.Nesterov(0.1), "momentum": 0.9}, "has its own"),
    ],
)
def test_one_method_is_expected(arguments, message):
    with pytest.raises(TypeError, match=message):
        mf.fast_forward(DATA, LOSS, steps=10**9, **arguments)
    with pytest.raises(ValueError, match="without momentum"):
        mf.fast_forward(DATA, LOSS, learning_rate=0.1, momentum=0.9, batch_size=3, steps=10**9)
