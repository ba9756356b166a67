"""Claims on Adam with ε against a plain loop."""

import numpy as np
import pytest

from marginflow.claims import Verdict
from marginflow.claims.adam_runs import adam_runs, rate_of, steady_from
from marginflow.claims.descents import problem
from marginflow.claims.wang2021 import CLAIMS, torch_training


@pytest.mark.parametrize("name", [claim.id for claim in CLAIMS])
def test_every_statement_of_this_source_holds(name, judged):
    assert judged(name).verdict == Verdict.HOLDS


def test_takeover_and_second_moment_are_those_of_a_plain_loop():
    b2, eps, last = 0.9, 1e-3, 300
    rate = rate_of(4.0, "toy", b2)
    runs = adam_runs("toy", (rate, rate), (0.0, eps), b2, last)
    data = problem("toy")
    rows = data.features * np.where(data.labels == 1, 1.0, -1.0)[:, None]
    for lane, each in enumerate((0.0, eps)):
        weights, mean, square, took, seen = np.zeros(2), 0.0, 0.0, -1, []
        for step in range(1, last + 1):
            gradient = -rows.T @ (1.0 / (1.0 + np.exp(rows @ weights)))
            mean, square = 0.9 * mean + 0.1 * gradient, b2 * square + (1 - b2) * gradient**2
            root = np.sqrt(square / (1 - b2**step))
            weights = weights - rate * mean / (1 - 0.9**step) / (root + each)
            took = step if took < 0 and 2 * np.sum(root < each) >= 2 else took
            seen += [np.log(np.median(root))] if step in runs.steps else []
        np.testing.assert_allclose(runs.log_root[lane], seen, atol=1e-8)
        np.testing.assert_allclose(runs.weights[lane, -1], weights, rtol=1e-9)
        assert runs.takeover[lane] == took
    assert runs.takeover[1] > 0


def test_the_rate_is_steady_from_where_it_stops_changing():
    b2, last = 0.9, 300
    rate = rate_of(4.0, "toy", b2)
    runs = adam_runs("toy", (rate, rate), (0.0, 1e-3), b2, last)
    record = steady_from(runs, 0, b2)
    assert record is not None
    assert runs.steps[record] >= 20 / (1 - b2)
    slopes = -np.diff(runs.log_root[0, record:]) / np.diff(runs.steps[record:])
    assert np.ptp(slopes) < 0.02 * slopes.mean()


def test_a_linear_head_in_torch_makes_the_steps_of_a_plain_loop():
    pytest.importorskip("torch")
    data, b2, eps, last = problem(torch_training.PROBLEM), torch_training.B2, 1e-3, 200
    rate = rate_of(torch_training.SHARE, torch_training.PROBLEM, b2)
    run = torch_training.head_run(eps, last)
    goals, seen = np.eye(data.n_classes)[data.labels], []
    weights, mean, square = np.zeros((data.n_features, data.n_classes)), 0.0, 0.0
    for step in range(1, last + 1):
        scores = data.features @ weights
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        gradient = data.features.T @ (shares / shares.sum(axis=1, keepdims=True) - goals)
        mean, square = 0.9 * mean + 0.1 * gradient, b2 * square + (1 - b2) * gradient**2
        root = np.sqrt(square / (1 - b2**step))
        weights = weights - rate * mean / (1 - 0.9**step) / (root + eps)
        margins = np.sum(scores * goals, axis=1) - np.max(scores - 1e300 * goals, axis=1)
        seen.append((step, np.log(np.median(root)), margins.min()))
    expected = np.array(seen)[run.steps.astype(int) - 1]
    # softmax less one-hot loses digits as the loss falls, here to e^-10
    np.testing.assert_allclose(np.array(run).T, expected, rtol=1e-7, atol=1e-7)
