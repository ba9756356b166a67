"""A table of scores of many patterns, and what it tells of a loss before anything is minimized.

The table is the same for every p.  It reaches so far out that an infimum at infinity is nearly
attained in it, and it shows which method is fit for the loss: whether it is convex, whether it is
curved at all, and how far C_p varies, which is the measure of every gap.
"""

import numpy as np

from marginflow.theory.certificate.calibration.conditional_risk import Losses, weighed

# How far the scores of a pattern are apart.
LEVELS = (0.3, 1.0, 4.0, 30.0, 1e3, 1e6)
# Values and slopes are right to about this share.
ROUNDING = 1e-12


def score_patterns(k: int, rng: np.random.Generator) -> np.ndarray:
    """Scores (s, K) with the first at 0: tied groups and ladders at every level, random ones."""
    groups = np.tril(np.ones((k, k)))
    alone = np.eye(k)[1:]
    ladders = np.stack([np.arange(k, 0, -1), np.arange(k)])
    stairs = np.maximum(np.array([[2.0], [3.0]]) - np.arange(k), 0)
    shapes = np.vstack([groups, alone, ladders / k, stairs / 3])
    near = rng.standard_normal((24, k)) * 1e-4
    falling = -np.sort(-rng.standard_normal((48, k)), axis=1) * rng.choice([0.3, 1, 3], (48, 1))
    loose = rng.standard_normal((48, k)) * rng.choice([1, 4], (48, 1))
    scores = np.vstack([*(level * shapes for level in LEVELS), near, falling, loose])
    return scores - scores[:, :1]


def more_scores(k: int, rng: np.random.Generator) -> np.ndarray:
    """(4096, K) random ones, for losses with many valleys."""
    scores = rng.standard_normal((4096, k)) * rng.choice([0.25, 1, 3, 9], (4096, 1))
    return scores - scores[:, :1]


def spreads(p: np.ndarray, table: Losses) -> np.ndarray | None:
    """How far each C_p varies over the table's scores within 1 of each other; None if infinite."""
    costs = weighed(p, table)[:, np.ptp(table.scores, axis=1) <= 1]
    costs = costs[:, np.isfinite(costs).all(axis=0)]
    return np.ptp(costs, axis=1) if costs.size else None


def is_curved(table: Losses) -> bool:
    """Whether the loss is more than linear pieces."""
    return bool((np.abs(table.hessian).max(axis=(1, 2, 3)) > 0).mean() > 0.1)


def seems_convex(table: Losses) -> bool:
    """Whether every label's loss is nowhere below a tangent plane that it has elsewhere."""
    near = np.abs(table.scores).max(axis=1) <= LEVELS[3]
    near &= np.isfinite(table.value).all(axis=1) & np.isfinite(table.gradient).all(axis=(1, 2))
    scores, value, gradient = (part[near] for part in table[:3])
    plane = value - (gradient * scores[:, None]).sum(axis=2)
    rise = gradient @ scores.T
    size = np.abs(gradient) @ np.abs(scores).T
    size = size + (np.abs(value) + np.abs(plane))[:, :, None]
    return bool((plane[:, :, None] + rise <= value.T + ROUNDING * (size + np.abs(value.T))).all())
