"""What distributions over a few classes share."""

import numpy as np


def kl_of_logs(log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    """Σ_k p_k (log p_k − log q_k) over the last axis, as Σ q_k g(log p_k − log q_k) ≥ 0.

    The terms p d − p + q = q (d e^d − e^d + 1) with d = log p − log q are never negative, and what
    was added sums to zero.
    """
    d = log_p - log_q
    with np.errstate(over="ignore", invalid="ignore"):
        # p (e^(−d) − 1 + d), by a series where it cancels
        near = d**2 * (1 / 2 - d * (1 / 6 - d * (1 / 24 - d * (1 / 120 - d / 720))))
        gap = np.where(np.abs(d) < 1e-2, near, np.expm1(-d) + d)
        terms = np.where(d < -30, np.exp(log_q), np.exp(log_p) * gap)
        return np.sum(np.where(np.isneginf(log_p), np.exp(log_q), terms), axis=-1)


def draw_classes(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One label for each row, as a float."""
    edges = np.cumsum(probabilities, axis=1)[:, :-1]
    return np.sum(rng.random((len(edges), 1)) > edges, axis=1).astype(np.float64)
