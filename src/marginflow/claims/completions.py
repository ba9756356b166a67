"""Matrix completion by products of factors, as claims of several sources run it.

The truth is U Vᵀ/√3 with Gaussian U and V of rank 3, 50 × 50, so that its entries have variance 1;
28 % of them are observed.  One factor leaves the others where they began, at nearly 0: their mean
squared error is 1, and the matrix with zeros in it has an effective rank above 30.
"""

from functools import cache
from typing import Any

import numpy as np

from marginflow.claims.claim import Evidence
from marginflow.dynamics import (
    HeavyBall,
    MatrixCompletion,
    RegressionTrajectory,
    train_regression,
)

SIZE, RANK, OBSERVED = 50, 3, 700


def figures(seeds: tuple[int, ...], depth: int, scale: float, steps: int) -> tuple[float, float]:
    """The mean error on what is not observed, and the mean effective rank."""
    seen = [run_of(seed, depth, scale, steps, OBSERVED).observables for seed in seeds]
    error, rank = (
        float(np.mean([each[name][-1] for each in seen]))
        for name in ("unobserved_error", "effective_rank")
    )
    return error, rank


@cache
def run_of(seed: int, depth: int, scale: float, steps: int, count: int) -> RegressionTrajectory:
    """Gradient descent on a product of `depth` factors, from a Gaussian start."""
    matrix, observed = completion_problem(seed, count)
    model = MatrixCompletion(matrix, observed, depth)
    rate = 0.2 / float(np.linalg.norm(matrix, 2)) ** (2.0 - 2.0 / depth)
    start = model.gaussian(scale, seed=seed)
    return train_regression(model, HeavyBall(rate), steps=steps, initial=start, record=[])


def completion_problem(seed: int, count: int = OBSERVED) -> tuple[np.ndarray, np.ndarray]:
    """The truth, and which of its entries are observed."""
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((SIZE, RANK)) @ rng.standard_normal((RANK, SIZE)) / np.sqrt(RANK)
    observed = np.zeros(SIZE * SIZE, dtype=bool)
    observed[rng.permutation(SIZE * SIZE)[:count]] = True
    return matrix, observed.reshape(SIZE, SIZE)


def draw_figures(evidence: Evidence, ax: Any) -> Any:
    """The error over the effective rank, one dot a setting."""
    for name, seen in evidence.data["found"].items():
        ax.semilogy(seen["rank"], seen["error"], "o", label=name)
    ax.set(
        xlabel="effective rank",
        ylabel="mean squared error, not observed",
        title="Products of factors, and low rank",
    )
    ax.legend()
    return ax
