"""Claims of Lai & Muthukumar 2023 against oracles that share no code with what they judge."""

import cvxpy as cp
import numpy as np
import pytest

import marginflow as mf
from marginflow.claims import Verdict
from marginflow.claims.lai2023 import CLAIMS, interpolation, problems, sample_weights


def recipe(seed, dimensions):
    """Isotropic features and random labels, from one stream, in all their dimensions."""
    rng = np.random.default_rng(seed)
    for dimension in dimensions:
        features = rng.standard_normal((40, dimension)) / np.sqrt(dimension)
        yield features, rng.choice([-1, 1], size=40)


def svm(rows):
    """argmin ‖w‖² subject to rows @ w ≥ 1, by cvxpy."""
    weights = cp.Variable(rows.shape[1])
    cp.Problem(cp.Minimize(cp.sum_squares(weights)), [rows @ weights >= 1]).solve(
        solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12
    )
    return weights.value


def polynomial(rows, degree, omega):
    """argmin Σ ω u^(−p) on the ball, by cvxpy."""
    weights = cp.Variable(rows.shape[1])
    tail = omega @ cp.power(rows @ weights, -degree, approx=False)
    cp.Problem(cp.Minimize(tail), [cp.norm(weights) <= 1]).solve(
        solver=cp.SCS, eps=1e-9, max_iters=100_000
    )
    return weights.value


def unit(vector):
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("name", [claim.id for claim in CLAIMS])
def test_every_statement_of_this_source_holds(name, judged):
    assert judged(name).verdict == Verdict.HOLDS


def test_coordinates_in_the_span_are_a_rotation():
    for data, (features, labels) in zip(
        problems.isotropic(3, (50, 300)), recipe(3, (50, 300)), strict=True
    ):
        assert data.features.shape == (40, 40)
        np.testing.assert_allclose(
            data.features @ data.features.T, features @ features.T, atol=1e-14
        )
        np.testing.assert_array_equal(data.classes[data.labels], labels)


def test_the_distances_in_the_full_space_by_cvxpy():
    evidence = interpolation.slope(interpolation.SlopeSetting(seeds=(1,)))
    for i, (features, labels) in enumerate(recipe(1, (80, 200))):
        rows = features * labels[:, None]
        straight = unit(np.linalg.lstsq(rows, np.ones(40))[0])
        found = np.linalg.norm(unit(polynomial(rows, 1.0, np.ones(40))) - straight)
        assert evidence.data["polynomial"][0, i] == pytest.approx(found, abs=1e-6)
        found = np.linalg.norm(unit(svm(rows)) - straight)
        assert evidence.data["svm"][0, i] == pytest.approx(found, abs=1e-6)


def test_the_published_kind_of_table_from_one_stream():
    # figures of an independent run over the same stream: two and three digits of them
    evidence = interpolation.slope(interpolation.SlopeSetting(seeds=(0,)))
    expected = [0.448, 0.195, 0.082, 0.034, 0.020, 0.0096]
    np.testing.assert_allclose(evidence.data["polynomial"][0], expected, atol=6e-4)
    np.testing.assert_allclose(evidence.data["svm"][0], [0.323, 0.026, 0, 0, 0, 0], atol=6e-4)


def test_the_first_order_is_the_derivative_of_the_distance():
    # K = I + tE, t small: the distance over t tends to the first order over t
    rng = np.random.default_rng(5)
    noise = rng.standard_normal((40, 40))
    ratios = []
    for size in (1e-3, 1e-5):
        features = np.linalg.cholesky(np.eye(40) + size * (noise + noise.T))
        data = mf.Dataset(features, [1] * 39 + [1], classes=[0, 1])
        apart = problems.distance(
            mf.polynomial_limit(data, 2.0).weights, mf.minimum_norm_interpolator(data).weights
        )
        ratios.append(apart / interpolation._first_order(data, 2.0))
    assert abs(ratios[0] - 1) < 0.1
    assert abs(ratios[1] - 1) < 1e-3


def test_the_weighted_limit_by_cvxpy():
    [data] = problems.isotropic(0, (200,))
    rows = data.features * np.where(data.labels == 1, 1.0, -1.0)[:, None]
    omega = np.geomspace(0.25, 4.0, 40)
    found = mf.polynomial_limit(data, 0.5, omega)
    assert found.direction == pytest.approx(unit(polynomial(rows, 0.5, omega)), abs=1e-5)


def test_the_weights_shifts_by_hand():
    # two orthonormal samples, cross-entropy: du/dt = ω/(1 + e^u), so u + e^u = ω t + 1 from zero
    data = mf.Dataset(np.eye(2), [1, 1], classes=[0, 1])
    heavy = problems.repeated(data, np.array([1, 5]))
    assert heavy.n_samples == 6
    u = mf.gradient_flow(heavy, mf.CrossEntropy(), log_time=3.0, rtol=1e-10).weights
    assert u + np.exp(u) == pytest.approx(np.array([1, 5]) * np.exp(3.0) + 1, rel=1e-7)


def test_another_exponent_is_told_apart():
    evidence = sample_weights.exponent(
        sample_weights.ExponentSetting(degrees=(2.0,), assumed=(3.0,))
    )
    assert evidence.verdict == Verdict.FAILS
