"""Twenty Gaussian samples of fifty features, and gradient descent on them step by step."""

from typing import NamedTuple

import numpy as np

N_SAMPLES, N_FEATURES = 20, 50
STEPS = 1000


class Problem(NamedTuple):
    """Features X (n, d), targets y (n,), and Gaussian first weights (d,)."""

    features: np.ndarray
    targets: np.ndarray
    start: np.ndarray

    @property
    def rate(self) -> float:
        """1/s₁², half of the largest learning rate that converges."""
        return 1.0 / float(np.linalg.norm(self.features, 2)) ** 2

    def null_part(self, weights: np.ndarray) -> np.ndarray:
        """What weights have in the null space of the features, by QR of the samples."""
        basis = np.linalg.qr(self.features.T)[0]
        return weights - basis @ (basis.T @ weights)

    def least_norm(self) -> np.ndarray:
        """The interpolator of least Euclidean norm, by LAPACK's gelsd."""
        return np.linalg.lstsq(self.features, self.targets)[0]


def gaussian(seed: int) -> Problem:
    """Everything standard normal, of one stream."""
    rng = np.random.default_rng(seed)
    return Problem(
        rng.standard_normal((N_SAMPLES, N_FEATURES)),
        rng.standard_normal(N_SAMPLES),
        rng.standard_normal(N_FEATURES),
    )


def descend(
    problem: Problem, start: np.ndarray, steps: tuple[int, ...], scales: np.ndarray | float = 1.0
) -> np.ndarray:
    """The weights at these steps of w⁺ = w − η D Xᵀ(X w − y), with D diagonal."""
    weights, rates, found = start, problem.rate * scales, []
    for step in range(max(steps) + 1):
        if step in steps:
            found.append(weights)
        pull = (problem.features @ weights - problem.targets) @ problem.features
        weights = weights - rates * pull
    return np.array(found)
