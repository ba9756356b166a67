"""Claims on momentum: their loop against the package's, their figures against closed forms."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

import marginflow as mf
from marginflow.claims import Verdict
from marginflow.claims.training_notes import overfitting, plateaus
from marginflow.claims.training_notes.momentum_descent import REACH, Comparison, iterates, last
from marginflow.claims.training_notes.well import Well

HOLDS, FAILS = Verdict.HOLDS, Verdict.FAILS


@pytest.mark.parametrize(
    ("name", "at_equal_rate", "at_equal_reach"),
    [
        ("steadier", FAILS, HOLDS),
        ("passing-small-minima", HOLDS, HOLDS),
        ("leaving-small-minima", HOLDS, FAILS),
        ("plateaus", FAILS, HOLDS),
        ("overfitting", HOLDS, FAILS),
    ],
)
def test_what_is_due_to_the_longer_step_and_what_is_not(
    name, at_equal_rate, at_equal_reach, judged
):
    assert judged(f"training_notes/{name}").verdict == at_equal_rate
    assert judged(f"training_notes/{name}-at-equal-reach").verdict == at_equal_reach


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_plain_loop_is_the_heavy_ball(momentum):
    data = mf.soudry_toy()
    signs = 2.0 * data.labels - 1.0

    def slope(_, weights):
        return -(signs / (1 + np.exp(signs * (data.features @ weights)))) @ data.features

    weights, _ = last(iterates(slope, np.zeros(2), 0.05, momentum, 40))
    found = mf.gradient_descent(
        data, "cross-entropy", learning_rate=0.05, momentum=momentum, steps=40
    )
    np.testing.assert_allclose(found.weights, weights, rtol=1e-12)


def test_both_methods_go_equally_far_where_the_slope_is_constant():
    ends = [
        last(iterates(lambda *_: np.ones(1), np.zeros(1), rate, momentum, 400))[1]
        for rate, momentum in Comparison(equal=REACH).methods(0.3).values()
    ]
    np.testing.assert_allclose(ends, -0.3, rtol=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_a_saddle_is_left_at_the_rate_of_the_linear_recursion(momentum):
    rate = 0.02
    most = max(np.roots([1.0, -(1.0 + momentum + rate), momentum]).real)
    losses = plateaus._leave("saddle", rate, momentum)
    # the loss is ¼ (1 − x²)²; at 1e-2 the smaller root is gone to 1e-3, at 5e-2 x² is 2.5e-3
    x = np.sqrt(1.0 - np.sqrt(losses) * (1.0 - 1e-6))
    first, second = np.argmax(x > 1e-2), np.argmax(x > 5e-2)
    growth = (x[second] / x[first]) ** (1.0 / (second - first))
    assert np.log(growth) == pytest.approx(np.log(most), rel=5e-3)


@pytest.mark.parametrize("name", plateaus.PLATEAUS)
def test_slopes_and_curvatures_of_plateaus_by_differences(name):
    plateau = plateaus.PLATEAUS[name]
    at = np.array(plateau.start) + 0.3
    for j in range(len(at)):
        step = 1e-4 * np.eye(len(at))[j]
        difference = (plateau.loss(at + step) - plateau.loss(at - step)) / 2e-4
        assert difference == pytest.approx(plateau.slope(at)[j], rel=1e-5)


def test_the_small_minimum_is_one_and_the_barrier_is_before_it():
    well = Well(0.1, 1.5)
    x = np.linspace(0.4, 1.2, 80_001)
    heights = well.height(x)
    inside = np.argmin(np.where(np.abs(x - 1.0) < 0.1, heights, np.inf))
    assert well.bottom() == pytest.approx(x[inside], abs=2e-5)
    assert well.top() == pytest.approx(x[np.argmax(heights[:inside])], abs=2e-5)
    np.testing.assert_allclose(np.gradient(heights, x)[1:-1], well.slope(x)[1:-1], atol=1e-5)


def test_the_gap_is_that_of_the_packages_descent_and_of_scikit_learn(judged):
    seen, new = overfitting.samples(0.2)
    gaps = []
    for s in range(overfitting.SEEDS):
        labels = (seen.signs[s] > 0).astype(int)
        found = mf.gradient_descent(
            mf.Dataset(seen.features[s], labels),
            "cross-entropy",
            learning_rate=0.1 * 4 / np.linalg.norm(seen.features[s], 2) ** 2,
            momentum=0.9,
            steps=overfitting.STEPS,
        )
        losses = [
            log_loss(part.signs[s] > 0, 1 / (1 + np.exp(-part.features[s] @ found.weights)))
            for part in (new, seen)
        ]
        gaps.append(losses[0] - losses[1])
    figures = judged("training_notes/overfitting").evidence.data["20% flipped"]["momentum"]
    assert figures["gap"][-1] == pytest.approx(np.mean(gaps), rel=1e-9)
