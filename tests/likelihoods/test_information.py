"""Information quantities, from probabilities and from samples, and the log loss."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon
from sklearn.metrics import log_loss as log_loss_of_sklearn
from sklearn.metrics import mutual_info_score

import marginflow as mf

weights = st.lists(st.sampled_from([0.0, 1e-300, 1e-9, 0.1, 1.0, 3.0]), min_size=4, max_size=4)
distributions = weights.filter(any).map(lambda w: np.array(w) / np.sum(w))


@given(distributions, distributions)
def test_cross_entropy_is_entropy_plus_divergence_with_zeros_as_defined(p, q):
    total, own, divergence = mf.cross_entropy(p, q), mf.entropy(p), mf.kl(p, q)
    assert divergence >= 0
    if np.any((p > 0) & (q == 0)):
        assert total == divergence == np.inf
        return
    np.testing.assert_allclose(total, own + divergence, rtol=4e-15, atol=1e-15)
    np.testing.assert_allclose(own, stats.entropy(p), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(divergence, stats.entropy(p, q), rtol=1e-13, atol=1e-15)
    assert mf.kl(p, p) == 0


def test_a_divergence_near_zero_keeps_its_digits():
    off = 2.0**-30
    p, q = np.array([0.5, 0.5]), np.array([0.5 + off, 0.5 - off])
    # −½ log(1 − 4 off²)
    assert mf.kl(p, q) == pytest.approx(-0.5 * np.log1p(-4 * off**2), rel=1e-12)


@given(distributions, distributions)
def test_jensen_shannon_is_symmetric_bounded_and_scipys(p, q):
    value = mf.jensen_shannon(p, q, unit="bits")
    assert 0 <= value <= 1 + 1e-15
    assert value == pytest.approx(float(mf.jensen_shannon(q, p, unit="bits")), abs=1e-15)
    assert value == pytest.approx(jensenshannon(p, q, base=2) ** 2, abs=1e-12)


def test_mutual_information_is_that_of_scikit_learn_and_zero_for_independence():
    counts = np.array([[30.0, 2, 5], [1, 20, 0]])
    labels = np.argwhere(counts > 0).repeat(counts[counts > 0].astype(int), axis=0)
    expected = mutual_info_score(labels[:, 0], labels[:, 1])
    joint = counts / counts.sum()
    assert mf.mutual_information(joint) == pytest.approx(expected, rel=1e-12)
    assert mf.mutual_information(np.outer([0.25, 0.75], [0.5, 0.5])) == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mf.entropy([0.5, 0.6]), "sum of 1.1"),
        (lambda: mf.entropy([1.5, -0.5]), ">= 0, got -0.5"),
        (lambda: mf.entropy([1.0], unit="trits"), "'nats' or 'bits', got 'trits'"),
        (lambda: mf.kl([1.0], [0.5, 0.5]), "same classes, got 1 and 2"),
        (lambda: mf.mutual_information([1.0]), r"\(\.\.\., K, M\)"),
        (lambda: mf.sampled_entropy(np.zeros(9)), "points repeat"),
        (lambda: mf.sampled_entropy([1.0, 2.0]), "n > 3"),
    ],
)
def test_what_is_no_distribution_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_estimates_from_samples_agree_with_closed_forms():
    """Within five standard errors, measured between independent halves."""
    rng = np.random.default_rng(2)
    n, parts, rho = 500, 16, 0.8
    x = rng.normal(size=(parts, n, 2))
    y = 0.5 + 1.5 * rng.normal(size=(parts, n, 2))
    pairs = np.stack([x[..., 0], rho * x[..., 0] + np.sqrt(1 - rho**2) * x[..., 1]], axis=-1)
    gaussian = mf.Gaussian()
    entropy = 2 * float(gaussian.entropy([[0.0, 0.0]])[0])
    divergence = 2 * float(gaussian.kl([[0.0, 0.0]], [[0.5, np.log(1.5)]])[0])
    cases = [
        (entropy, [mf.sampled_entropy(part) for part in x]),
        (divergence, [mf.sampled_kl(p, q) for p, q in zip(x, y, strict=True)]),
        (
            -0.5 * np.log(1 - rho**2),
            [mf.sampled_mutual_information(part[:, 0], part[:, 1]) for part in pairs],
        ),
    ]
    for expected, found in cases:
        error = np.std(found) / np.sqrt(parts)
        # a bias of order 1/n·(curvature) is left, here below a hundredth
        assert abs(np.mean(found) - expected) < 5 * error + 0.01


def test_narrow_is_low_within_a_family_and_not_between_two_far_atoms():
    narrow, wide = mf.Gaussian().entropy([[0.0, -1.0], [0.0, 1.0]])
    assert wide - narrow == pytest.approx(2)
    together, apart = [0.25, 0.25, 0.25, 0.25, 0.0], [0.5, 0.0, 0.0, 0.0, 0.5]
    spread = [np.average((np.arange(5) - 2) ** 2, weights=p) for p in (together, apart)]
    assert spread[1] > spread[0]
    assert mf.entropy(apart) < mf.entropy(together)


def test_the_log_loss_is_that_of_scikit_learn():
    rng = np.random.default_rng(4)
    labels, p = rng.integers(2, size=50), rng.random(50)
    assert mf.log_loss(labels, p) == pytest.approx(log_loss_of_sklearn(labels, p), rel=1e-14)
    words = np.array(["no", "yes"])[labels]
    assert mf.log_loss(words, p) == mf.log_loss(labels, p)
    many, rows = rng.integers(3, size=50), rng.dirichlet(np.ones(3), size=50)
    expected = log_loss_of_sklearn(many, rows, labels=[0, 1, 2])
    assert mf.log_loss(many, rows) == pytest.approx(expected, rel=1e-14)
    kinds = np.array(["a", "b", "c"])[many]
    assert mf.log_loss(kinds, rows) == mf.log_loss(many, rows)


def test_each_step_of_the_log_loss_follows_from_the_one_before():
    labels, p = np.array([1, 0, 0, 1, 1]), np.array([0.9, 0.2, 0.999, 1.0, 0.5])
    steps = mf.log_loss(labels, p, explain=True, worst=2)
    by_hand = [q if label == 1 else 1 - q for label, q in zip(labels, p, strict=True)]
    np.testing.assert_array_equal(steps.rows["probability"], p)
    np.testing.assert_allclose(steps.rows["kept"], by_hand, rtol=1e-15)
    np.testing.assert_allclose(steps.rows["cost"], -np.log(by_hand), rtol=1e-12)
    assert steps.value == pytest.approx(np.mean(-np.log(by_hand)), rel=1e-13)
    assert steps.rows["share"].sum() == pytest.approx(1)
    assert list(steps.costliest.index) == [2, 4]
    assert "costliest is row 2" in repr(steps)


def test_what_was_given_no_chance_costs_infinitely_much():
    steps = mf.log_loss([1, 0], [0.0, 0.5], explain=True)
    assert steps.value == np.inf
    assert steps.rows["share"].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("labels", "p", "words"),
    [
        ([0, 1], [0.5, 1.5], r"in \[0, 1\]"),
        ([0, 1], [0.5], "got .2,. and .1,."),
        (["a", "b", "c"], [0.1, 0.2, 0.3], "2 kinds of labels.*got 3"),
        ([0, 1], [[0.5, 0.4], [0.5, 0.5]], "sum to 1, got 0.9 in row 0"),
    ],
)
def test_what_does_not_fit_a_log_loss_is_named(labels, p, words):
    with pytest.raises(ValueError, match=words):
        mf.log_loss(labels, p)
