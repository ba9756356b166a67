"""The robust max-margin problem against a conic solver, and its certificates by hand."""

import cvxpy as cp
import numpy as np
import pytest
from tests.limits.problems import teacher_problem

import marginflow as mf
from marginflow.limits import certify_robust_inseparability, certify_robust_margin

EXPONENTS = {"max": np.inf, "l2": 2.0, "l1": 1.0, "l3": 3.0}
DUALS = {"max": "l1", "l2": "frobenius", "l1": "max", "l3": "l1.5"}
PRECISE = {"tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-11}


def conjugate(p):
    return 1.0 if p == np.inf else np.inf if p == 1 else p / (p - 1)


def conic_margin(features, labels, n_classes, radius, p):
    """1/‖Ŵ‖ of the problem as it is written, pair by pair."""
    W = cp.Variable((features.shape[1], n_classes if n_classes > 2 else 1))
    limits = []
    for x, label in zip(features, labels, strict=True):
        for k in range(n_classes):
            if k != label:
                z = W[:, label] - W[:, k] if n_classes > 2 else W[:, 0] * (2 * int(label) - 1)
                limits.append(x @ z - radius * cp.norm(z, conjugate(p)) >= 1)
    problem = cp.Problem(cp.Minimize(cp.norm(cp.vec(W, order="C"))), limits)
    problem.solve(solver=cp.CLARABEL, **PRECISE)
    return 1.0 / problem.value


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("norm", EXPONENTS)
def test_the_margin_is_that_of_a_conic_solver(norm, n_classes):
    p = EXPONENTS[norm]
    features, labels = teacher_problem(1, 14, 4, n_classes)
    radius = 0.3 * mf.max_margin((features, labels)).margin
    maps = mf.RobustMargins((features, labels), radius, norm)
    limit = mf.max_margin(maps)
    assert limit.margin == pytest.approx(
        conic_margin(features, labels, n_classes, radius, p), rel=1e-7
    )
    assert limit.relative_gap <= 1e-8
    # the bounds, by hand: any weights from below, any dual with any perturbations from above
    margins = maps.margins(limit.weights)
    lower = margins.min() / np.linalg.norm(limit.weights)
    pull, directions = np.zeros_like(limit.weights), limit.certificate.directions
    assert np.linalg.norm(directions, p, axis=0).max() <= 1 + 1e-14
    for i, (x, label) in enumerate(zip(features, labels, strict=True)):
        for k in set(range(n_classes)) - {label}:
            if n_classes == 2:
                sign = 2 * int(label) - 1
                pull += limit.dual[i] * (sign * x - radius * directions[:, 0])
            else:
                moved = limit.dual[i, k] * (x - radius * directions[:, label, k])
                pull[:, label] += moved
                pull[:, k] -= moved
    assert limit.dual.min() >= 0
    upper = np.linalg.norm(pull) / limit.dual.sum()
    assert lower == pytest.approx(limit.margin_lower, rel=1e-11)
    assert upper == pytest.approx(limit.margin_upper, rel=1e-11)
    np.testing.assert_allclose(pull, limit.weights, rtol=1e-4, atol=1e-4)
    supported = margins[limit.dual.reshape(14, -1) > 0] if n_classes == 2 else None
    if supported is not None:
        np.testing.assert_allclose(supported, 1.0, rtol=1e-5)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_against_euclidean_perturbations_the_direction_is_that_of_the_svm(share):
    data = teacher_problem(2, 20, 4, 2)
    svm = mf.max_margin(data)
    robust = mf.max_margin(mf.RobustMargins(data, share * svm.margin, "l2"))
    np.testing.assert_allclose(
        robust.weights / np.linalg.norm(robust.weights),
        svm.weights / np.linalg.norm(svm.weights),
        atol=1e-8,
    )
    assert robust.margin == pytest.approx((1 - share) * svm.margin, rel=1e-10)


@pytest.mark.parametrize("norm", EXPONENTS)
def test_weights_separate_up_to_the_margin_in_the_matching_norm(norm):
    data = teacher_problem(3, 16, 4, 2)
    top = mf.max_margin(data, DUALS[norm]).margin
    inside = mf.max_margin(mf.RobustMargins(data, top * (1 - 1e-5), norm))
    assert inside.margin_lower > 0
    with pytest.raises(mf.NotSeparableError, match="not separable under these") as caught:
        mf.max_margin(mf.RobustMargins(data, top * (1 + 1e-5), norm))
    proof = caught.value.certificate
    assert proof.proved
    assert top * (1 - 1e-7) <= proof.radius_bound <= top * (1 + 1e-5)
    assert caught.value.result.margin_in("l1") == 0.0


def test_three_classes_beyond_the_largest_radius_are_refused_with_a_proof():
    features, labels = teacher_problem(1, 14, 4, 3)
    maps = mf.RobustMargins((features, labels), 0.9, "max")
    found = mf.max_margin(maps, throw=False)
    assert found.status == "not_separable"
    bound = found.certificate.radius_bound
    # an independent linear program at that radius: the largest margin of weights in a box is zero
    for radius, separates in ((bound * (1 + 1e-6), False), (0.1, True)):
        W, level = cp.Variable((4, 3), bounds=[-1, 1]), cp.Variable()
        limits = [
            x @ (W[:, label] - W[:, k]) - radius * cp.norm1(W[:, label] - W[:, k]) >= level
            for x, label in zip(features, labels, strict=True)
            for k in range(3)
            if k != label
        ]
        best = cp.Problem(cp.Maximize(level), limits).solve(solver=cp.HIGHS)
        assert (best > 1e-7) is separates
    # a dual that proves nothing says so
    weak = certify_robust_inseparability(maps, np.eye(3)[labels][:, [1, 2, 0]], np.zeros((4, 3, 3)))
    assert not weak.proved or weak.radius_bound <= 0.9


def test_three_samples_whose_largest_radius_is_known():
    # z = w_0 − w_2 must have |z_2| r + |z_1| r < .1 |z_1| and |z_1| r + |z_2| r < 5 |z_2|, and so
    # must w_1 − w_2: r < .5/5.1.  From .1 on classes 0 and 1 alone cannot be told apart.
    features, largest = np.array([[-0.1, 0.0], [0.1, 0.0], [0.0, 5.0]]), 0.5 / 5.1
    inside = mf.RobustMargins((features, [0, 1, 2]), largest * (1 - 1e-3), "max")
    assert mf.max_margin(inside).margin_lower > 0
    for radius in (largest * (1 + 1e-3), 0.11, 0.5):
        maps = mf.RobustMargins((features, [0, 1, 2]), radius, "max")
        proof = mf.max_margin(maps, throw=False).certificate
        assert proof.proved
        assert largest * (1 - 1e-12) <= proof.radius_bound <= radius


def test_worse_weights_and_duals_have_looser_bounds():
    data = teacher_problem(2, 14, 4, 3)
    maps = mf.RobustMargins(data, 0.05, "max")
    best = mf.max_margin(maps)
    rng = np.random.default_rng(0)
    weights = best.weights + 1e-3 * rng.normal(size=best.weights.shape)
    dual = best.dual * rng.uniform(0.5, 1.5, best.dual.shape)
    directions = 2 * best.certificate.directions + 0.1
    proof = certify_robust_margin(maps, weights, dual, directions)
    assert 0 < proof.margin_lower <= best.margin <= proof.margin_upper
    assert proof.relative_gap > best.relative_gap
    assert np.linalg.norm(weights - best.weights) <= (
        proof.weights_error_bound + best.weights_error_bound
    )


def test_working_sets_units_and_the_radius_zero():
    data = mf.gaussian_clusters(0, n_samples=200, n_classes=4, n_features=6, noise=0.2)
    maps = mf.RobustMargins(data, 0.02, "l1")
    limit = mf.max_margin(maps)
    assert limit.statistics["largest_working_set"] < 600
    assert maps.margins(limit.weights).min() == pytest.approx(1.0, abs=1e-12)
    small = mf.Dataset(1e-9 * data.features, data.labels)
    tiny = mf.max_margin(mf.RobustMargins(small, 2e-11, "l1"))
    assert tiny.margin == pytest.approx(1e-9 * limit.margin, rel=1e-8)
    plain = mf.max_margin(mf.RobustMargins(data, 0.0))
    np.testing.assert_array_equal(plain.weights, mf.max_margin(data).weights)


def test_what_is_no_robust_problem_is_refused_or_passed_on():
    data = teacher_problem(2, 14, 4, 2)
    with pytest.raises(ValueError, match="norm: expected 'frobenius' with robust margins"):
        mf.max_margin(mf.RobustMargins(data, 0.1), "l1")
    same = mf.RobustMargins((np.ones((2, 2)), [0, 1]), 0.1)
    with pytest.raises(mf.NotSeparableError, match="not linearly separable"):
        mf.max_margin(same)
    with pytest.raises(TypeError, match="certify_max_margin expects margins that are linear"):
        mf.limits.certify_max_margin(same, np.zeros(2), np.zeros(2))
