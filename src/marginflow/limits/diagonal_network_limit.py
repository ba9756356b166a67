"""Where diagonal linear networks end: the interpolator of least Q_α.

Gradient flow on w = u∘u − v∘v from u = v = α moves the mirror image asinh(w/(2α²)) of the weights
within the span of the samples.  Its limit minimizes Q_α (`diagonal_potential`) among the w with
X w = y: a convex problem whose dual, max_ν y·ν − Q_α*(Xᵀν), is smooth and solved by Newton's method
in an orthonormal basis of the span.

The proof: a point w_f that meets the targets lies within r = ‖X w − y‖/σ of w, with a proved lower
bound σ of the least singular value.  Its duality gap with any ν is the Bregman divergence
D(w_f, ŵ), ŵ = 2α² sinh(Xᵀν), which is at most Σ δ_i²/(2 √(4α⁴ + m_i²)) where |w_f − ŵ|_i ≤ δ_i and
m_i is the least
|weight| in between; so it is formed without cancellation.  The same divergence bounds the distance
of w_f to the minimizer w*, since D(w_f, w*) is at most the gap and Q_α is curved by at least
1/√(4α⁴ + R²) where no weight exceeds R.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.linalg import cho_solve

from marginflow._results import NotConvergedError, Result, Status
from marginflow.data import DataError
from marginflow.data.regression import RegressionData, as_regression
from marginflow.limits.compensated import UNIT, dot, inflate
from marginflow.limits.diagonal_potential import (
    Vector,
    conjugate,
    dual_curvature,
    inverse_mirror,
    mirror,
    potential,
)
from marginflow.limits.linear_algebra import thin_qr
from marginflow.limits.spectrum import Spectrum, spectrum

_MOST_STEPS = 500  # at one scale
_FALL = 100.0  # from scale to scale
_FARTHEST = 700.0  # slopes whose sinh float64 holds; beyond, nothing is proved
_SUFFICIENT = 1e-4  # of the decrease that the slope promises
_BLURRED = 1e-9  # of the value: a decrease that rounding may hide


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class DiagonalNetworkLimit(Result):
    """The interpolator of least Q_α, with its certificate.

    Attributes:
        weights: w (d,).
        dual: ν (n,), with ∇Q_α(w) near Xᵀν.
        potential: Q_α(w).
        relative_gap: the duality gap over Q_α(w), at most.
        weights_error_bound: ‖w − w*‖ is at most this.
        residual: ‖X w − y‖, at most.
        l1_norm, l2_norm: Σ|w_i| and ‖w‖.
    """

    weights: Float[np.ndarray, " d"]
    dual: Float[np.ndarray, " n"]
    potential: float
    relative_gap: float
    weights_error_bound: float
    residual: float
    l1_norm: float
    l2_norm: float


def diagonal_network_limit(
    data: Any, scale: Any, *, rtol: float = 1e-12, throw: bool = True
) -> DiagonalNetworkLimit:
    """The interpolator that a diagonal linear network ends at, from the scale of its start.

    argmin Q_α(w) subject to X w = y, with Q_α(w) = Σ α² q(w_i/α²) and
    q(z) = 2 − √(4 + z²) + z asinh(z/2).  It is the limit of gradient flow on
    w = u∘u − v∘v from u = v = α, and of gradient descent to first order in its learning rate.
    Between the interpolators of least L1 norm (α → 0) and least L2 norm (α → ∞).

    Args:
        data: a pair (features (n, d), targets (n,)) of independent samples, so that d ≥ n.
        scale: α > 0, one number or one a coordinate (d,).
        rtol: the relative duality gap that is asked for.
        throw: whether it raises where `rtol` is not met.

    Returns:
        The weights, their dual, and the bounds.

    Raises:
        NotConvergedError: if the relative gap is above `rtol`; its `result` is what was found.
        DataError, TypeError, ValueError: if an argument does not fit.

    Example:
        >>> import marginflow as mf
        >>> data = ([[1.0, 2.0]], [2.0])
        >>> mf.diagonal_network_limit(data, 100.0).weights
        array([0.4, 0.8])
        >>> mf.diagonal_network_limit(data, 1e-8).weights
        array([0., 1.])

    Source: Woodworth et al. 2020, arXiv 2002.09277, theorem 1.
    """
    problem = as_regression(data)
    size = problem.features.shape[1]
    if not problem.single:
        raise DataError(
            "diagonal_network_limit: expected targets (n,), got several columns; solve for one at "
            "a time."
        )
    try:
        scales = np.broadcast_to(np.asarray(scale, dtype=np.float64), (size,)).copy()
    except ValueError:
        raise ValueError(
            f"scale: expected one number or ({size},), got shape {np.shape(scale)}."
        ) from None
    if not np.all((scales > 0) & np.isfinite(scales)):
        raise ValueError("scale: expected finite numbers above 0.")
    parts = spectrum(problem.features)
    if not (parts.least > 0 and parts.rank == len(problem.features)):
        raise DataError(
            "diagonal_network_limit: expected linearly independent samples, at most as many as "
            f"features, got {len(problem.features)} of rank {parts.rank} in {size}; leave out "
            "dependent samples.  Where the features are independent, least_squares_limit is the "
            "limit at every scale."
        )
    result = _solved(problem, scales, parts, rtol)
    if throw and result.status != Status.DONE:
        raise NotConvergedError(result.message, result)
    return result


def _solved(
    problem: RegressionData, scale: Vector, parts: Spectrum, rtol: float
) -> DiagonalNetworkLimit:
    rows, targets = problem.features, problem.targets[:, 0]
    goal = (parts.left.T @ targets) / parts.values
    with np.errstate(over="ignore", invalid="ignore"):  # at tiny scales a step may leave float64
        found, steps = _by_scales(parts.right, goal, scale)
    dual = parts.left @ (found / parts.values)
    weights = inverse_mirror(parts.right @ found, scale)
    weights = weights - parts.solve(dot(rows, weights, -targets)[0][:, None])[:, 0]
    off, errors = dot(rows, weights, -targets)
    residual = inflate(float(np.linalg.norm(np.abs(off) + errors)))
    gap, bound = _certified(rows, weights, dual, scale, residual / parts.least)
    value = potential(weights, scale)
    relative = gap / value if value > 0 else (0.0 if gap == 0 else math.inf)
    done = relative <= rtol
    message = f"relative gap {relative:.1e}, the weights are known to {bound:.1e}."
    if not done:
        message = f"relative gap {relative:.1e} after {steps} steps, above rtol = {rtol:g}."
    return DiagonalNetworkLimit(
        status=Status.DONE if done else Status.MAX_STEPS,
        message=message,
        statistics={"steps": steps},
        weights=weights,
        dual=dual,
        potential=value,
        relative_gap=relative,
        weights_error_bound=bound,
        residual=residual,
        l1_norm=float(np.abs(weights).sum()),
        l2_norm=float(np.linalg.norm(weights)),
    )


def _by_scales(basis: np.ndarray, goal: np.ndarray, scale: Vector) -> tuple[np.ndarray, int]:
    """The dual at ever smaller scales, from one where Q_α is nearly quadratic.

    Far below the weights it grows as log(1/α²), which gives each its start from the last.
    """
    shortest = basis @ goal
    size = float(np.abs(shortest).max())
    if size == 0:
        return np.zeros(len(goal)), 0
    largest = np.sqrt(size)
    falls = max(0, math.ceil(math.log(largest / float(scale.min())) / math.log(_FALL)))
    point, steps, last = np.zeros(0), 0, 1.0
    for k in reversed(range(falls + 1)):
        scales = np.minimum(scale * _FALL**k, np.maximum(scale, largest))
        log = math.asinh(size / (2.0 * float(scales.min()) ** 2))
        point = point * (log / last) if steps else basis.T @ mirror(shortest, scales)
        point, more = _newton(basis, goal, scales, point)
        steps, last = steps + more, log
    return point, steps


def _newton(
    basis: np.ndarray, goal: np.ndarray, scale: Vector, point: np.ndarray
) -> tuple[np.ndarray, int]:
    """The minimizer of Q*(B μ) − c·μ, by damped steps, and how many.

    Near the minimum the value is lost in rounding, and whole steps are made until the gradient no
    longer halves.
    """

    def value(point: np.ndarray) -> float:
        found = conjugate(basis @ point, scale) - goal @ point
        return float(found) if np.isfinite(found) else math.inf

    here, best, least = value(point), point, math.inf
    for step in range(_MOST_STEPS):
        slopes = basis @ point
        gradient = basis.T @ inverse_mirror(slopes, scale) - goal
        factor = thin_qr(np.sqrt(dual_curvature(slopes, scale))[:, None] * basis)[1]
        size = float(np.linalg.norm(gradient))
        if size == 0 or not (np.all(np.isfinite(factor)) and math.isfinite(size)):
            return best, step
        move = -np.asarray(cho_solve((factor, False), gradient, check_finite=False))
        slope, share = float(gradient @ move), 1.0
        near = abs(slope) <= _BLURRED * abs(here)
        if near and not size < 0.5 * least:
            return best, step
        if size < least:
            best, least = point, size
        while not near and not (value(point + share * move) <= here + _SUFFICIENT * share * slope):
            share /= 2.0
            if share < UNIT:
                return best, step
        point = point + share * move
        here = value(point)
    return best, _MOST_STEPS


def _certified(
    rows: np.ndarray, weights: Vector, dual: np.ndarray, scale: Vector, feasible: float
) -> tuple[float, float]:
    """Bounds of the duality gap and of the distance of the weights to the minimizer.

    `feasible` is a bound on the distance of the weights to ones that meet the targets.
    """
    slopes, errors = dot(rows.T, dual)
    if not np.all(np.abs(slopes) < _FARTHEST):
        return math.inf, math.inf
    image, curvature = inverse_mirror(slopes, scale), dual_curvature(slopes, scale)
    lost = curvature * np.expm1(errors) + 16.0 * UNIT * (np.abs(image) + np.abs(weights))
    off = np.abs(weights - image) + lost + feasible
    least = np.maximum(np.abs(weights) - off, 0.0)
    gap = inflate(float(np.sum(off**2 / (2.0 * np.hypot(2.0 * scale**2, least)))))
    if not gap < _FARTHEST:
        return math.inf, math.inf
    widest, longest = 2.0 * float(scale.max()) ** 2, float(np.abs(weights).max()) + feasible
    distance = math.sqrt(2.0 * gap * math.hypot(widest, longest))
    while distance**2 < 2.0 * gap * math.hypot(widest, longest + distance):
        distance *= 2.0
    return gap, inflate(distance + feasible)
