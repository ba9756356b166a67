"""The predicted asymptote against the paths that gradient flow and discrete descent take."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

import marginflow as mf
from marginflow.dynamics import step_bound
from marginflow.margins import as_linear_map

LOSSES = ["cross-entropy", "pair-log-loss", "multiclass-exponential"]


def problem(n_classes, seed, n=15, d=3):
    generator = np.random.default_rng(seed)
    while True:
        features = generator.standard_normal((n, d))
        labels = (features @ generator.standard_normal((d, n_classes))).argmax(axis=1)
        if len(set(labels)) == n_classes:
            return features, labels


def support_margins(data, line, weights):
    """u_p of weights on the support pairs, through the scores."""
    features, labels = np.asarray(data[0]), np.asarray(data[1])
    samples, classes = line.support.T
    if weights.ndim == 1:
        return (features[samples] @ weights) * np.where(labels[samples] == 1, 1, -1)
    scores = features[samples] @ weights
    rows = np.arange(len(samples))
    return scores[rows, labels[samples]] - scores[rows, classes]


# a dependent support: four rows in the plane, and a point of the other class
EDGE = (
    np.array([[1.0, -1.0], [1.0, 0.0], [1.0, 0.5], [1.0, 1.0], [-1.0, 0.25]]),
    np.array([1, 1, 1, 1, 0]),
)
# a degenerate one: the third row has margin 1 and no dual
IDLE = (np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.5, 0.5, 0.5]]), np.array([1, 0, 1]))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_flow_ends_in_the_predicted_residual(loss, n_classes, seed):
    data = problem(n_classes, seed)
    line = mf.asymptote(data, loss)
    log_time = max(line.valid_from, 100.0)
    flow = mf.gradient_flow(data, loss, log_time, limit=line.limit)
    found = support_margins(data, line, flow.residual)
    np.testing.assert_allclose(found, line.support_margins, atol=1e-9)
    # the prediction itself: (1/a) log(a c h / α) with a = c = h = 1, and its least-squares form
    np.testing.assert_allclose(line.support_margins, -np.log(line.dual), rtol=1e-12)
    np.testing.assert_allclose(
        support_margins(data, line, line.residual), line.support_margins, atol=1e-9
    )
    if line.spans:
        np.testing.assert_allclose(flow.residual, line.residual, atol=1e-8)


def test_where_the_support_spans_the_three_losses_end_alike():
    data = next(
        found
        for found in (problem(2, seed, n=15, d=2) for seed in range(50))
        if mf.asymptote(found, "cross-entropy").spans
    )
    start = np.array([1.5, -2.0])
    ends = [
        mf.gradient_flow(data, loss, 1e6, initial=initial).residual
        for loss in LOSSES
        for initial in (None, start)
    ]
    for end in ends[1:]:
        np.testing.assert_allclose(end, ends[0], atol=1e-9)


@pytest.mark.parametrize(
    ("momentum", "batch_size", "reduction"),
    [
        (0.0, None, "sum"),
        (0.9, None, "sum"),
        (0.0, 3, "sum"),
        (0.5, 5, "mean"),
        (0.0, None, "mean"),
    ],
)
def test_the_effective_step(momentum, batch_size, reduction):
    data, rate = problem(3, 0), 0.2
    n = len(data[1])
    line = mf.asymptote(
        data,
        "cross-entropy",
        learning_rate=rate,
        momentum=momentum,
        batch_size=batch_size,
        reduction=reduction,
    )
    expected = rate / (1 - momentum)
    if reduction == "mean":
        expected /= n
    elif batch_size is not None:
        expected *= batch_size / n
    assert line.effective_step == pytest.approx(expected, rel=1e-14)
    np.testing.assert_allclose(
        line.support_margins, np.log(line.effective_step / line.dual), rtol=1e-12
    )
    flow = mf.asymptote(data, "cross-entropy")
    assert flow.effective_step == 1.0
    np.testing.assert_array_equal(flow.dual, line.dual)


def test_minibatches_end_near_the_predicted_residual():
    # the effective step of minibatches without replacement: η b / n.  They wobble by O(1/t).
    data, rate, steps = problem(2, 1), 0.5, 300_000
    line = mf.asymptote(data, "cross-entropy", learning_rate=rate, batch_size=3)
    wrong = mf.asymptote(data, "cross-entropy", learning_rate=rate)
    run = mf.gradient_descent(
        data, "cross-entropy", learning_rate=rate, steps=steps, batch_size=3, record=[steps]
    )
    distances = [
        np.linalg.norm(
            run.weights
            - mf.fast_forward(
                data, "cross-entropy", learning_rate=step, steps=steps, limit=line.limit
            ).weights
        )
        for step in (line.effective_step, wrong.effective_step)
    ]
    assert distances[0] < 3e-3 * distances[1]
    shift = wrong.support_margins - line.support_margins
    np.testing.assert_allclose(shift, math.log(5), rtol=1e-12)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_constants_of_the_loss_and_of_the_margin_gap(n_classes, reduction):
    data, rate = problem(n_classes, 2), 0.1
    line = mf.asymptote(data, "pair-log-loss", learning_rate=rate, reduction=reduction)
    s = max(line.valid_from, 3000.0)
    far = mf.fast_forward(
        data,
        "pair-log-loss",
        learning_rate=rate,
        reduction=reduction,
        log_steps=s,
        limit=line.limit,
    )
    log_constant = far.observables["log_risk"][-1] + s
    assert log_constant == pytest.approx(math.log(line.loss_constant), abs=1e-9)
    # the next term of gap·s is O(1/s)
    gap = far.observables["margin_gap"][-1] * s
    size = np.linalg.norm(far.residual) + 1
    assert gap == pytest.approx(line.margin_gap_constant, abs=10 * size**2 / s)
    assert far.observables["weights_norm"][-1] / s == pytest.approx(
        np.linalg.norm(line.direction), abs=2 * size / s
    )


def test_a_scaled_tail_has_its_rate_and_constant():
    data = problem(3, 1)
    line = mf.asymptote(data, lambda u: 3 * jnp.sum(jnp.exp(-2 * u)))
    assert (line.rate, line.constant) == (2.0, pytest.approx(6.0, rel=1e-12))
    np.testing.assert_allclose(line.direction, line.limit.weights / 2, rtol=1e-15)
    np.testing.assert_allclose(line.support_margins, np.log(12 / line.dual) / 2, rtol=1e-12)
    flow = mf.gradient_flow(
        data, lambda u: 3 * jnp.sum(jnp.exp(-2 * u)), max(line.valid_from, 100.0)
    )
    found = support_margins(data, line, flow.residual)
    np.testing.assert_allclose(found, line.support_margins, atol=1e-9)
    end = flow.observables["log_risk"][-1] + flow.log_time[-1]
    assert end == pytest.approx(math.log(line.loss_constant), abs=1e-9)


def test_the_decay_is_that_of_the_residual():
    # from two times late enough for one exponential and early enough for float64
    data = problem(2, 1)
    line = mf.asymptote(data, "multiclass-exponential")
    samples = line.support[:, 0]
    signs = np.where(np.asarray(data[1]) == 1, 1, -1)
    rows = np.asarray(data[0])[samples] * signs[samples, None]
    matrix = rows.T @ (line.dual[:, None] * rows)
    values = np.linalg.eigvalsh(matrix)
    assert line.relaxation == pytest.approx(values[values > 1e-12 * values[-1]][0], rel=1e-10)
    others = np.setdiff1d(np.arange(len(data[1])), samples)
    margins = signs * (np.asarray(data[0]) @ line.limit.weights)
    assert line.next_margin == pytest.approx(margins[others].min(), rel=1e-10)
    assert line.decay == min(1.0, line.next_margin - 1, line.relaxation)
    assert line.valid_from == 40 / line.decay
    times = np.array([8.0, 14.0]) / line.decay
    flow = mf.gradient_flow(data, "multiclass-exponential", record=times, rtol=1e-10)
    errors = [
        np.abs(support_margins(data, line, residual) - line.support_margins).max()
        for residual in flow.recorded_residuals
    ]
    slope = math.log(errors[1] / errors[0]) / (times[1] - times[0])
    assert slope == pytest.approx(-line.decay, rel=0.15)


def test_dependent_support_takes_the_entropic_dual():
    line = mf.asymptote(EDGE, "cross-entropy")
    assert len(line.dual) > line.statistics["support_rank"]
    flow = mf.gradient_flow(EDGE, "cross-entropy", 1e6)
    carried = line.dual > 0
    found = support_margins(EDGE, line, flow.residual)
    np.testing.assert_allclose(found[carried], line.support_margins[carried], atol=1e-9)
    # the dual of the solver would be somewhere else
    assert np.abs(np.log(line.limit.dual[line.support[:, 0]]) + found)[carried].max() > 1e-3


def test_a_pair_without_dual_keeps_growing():
    line = mf.asymptote(IDLE, "cross-entropy")
    assert line.dual.tolist() == pytest.approx([1.0, 1.0, 0.0], abs=1e-12)
    assert line.support_margins[2] == np.inf
    assert line.decay == 0.0
    assert line.valid_from == np.inf
    assert "1 of 3 pairs at margin 1 carry no dual weight" in line.message
    times = np.array([1e3, 1e6])
    flow = mf.gradient_flow(IDLE, "cross-entropy", record=times)
    margins = [support_margins(IDLE, line, residual) for residual in flow.recorded_residuals]
    # du/ds = |b|² e^(−u) off the carrying rows' span, b = (0, 0, 1/2): u = log(s/4)
    np.testing.assert_allclose([m[2] for m in margins], np.log(times / 4), atol=0.02)
    np.testing.assert_allclose(margins[1][:2], line.support_margins[:2], atol=1e-5)


@pytest.mark.parametrize("exponent", [-60, 60])
def test_features_times_a_power_of_two(exponent):
    (features, labels), factor = problem(3, 1), 2.0**exponent
    plain = mf.asymptote((features, labels), "cross-entropy", learning_rate=0.1)
    scaled = mf.asymptote(
        (features * factor, labels), "cross-entropy", learning_rate=0.1 / factor**2
    )
    np.testing.assert_allclose(scaled.direction * factor, plain.direction, rtol=1e-10)
    np.testing.assert_allclose(scaled.support_margins, plain.support_margins, atol=1e-9)
    np.testing.assert_allclose(scaled.residual * factor, plain.residual, atol=1e-9)
    assert scaled.decay == pytest.approx(plain.decay, rel=1e-8)
    assert scaled.step_bound * factor**2 == pytest.approx(plain.step_bound, rel=1e-10)


def test_the_step_bound_is_the_theorems():
    data = problem(3, 1)
    largest = np.linalg.svd(data[0], compute_uv=False)[0]
    line = mf.asymptote(data, "cross-entropy")
    assert line.step_bound == pytest.approx(2 / (0.5 * largest**2), rel=1e-12)
    mean = mf.asymptote(data, "cross-entropy", reduction="mean")
    assert mean.step_bound == pytest.approx(15 * line.step_bound, rel=1e-12)
    start = np.ones((3, 3)) * [1.0, 0.0, -1.0]
    level = mf.asymptote(data, "multiclass-exponential", initial=start)
    expected = step_bound(as_linear_map(data, "test"), mf.MulticlassExponential(), start)
    assert expected is not None
    assert level.step_bound == expected.value


def test_what_has_no_asymptote_is_refused():
    data = problem(2, 0)
    with pytest.raises(mf.MarginflowError, match="PolynomialLoss has a polynomial tail"):
        mf.asymptote(data, "polynomial")
    with pytest.raises(mf.MarginflowError, match="finite tail"):
        mf.asymptote(data, "weston-watkins")
    with pytest.raises(mf.MarginflowError, match="no tail that could be derived"):
        mf.asymptote(data, lambda u: jnp.sum(jnp.exp(-jnp.sqrt(1 + u * u))))
    with pytest.raises(mf.NotSeparableError):
        mf.asymptote(([[0.0], [1.0], [2.0]], [0, 1, 0]), "cross-entropy")
    with pytest.raises(ValueError, match="batch_size"):
        mf.asymptote(data, "cross-entropy", learning_rate=0.1, batch_size=16)
    with pytest.raises(ValueError, match="learning_rate"):
        mf.asymptote(data, "cross-entropy", learning_rate=-0.1)
    with pytest.raises(ValueError, match="'sum' or 'mean'"):
        mf.asymptote(data, "cross-entropy", reduction="max")
