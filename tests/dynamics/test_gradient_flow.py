"""The flow in log time: against closed forms, against scipy in plain time, and against itself."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq, minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from tests.dynamics.oracles import SLOPES, binary_gradient, multiclass_gradient

import marginflow as mf

LOSSES = ["cross-entropy", "pair-log-loss", "multiclass-exponential"]
# the two samples have the same row (1, 0): in the mean, the risk of one
LINE = mf.Dataset([[1.0, 0.0], [-1.0, 0.0]], [1, -1])


def separable(n_classes, n=12, d=3):
    generator = np.random.default_rng(n_classes)
    features = generator.standard_normal((n, d))
    labels = (features @ generator.standard_normal((d, n_classes))).argmax(axis=1)
    assert len(set(labels)) == n_classes
    return features, labels


def start_of(n_classes, d=3):
    shape = (d,) if n_classes == 2 else (d, n_classes)
    return 0.5 * np.random.default_rng(1).standard_normal(shape)


def gradient_of(features, labels, shape, loss):
    gradient = binary_gradient if len(shape) == 1 else multiclass_gradient
    return lambda weights: gradient(features, labels, weights.reshape(shape), SLOPES[loss]).ravel()


@pytest.mark.parametrize("start", [-5.0, -1.0, 0.0, 3.0, 30.0])
def test_one_point_is_solved_exactly(start):
    # dw₁/dt = e^(−w₁): w₁ = log(t + e^{w₁(0)}), and w₂ never moves
    log_times = np.array([-np.inf, -5.0, 0.0, 3.0, 10.0, 28.0, 33.0, 60.0, 700.0, 1e4, 1e6])
    flow = mf.gradient_flow(
        LINE,
        mf.MulticlassExponential(),
        record=log_times,
        initial=[start, 0.7],
        reduction="mean",
        rtol=1e-10,
    )
    exact = np.logaddexp(log_times, start)
    np.testing.assert_allclose(flow.recorded_weights[:, 0], exact, rtol=1e-8, atol=1e-8)
    np.testing.assert_array_equal(flow.recorded_weights[:, 1], 0.7)
    np.testing.assert_array_equal(flow.log_time, log_times)
    np.testing.assert_allclose(flow.observables["log_risk"], -exact, rtol=1e-8, atol=1e-8)
    # the residual is counted from log(1 + t), so that it is the start at t = 0
    residual = flow.recorded_residuals
    np.testing.assert_array_equal(residual[0], [start, 0.7])
    np.testing.assert_allclose(residual[-1], [0.0, 0.7], atol=1e-12)


def test_a_support_pair_of_zero_dual_is_followed_for_good():
    # rows (1, 0) and (1, 1): ŵ = (1, 0), and the second row pulls without bound, ever slower.
    # dw₂/dw₁ = e^(−w₂) / (1 + e^(−w₂)): from zero, e^(w₂) + w₂ = w₁ + 1 at all times.
    data = mf.Dataset([[1.0, 0.0], [-1.0, 0.0], [1.0, 1.0], [-1.0, -1.0]], [1, -1, 1, -1])
    log_times = np.array([40.0, 1e2, 1e4, 1e6, 1e8, 1e10, 1e12])
    flow = mf.gradient_flow(data, "multiclass-exponential", record=log_times, rtol=1e-9)
    first, second = flow.recorded_residuals.T  # the weights carry their own rounding, 1e-16 log t
    np.testing.assert_allclose(np.exp(second) + second, log_times + first + 1.0, rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_crowded_tail_is_followed_pair_by_pair(n_classes):
    data = mf.gaussian_clusters(2, n_samples=400, n_features=3, n_classes=n_classes, noise=0.2)
    log_times = np.array([60.0, 80.0, 150.0, 400.0])
    flow = mf.gradient_flow(data, "multiclass-exponential", record=log_times, rtol=1e-10)
    shape = flow.weights.shape
    gradient = gradient_of(data.features, data.labels, shape, "multiclass-exponential")

    def velocity(log_time, weights):
        return -np.exp(log_time) * gradient(weights)

    ended = solve_ivp(
        velocity,
        log_times[[0, -1]],
        flow.recorded_weights[0].ravel(),
        method="BDF",
        t_eval=log_times,
        rtol=1e-10,
        atol=1e-10,
    )
    np.testing.assert_allclose(
        flow.recorded_weights.reshape(len(log_times), -1), ended.y.T, rtol=1e-7, atol=1e-6
    )


@pytest.mark.parametrize("degree", [1.0, 2.5])
def test_a_polynomial_tail_grows_as_a_power_of_time(degree):
    # dw/dt = p (1 + w)^−(p+1): (1 + w)^(p+2) = p (p+2) t + (1 + w(0))^(p+2)
    log_times, start, power = np.array([-2.0, 2.0, 30.0, 300.0, 640.0]), 0.4, degree + 2
    flow = mf.gradient_flow(
        LINE,
        mf.PolynomialLoss(degree),
        record=log_times,
        initial=[start, 0.0],
        reduction="mean",
        rtol=1e-9,
    )
    grown = np.logaddexp(np.log(degree * power) + log_times, power * np.log1p(start)) / power
    np.testing.assert_allclose(flow.recorded_weights[:, 0], np.expm1(grown), rtol=1e-6)
    assert flow.residual is None
    with pytest.raises(mf.NotConvergedError, match="no exponential tail") as caught:
        mf.gradient_flow(LINE, mf.PolynomialLoss(degree), 1e4)
    assert caught.value.result.status == "saturated"


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("loss", LOSSES)
def test_plain_time_gives_the_same_path(loss, n_classes):
    (features, labels), start = separable(n_classes), start_of(n_classes)
    gradient = gradient_of(features, labels, start.shape, loss)
    times = np.array([0.01, 0.1, 1.0, 10.0, 100.0, 1000.0])
    plain = solve_ivp(
        lambda _, weights: -gradient(weights),
        (0.0, 1000.0),
        start.ravel(),
        method="DOP853",
        t_eval=times,
        rtol=1e-11,
        atol=1e-12,
    )
    flow = mf.gradient_flow(
        (features, labels), loss, record=np.log(times), initial=start, rtol=1e-10
    )
    found = flow.recorded_weights.reshape(len(times), -1)
    np.testing.assert_allclose(found, plain.y.T, rtol=0, atol=1e-8 * np.abs(plain.y).max())
    # in the mean, everything happens n times as late
    mean = mf.gradient_flow(
        (features, labels),
        loss,
        record=np.log(times * len(labels)),
        initial=start,
        reduction="mean",
        rtol=1e-10,
    )
    np.testing.assert_allclose(mean.recorded_weights, flow.recorded_weights, rtol=0, atol=1e-8)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_what_is_recorded_does_not_depend_on_what_else_is(n_classes):
    data, rtol = separable(n_classes), 1e-8
    few = mf.gradient_flow(data, "cross-entropy", record=[1.0, 50.0, 3e4], rtol=rtol)
    many = mf.gradient_flow(
        data, "cross-entropy", 1e6, record=[-3.0, 1.0, 2.0, 45.0, 50.0, 200.0, 3e4], rtol=rtol
    )
    assert many.log_time.tolist() == [-3.0, 1.0, 2.0, 45.0, 50.0, 200.0, 3e4, 1e6]
    for index, where in enumerate([1, 4, 6]):
        expected = few.recorded_weights[index]
        scale = np.abs(expected).max()
        np.testing.assert_allclose(
            many.recorded_weights[where], expected, rtol=0, atol=30 * rtol * scale
        )
    shuffled = mf.gradient_flow(data, "cross-entropy", record=[50.0, 3e4, 1.0, 50.0], rtol=rtol)
    np.testing.assert_array_equal(shuffled.recorded_weights, few.recorded_weights)


@pytest.mark.parametrize("log_time", [-100.0, -200.0, -350.0, -650.0])
def test_the_first_instant_is_a_step_along_the_gradient(log_time):
    data = mf.soudry_toy()
    flow = mf.gradient_flow(data, "cross-entropy", log_time=log_time)
    gradient = binary_gradient(data.features, data.labels, np.zeros(2), SLOPES["cross-entropy"])
    np.testing.assert_allclose(flow.weights, -np.exp(log_time) * gradient, rtol=1e-12)


def test_a_tighter_tolerance_is_more_accurate():
    data, record = separable(3), [0.0, 3.0, 10.0, 30.0]
    paths = [
        mf.gradient_flow(data, "cross-entropy", record=record, rtol=rtol).recorded_weights
        for rtol in (1e-6, 1e-9, 1e-12)
    ]
    errors = [np.abs(path - paths[-1]).max() / np.abs(paths[-1]).max() for path in paths[:-1]]
    assert errors[0] < 3e-4
    assert errors[1] < 3e-7
    assert errors[1] < 0.1 * errors[0]


def test_the_default_records_start_at_zero_and_ascend():
    flow = mf.gradient_flow(separable(2), "cross-entropy", log_time=20.0)
    assert flow.log_time[0] == -np.inf
    assert flow.log_time[-1] == 20.0
    assert np.all(np.diff(flow.log_time) > 0)
    np.testing.assert_array_equal(flow.recorded_weights[0], 0.0)
    np.testing.assert_array_equal(flow.recorded_weights[-1], flow.weights)
    assert flow.steps is None
    assert list(flow.to_frame()["log_time"]) == flow.log_time.tolist()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_observables_are_those_of_the_recorded_weights(n_classes):
    features, labels = separable(n_classes)
    record = [-1.0, 2.0, 30.0, 1e5]
    flow = mf.gradient_flow((features, labels), "cross-entropy", record=record)
    best = flow.limit.weights
    for i, weights in enumerate(flow.recorded_weights):
        scores = features @ weights
        if n_classes == 2:
            margins = (scores * np.where(labels == 1, 1, -1))[:, None]
        else:
            own = scores[np.arange(len(labels)), labels][:, None]
            others = np.arange(n_classes) != labels[:, None]
            margins = (own - scores)[others].reshape(len(labels), -1)
        seen = {name: values[i] for name, values in flow.observables.items()}
        norm = np.linalg.norm(weights)
        risk = np.sum(np.log1p(np.sum(np.exp(-margins), axis=1)))
        assert seen["risk"] == pytest.approx(risk, rel=1e-10, abs=1e-300)
        assert seen["margin"] == pytest.approx(margins.min(), rel=1e-10)
        assert seen["normalized_margin"] == pytest.approx(margins.min() / norm, rel=1e-10)
        assert seen["weights_norm"] == pytest.approx(norm, rel=1e-12)
        assert seen["accuracy"] == pytest.approx(np.mean(margins.min(axis=1) > 0), rel=1e-15)
        gap = 1 / np.linalg.norm(best) - margins.min() / norm
        assert seen["margin_gap"] == pytest.approx(gap, abs=1e-12)
        cosine = np.sum(weights * best) / (norm * np.linalg.norm(best))
        assert seen["one_minus_cos"] == pytest.approx(1 - cosine, abs=1e-14)
        assert seen["angle"] == pytest.approx(np.arccos(min(cosine, 1.0)), abs=1e-7)
        assert seen["direction_error"] == pytest.approx(2 * np.sin(seen["angle"] / 2), rel=1e-12)
    assert np.all(np.diff(flow.observables["log_risk"]) < 0)
    assert np.all(np.diff(flow.observables["direction_error"]) < 0)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_rotation_of_the_features_rotates_the_path(n_classes):
    (features, labels), start = separable(n_classes), start_of(n_classes)
    rotation = np.linalg.qr(np.random.default_rng(3).standard_normal((3, 3)))[0]
    record = [0.0, 5.0, 100.0, 1e6]
    plain = mf.gradient_flow((features, labels), "cross-entropy", record=record, initial=start)
    turned = mf.gradient_flow(
        (features @ rotation, labels), "cross-entropy", record=record, initial=rotation.T @ start
    )
    expected = np.einsum("ij,mj...->mi...", rotation.T, plain.recorded_weights)
    scale = np.abs(expected).max(axis=tuple(range(1, expected.ndim)), keepdims=True)
    np.testing.assert_allclose(turned.recorded_weights / scale, expected / scale, atol=3e-5)
    # what training forgets is forgotten to rounding
    np.testing.assert_allclose(turned.weights / 1e6, expected[-1] / 1e6, atol=1e-11)


@pytest.mark.parametrize("exponent", [-100, -30, 7, 100])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_features_times_a_power_of_two(n_classes, exponent):
    # V = c W sees the features as they were, at time c² t
    features, labels = separable(n_classes)
    factor, record = 2.0**exponent, np.array([0.0, 4.0, 60.0, 1e6])
    plain = mf.gradient_flow((features, labels), "cross-entropy", record=record, rtol=1e-9)
    scaled = mf.gradient_flow(
        (features * factor, labels),
        "cross-entropy",
        record=record - 2 * np.log(factor),
        rtol=1e-9,
    )
    for found, expected in zip(scaled.recorded_weights, plain.recorded_weights, strict=True):
        np.testing.assert_allclose(
            found * factor, expected, rtol=0, atol=1e-6 * np.abs(expected).max()
        )


def test_a_users_cross_entropy_is_ours_to_the_end():
    data = separable(3)
    ours = mf.gradient_flow(data, mf.CrossEntropy(), 1e6)
    theirs = mf.gradient_flow(data, lambda u: jnp.log(1 + jnp.sum(jnp.exp(-u))), 1e6)
    assert theirs.status == "done"
    scale = np.abs(ours.weights).max()
    np.testing.assert_allclose(theirs.weights, ours.weights, rtol=0, atol=1e-9 * scale)
    # the part that grows is the same anyway; so is the part that stays
    np.testing.assert_allclose(theirs.residual, ours.residual, rtol=0, atol=1e-9)


def test_a_scaled_tail_is_followed_with_its_rate_and_constant():
    # ψ(u) = 3 e^(−2u): with v = 2u, dw/dt = 6 e^(−2w), w = log(12 t + e^{2 w(0)}) / 2
    record = np.array([0.0, 10.0, 1e3, 1e6])
    flow = mf.gradient_flow(
        LINE,
        lambda u: 3 * jnp.sum(jnp.exp(-2 * u)),
        record=record,
        reduction="mean",
        rtol=1e-10,
    )
    exact = np.logaddexp(np.log(12) + record, 0.0) / 2
    np.testing.assert_allclose(flow.recorded_weights[:, 0], exact, rtol=1e-8)
    np.testing.assert_allclose(flow.residual, [np.log(12) / 2, 0.0], atol=1e-9)


TAILLESS = {
    "nears e^(-u) too slowly": lambda u: jnp.sum(jnp.exp(-jnp.sqrt(1 + u * u))),
    "falls faster": lambda u: jnp.sum(jnp.exp(-u - jnp.where(u > 0, u * u, 0))),
    "polynomial": lambda u: jnp.sum(jnp.exp(-u) + 1 / (2 + jnp.abs(u))),
}


@pytest.mark.parametrize("kind", TAILLESS)
def test_without_a_tail_the_flow_ends_saturated_and_names_the_margin(kind):
    data, template = separable(2), TAILLESS[kind]
    with pytest.raises(mf.NotConvergedError) as caught:
        mf.gradient_flow(data, template, 1e6)
    flow = caught.value.result
    assert flow.status == "saturated"
    margin = flow.observables["margin"][-1]
    assert f"least margin {margin:.6g}" in flow.message
    assert f"log time {flow.log_time[-1]:.6g}" in flow.message
    assert len(flow.log_time) == len(flow.recorded_weights)
    assert np.all(np.diff(flow.log_time) > 0)
    assert np.all(np.isfinite(flow.recorded_weights))
    silent = mf.gradient_flow(data, template, 1e6, throw=False)
    assert silent.message == flow.message
    np.testing.assert_array_equal(silent.weights, flow.weights)
    # up to where it got, it is done
    assert mf.gradient_flow(data, template, 5.0).status == "done"


def tangled(n_classes, seed=0):
    generator = np.random.default_rng(seed)
    features = np.column_stack([generator.standard_normal((40, 2)), np.ones(40)])
    labels = generator.integers(n_classes, size=40)
    return features, labels


@pytest.mark.parametrize("n_classes", [2, 3])
def test_what_nothing_separates_ends_at_the_minimizer_of_logistic_regression(n_classes):
    features, labels = tangled(n_classes)
    flow = mf.gradient_flow((features, labels), mf.CrossEntropy(), 1e6)
    assert flow.status == "done"
    assert flow.limit is None
    assert flow.residual is None
    assert "minimizer" in flow.message
    model = LogisticRegression(
        C=np.inf, fit_intercept=False, tol=1e-12, max_iter=10_000, solver="newton-cg"
    ).fit(features, labels)
    expected = model.coef_[0] if n_classes == 2 else model.coef_.T
    np.testing.assert_allclose(flow.weights, expected, atol=1e-7)


@pytest.mark.parametrize("loss", ["pair-log-loss", "multiclass-exponential"])
def test_what_nothing_separates_ends_at_the_minimizer_of_the_risk(loss):
    features, labels = tangled(3)
    flow = mf.gradient_flow((features, labels), loss, 1e6)
    one_sided = {
        "pair-log-loss": lambda u: np.logaddexp(0, -u),
        "multiclass-exponential": lambda u: np.exp(-u),
    }[loss]

    def risk(flat):
        scores = features @ flat.reshape(3, 3)
        margins = scores[np.arange(40), labels][:, None] - scores
        return np.sum(one_sided(margins[np.arange(3) != labels[:, None]]))

    gradient = gradient_of(features, labels, (3, 3), loss)
    best = minimize(risk, np.zeros(9), jac=gradient, method="BFGS", options={"gtol": 1e-9})
    np.testing.assert_allclose(flow.weights.ravel(), best.x, atol=1e-6)
    assert np.linalg.norm(gradient(flow.weights)) < 1e-12


def test_a_tolerance_that_rounding_drowns_is_loosened_and_said():
    # a few pairs contradict each other, the rest grows: what is left of the gradient cancels
    data = mf.gaussian_clusters(1, n_samples=400, n_features=2, n_classes=3, noise=0.3)
    flow = mf.gradient_flow(data, "cross-entropy", record=[400.0], rtol=1e-10, throw=False)
    assert flow.status == "saturated"
    assert "loosened to rtol = " in flow.message
    assert "grow without end" in flow.message
    assert flow.statistics["near_steps"] < 50_000


def test_a_minimizer_that_little_curvature_holds_is_found():
    # log(1 + e^(−w)) + log(1 + e^(εw)): e^(−w) ≈ ε/2, and the curvature there is about ε/2
    epsilon = 1e-8
    rows = np.array([[1.0, 0.0], [0.5, 0.0], [0.0, 1.0], [0.0, epsilon]])
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    labels = [1, 0, 1, 0]
    flow = mf.gradient_flow((rows @ turn.T, labels), "cross-entropy", log_time=1e4, rtol=1e-10)
    assert "minimizer" in flow.message
    slow = brentq(lambda w: expit(-w) - epsilon * expit(epsilon * w), 1.0, 40.0, xtol=1e-14)
    np.testing.assert_allclose((flow.weights @ turn)[1], slow, rtol=1e-6)


@pytest.mark.parametrize("log_time", [20.0, 30.0, 100.0, 1e4])
def test_a_part_that_can_be_separated_grows_and_no_minimizer_is_claimed(log_time):
    # the first two samples contradict each other; the others let |w₁| grow as log t + log 2
    data = mf.Dataset([[0, 1], [0, 1], [1, 0], [-1, 0]], [0, 1, 0, 1])
    flow = mf.gradient_flow(data, "cross-entropy", log_time=log_time, throw=False)
    assert "stand still" not in flow.message
    assert flow.status == ("done" if log_time < 36 else "saturated")
    grown = abs(flow.recorded_weights[:, 0])
    after = flow.log_time > 15
    assert flow.log_time[-1] >= min(log_time, 30.0)
    expected = flow.log_time[after] + np.log(2.0)
    np.testing.assert_allclose(grown[after], expected, atol=1e-5 * flow.log_time[-1])


@pytest.mark.parametrize("loss", ["crammer-singer", "weston-watkins"])
def test_a_flow_along_a_kink_ends_and_says_so(loss):
    data = mf.Dataset([[1.0, 0.0], [1.0, 1.0], [1.0, -1.0]], [0, 0, 1])
    flow = mf.gradient_flow(data, loss, log_time=10.0, throw=False)
    assert flow.status == "max_steps"
    assert "gradient_descent" in flow.message


def test_hinges_stop_where_their_slopes_do():
    flow = mf.gradient_flow(LINE, mf.WestonWatkins(), 1e4, reduction="mean")
    assert flow.status == "done"
    np.testing.assert_allclose(flow.weights, [1.0, 0.0], atol=1e-3)


@pytest.mark.parametrize("percentage", [0, 10, 50, 90, 100])
def test_an_interrupted_flow_keeps_what_was_done(percentage):
    data = separable(2)
    whole = mf.gradient_flow(data, "cross-entropy", 1e6)

    def interrupt(done, total, remark):
        assert total == 100
        assert "log time" in remark
        if done >= percentage:
            raise KeyboardInterrupt

    part = mf.gradient_flow(data, "cross-entropy", 1e6, progress=interrupt)
    assert part.status == "interrupted"
    assert f"log time {part.log_time[-1]:.6g}" in part.message
    assert np.all(np.diff(part.log_time) > 0)
    assert len(part.log_time) == len(part.recorded_weights) == len(part.recorded_residuals)
    assert all(len(values) == len(part.log_time) for values in part.observables.values())
    shared = np.flatnonzero(np.isin(whole.log_time, part.log_time))
    assert shared.tolist() == list(range(len(shared)))
    assert len(part.log_time) - len(shared) in (0, 1)
    np.testing.assert_array_equal(
        part.recorded_weights[: len(shared)], whole.recorded_weights[: len(shared)]
    )
    np.testing.assert_array_equal(part.recorded_weights[-1], part.weights)


def test_an_early_interruption_is_dated_in_log_time_not_in_log_of_one_plus_t():
    def interrupt(done, total, remark):
        raise KeyboardInterrupt

    part = mf.gradient_flow(LINE, "cross-entropy", 10.0, progress=interrupt)
    # both samples pull with slope 1/2 at first: w₁ = t
    assert part.log_time[-1] < -5
    np.testing.assert_allclose(np.log(part.weights[0]), part.log_time[-1], atol=1e-3)


def test_progress_is_told_and_other_errors_pass():
    told = []
    mf.gradient_flow(LINE, "cross-entropy", 1e6, progress=lambda *args: told.append(args[0]))
    assert told == sorted(told)
    assert told[-1] == 100

    def fail(*_):
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        mf.gradient_flow(LINE, "cross-entropy", 1e6, progress=fail)


def test_a_limit_at_hand_is_used():
    data = separable(3)
    limit = mf.max_margin(data)
    flow = mf.gradient_flow(data, "cross-entropy", 100.0, limit=limit)
    assert flow.limit is limit
    np.testing.assert_array_equal(
        flow.weights, mf.gradient_flow(data, "cross-entropy", 100.0).weights
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "log_time, record or both"),
        ({"record": [1.0, 5.0], "log_time": 2.0}, "up to log_time = 2"),
        ({"record": [np.nan]}, "finite log times"),
        ({"record": [np.inf]}, "finite log times"),
        ({"log_time": np.nan}, "log_time: expected a finite number"),
        ({"log_time": np.inf}, "log_time: expected a finite number"),
        ({"log_time": 1.0, "initial": [1.0, 2.0, 3.0]}, r"shape \(2,\)"),
        ({"log_time": 1.0, "reduction": "total"}, "'sum' or 'mean'"),
        ({"log_time": 1.0, "rtol": 0.0}, "rtol"),
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        mf.gradient_flow(LINE, "cross-entropy", **arguments)
