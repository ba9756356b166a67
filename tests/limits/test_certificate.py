"""Every bound of the certificate holds, for good and for bad weights, against exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.limits.oracles import (
    all_pairs,
    distance,
    exact_max_margin,
    exact_rows,
    fractions,
    inner,
    relative_gap,
    root,
)
from tests.limits.problems import tiny_problems

import marginflow as mf
from marginflow.limits import certify_max_margin


def pair_values(dual, labels, n_classes):
    """The dual of each pair in the oracle's order, as fractions."""
    pairs = all_pairs(labels, n_classes)
    return [Fraction(float(dual[i] if n_classes == 2 else dual[i, k])) for i, k in pairs]


def as_data(features, labels, n_classes):
    return mf.Dataset(features, labels, classes=range(n_classes))


def rounded_feasible(rows, weights, dual, least):
    """By how much rounding each weight of W / least can change its relative gap.

    Scaling the weights to be feasible rounds them, by 2⁻⁵² with the rounding of the factor, and the
    gap that is bounded is that of the rounded ones.  Its terms Σ α (u − 1), ½‖W − v‖² and ½‖W‖²
    change by at most 2⁻⁵² Σ_p α_p |A_p| |W|, 2⁻⁵² ‖W − v‖ ‖W‖ and 2⁻⁵² ‖W‖².
    """
    size = [abs(value / least) for value in weights]
    square = inner(size, size)
    spread = sum(
        alpha * inner([abs(entry) for entry in row], size)
        for row, alpha in zip(rows, dual, strict=True)
    )
    gap = relative_gap(rows, weights, dual, least)
    return 2.0**-52 * float(2 * spread / square + 4 * gap + 4)


def assert_certificate_holds(problem, weights, dual):
    """Compare each statement with the exact solution."""
    features, labels, n_classes = problem
    rows = exact_rows(features, labels, n_classes)
    solution = exact_max_margin(rows)
    assume(solution is not None)
    proof = certify_max_margin(as_data(*problem), weights, dual)
    exact = fractions(weights)
    least = min(inner(row, exact) for row in rows)
    assert Fraction(proof.least_margin) <= least
    assert distance(exact, solution) <= proof.weights_error_bound * (1 + 1e-14)
    best = 1 / root(inner(solution, solution))
    assert proof.margin_lower <= best * (1 + 1e-15)
    assert best <= proof.margin_upper * (1 + 1e-15)
    positive = [max(value, Fraction(0)) for value in pair_values(dual, labels, n_classes)]
    if least > 0 and np.isfinite(proof.relative_gap):
        gap = float(relative_gap(rows, exact, positive, least))
        allowance = 0.0 if abs(least - 1) < 1e-9 else rounded_feasible(rows, exact, positive, least)
        assert gap <= proof.relative_gap + allowance
    if proof.active_set_proved:
        tight = [inner(row, solution) == 1 for row in rows]
        carried = {tuple(row) for row, value in zip(rows, positive, strict=True) if value > 0}
        assert tight == [tuple(row) in carried for row in rows]
    return proof, solution


@settings(max_examples=60)
@given(tiny_problems())
def test_all_bounds_hold_for_what_max_margin_returns(problem):
    limit = mf.max_margin(as_data(*problem), throw=False)
    assume(limit.status == "done")
    proof, solution = assert_certificate_holds(problem, limit.weights, limit.dual)
    size = root(inner(solution, solution))
    assert proof.weights_error_bound <= 1e-6 * size
    assert distance(fractions(limit.weights), solution) <= 1e-12 * size


@settings(max_examples=60)
@given(
    tiny_problems(),
    st.integers(0, 2**32 - 1),
    st.floats(-16, 0.5),
    st.floats(-16, 0.5),
    st.sampled_from([1.0, 0.3, 7.0]),
)
def test_all_bounds_hold_for_perturbed_weights_and_duals(
    problem, seed, log_weights, log_dual, factor
):
    limit = mf.max_margin(as_data(*problem), throw=False)
    assume(limit.status == "done")
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(limit.weights.shape) * np.abs(limit.weights).max()
    weights = factor * (limit.weights + 10.0**log_weights * noise)
    dual = limit.dual * (1 + 10.0**log_dual * rng.standard_normal(limit.dual.shape))
    assert_certificate_holds(problem, weights, dual)


