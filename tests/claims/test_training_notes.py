"""Claims of the notes on training, and Polyak's, against what they are made of."""

import numpy as np
import pytest

import marginflow as mf
from marginflow.claims import Verdict
from marginflow.claims.polyak1964 import heavy_ball
from marginflow.claims.training_notes import problems, smallest_coefficients


@pytest.mark.parametrize(
    "name",
    [
        "training_notes/least-norm",
        "training_notes/null-space",
        "training_notes/early-stopping",
        "polyak1964/heavy-ball",
    ],
)
def test_what_can_be_proved_holds(name, judged):
    assert judged(name).verdict == Verdict.HOLDS


def test_the_coefficients_are_smallest_in_no_sense_but_the_norm(judged):
    checks = judged("training_notes/smallest-coefficients").evidence.checks
    assert all(check.verdict == Verdict.FAILS for check in checks)


def test_where_the_coefficients_are_determined_the_same_judge_agrees():
    features = np.hstack([np.eye(3), np.zeros((3, 2))])
    targets = np.array([1.0, -2.0, 0.5])
    expected = np.abs(np.append(targets, [0, 0]))
    found = smallest_coefficients._smallest(features, targets)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    sums = smallest_coefficients._least_sum(features, targets)
    np.testing.assert_allclose(np.abs(sums), expected, atol=1e-12)


def test_the_plain_loop_is_the_closed_form():
    problem = problems.gaussian(4)
    found = mf.least_squares_path(
        (problem.features, problem.targets),
        learning_rate=problem.rate,
        steps=50,
        initial=problem.start,
    )
    [expected] = problems.descend(problem, problem.start, (50,))
    np.testing.assert_allclose(found.weights, expected, rtol=0, atol=1e-13)


def test_the_published_rates_at_a_condition_number_of_a_thousand(judged):
    rates = {
        check.name: check.measured for check in judged("polyak1964/heavy-ball").evidence.checks
    }
    assert rates["rate of gradient descent, κ = 1000"] == pytest.approx(0.99800, abs=5e-6)
    assert rates["rate of heavy ball, κ = 1000"] == pytest.approx(0.93869, abs=1e-4)


def test_rescaling_changes_no_error():
    curvatures = np.geomspace(0.01, 1.0, heavy_ball.SIZE)
    logs = heavy_ball._log_errors(curvatures, 1.9, 0.0, 300)
    expected = np.linalg.norm((1 - 1.9 * curvatures) ** 300)
    assert logs[3] == pytest.approx(np.log(expected), rel=1e-12)
