"""Claims of Ravi et al. 2024 against oracles that share no code with what they judge."""

import cvxpy as cp
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

import marginflow as mf
from marginflow.claims import Verdict
from marginflow.claims.ravi2024 import CLAIMS
from marginflow.claims.ravi2024.decision_regions import disagreement
from marginflow.claims.ravi2024.linear_independence import Setting, independence
from marginflow.claims.ravi2024.optimizers import BatchSetting, batch_direction
from marginflow.claims.ravi2024.paths import Path, asymptote_of, follow, settled
from marginflow.claims.ravi2024.problems import (
    EDGE,
    limit_of,
    limit_without_heaviest,
    problem,
    start_of,
    support_rows,
)


def all_pairs(name: str) -> np.ndarray:
    """The matrix A, row by row, from its definition."""
    data = problem(name)
    rows = []
    for x, y in zip(data.features, data.labels, strict=True):
        if data.n_classes == 2:
            rows.append(x if y == 1 else -x)
            continue
        for k in range(data.n_classes):
            if k != y:
                row = np.zeros((data.n_features, data.n_classes))
                row[:, y], row[:, k] = x, -x
                rows.append(row.ravel())
    return np.array(rows)


@pytest.mark.parametrize("name", [claim.id for claim in CLAIMS])
def test_every_statement_of_this_source_holds(name, judged):
    assert judged(name).verdict == Verdict.HOLDS


@pytest.mark.parametrize("name", ["seed 3", "wine"])
def test_a_users_cross_entropy_is_the_built_in_one_at_the_end_of_time(name):
    user = mf.gradient_flow(
        problem(name),
        lambda u: jnp.log1p(jnp.sum(jnp.exp(-u))),
        log_time=1e6,
        limit=limit_of(name),
    ).weights
    ours = mf.gradient_flow(
        problem(name), mf.CrossEntropy(), log_time=1e6, limit=limit_of(name)
    ).weights
    assert np.linalg.norm(user - ours) <= 1e-9 * np.linalg.norm(ours)


@pytest.mark.parametrize("seed", [0, 3, 9])
def test_the_authors_start_is_theirs(seed):
    drawn = np.asarray(jax.random.normal(jax.random.PRNGKey(seed), (10, 3)))
    assert drawn.dtype == np.float32
    expected = drawn - np.mean(drawn, axis=1, keepdims=True)
    np.testing.assert_array_equal(start_of(f"seed {seed}", "authors"), expected)


@pytest.mark.parametrize("name", ["seed 3", "small", "edge"])
def test_support_rows_are_the_rows_of_margin_one(name):
    pairs, limit = all_pairs(name), limit_of(name)
    tight = pairs[np.abs(pairs @ limit.weights.ravel() - 1) < 1e-9]
    np.testing.assert_allclose(support_rows(name), tight, atol=0)


@pytest.mark.parametrize("name", ["seed 3", "clusters"])
def test_the_residual_of_a_flow_balances_the_dual_of_cvxpy(name):
    pairs = all_pairs(name)
    weights = cp.Variable(pairs.shape[1])
    margins = pairs @ weights >= 1
    cp.Problem(cp.Minimize(cp.sum_squares(weights) / 2), [margins]).solve(
        solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12
    )
    carried = margins.dual_value > 1e-6 * margins.dual_value.max()
    path = Path(name)
    residual = follow(path).recorded_residuals[settled(path)].ravel()
    pulls = np.exp(-pairs[carried] @ residual)
    np.testing.assert_allclose(pulls, margins.dual_value[carried], rtol=1e-5)


def test_the_dual_on_an_edge_is_the_exponential_family_with_the_right_mean():
    # argmax of the entropy with Σα = 1 and Σα t = 0 is α ∝ e^(−θ t)
    places = np.array(EDGE)

    def mean(tilt: float) -> float:
        weights = np.exp(-tilt * places)
        return float(weights @ places / weights.sum())

    weights = np.exp(-brentq(mean, -5, 5, xtol=1e-15) * places)
    np.testing.assert_allclose(asymptote_of(Path("edge")).dual, weights / weights.sum(), rtol=1e-12)


def test_the_wrong_limit_is_that_of_the_data_without_one_sample():
    data, limit = problem("seed 0"), limit_of("seed 0")
    heaviest = int(np.argmax(limit.dual.sum(axis=1)))
    kept = [i for i in range(data.n_samples) if i != heaviest]
    other = mf.max_margin((data.features[kept], data.labels[kept]))
    np.testing.assert_allclose(limit_without_heaviest("seed 0").weights, other.weights, rtol=1e-9)
    assert other.margin > 1.01 * limit.margin


def test_half_turned_classifiers_disagree_everywhere_and_equal_ones_nowhere():
    weights = np.array([[1.0, -1.0], [0.0, 0.0]])
    quarter = np.array([[0.0, 0.0], [1.0, -1.0]])
    assert disagreement(weights, weights) == 0.0
    assert disagreement(weights, -weights) == 1.0
    assert disagreement(weights, quarter) == pytest.approx(0.5, abs=1e-5)


def test_dependent_supports_are_counted():
    evidence = independence(Setting(classes=(3,), features=(2,), seeds=4, lattice=True))
    assert evidence.data["data sets"].sum() == 4
    assert evidence.data["dependent"].sum() > 0


def test_a_residual_that_drifts_is_seen_on_minibatches_too():
    setting = BatchSetting(losses=("polynomial",), steps=10**4)
    assert batch_direction(setting).verdict == Verdict.FAILS
