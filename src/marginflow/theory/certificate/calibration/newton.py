"""Newton's method on the conditional risk, for many p and starts at once.

A Newton step divides the gradient by the curvature along each axis of the Hessian.  Curvature
counts by its absolute value, so that the step goes down where C_p is not convex, and as much is
added to it as keeps the step within a radius, which grows while steps succeed and shrinks while
they fail.
"""

import numpy as np

from marginflow.theory.certificate.calibration.conditional_risk import ConditionalRisk

ITERATIONS = 40
# What Newton's model still promises, as a share of the spread, where a point is a minimum.
SETTLED = 1e-12
# What stands for a slope or curvature that overflows.
HUGE = 1e100


def descend(
    risk: ConditionalRisk, p: np.ndarray, scores: np.ndarray, free: np.ndarray, spread: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Newton's method with a bound on its steps, from n scores at once, in the free directions.

    Args:
        risk: of the loss.
        p: (n, K), one for each start.
        scores: (n, K), the starts.
        free: (n, K), which scores may move.
        spread: (n,), the measure of costs.

    Returns:
        Scores, costs, and whether Newton's model promises nothing more.
    """
    scores, at = scores.copy(), risk.costs(p, scores)
    value, gradient, hessian = (np.array(part) for part in at[:3])
    radius, settled = np.ones(len(p)), np.zeros(len(p), dtype=bool)
    going = np.arange(len(p))
    for _ in range(ITERATIONS):
        step, promised = _step(gradient[going], hessian[going], free[going], radius[going])
        trial = scores[going] + step
        new = risk.costs(p[going], trial)
        with np.errstate(invalid="ignore"):
            better = new.value <= value[going] + 1e-15 * np.abs(value[going])
        better &= np.isfinite(new.gradient).all(axis=1) & np.isfinite(new.hessian).all(axis=(1, 2))
        took = going[better]
        scores[took], value[took] = trial[better], new.value[better]
        gradient[took], hessian[took] = new.gradient[better], new.hessian[better]
        radius[going] = np.where(better, np.minimum(3 * radius[going], 1e9), radius[going] / 4)
        settled[going] = promised <= SETTLED * spread[going]
        going = going[~settled[going] & (radius[going] > 1e-13)]
        if not len(going):
            break
    return scores, value, settled


def _step(
    gradient: np.ndarray, hessian: np.ndarray, free: np.ndarray, radius: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Steps no longer than the radius, and twice what the full steps promise."""
    both = free[:, :, None] & free[:, None, :]
    gradient = np.where(free, np.nan_to_num(gradient), 0.0).clip(-HUGE, HUGE)
    hessian = np.where(both, np.nan_to_num(hessian), 0.0).clip(-HUGE, HUGE)
    curvature, axes = np.linalg.eigh(hessian)
    curvature = np.abs(curvature)
    floor = 1e-10 * curvature.max(axis=1, keepdims=True) + 1e-290
    along = (gradient[:, None] @ axes)[:, 0]
    damped = curvature + floor + np.linalg.norm(gradient, axis=1, keepdims=True) / radius[:, None]
    step = -(axes @ (along / damped)[:, :, None])[:, :, 0]
    with np.errstate(over="ignore"):
        return step, (along**2 / (curvature + floor)).sum(axis=1)
