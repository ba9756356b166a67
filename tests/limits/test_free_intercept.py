"""The max-margin problem with an intercept that the norm does not count."""

import cvxpy as cp
import numpy as np
import pytest
from sklearn.svm import SVC
from tests.limits.problems import teacher_problem
from tests.limits.test_norm_margin import CONIC, PRECISE, rows_of

import marginflow as mf
from marginflow.limits import certify_norm_margin
from marginflow.limits.conic_ball import CONIC as NAMED

SIZES = [(0, 20, 3, 2), (1, 14, 5, 3), (2, 40, 4, 4)]


def shifted_problem(seed, n_samples, n_features, n_classes):
    """A teacher with an intercept, far from the origin."""
    features, labels = teacher_problem(seed, n_samples, n_features, n_classes)
    return features + np.random.default_rng(seed).normal(size=n_features) * 3.0, labels


def conic_margin(norm, features, labels, n_classes):
    """The best margin by a general solver on all pairs."""
    columns = n_classes if n_classes > 2 else 1
    W, b = cp.Variable((features.shape[1], columns)), cp.Variable(columns)
    rows = rows_of(features, labels, n_classes)
    codes = rows_of(np.ones((len(features), 1)), labels, n_classes)
    margins = rows @ cp.vec(W, order="C") + codes @ b
    size = cp.norm(W, "fro") if norm == "frobenius" else CONIC[norm](W)
    problem = cp.Problem(cp.Minimize(size), [margins >= 1])
    problem.solve(solver=cp.CLARABEL, **PRECISE)
    return 1.0 / problem.value


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@pytest.mark.parametrize("norm", ["frobenius", *(name for name in CONIC if name in NAMED)])
def test_the_margin_is_that_of_a_conic_solver(norm):
    for size in SIZES:
        features, labels = shifted_problem(*size)
        limit = mf.max_margin((features, labels), norm, free_intercept=True)
        assert limit.margin == pytest.approx(
            conic_margin(norm, features, labels, size[3]), rel=1e-5
        )
        assert limit.margin_lower <= limit.margin * (1 + 1e-14)
        assert limit.margin <= limit.margin_upper * (1 + 1e-14)
        assert limit.relative_gap <= (1e-8 if norm == "frobenius" else 1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_moving_the_features_moves_the_intercept_alone(size):
    features, labels = teacher_problem(*size)
    move = np.random.default_rng(0).normal(size=features.shape[1])
    here = mf.max_margin((features, labels), free_intercept=True)
    there = mf.max_margin((features + move, labels), free_intercept=True)
    np.testing.assert_allclose(there.weights, here.weights, atol=1e-8)
    moved = there.intercept + move @ there.weights
    if moved.ndim:
        moved = moved - moved.mean()
    np.testing.assert_allclose(moved, here.intercept, atol=1e-8)


@pytest.mark.parametrize("size", SIZES)
def test_a_free_intercept_is_no_worse_than_one_the_norm_counts(size):
    features, labels = shifted_problem(*size)
    with_ones = np.column_stack([features, np.ones(len(features))])
    free = mf.max_margin((features, labels), free_intercept=True)
    assert free.margin_upper >= mf.max_margin((with_ones, labels)).margin_lower
    through_origin = mf.max_margin((features, labels), throw=False)
    assert free.margin_upper >= through_origin.margin_lower


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e40])
def test_two_classes_are_the_usual_support_vector_machine(scale):
    features, labels = shifted_problem(5, 30, 3, 2)
    limit = mf.max_margin((features * scale, labels), free_intercept=True)
    machine = SVC(kernel="linear", C=1e10, tol=1e-8).fit(features, labels)
    # libsvm ends some 1e-4 away; made feasible, it is within the proved bounds
    np.testing.assert_allclose(limit.weights * scale, machine.coef_[0], rtol=1e-3)
    np.testing.assert_allclose(limit.intercept, machine.intercept_[0], rtol=1e-3)
    least = (np.where(labels == 1, 1, -1) * machine.decision_function(features)).min()
    reached = least / np.linalg.norm(machine.coef_)
    assert (1 - 1e-3) * limit.margin_lower <= reached * scale <= limit.margin_upper * (1 + 1e-14)
    assert set(limit.support[:, 0]) == set(machine.support_)


@pytest.mark.parametrize("size", SIZES)
def test_no_weights_beat_the_proved_bound(size):
    """The dual's bound holds for any weights and intercept, also of an unbalanced dual."""
    features, labels = shifted_problem(*size)
    limit = mf.max_margin((features, labels), free_intercept=True)
    rng = np.random.default_rng(3)
    for noise in (0.0, 1e-12, 1e-3, 0.3):
        dual = limit.dual * (1.0 + noise * rng.normal(size=limit.dual.shape))
        proof = certify_norm_margin(
            (features, labels), "frobenius", limit.weights, dual, intercept=limit.intercept
        )
        assert proof.margin_upper >= limit.margin_lower
        assert proof.margin_lower <= limit.margin_upper
        worse = certify_norm_margin(
            (features, labels), "frobenius", limit.weights, dual, intercept=limit.intercept + noise
        )
        assert worse.margin_lower <= limit.margin_upper


def test_what_has_no_solution_is_said():
    features = np.array([[0.0], [1.0], [2.0]])
    with pytest.raises(mf.NotSeparableError, match="with any intercept"):
        mf.max_margin((features, [0, 1, 0]), free_intercept=True)
    data = mf.Dataset(features, [0, 1, 1], classes=[0, 1, 2])
    with pytest.raises(ValueError, match="a sample of every class"):
        mf.max_margin(data, free_intercept=True)
    with pytest.raises(ValueError, match="l3"):
        mf.max_margin((features, [0, 1, 1]), "l3", free_intercept=True)
    with pytest.raises(ValueError, match="robust"):
        mf.max_margin(mf.RobustMargins((features, [0, 1, 1]), 0.1), free_intercept=True)
