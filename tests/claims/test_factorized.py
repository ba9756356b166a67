"""Claims on diagonal networks and on products of factors, against plain loops."""

import numpy as np
import pytest

from marginflow.claims import Verdict, completions


@pytest.mark.parametrize(
    "name",
    [
        "woodworth2020/diagonal-networks",
        "arora2019/depth",
        "arora2019/scale",
        "arora2019/not-nuclear-norm",
    ],
)
def test_every_statement_of_these_sources_holds(name, judged):
    assert judged(name).verdict == Verdict.HOLDS


def test_one_factor_leaves_what_it_does_not_see(judged):
    # the error is that of the start; the effective rank that of the matrix with zeros in it
    found = judged("arora2019/depth").evidence.data["found"]["1 factors"]
    errors, ranks = [], []
    for seed in (0, 1, 2):
        matrix, observed = completions.completion_problem(seed)
        assert np.linalg.matrix_rank(matrix) == 3
        assert observed.sum() == 700
        share = np.linalg.svd(np.where(observed, matrix, 0.0))[1]
        share = share / share.sum()
        errors.append(np.mean(matrix[~observed] ** 2))
        ranks.append(np.exp(-np.sum(share * np.log(share))))
    assert found["error"] == pytest.approx(np.mean(errors), rel=1e-3)
    assert found["rank"] == pytest.approx(np.mean(ranks), rel=1e-2)


def test_two_factors_by_a_plain_loop():
    matrix, observed = completions.completion_problem(0)
    rng = np.random.default_rng(0)
    left, right = (np.sqrt(1e-3 / 50) * rng.standard_normal((50, 50)) for _ in range(2))
    rate = 0.2 / np.linalg.norm(matrix, 2)
    for _ in range(500):
        off = np.where(observed, left @ right - matrix, 0.0)
        left, right = left - rate * off @ right.T, right - rate * left.T @ off
    error, _ = completions.figures((0,), 2, 1e-3, 500)
    assert error == pytest.approx(np.mean((left @ right - matrix)[~observed] ** 2), rel=1e-6)


def test_low_rank_is_preferred_by_products_and_not_by_gradient_descent_as_such(judged):
    verdicts = [check.verdict for check in judged("training_notes/low-rank").evidence.checks]
    assert verdicts == [Verdict.FAILS, Verdict.HOLDS, Verdict.HOLDS]
