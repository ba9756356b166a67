"""Fast-forward against the loop in compensated arithmetic, and against the law of its end."""

import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tests.dynamics.oracles import compensated_descent

import marginflow as mf
from marginflow.dynamics import step_bound
from marginflow.losses import get_loss
from marginflow.margins import as_linear_map

LOSSES = ["cross-entropy", "pair-log-loss", "multiclass-exponential"]


def problem(n_classes, generator):
    """Separable data of one of two shapes, with every class present."""
    n, d = (12, 3) if n_classes == 2 else (15, 3)
    while True:
        features = generator.standard_normal((n, d))
        labels = (features @ generator.standard_normal((d, n_classes))).argmax(axis=1)
        if len(set(labels)) == n_classes:
            return features, labels


def weights_shape(n_classes, d=3):
    return (d,) if n_classes == 2 else (d, n_classes)


def bound_of(data, loss, initial):
    bound = step_bound(as_linear_map(data, "test"), get_loss(loss), initial)
    assert bound is not None
    return bound.value


def relative_error(weights, exact):
    return float(np.linalg.norm(weights - exact) / np.linalg.norm(exact))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_error_is_at_most_what_is_estimated(loss, n_classes, momentum):
    forwarded = 0
    for number, share in enumerate([0.01, 0.2, 0.6, 0.99]):
        generator = np.random.default_rng([number, n_classes])
        data = problem(n_classes, generator)
        initial = generator.choice([0.0, 0.3, 3.0]) * generator.standard_normal(
            weights_shape(n_classes)
        )
        method = {
            "learning_rate": share * bound_of(data, loss, initial),
            "momentum": momentum,
            "steps": int(math.exp(generator.uniform(math.log(2e3), math.log(6e4)))),
        }
        far = mf.fast_forward(data, loss, initial=initial, **method)
        exact = compensated_descent(*data, initial, loss, **method)
        assert far.status == "done"
        assert relative_error(far.weights, exact) <= far.error_estimate <= 1e-9
        forwarded += far.prefix < method["steps"]
    assert forwarded >= 1


@pytest.mark.parametrize(("share", "distance"), [(0.05, 300.0), (0.2, 1000.0), (0.99, 1000.0)])
def test_a_start_far_on_the_wrong_side_is_not_underestimated(share, distance):
    # the curvature is zero at first, and rises hundreds of steps later
    data = problem(2, np.random.default_rng(0))
    best = mf.max_margin(data)
    initial = -distance * best.weights / np.linalg.norm(best.weights)
    method = {"learning_rate": share * bound_of(data, "cross-entropy", initial), "steps": 60_000}
    far = mf.fast_forward(data, "cross-entropy", initial=initial, limit=best, **method)
    exact = compensated_descent(*data, initial, "cross-entropy", **method)
    assert relative_error(far.weights, exact) <= far.error_estimate <= 1e-9


def test_rounding_is_in_the_estimate_where_every_step_rounds_the_same_way():
    data = problem(2, np.random.default_rng(0))
    best = mf.max_margin(data)
    initial = -1e4 * best.weights / np.linalg.norm(best.weights)
    method = {"learning_rate": 0.05 * bound_of(data, "cross-entropy", initial), "steps": 10_000}
    # the slopes are constant all the way: the modified equation is the loop
    far = mf.fast_forward(data, "cross-entropy", initial=initial, limit=best, **method)
    exact = compensated_descent(*data, initial, "cross-entropy", **method)
    assert relative_error(far.weights, exact) <= far.error_estimate


@pytest.mark.parametrize("steps", [1, 7, 512])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_few_steps_are_made(steps, momentum):
    data = problem(3, np.random.default_rng(3))
    method = {"learning_rate": 0.05, "momentum": momentum, "steps": steps}
    far = mf.fast_forward(data, "cross-entropy", **method)
    run = mf.gradient_descent(data, "cross-entropy", **method)
    np.testing.assert_array_equal(far.weights, run.weights)
    assert far.prefix == steps
    assert far.log_steps == math.log(steps)
    assert "exactly" in far.message


