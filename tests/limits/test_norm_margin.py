"""The max-margin problem in norms other than the Euclidean one."""

import math

import cvxpy as cp
import numpy as np
import pytest
from tests.limits.oracles import all_pairs, float_row
from tests.limits.problems import teacher_problem

import marginflow as mf
from marginflow.limits import certify_norm_margin
from marginflow.norms import NAMED_NORMS, EntrywiseNorm, GroupNorm, SchattenNorm

CONIC = {
    "max": lambda W: cp.max(cp.abs(W)),
    "l1": lambda W: cp.sum(cp.abs(W)),
    "spectral": cp.sigma_max,
    "nuclear": cp.normNuc,
    "class_l2": lambda W: cp.max(cp.norm(W, axis=0)),
    "feature_l2": lambda W: cp.max(cp.norm(W, axis=1)),
    "l1.5": lambda W: cp.pnorm(cp.vec(W, order="C"), 1.5),
    "l3": lambda W: cp.pnorm(cp.vec(W, order="C"), 3),
}
SETS = [(seed, 8 + seed % 5 * 3, 2 + seed % 4, 2 + seed % 3) for seed in range(0, 20, 5)]
PRECISE = {"tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-11}


def rows_of(features, labels, n_classes):
    pairs = all_pairs(labels, n_classes)
    return np.stack([float_row(features, labels, n_classes, pair) for pair in pairs])


def conic_margin(norm, features, labels, n_classes):
    """1/‖Ŵ‖ by a general solver."""
    shape = (features.shape[1], n_classes if n_classes > 2 else 1)
    W = cp.Variable(shape)
    rows = rows_of(features, labels, n_classes)
    problem = cp.Problem(cp.Minimize(CONIC[norm](W)), [rows @ cp.vec(W, order="C") >= 1])
    problem.solve(solver=cp.CLARABEL, **PRECISE)
    return 1.0 / problem.value


def plain_norm(norm, W):
    """The norm from its definition."""
    W = W.reshape(len(W), -1)
    match norm:
        case EntrywiseNorm():
            p = math.inf if norm.p > 1e12 else norm.p
            return np.linalg.norm(W.ravel(), p)
        case SchattenNorm():
            return np.linalg.norm(np.linalg.svd(W)[1], norm.p)
        case _:
            axis = 0 if norm.group == "class" else 1
            return np.linalg.norm(np.linalg.norm(W, axis=axis), norm.p)


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@pytest.mark.parametrize("norm", CONIC)
def test_the_margin_is_that_of_a_conic_solver(norm):
    for seed, n_samples, n_features, n_classes in SETS:
        features, labels = teacher_problem(seed, n_samples, n_features, n_classes)
        limit = mf.max_margin((features, labels), norm)
        expected = conic_margin(norm, features, labels, n_classes)
        assert limit.margin == pytest.approx(expected, rel=1e-7)
        assert limit.margin_lower <= limit.margin * (1 + 1e-15)
        assert limit.margin_upper >= limit.margin * (1 - 1e-15)
        assert limit.relative_gap <= 1e-8


NORMS = [
    *(norm for name, norm in NAMED_NORMS.items() if name != "frobenius"),
    *(EntrywiseNorm(p) for p in (1.01, 1.3, 2.5, 12, 1e14)),
    *(SchattenNorm(p) for p in (1.2, 3, 20)),
    *(GroupNorm(group, p) for group in ("class", "feature") for p in (1, 1.5, 4)),
]


@pytest.mark.parametrize("norm", NORMS, ids=lambda norm: norm.name)
@pytest.mark.parametrize("size", [(1, 8, 20, 3), (2, 30, 4, 2)])
def test_the_certificate_holds_outside(norm, size):
    seed, n_samples, n_features, n_classes = size
    features, labels = teacher_problem(seed, n_samples, n_features, n_classes)
    limit = mf.max_margin((features, labels), norm)
    rows = rows_of(features, labels, n_classes)
    pairs = all_pairs(labels, n_classes)
    dual = np.array([limit.dual[i] if n_classes == 2 else limit.dual[i, k] for i, k in pairs])
    margins, image = rows @ limit.weights.ravel(), (dual @ rows).reshape(limit.weights.shape)
    lower = margins.min() / plain_norm(norm, limit.weights)
    upper = plain_norm(norm.dual, image) / dual.sum()
    assert lower == pytest.approx(limit.margin_lower, rel=1e-12)
    assert upper == pytest.approx(limit.margin_upper, rel=1e-12)
    assert lower >= (1 - 1e-8) * upper
    assert margins.min() == pytest.approx(1.0, abs=1e-12)
    assert dual.min() >= 0
    assert dual.sum() == pytest.approx(plain_norm(norm, limit.weights) ** 2, rel=1e-6)
    assert dual @ (margins - 1) <= 1e-8 * dual.sum()
    support = {tuple(pair) for pair in limit.support.tolist()}
    assert {p for p, a in zip(pairs, dual, strict=True) if a > 0} == support
    others = [m for p, m in zip(pairs, margins, strict=True) if p not in support]
    assert limit.next_margin == pytest.approx(min(others, default=math.inf), rel=1e-12)


def test_more_pairs_than_the_first_working_set_holds():
    data = mf.gaussian_clusters(0, n_samples=300, n_classes=4, n_features=6, noise=0.2)
    for norm in ("max", "nuclear"):
        limit = mf.max_margin(data, norm)
        assert limit.statistics["rounds"] > 1
        assert limit.statistics["largest_working_set"] < 900
        margins = np.sort(rows_of(data.features, data.labels, 4) @ limit.weights.ravel())
        assert margins[0] == pytest.approx(1.0, abs=1e-12)
        # nothing better: a random step from the weights loses
        assert limit.margin_upper <= (1 + 1e-8) * limit.margin


@pytest.mark.parametrize("norm", ["l1.5", "schatten4", "class_l2_p1.2"])
def test_the_weights_of_a_curved_norm_are_bounded(norm):
    features, labels = teacher_problem(1, 20, 4, 3)
    precise = mf.max_margin((features, labels), norm, rtol=3e-10)
    coarse = mf.max_margin((features, labels), norm, rtol=1e-3)
    apart = np.linalg.norm(precise.weights - coarse.weights)
    assert apart <= coarse.weights_error_bound + precise.weights_error_bound
    assert precise.weights_error_bound < coarse.weights_error_bound


def test_a_flat_norm_bounds_the_optimum_and_not_the_weights():
    limit = mf.max_margin(teacher_problem(1, 20, 4, 3), "spectral")
    assert limit.weights_error_bound is None
    assert limit.norm == "spectral"


def test_no_norm_separates_what_another_does_not():
    data = (np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 1.0]]), [0, 1, 2])
    for norm in ("frobenius", "max", "schatten3"):
        with pytest.raises(mf.NotSeparableError) as caught:
            mf.max_margin(data, norm)
        assert caught.value.certificate.proved_exactly
        assert caught.value.result.norm == norm
        assert set(caught.value.result.margins_in.values()) == {0.0}


def test_margins_in_other_norms_are_at_most_the_best_there():
    data = teacher_problem(3, 25, 4, 3)
    found = {name: mf.max_margin(data, name) for name in NAMED_NORMS}
    for limit in found.values():
        for name, margin in limit.margins_in.items():
            assert margin <= found[name].margin_upper * (1 + 1e-12)
        assert limit.margins_in[limit.norm] == pytest.approx(limit.margin, rel=1e-10)


def test_a_worse_dual_bounds_less_and_still_bounds():
    data = teacher_problem(3, 25, 4, 3)
    limit = mf.max_margin(data, "nuclear")
    rng = np.random.default_rng(0)
    worse = certify_norm_margin(data, "nuclear", limit.weights, limit.dual * rng.random((25, 3)))
    assert limit.margin_upper < worse.margin_upper
    none = certify_norm_margin(data, "nuclear", limit.weights, 0 * limit.dual)
    assert none.margin_upper == math.inf
    away = certify_norm_margin(data, "nuclear", -limit.weights, limit.dual)
    assert (away.margin_lower, away.relative_gap) == (0.0, math.inf)