@settings(max_examples=30)
@given(tiny_problems(), st.integers(0, 2**32 - 1))
def test_all_bounds_hold_for_weights_and_duals_made_up(problem, seed):
    rng = np.random.default_rng(seed)
    limit = mf.max_margin(as_data(*problem), throw=False)
    weights = rng.standard_normal(limit.weights.shape)
    dual = rng.standard_normal(limit.dual.shape)
    assert_certificate_holds(problem, weights, dual)


def test_the_dual_error_bound_holds():
    features, labels = np.array([[1.0, 0.2], [-0.3, 1.0], [3.0, 3.0]]), [1, 1, 0]
    features[2] *= -1
    limit = mf.max_margin((features, labels))
    assert limit.active_set_proved
    rows = exact_rows(features, labels, 2)[:2]
    gram = [[inner(a, b) for b in rows] for a in rows]
    determinant = gram[0][0] * gram[1][1] - gram[0][1] ** 2
    exact = [(gram[1][1] - gram[0][1]) / determinant, (gram[0][0] - gram[0][1]) / determinant]
    for value, truth in zip(limit.dual[:2], exact, strict=True):
        assert abs(Fraction(float(value)) - truth) <= limit.certificate.dual_error_bound
    assert limit.certificate.dual_error_bound <= 1e-13 * limit.dual.max()


def test_an_exact_answer_gets_a_vanishing_gap_and_a_worse_one_its_own():
    data = (np.array([[1.0, 0.0], [-1.0, 0.5]]), [1, 0])
    best = mf.max_margin(data)
    assert certify_max_margin(data, best.weights, best.dual).relative_gap <= 1e-15
    worse = certify_max_margin(data, np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    # v = (1, −1/4), so ½‖W − v‖² = 1/32 against ½‖W‖² = 1/2
    assert worse.relative_gap == pytest.approx(1 / 16, rel=1e-5)
    assert not worse.active_set_proved


@pytest.mark.parametrize(
    ("weights", "dual", "least", "upper"),
    [
        ([0.0, 0.0], [1.0, 1.0], 0.0, np.sqrt(2) / 2),
        ([-1.0, 0.0], [1.0, 0.0], -1.0, 1.0),
        ([1.0, 1.0], [0.0, 0.0], 1.0, np.inf),
        ([1.0, -1.0], [-1.0, -1.0], -1.0, np.inf),
    ],
)
def test_weights_that_do_not_separate_and_duals_that_say_nothing(weights, dual, least, upper):
    data = (np.array([[1.0, 0.0], [0.0, -1.0]]), [1, 0])
    proof = certify_max_margin(data, np.array(weights), np.array(dual))
    assert proof.least_margin == pytest.approx(least, abs=1e-14)
    assert proof.margin_upper == pytest.approx(upper)
    if least <= 0:
        assert proof.margin_lower == 0
        assert proof.relative_gap == proof.weights_error_bound == np.inf


@pytest.mark.parametrize(
    ("weights", "dual", "words"),
    [
        (np.zeros(3), np.zeros(2), r"weights must have the shape \(2,\)"),
        (np.zeros(2), np.zeros((2, 2)), r"dual must have the shape \(2,\)"),
        (np.array([1.0, np.nan]), np.zeros(2), "weights must be finite"),
        (np.zeros(2), np.array([np.inf, 0.0]), "dual must be finite"),
    ],
)
def test_what_cannot_be_certified_is_refused(weights, dual, words):
    with pytest.raises(ValueError, match=words):
        certify_max_margin((np.eye(2), [1, 0]), weights, dual)
