"""Claims of Soudry et al. 2018 against oracles that share no code with what they judge."""

import cvxpy as cp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import marginflow as mf
from marginflow.claims import Verdict
from marginflow.claims.soudry2018 import CLAIMS, degenerate_support, random_labels_study, rates, toy
from marginflow.claims.soudry2018.validation_loss import Setting as ValidationSetting
from marginflow.claims.soudry2018.validation_loss import experiment as validation


def hard_margin(rows):
    """argmin ‖w‖² subject to rows @ w ≥ 1, and its dual, by cvxpy."""
    weights = cp.Variable(rows.shape[1])
    margins = rows @ weights >= 1
    cp.Problem(cp.Minimize(cp.sum_squares(weights) / 2), [margins]).solve(
        solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12
    )
    return weights.value, margins.dual_value


def rows_of(data):
    return data.features * np.where(data.labels == 1, 1.0, -1.0)[:, None]


@pytest.mark.parametrize("name", [claim.id for claim in CLAIMS])
def test_every_statement_of_this_source_holds(name, judged):
    assert judged(name).verdict == Verdict.HOLDS


@pytest.mark.parametrize("symmetric", [True, False])
def test_both_toys_have_the_same_limit(symmetric):
    data = toy.data_of(toy.Setting(symmetric=symmetric))
    weights, dual = hard_margin(rows_of(data))
    np.testing.assert_allclose(weights, [0.5, 0.5], atol=1e-7)
    residual_is_along_it = np.ptp(np.log(dual[dual > 1e-4])) < 1e-3
    assert residual_is_along_it == symmetric


def test_the_toys_decay_is_an_eigenvalue_of_the_support():
    data = toy.data_of(toy.Setting())
    support = rows_of(data)[:4]
    # four vectors, two and two alike, of weight ⅛ each: Σ α x xᵀ
    matrix = support.T @ support / 8
    line = mf.asymptote(data, mf.CrossEntropy())
    assert line.relaxation == pytest.approx(np.linalg.eigvalsh(matrix)[0], rel=1e-12)


@pytest.mark.parametrize("seed", rates.Setting().seeds)
def test_the_constants_of_the_rates_from_the_dual_of_cvxpy(seed):
    data = mf.linear_teacher(seed, n_samples=30, n_features=5, n_classes=2)
    rows = rows_of(data)
    weights, dual = hard_margin(rows)
    carried = dual > 1e-6 * dual.max()
    assert carried.sum() == np.linalg.matrix_rank(rows[carried]) == 5
    residual = np.linalg.solve(rows[carried], -np.log(dual[carried]))
    norm = np.linalg.norm(weights)
    beside = residual - weights * (weights @ residual) / norm**2
    found = rates._constants(mf.asymptote(data, mf.CrossEntropy()))
    assert found["direction_error"][1] == pytest.approx(np.linalg.norm(beside) / norm, rel=1e-4)
    least, mean = -np.log(dual.max()), -np.average(np.log(dual[carried]), weights=dual[carried])
    assert found["margin_gap"][1] == pytest.approx((mean - least) / norm, rel=1e-4)


def test_one_point_without_dual_weight_by_hand():
    # off the span dz/ds = b e^(−u), u = u₁/2 + u₂/2 + b z, and u₁ = u₂ = 0 far out:
    # u = log(b² s) + o(1), as plain integration of the three weights in log time shows
    data = degenerate_support.data_of(degenerate_support.Setting())
    rows = rows_of(data)
    np.testing.assert_array_equal(rows, [[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0.5]])
    best, dual = hard_margin(rows)
    np.testing.assert_allclose(best, [1, 1, 0], atol=1e-6)
    np.testing.assert_allclose(dual, [1, 1, 0], atol=1e-5)
    limit = np.array([1.0, 1.0, 0.0])
    plain = solve_ivp(
        lambda _, residual: rows.T @ np.exp(-rows @ residual) - limit,
        (1.0, 3000.0),
        np.zeros(3),
        method="Radau",
        rtol=1e-9,
        atol=1e-9,
    )
    found = rows[2] @ plain.y[:, -1]
    assert found == pytest.approx(np.log(3000 * 0.25), abs=0.02)


def test_the_second_limit_is_that_of_the_parts_beside_the_span():
    setting = next(c for c in CLAIMS if c.id == "soudry2018/degenerate-direction").setting
    data = degenerate_support.data_of(setting)
    best, dual = hard_margin(rows_of(data))
    np.testing.assert_allclose(best, [1, 1, 0, 0, 0], atol=1e-6)
    assert np.all(dual[2:] < 1e-5)
    second, dual = hard_margin(np.array(setting.others))
    evidence = degenerate_support.direction(setting)
    np.testing.assert_allclose(evidence.data["predicted"], second, atol=1e-6)
    assert np.count_nonzero(dual > 1e-3) == 3


def test_the_study_is_a_plain_loop_at_its_start():
    # the summed logistic loss, labels −1 and +1, from zero
    data = mf.random_labels(2)
    signs = np.where(data.classes[data.labels] == 1, 1.0, -1.0)
    rows = data.features * signs[:, None]
    rate = 4 / np.linalg.eigvalsh(data.features.T @ data.features)[-1]
    assert random_labels_study.learning_rate(data) == pytest.approx(rate, rel=1e-12)
    weights = np.zeros(50)
    for _ in range(2000):
        weights += rate * rows.T @ (1 / (1 + np.exp(rows @ weights)))
    best, _ = hard_margin(rows)
    cosine = weights @ best / np.linalg.norm(weights) / np.linalg.norm(best)
    share = (rows @ weights).min() / np.linalg.norm(weights) * np.linalg.norm(best)
    evidence = random_labels_study.experiment(random_labels_study.Setting(seeds=(2,), steps=2000))
    assert evidence.data["angles"][0] == pytest.approx(np.degrees(np.arccos(cosine)), abs=1e-4)
    assert evidence.data["shares"][0] == pytest.approx(100 * share, abs=1e-4)


def test_the_validation_constant_is_the_sum_of_what_the_limit_gets_wrong():
    data = mf.linear_teacher(0, n_samples=30, n_features=5, n_classes=2)
    best, _ = hard_margin(rows_of(data))
    at_limit = rows_of(data.holdout) @ best
    assert (at_limit < 0).sum() >= 1
    evidence = validation(ValidationSetting(last=1e4))
    assert evidence.data["constant"] == pytest.approx(-at_limit[at_limit < 0].sum(), rel=1e-6)