def test_records_before_and_after_the_prefix():
    data, rate = problem(3, np.random.default_rng(3)), 0.05
    steps = [1, 30, 400, 700, 5_000, 20_000]
    far = mf.fast_forward(
        data, "cross-entropy", learning_rate=rate, steps=20_000, record=np.log(steps)
    )
    run = mf.gradient_descent(
        data, "cross-entropy", learning_rate=rate, steps=20_000, record=steps, record_weights=True
    )
    np.testing.assert_allclose(far.log_time, np.log(steps), rtol=1e-12, atol=1e-12)
    exact = run.observables["weights"]
    made = np.array(steps) <= far.prefix
    assert 3 <= made.sum() <= 4
    np.testing.assert_array_equal(far.recorded_weights[made], exact[made])
    for found, expected in zip(far.recorded_weights, exact, strict=True):
        assert relative_error(found, expected) < 1e-9
    best = far.limit.weights
    for time, weights, residual in zip(
        far.log_time, far.recorded_weights, far.recorded_residuals, strict=True
    ):
        np.testing.assert_allclose(residual, weights - best * time, atol=1e-13)
    np.testing.assert_allclose(
        far.observables["log_risk"], run.observables["log_risk"], rtol=0, atol=1e-8
    )


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_end_has_the_residual_of_the_law(loss, n_classes, momentum):
    data = problem(n_classes, np.random.default_rng(5))
    rate = 0.5 * bound_of(data, loss, np.zeros(weights_shape(n_classes)))
    method = {"learning_rate": rate, "momentum": momentum}
    line = mf.asymptote(data, loss, **method)
    rows = as_linear_map(data, "test").pair_rows(
        line.support[:, 0],
        line.support[:, 1] - (line.support[:, 1] > np.asarray(data[1])[line.support[:, 0]]),
    )
    assert line.valid_from < 1e6
    for count in ({"log_steps": 1e6}, {"steps": 10**500_000}):
        far = mf.fast_forward(data, loss, limit=line.limit, **count, **method)
        np.testing.assert_allclose(rows @ far.residual.ravel(), line.support_margins, atol=1e-9)
        assert far.error_estimate <= 1e-9
        assert far.observables["one_minus_cos"][-1] < 1e-9


def test_the_estimate_outlives_corrections_that_underflow():
    # the third-order term leaves float64 at log step 370
    loss, data = mf.PolynomialLoss(degree=10.0), mf.soudry_toy()
    far = mf.fast_forward(data, loss, learning_rate=0.01, log_steps=432.0)
    assert far.error_estimate <= 1e-9
    # W grows as t^(1/12) on one line
    exact = mf.fast_forward(data, loss, learning_rate=0.01, log_steps=420.0).weights
    np.testing.assert_allclose(far.weights, exact * np.exp(1.0), rtol=1e-8)


def test_records_snap_with_the_end():
    data = problem(2, np.random.default_rng(5))
    far = mf.fast_forward(
        data, "cross-entropy", learning_rate=0.1, log_steps=7.3, record=[0.1, 0.2, 7.3, 7.2999]
    )
    np.testing.assert_array_equal(far.log_time, np.log([1, 1480]))


def test_a_googol_of_steps_is_told_by_number_or_by_logarithm():
    data = problem(3, np.random.default_rng(5))
    near = mf.fast_forward(data, "cross-entropy", learning_rate=0.1, log_steps=7.3)
    assert near.log_steps == math.log(1480)
    assert near.weights.tolist() == (
        mf.fast_forward(data, "cross-entropy", learning_rate=0.1, steps=1480).weights.tolist()
    )
    by_number = mf.fast_forward(data, "cross-entropy", learning_rate=0.1, steps=10**100)
    by_logarithm = mf.fast_forward(
        data, "cross-entropy", learning_rate=0.1, log_steps=100 * math.log(10)
    )
    assert by_number.log_steps == pytest.approx(100 * math.log(10), rel=1e-15)
    np.testing.assert_allclose(by_number.weights, by_logarithm.weights, rtol=1e-12)
    assert by_number.steps is None


def test_the_mean_is_a_smaller_learning_rate():
    data = problem(3, np.random.default_rng(5))
    n, rate = len(data[1]), 0.05
    mean = mf.fast_forward(
        data, "cross-entropy", learning_rate=rate * n, steps=10**30, reduction="mean"
    )
    total = mf.fast_forward(data, "cross-entropy", learning_rate=rate, steps=10**30)
    assert relative_error(mean.weights, total.weights) < 1e-10
    difference = mean.observables["log_risk"][-1] - total.observables["log_risk"][-1]
    assert difference == pytest.approx(-math.log(n), abs=1e-8)


def test_features_times_a_power_of_two():
    # V = c W takes steps of c² η
    (features, labels), factor = problem(3, np.random.default_rng(5)), 2.0**40
    plain = mf.fast_forward((features, labels), "cross-entropy", learning_rate=0.05, steps=10**30)
    scaled = mf.fast_forward(
        (features * factor, labels),
        "cross-entropy",
        learning_rate=0.05 / factor**2,
        steps=10**30,
    )
    assert relative_error(scaled.weights * factor, plain.weights) < 1e-9


def test_a_polynomial_loss_is_forwarded_too():
    data = problem(2, np.random.default_rng(5))
    method = {"learning_rate": 0.3 * bound_of(data, "polynomial", None), "steps": 50_000}
    far = mf.fast_forward(data, "polynomial", **method)
    run = mf.gradient_descent(data, "polynomial", **method)
    assert far.prefix < method["steps"]
    assert far.residual is None
    assert relative_error(far.weights, run.weights) <= far.error_estimate + 1e-12
    assert mf.fast_forward(data, "polynomial", learning_rate=0.1, steps=10**100).status == "done"


