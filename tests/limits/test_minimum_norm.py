"""`minimum_norm_interpolator` and `support_vector_proliferation` against exact arithmetic."""

from fractions import Fraction

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.svm import SVC
from tests.limits.oracles import (
    all_pairs,
    combination,
    distance,
    exact_rows,
    float_row,
    fractions,
    inner,
    root,
    solve,
    tight_solution,
)
from tests.limits.problems import teacher_problem

import marginflow as mf


def wide_problem(seed, n_samples, n_features, n_classes, scale=1.0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n_samples) % n_classes
    return scale * rng.standard_normal((n_samples, n_features)), rng.permutation(labels)


@st.composite
def independent_problems(draw):
    """Small integers or Gaussians, at most as many samples as features."""
    n_samples, n_classes = draw(st.integers(2, 4)), draw(st.integers(2, 3))
    features, labels = wide_problem(
        draw(st.integers(0, 2**32 - 1)), n_samples, n_samples + draw(st.integers(0, 3)), n_classes
    )
    if draw(st.booleans()):
        features = np.round(2 * features)
    return features, labels, max(n_classes, int(max(labels)) + 1)


def dual_of_pairs(dual, pairs):
    return np.array([dual[pair] if dual.ndim == 2 else dual[pair[0]] for pair in pairs])


@settings(max_examples=60)
@given(independent_problems())
def test_tiny_problems_agree_with_rational_arithmetic(problem):
    features, labels, n_classes = problem
    data = mf.Dataset(features, labels, classes=range(n_classes))
    solution = tight_solution(exact_rows(features, labels, n_classes))
    if solution is None:
        with pytest.raises(mf.DataError, match="linearly independent"):
            mf.minimum_norm_interpolator(data)
        return
    weights, dual = solution
    found = mf.minimum_norm_interpolator(data)
    assert distance(fractions(found.weights), weights) <= found.weights_error_bound
    pairs = all_pairs(labels, n_classes)
    errors = dual_of_pairs(found.dual_errors, pairs)
    for mine, exact, error in zip(dual_of_pairs(found.dual, pairs), dual, errors, strict=True):
        assert abs(Fraction(float(mine)) - exact) <= Fraction(float(error))
    off = max(
        abs(inner(row, fractions(found.weights)) - 1)
        for row in exact_rows(features, labels, n_classes)
    )
    assert float(off) <= found.residual
    least = np.linalg.svd(features, compute_uv=False)[-1]
    assert 0.7 * least <= found.least_singular_value <= least * (1 + 1e-12)
    assert found.weights_error_bound <= 1e-12 * found.condition * root(inner(weights, weights))

    verdict = mf.support_vector_proliferation(data)
    if verdict.verdict == "undecided":
        assert abs(min(dual)) <= Fraction(verdict.least_dual_error) * 2
    else:
        assert (verdict.verdict == "holds") == (min(dual) >= 0)
    assert abs(Fraction(verdict.least_dual) - min(dual)) <= Fraction(verdict.least_dual_error)


def test_general_targets_agree_with_rational_arithmetic():
    features, labels = wide_problem(0, 4, 6, 3)
    targets = np.array([1.0, -0.3, 2.5, 1 / 3])
    found = mf.minimum_norm_interpolator((features, labels), targets)
    rows = exact_rows(features, labels, 3)
    gram = [[inner(a, b) for b in rows] for a in rows]
    pairs = all_pairs(labels, 3)
    dual = solve(gram, [Fraction(float(targets[i])) for i, _ in pairs])
    weights = combination(dual, rows)
    assert distance(fractions(found.weights), weights) <= found.weights_error_bound <= 1e-13
    mine = dual_of_pairs(found.dual, pairs)
    assert mine == pytest.approx([float(value) for value in dual], rel=1e-12)


@pytest.mark.parametrize(("n_classes", "n_features"), [(2, 60), (2, 3000), (3, 60), (5, 200)])
def test_it_agrees_with_the_pseudoinverse_of_all_pairs(n_classes, n_features):
    features, labels = wide_problem(1, 30, n_features, n_classes)
    pairs = all_pairs(labels, n_classes)
    rows = np.stack([float_row(features, labels, n_classes, pair) for pair in pairs])
    targets = np.random.default_rng(2).uniform(0.5, 2.0, 30)
    wanted = targets[[i for i, _ in pairs]]
    found = mf.minimum_norm_interpolator((features, labels), targets)
    expected = np.linalg.lstsq(rows, wanted)[0]
    assert found.weights.ravel() == pytest.approx(expected, abs=1e-12)
    assert dual_of_pairs(found.dual, pairs) == pytest.approx(
        np.linalg.lstsq(rows @ rows.T, wanted)[0], rel=1e-8, abs=1e-10
    )
    assert np.abs(rows @ found.weights.ravel() - wanted).max() <= found.residual + 1e-14
    assert found.row_space_distance <= found.weights_error_bound <= 1e-13


def test_gradient_descent_on_the_squared_loss_ends_there():
    features, labels = wide_problem(3, 10, 30, 2)
    signs = np.where(labels == 1, 1.0, -1.0)
    weights, rate = np.zeros(30), 1 / np.linalg.norm(features, 2) ** 2
    for _ in range(5000):
        weights += rate * features.T @ (signs - features @ weights)
    assert mf.minimum_norm_interpolator((features, labels)).weights == pytest.approx(
        weights, abs=1e-12
    )


