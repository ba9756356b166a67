"""Claims of Salehi & Hassibi 2020 against a loop and a solver that share no code with them."""

import cvxpy as cp
import numpy as np
import pytest

from marginflow.claims import Verdict
from marginflow.claims.salehi2020 import CLAIMS, normalized_descent

RADIUS = 0.2


@pytest.mark.parametrize("name", [claim.id for claim in CLAIMS])
def test_every_statement_of_this_source_holds(name, judged):
    assert judged(name).verdict == Verdict.HOLDS


def test_the_distances_by_a_plain_loop_and_cvxpy(judged):
    signs = np.where(np.arange(60) % 2, 1.0, -1.0)
    features = np.random.default_rng(0).standard_normal((60, 20)) + 0.5 * signs[:, None]
    rows = features * signs[:, None]
    limit = cp.Variable(20)
    cp.Problem(
        cp.Minimize(cp.sum_squares(limit)), [rows @ limit - RADIUS * cp.norm1(limit) >= 1]
    ).solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    best = limit.value / np.linalg.norm(limit.value)
    weights, distances = np.zeros(20), []
    for step in range(1000):
        margins = rows @ weights - RADIUS * np.abs(weights).sum()
        pulls = 1 / (1 + np.exp(margins))
        gradient = -pulls @ rows + RADIUS * pulls.sum() * np.sign(weights)
        weights -= (
            normalized_descent.SCALE / np.sqrt(step + 1) * gradient / np.linalg.norm(gradient)
        )
        if step + 1 in normalized_descent.AT:
            distances.append(np.linalg.norm(weights / np.linalg.norm(weights) - best))
    found = judged("salehi2020/normalized-descent").evidence.data
    series = next(errors for name, errors in found.items() if name.startswith(f"ε = {RADIUS}"))
    np.testing.assert_allclose(series[:2], distances, rtol=1e-4)
