"""Separable or not: answers agree with exact and convex oracles, and proofs can be redone."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from tests.limits.oracles import (
    all_pairs,
    combination,
    exact_max_margin,
    exact_row,
    exact_rows,
    float_row,
    fractions,
)
from tests.limits.problems import barely_separable, tiny_problems

import marginflow as mf
from marginflow.limits import InseparabilityCertificate


def inseparable(data):
    """The certificate of data that must not be separable."""
    with pytest.raises(mf.NotSeparableError) as caught:
        mf.max_margin(data)
    proof = caught.value.certificate
    assert isinstance(proof, InseparabilityCertificate)
    assert caught.value.result.status == "not_separable"
    assert proof.statement in str(caught.value)
    return proof


def assert_proof_holds(proof, data):
    """Add the rows up again: in floats against ε, and exactly where integers are given."""
    labels, n_classes = data.labels, data.n_classes
    rows = np.stack([float_row(data.features, labels, n_classes, pair) for pair in proof.pairs])
    assert np.all(proof.weights > 0)
    assert proof.weights.sum() == pytest.approx(1, abs=1e-14)
    sizes = proof.weights @ np.abs(rows)
    assert np.linalg.norm(proof.weights @ rows) <= proof.epsilon + 1e-15 * np.linalg.norm(sizes)
    assert proof.dual.sum() == pytest.approx(1, abs=1e-14)
    for (i, k), weight in zip(proof.pairs, proof.weights, strict=True):
        assert (proof.dual[i] if proof.dual.ndim == 1 else proof.dual[i, k]) == weight
    if proof.exact_weights is not None:
        exact = [exact_row(data.features, labels, n_classes, pair) for pair in proof.pairs]
        integers = [Fraction(number) for number in proof.exact_weights]
        assert min(integers) > 0
        assert not any(combination(integers, exact))
        share = [float(number / sum(integers)) for number in integers]
        assert proof.weights == pytest.approx(share, rel=1e-15)


@pytest.mark.parametrize(
    "load",
    [
        lambda: mf.load_dataset("iris"),
        lambda: mf.load_dataset("breast_cancer", constant=False),
        lambda: mf.random_labels(0, n_samples=300, n_features=20),
        lambda: mf.random_labels(1, n_samples=100, n_features=6, n_classes=4),
    ],
    ids=["iris", "breast_cancer without constant", "random labels", "four random labels"],
)
def test_real_and_random_data_that_nothing_separates(load):
    data = load()
    proof = inseparable(data)
    assert proof.proved_exactly
    assert proof.epsilon <= 1e-15 * np.abs(data.features).max()
    assert_proof_holds(proof, data)


def test_many_pairs_are_proved_by_dimension():
    data = mf.random_labels(2, n_samples=1000, n_features=80)
    proof = inseparable(data)
    assert proof.proved_exactly
    assert proof.exact_weights is None
    assert len(proof.pairs) >= 81
    assert "by dimension" in proof.statement
    assert_proof_holds(proof, data)


@settings(max_examples=150)
@given(tiny_problems())
def test_tiny_problems_are_told_apart(problem):
    features, labels, n_classes = problem
    data = mf.Dataset(features, labels, classes=range(n_classes))
    solution = exact_max_margin(exact_rows(features, labels, n_classes))
    limit = mf.max_margin(data, throw=False)
    if solution is not None:
        assert limit.status == "done"
        return
    assert limit.status in ("not_separable", "max_steps")
    assert_proof_holds(limit.certificate, data)
    if np.all(features == np.round(features)):
        # without rounding in the data nothing is left open
        assert limit.status == "not_separable"
        assert limit.certificate.exact_weights is not None
    if limit.status == "max_steps":
        assert "cannot decide" in limit.message
        assert limit.certificate.refuted


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(1, 4))
def test_integer_data_agree_with_a_linear_program(seed, n_classes, n_features):
    rng = np.random.default_rng(seed)
    n_samples = int(rng.integers(4, 30))
    features = rng.integers(-4, 5, (n_samples, n_features)).astype(float)
    labels = (features @ rng.standard_normal((n_features, n_classes))).argmax(axis=1)
    flips = rng.random(n_samples) < 0.05
    labels[flips] = rng.integers(0, n_classes, flips.sum())
    pairs = all_pairs(labels, n_classes)
    rows = np.stack([float_row(features, labels, n_classes, pair) for pair in pairs])
    program = linprog(
        np.zeros(rows.shape[1]), A_ub=-rows, b_ub=-np.ones(len(rows)), bounds=(-1e6, 1e6)
    )
    data = mf.Dataset(features, labels, classes=range(n_classes))
    limit = mf.max_margin(data, throw=False)
    assert limit.status == ("done" if program.status == 0 else "not_separable")
    if limit.status == "not_separable":
        assert limit.certificate.proved_exactly
        assert_proof_holds(limit.certificate, data)


def test_two_contradictory_rows_are_named():
    data = mf.Dataset([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]], ["cat", "dog", "dog"])
    proof = inseparable(data)
    assert proof.pairs.tolist() == [[0, 1], [2, 0]]
    assert proof.exact_weights == (1, 1)
    assert proof.weights.tolist() == [0.5, 0.5]
    assert proof.epsilon == pytest.approx(0, abs=1e-300)
    assert "samples 0 and 2 have the same features and different labels" in proof.statement


@pytest.mark.parametrize(("n_classes", "scale"), [(2, 1.0), (5, 1e-150), (5, 1e150)])
def test_one_contradiction_among_many_rows_is_found(n_classes, scale):
    data = mf.gaussian_clusters(3, n_samples=20_000, n_features=30, n_classes=n_classes)
    assert mf.max_margin(data).status == "done"
    features, labels = scale * data.features, data.labels.copy()
    features[15_000], labels[15_000] = features[17], (labels[17] + 1) % n_classes
    proof = inseparable((features, labels))
    assert set(proof.pairs[:, 0].tolist()) == {17, 15_000}
    assert proof.proved_exactly
    assert proof.exact_weights == (1, 1)


def test_a_contradiction_among_few_rows_of_many_features_is_found():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((20, 300))
    labels = np.arange(20) % 3
    assert mf.max_margin((features, labels)).active_set_proved
    features[7] = features[3]
    proof = inseparable((features, labels))
    assert set(proof.pairs[:, 0].tolist()) == {3, 7}
    assert proof.exact_weights == (1, 1)


def test_a_zero_sample_has_no_margin():
    proof = inseparable((np.array([[1.0, 0.0], [0.0, 0.0], [-1.0, 0.0]]), [1, 1, 0]))
    assert proof.pairs.tolist() == [[1, 0]]
    assert proof.exact_weights == (1,)
    assert "sample 1 is zero" in proof.statement
    assert inseparable((np.zeros((2, 3)), [0, 1])).proved_exactly


def test_a_constant_makes_a_threshold_off_the_origin_possible():
    line = np.array([[1.0], [2.0], [-3.0]])
    assert inseparable((line, [1, 0, 1])).proved_exactly
    limit = mf.max_margin((np.column_stack([line, np.ones(3)]), [1, 0, 1]))
    # the threshold lies half way between 1 and 2
    assert limit.weights == pytest.approx([-2, 3])


def test_data_separable_only_in_the_limit_are_not_separable():
    # the rows (1, 0) and (−1, 0) leave a margin of 0 whatever the second weight
    features = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    proof = inseparable(mf.Dataset(features, [1, 1, 1], classes=[0, 1]))
    assert proof.exact_weights == (1, 1)


def test_where_float64_cannot_tell_nothing_is_claimed():
    # 1/3 and 2/3 are rounded: three points that should balance are independent by 1e-17
    features = np.array([[1 / 3, 1 / 3, 1.0], [0.7, -0.1, 1.0], [0.0, 0.0, 0.0]])
    features[2] = -(features[0] + features[1]) / 2
    exact = [fractions(row) for row in features]
    assert any(combination([Fraction(1), Fraction(1), Fraction(2)], exact))
    data = mf.Dataset(features, [1, 1, 1], classes=[0, 1])
    with pytest.raises(mf.NotConvergedError, match="cannot decide") as caught:
        mf.max_margin(data)
    found = caught.value.result
    assert found.status == "max_steps"
    assert found.margin_lower == 0
    assert 0 < found.margin_upper <= 1e-15
    assert not found.certificate.proved_exactly
    assert np.isnan(found.weights).all()


@pytest.mark.parametrize("gap", [1e-14, 1e-15, 1e-16, 1e-17])
@pytest.mark.parametrize("seed", range(3))
def test_at_the_edge_every_answer_is_honest(gap, seed):
    features, labels = barely_separable(seed, 40, 3, 2, gap)
    data = mf.Dataset(features, labels, classes=[0, 1])
    limit = mf.max_margin(data, throw=False)
    rows = [exact_row(features, labels, 2, (i, 1 - y)) for i, y in enumerate(labels)]
    if limit.status == "not_separable":
        assert limit.certificate.proved_exactly
        assert_proof_holds(limit.certificate, data)
    elif limit.margin_lower > 0:
        weights = fractions(limit.weights)
        assert min(sum(a * b for a, b in zip(row, weights, strict=True)) for row in rows) > 0
    assert limit.margin_lower <= limit.margin_upper


def test_the_result_without_throwing_says_the_same():
    data = mf.load_dataset("iris")
    limit = mf.max_margin(data, throw=False)
    assert limit.status == "not_separable"
    assert limit.margin == limit.margin_lower == 0
    assert limit.margin_upper == limit.certificate.epsilon
    assert np.isnan(limit.weights).all()
    assert limit.weights.shape == (5, 3)
    assert np.isnan(limit.dual).all()
    assert limit.dual.shape == (150, 3)
    assert limit.support.shape == (0, 2)
    assert limit.relative_gap == limit.weights_error_bound == np.inf
    assert "not linearly separable" in repr(limit)