def test_ill_conditioned_samples_lose_no_more_than_they_must():
    # a Gram matrix of condition 1e16 has no digit left
    rng = np.random.default_rng(4)
    left, right = (np.linalg.qr(rng.standard_normal((n, 12)))[0] for n in (12, 40))
    features = (left * np.geomspace(1, 1e-8, 12)) @ right.T
    labels = np.arange(12) % 2
    found = mf.minimum_norm_interpolator((features, labels))
    assert found.condition == pytest.approx(1e8, rel=1e-6)
    weights, dual = tight_solution(exact_rows(features, labels, 2))
    size = root(inner(weights, weights))
    assert distance(fractions(found.weights), weights) <= found.weights_error_bound <= 1e-9 * size
    for mine, exact, error in zip(found.dual, dual, found.dual_errors, strict=True):
        assert abs(Fraction(float(mine)) - exact) <= Fraction(float(error))
    assert np.all(found.dual_errors <= 1e-7 * np.abs(found.dual).max())


@pytest.mark.parametrize("exponent", [-500, -40, 300])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_powers_of_two_change_no_digit(exponent, n_classes):
    features, labels = wide_problem(5, 8, 20, n_classes)
    plain = mf.minimum_norm_interpolator((features, labels))
    moved = mf.minimum_norm_interpolator((np.ldexp(features, exponent), labels))
    np.testing.assert_array_equal(np.ldexp(moved.weights, exponent), plain.weights)
    np.testing.assert_array_equal(np.ldexp(moved.dual, 2 * exponent), plain.dual)
    assert np.ldexp(moved.least_singular_value, -exponent) == plain.least_singular_value
    assert np.ldexp(moved.weights_error_bound, exponent) == plain.weights_error_bound


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.ones((3, 2)), "3 samples of 2 features"),
        ([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], "least singular value is .* beside a largest of 5.3"),
        ([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], "least singular value is 0 "),
    ],
)
def test_dependent_samples_are_refused(features, message):
    labels = [0, 1, 1][: len(features)]
    for verb in (mf.minimum_norm_interpolator, mf.support_vector_proliferation):
        with pytest.raises(mf.DataError, match=message):
            verb((np.array(features), labels))


def test_targets_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"\(2,\), got \(3,\)"):
        mf.minimum_norm_interpolator((np.eye(2), [0, 1]), np.ones(3))
    with pytest.raises(ValueError, match="finite"):
        mf.minimum_norm_interpolator((np.eye(2), [0, 1]), [1.0, np.nan])


class TestProliferation:
    @pytest.mark.parametrize("n_features", [25, 40, 60, 100, 160, 250])
    @pytest.mark.parametrize("n_classes", [2, 3])
    def test_it_holds_where_every_sample_supports_the_svm(self, n_features, n_classes):
        features, labels = wide_problem(n_features, 20, n_features, n_classes)
        pairs = all_pairs(labels, n_classes)
        rows = np.stack([float_row(features, labels, n_classes, pair) for pair in pairs])
        weights = cp.Variable(rows.shape[1])
        cp.Problem(cp.Minimize(cp.sum_squares(weights)), [rows @ weights >= 1]).solve(
            solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11
        )
        found = mf.support_vector_proliferation((features, labels))
        apart = np.linalg.norm(weights.value - found.interpolator.weights.ravel())
        # the solver leaves 1e-6, and no data set here is nearer to the border than that
        assert found.verdict == (
            "holds" if apart < 1e-5 * np.linalg.norm(weights.value) else "fails"
        )
        least = dual_of_pairs(found.dual, pairs).min()
        assert found.least_dual == least

    @pytest.mark.parametrize("seed", range(4))
    def test_two_classes_agree_with_the_support_of_a_hard_svm(self, seed):
        for n_features in (40, 400):
            features, labels = wide_problem(seed, 20, n_features, 2)
            mirrored = np.concatenate([features, -features])
            svm = SVC(C=1e10, kernel="linear", tol=1e-10).fit(
                mirrored, np.append(labels, 1 - labels)
            )
            everybody = len(np.unique(svm.support_ % 20)) == 20
            found = mf.support_vector_proliferation((features, labels))
            assert found.verdict == ("holds" if everybody else "fails")

    def test_a_pull_of_zero_is_undecided_or_holds(self):
        # the third sample is the mean of the others in its own direction: it is tight with no pull
        features = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.5, 0.5]])
        data = mf.Dataset(features, [1, 1, 1], classes=[0, 1])
        found = mf.support_vector_proliferation(data)
        assert found.verdict in ("undecided", "holds")
        assert abs(found.least_dual) <= found.least_dual_error
        assert "rounding" in found.message or found.verdict == "holds"

    def test_what_it_shows(self):
        data = mf.random_labels(0, n_features=50)
        shown = repr(mf.support_vector_proliferation(data))
        assert "would pull backwards" in shown
        assert "verdict = fails" in shown

    def test_the_teachers_data_in_low_dimension_are_refused(self):
        with pytest.raises(mf.DataError, match="at least as many features"):
            mf.support_vector_proliferation(teacher_problem(0, 30, 5, 3))