@pytest.mark.parametrize("share", [0.05, 0.9])
def test_what_nothing_separates_ends_at_the_minimizer(share):
    # at a large rate the step times the curvature stays above the limit, and the loop comes to rest
    generator = np.random.default_rng(0)
    features, labels = generator.standard_normal((12, 3)), np.tile([0, 1], 6)
    data = (features, labels)
    rate = share * bound_of(data, "cross-entropy", None)
    far = mf.fast_forward(data, mf.CrossEntropy(), learning_rate=rate, steps=10**100)
    model = LogisticRegression(
        C=np.inf, fit_intercept=False, tol=1e-12, max_iter=10_000, solver="newton-cg"
    ).fit(features, labels)
    np.testing.assert_allclose(far.weights, model.coef_[0], atol=1e-7)
    assert "minimizer" in far.message
    assert far.error_estimate <= 1e-9
    assert far.limit is None


def test_a_prefix_too_short_for_the_tolerance_is_said():
    data = problem(2, np.random.default_rng(5))
    method = {"learning_rate": 0.99 * bound_of(data, "cross-entropy", None), "momentum": 0.0}
    limits = {"steps": 100_000, "max_prefix": 600, "rtol": 7e-11}
    with pytest.raises(mf.NotConvergedError, match="max_prefix = 600") as caught:
        mf.fast_forward(data, "cross-entropy", **limits, **method)
    far = caught.value.result
    assert far.status == "max_steps"
    assert far.error_estimate > 7e-11
    exact = compensated_descent(*data, np.zeros(3), "cross-entropy", steps=100_000, **method)
    assert relative_error(far.weights, exact) <= far.error_estimate
    silent = mf.fast_forward(data, "cross-entropy", throw=False, **limits, **method)
    np.testing.assert_array_equal(silent.weights, far.weights)
    enough = 2 * far.error_estimate
    loose = mf.fast_forward(data, "cross-entropy", **(limits | {"rtol": enough}), **method)
    assert loose.status == "done"
    # with as many steps as it takes, the estimate is reached, and the looser one was honest
    long = mf.fast_forward(data, "cross-entropy", steps=100_000, rtol=7e-11, **method)
    assert long.prefix > 600
    assert relative_error(long.weights, exact) <= long.error_estimate <= 7e-11


def test_a_learning_rate_that_diverges_is_said():
    data = problem(3, np.random.default_rng(5))
    with pytest.raises(mf.NotConvergedError, match="diverged"):
        mf.fast_forward(data, "multiclass-exponential", learning_rate=50.0, steps=10**9)


def test_an_interrupted_forward_keeps_what_was_done():
    data = problem(2, np.random.default_rng(5))

    def interrupt(done, total, remark):
        if done > 30:
            raise KeyboardInterrupt

    far = mf.fast_forward(
        data,
        "cross-entropy",
        learning_rate=0.1,
        log_steps=1e5,
        record=[1.0, 8.0, 50.0, 1e3, 1e4],
        progress=interrupt,
    )
    assert far.status == "interrupted"
    assert far.error_estimate == math.inf
    assert len(far.log_time) == len(far.recorded_weights) == len(far.observables["risk"])
    assert np.all(np.diff(far.log_time) > 0)
    assert 8.0 < far.log_time[-1] < 1e5
    # e^8 is not a whole number of steps, 2981 is the nearest
    at = np.flatnonzero(far.log_time == math.log(2981))
    whole = mf.fast_forward(data, "cross-entropy", learning_rate=0.1, steps=2981)
    assert relative_error(far.recorded_weights[at[0]], whole.weights) < 1e-9


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, TypeError, "either steps or log_steps"),
        ({"steps": 5, "log_steps": 2.0}, TypeError, "either steps or log_steps"),
        ({"steps": 1e5}, TypeError, "steps"),
        ({"steps": "100"}, TypeError, "steps"),
        ({"steps": 0}, ValueError, "at least 1"),
        ({"steps": -(10**400)}, ValueError, "at least 1"),
        ({"log_steps": -1.0}, ValueError, "from 0 on"),
        ({"log_steps": math.nan}, ValueError, "from 0 on"),
        ({"log_steps": math.inf}, ValueError, "from 0 on"),
        ({"steps": 10, "record": [3.0]}, ValueError, "logarithms of step counts"),
        ({"steps": 10, "record": [-1.0]}, ValueError, "logarithms of step counts"),
        ({"steps": 10, "learning_rate": 0.0}, ValueError, "learning_rate"),
        ({"steps": 10, "momentum": 1.0}, ValueError, "momentum"),
        ({"steps": 10, "reduction": "total"}, ValueError, "'sum' or 'mean'"),
        ({"steps": 10, "initial": [1.0]}, ValueError, r"shape \(3,\)"),
        ({"steps": 10, "rtol": 0.0}, ValueError, "rtol"),
        ({"steps": 10, "rtol": math.nan}, ValueError, "rtol"),
        ({"steps": 10, "loss": "weston-watkins"}, ValueError, "continuous slope"),
    ],
)
def test_arguments_that_do_not_fit(arguments, error, message):
    data = problem(2, np.random.default_rng(5))
    given = {"loss": "cross-entropy", "learning_rate": 0.1} | arguments
    with pytest.raises(error, match=message):
        mf.fast_forward(data, **given)
